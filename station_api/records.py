"""What was marked: a durable state machine in SQLite.

In: intents, receipts, inspections. Out: rows that a crash cannot lose and a second order
cannot pass. Ink before fire: `Records.intend` and `Records.begin` return only after the
transition is on disk (WAL, synchronous FULL); what a crash leaves in ``marking`` becomes
``unknown`` at the next start and stays so until a person has looked at the pin.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from engraver.errors import AlreadyMarkedError, InputError, UnknownStateError
from engraver.record import MarkIntent, MarkState, Outcome, RunReceipt

TRANSITIONS: dict[MarkState, frozenset[MarkState]] = {
    MarkState.INTENDED: frozenset({MarkState.MARKING, MarkState.CANCELLED}),
    MarkState.MARKING: frozenset({MarkState.MARKED, MarkState.UNKNOWN, MarkState.CANCELLED}),
    MarkState.MARKED: frozenset({MarkState.VERIFIED, MarkState.REJECTED}),
    MarkState.UNKNOWN: frozenset({MarkState.VERIFIED, MarkState.REJECTED, MarkState.SCRAPPED}),
    MarkState.VERIFIED: frozenset(),
    MarkState.REJECTED: frozenset({MarkState.SCRAPPED}),
    MarkState.CANCELLED: frozenset(),
    MarkState.SCRAPPED: frozenset(),
}
"""Every transition there is. Nothing leads back to ``intended``: a retry is a new mark."""

STARTED = frozenset({MarkState.INTENDED, MarkState.MARKING, MarkState.UNKNOWN})
"""States in which a person has to decide before this serial is touched again."""

STATE_AFTER = {
    Outcome.COMPLETE: MarkState.MARKED,
    Outcome.REFUSED: MarkState.CANCELLED,  # no laser-on line was ever sent: the pin is blank
    Outcome.UNKNOWN: MarkState.UNKNOWN,
}

metadata = sa.MetaData()

marks = sa.Table(
    "marks",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("mark_id", sa.String(16), nullable=False, unique=True),
    sa.Column("order_id", sa.String(64), nullable=False),
    sa.Column("make", sa.String(64), nullable=False),
    sa.Column("model", sa.String(64), nullable=False),
    sa.Column("serial", sa.String(64), nullable=False),
    sa.Column("code", sa.String(24), nullable=False),
    sa.Column("code_index", sa.BigInteger, nullable=False),
    sa.Column("recipe", sa.String(64), nullable=False),
    sa.Column("program_sha256", sa.String(64), nullable=False),
    sa.Column("setup_sha256", sa.String(64), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("intended_at_us", sa.BigInteger, nullable=False),
    sa.Column("changed_at_us", sa.BigInteger, nullable=False),
    # NULL once a cancelled intent gives them back: unique columns may hold many NULLs
    sa.Column("held_identity", sa.String(200), unique=True),
    sa.Column("held_code", sa.String(24), unique=True),
)

transitions = sa.Table(
    "transitions",
    metadata,
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("mark_id", sa.ForeignKey("marks.mark_id"), nullable=False, index=True),
    sa.Column("from_state", sa.String(16)),
    sa.Column("to_state", sa.String(16), nullable=False),
    sa.Column("at_us", sa.BigInteger, nullable=False),
    sa.Column("actor", sa.String(64), nullable=False),
    sa.Column("reason", sa.String(512), nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
)


@dataclass(frozen=True, slots=True)
class MarkRow:
    """One mark as the database holds it; times in us since 1970-01-01 UTC."""

    mark_id: str
    order_id: str
    make: str
    model: str
    serial: str
    code: str
    code_index: int
    recipe: str
    program_sha256: str
    setup_sha256: str
    state: MarkState
    intended_at_us: int
    changed_at_us: int


def utc_text(at_us: int) -> str:
    """Write a time in us since 1970 as ISO 8601 in UTC.

    Examples
    --------
    >>> utc_text(1_800_000_000_000_000)
    '2027-01-15T08:00:00Z'
    """
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Records:
    """The marks of one station. One object, one writing connection.

    Parameters
    ----------
    path
        The SQLite file; made with its tables on first use.
    """

    def __init__(self, path: Path) -> None:
        self._engine = sa.create_engine(f"sqlite:///{path}", poolclass=sa.pool.StaticPool)
        sa.event.listen(self._engine, "connect", _make_durable)
        sa.event.listen(self._engine, "begin", lambda c: c.exec_driver_sql("BEGIN IMMEDIATE"))
        try:
            metadata.create_all(self._engine)
        except sa.exc.DatabaseError as error:
            raise InputError(
                f"{path} cannot be used as the station's records ({error.orig}); "
                "restore it from a backup or name another PINMARK_HOME"
            ) from error

    def close(self) -> None:
        """Close the database."""
        self._engine.dispose()

    def find(self, make: str, model: str, serial: str, code: str) -> MarkRow | None:
        """Return the mark that holds this identity or this code, if there is one."""
        held = sa.or_(
            marks.c.held_identity == _identity(make, model, serial), marks.c.held_code == code
        )
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(marks).where(held)).first()
        return _to_row(row) if row else None

    def refuse_second_mark(self, make: str, model: str, serial: str, code: str) -> None:
        """Raise unless this serial and this code are free.

        Raises
        ------
        UnknownStateError
            If an attempt stands in ``intended``, ``marking`` or ``unknown``.
        AlreadyMarkedError
            If the mark was made; the message has its time and state.
        """
        if held := self.find(make, model, serial, code):
            raise _refusal(held)

    def intend(self, intent: MarkIntent) -> MarkIntent:
        """Write the intent to disk and return it with its mark id.

        Raises
        ------
        AlreadyMarkedError, UnknownStateError
            If the serial or the code is held by an earlier mark.
        """
        try:
            return self._insert(intent)
        except sa.exc.IntegrityError:
            self.refuse_second_mark(intent.make, intent.model, intent.serial, intent.code)
            raise

    def begin(self, mark_id: str) -> None:
        """Write ``marking`` to disk: from here on the laser may be on."""
        self._change(mark_id, MarkState.MARKING, "station", "program released to the controller")

    def conclude_run(self, mark_id: str, receipt: RunReceipt) -> MarkState:
        """Write how the stream ended: ``marked``, ``unknown``, or ``cancelled`` if unburned."""
        state = STATE_AFTER[receipt.outcome]
        self._change(mark_id, state, "station", receipt.detail, asdict(receipt))
        return state

    def give_up(self, mark_id: str, reason: str) -> None:
        """Write ``unknown`` for a run whose sender failed."""
        self._change(mark_id, MarkState.UNKNOWN, "station", reason)

    def conclude_inspection(self, mark_id: str, good: bool, detail: dict[str, Any]) -> MarkState:
        """Write the verdict of the inspection: ``verified`` or ``rejected``."""
        state = MarkState.VERIFIED if good else MarkState.REJECTED
        self._change(mark_id, state, "inspection", "read back and measured", detail)
        return state

    def decide(self, mark_id: str, state: MarkState, person: str, reason: str) -> MarkRow:
        """Write a person's decision on a mark in doubt or a mark that is bad.

        Raises
        ------
        InputError
            If person or reason is missing, or the transition does not exist.
        """
        if not person.strip() or not reason.strip():
            raise InputError("a decision needs a person and a reason; give --by and --reason")
        self._change(mark_id, state, person.strip(), reason.strip())
        return self.get(mark_id)

    def recover(self) -> list[MarkRow]:
        """Turn every ``marking`` left by a dead process into ``unknown``; return them.

        Call it only while holding the station's lock: nobody else is marking then.
        """
        left = [row for row in self.all_marks() if row.state is MarkState.MARKING]
        for row in left:
            self._change(
                row.mark_id, MarkState.UNKNOWN, "station", "found in `marking` after a restart"
            )
        return [replace(row, state=MarkState.UNKNOWN) for row in left]

    def all_marks(self) -> list[MarkRow]:
        """Return every mark, oldest first."""
        with self._engine.connect() as connection:
            return [
                _to_row(row)
                for row in connection.execute(sa.select(marks).order_by(marks.c.number))
            ]

    def get(self, mark_id: str) -> MarkRow:
        """Return one mark.

        Raises
        ------
        InputError
            If there is none with this id.
        """
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(marks).where(marks.c.mark_id == mark_id)).first()
        if row is None:
            raise InputError(f"mark {mark_id!r} is not in the records; see `pinmark records`")
        return _to_row(row)

    def history(self, mark_id: str) -> list[dict[str, Any]]:
        """Return the transitions of one mark, oldest first."""
        query = (
            sa.select(transitions)
            .where(transitions.c.mark_id == mark_id)
            .order_by(transitions.c.sequence)
        )
        with self._engine.connect() as connection:
            found = [dict(row._mapping) for row in connection.execute(query)]
        return [{**row, "detail": json.loads(row["detail"])} for row in found]

    def _insert(self, intent: MarkIntent) -> MarkIntent:
        with self._writing() as connection:
            last = connection.execute(sa.select(sa.func.max(marks.c.number))).scalar() or 0
            named = replace(intent, mark_id=f"M{last + 1:06d}")
            connection.execute(
                sa.insert(marks).values(
                    **asdict(named),
                    number=last + 1,
                    state=MarkState.INTENDED,
                    changed_at_us=named.intended_at_us,
                    held_identity=_identity(named.make, named.model, named.serial),
                    held_code=named.code,
                )
            )
            _log(connection, named.mark_id, None, MarkState.INTENDED, "station", "order accepted")
        return named

    def _change(
        self,
        mark_id: str,
        state: MarkState,
        actor: str,
        reason: str,
        detail: dict[str, Any] | None = None,
    ) -> None:
        before = self.get(mark_id).state
        if state not in TRANSITIONS[before]:
            allowed = ", ".join(sorted(TRANSITIONS[before])) or "nothing: it is final"
            raise InputError(f"mark {mark_id} is {before}; from there it can become {allowed}")
        given_back = {"held_identity": None, "held_code": None}
        values = {"state": state, "changed_at_us": now_us()}
        if state is MarkState.CANCELLED:
            values |= given_back
        with self._writing() as connection:
            changed = connection.execute(
                sa.update(marks)
                .where(marks.c.mark_id == mark_id, marks.c.state == before)
                .values(**values)
            )
            if changed.rowcount != 1:
                raise UnknownStateError(
                    f"mark {mark_id} was changed by somebody else; see `pinmark records`"
                )
            _log(connection, mark_id, before, state, actor, reason, detail)

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with self._engine.begin() as connection:
            yield connection


def now_us() -> int:
    """Return the wall clock in us since 1970-01-01 UTC."""
    return time.time_ns() // 1_000


def _make_durable(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy begins; see the "begin" listener
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000"):
        connection.execute(f"PRAGMA {pragma}")


def _identity(make: str, model: str, serial: str) -> str:
    return json.dumps([make, model, serial], ensure_ascii=True)


def _refusal(held: MarkRow) -> AlreadyMarkedError | UnknownStateError:
    who = f"{held.make} {held.model} serial {held.serial} (code {held.code})"
    if held.state in STARTED:
        return UnknownStateError(
            f"{who} was begun at {utc_text(held.intended_at_us)} as {held.mark_id} and is "
            f"{held.state}: look at the pin, then decide with `pinmark records decide`"
        )
    return AlreadyMarkedError(
        f"{who} was marked at {utc_text(held.changed_at_us)} as {held.mark_id} and is "
        f"{held.state}; a serial is never marked twice"
    )


def _log(
    connection: sa.Connection,
    mark_id: str,
    before: MarkState | None,
    after: MarkState,
    actor: str,
    reason: str,
    detail: dict[str, Any] | None = None,
) -> None:
    connection.execute(
        sa.insert(transitions).values(
            mark_id=mark_id,
            from_state=before,
            to_state=after,
            at_us=now_us(),
            actor=actor,
            reason=reason,
            detail=json.dumps(detail or {}, sort_keys=True),
        )
    )


def _to_row(row: sa.Row[Any]) -> MarkRow:
    fields = {name: row._mapping[name] for name in MarkRow.__dataclass_fields__}
    return MarkRow(**{**fields, "state": MarkState(fields["state"])})
