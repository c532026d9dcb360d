"""One transition of one mark: the row, its history and its log entry, in one transaction.

In: a connection inside a transaction, a `Change`. Out: rows of `marks`, `transitions`,
`entries` and `nodes`. Each function may be done again from the start, as a database that
refuses to serialise two transactions demands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import sqlalchemy as sa

from engraver.errors import ConflictError, InputError, MissingError, StorageError
from engraver.record import MarkIntent, MarkState
from station_api.records import canonical
from station_api.records.clock import Reading
from station_api.records.ledger import NEWEST_LEAF, Ledger
from station_api.records.prepared import Prepared
from station_api.records.rows import (
    FIRST,
    RE_MARKED,
    REPLACEMENT,
    MarkRow,
    clean_line,
    identity,
    refusal,
    to_row,
)
from station_api.records.states import RELEASED, TRANSITIONS
from station_api.records.tables import MARK_COLUMNS, entries, marks, nodes, transitions

DEFAULT_STATION = "S1"
"""The station of a house that has one; its mark ids carry no prefix."""

LONGEST_KEY = 128
LONGEST_REASON = 512
LONGEST_PERSON = 64

_BY_ID = Prepared(sa.select(marks).where(marks.c.mark_id == sa.bindparam("wanted")))
_BY_KEY = Prepared(
    sa.select(transitions.c.mark_id, transitions.c.to_state, transitions.c.position).where(
        transitions.c.station == sa.bindparam("station"),
        transitions.c.idempotency_key == sa.bindparam("key"),
    )
)
_STANDING = Prepared(
    sa.select(
        NEWEST_LEAF.with_only_columns(nodes.c.place).scalar_subquery().label("place"),
        NEWEST_LEAF.with_only_columns(nodes.c.hash).scalar_subquery().label("leaf"),
        transitions.c.mark_id.label("done_to"),
        transitions.c.to_state.label("done"),
        transitions.c.position.label("done_at"),
        *marks.c,
    )
    .select_from(marks)
    .outerjoin(
        transitions,
        sa.and_(
            transitions.c.station == sa.bindparam("station"),
            transitions.c.idempotency_key == sa.bindparam("key"),
        ),
    )
    .where(marks.c.mark_id == sa.bindparam("wanted"))
)
"""All that a transition has to know, in one look: what its key did, the log's end, the mark."""

_LAST_NUMBER = Prepared(
    sa.select(sa.func.max(marks.c.number)).where(marks.c.station == sa.bindparam("station"))
)
_BY_IDENTITY = Prepared(sa.select(marks).where(marks.c.held_identity == sa.bindparam("identity")))
_BY_CODE = Prepared(sa.select(marks).where(marks.c.held_code == sa.bindparam("code")))
_CORRECTED = sa.table(
    "mark_corrections", *(sa.column(name) for name in ("mark_id", "number", "identity"))
)
_NEWER = _CORRECTED.alias("newer")
_BY_CORRECTED = Prepared(
    sa.select(marks)
    .join(_CORRECTED, _CORRECTED.c.mark_id == marks.c.mark_id)
    .where(_CORRECTED.c.identity == sa.bindparam("identity"))
    .where(_CORRECTED.c.number > sa.literal_column("0"), marks.c.held_identity.is_not(None))
    .where(
        ~sa.exists().where(
            _NEWER.c.mark_id == _CORRECTED.c.mark_id, _NEWER.c.number > _CORRECTED.c.number
        )
    )
)
"""A mark whose record was corrected holds the corrected serial as well as the one it had."""

_RELEASED_MARK = Prepared(
    sa.select(marks.c.mark_id, marks.c.code, transitions.c.from_state)
    .join(
        transitions,
        sa.and_(
            transitions.c.station == marks.c.station, transitions.c.position == marks.c.position
        ),
    )
    .where(
        marks.c.serial == sa.bindparam("serial"),
        marks.c.make == sa.bindparam("make"),
        marks.c.model == sa.bindparam("model"),
        marks.c.state == sa.literal_column(f"'{MarkState.RE_MARK.value}'"),
    )
    .order_by(marks.c.changed_at_us.desc(), marks.c.number.desc())
)
_RECORD = Prepared(
    sa.select(entries.c.record).where(
        entries.c.station == sa.bindparam("station"), entries.c.position == sa.bindparam("position")
    )
)
_INSERT_MARK = Prepared(sa.insert(marks))
_INSERT_TRANSITION = Prepared(sa.insert(transitions))
_UPDATED = ("state", "position", "changed_at_us", "held_identity", "held_code")
_MARK = sa.table("marks", *(sa.column(c.name, c.type) for c in marks.c))
_UPDATE = Prepared(
    sa.update(_MARK)
    .where(_MARK.c.mark_id == sa.bindparam("mark_id"))
    .values({name: sa.bindparam(name) for name in _UPDATED})
)


@dataclass(frozen=True, slots=True)
class Change:
    """What somebody wants to become of a mark, and who says so."""

    state: MarkState
    actor: str
    reason: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    approver: str | None = None
    key: str | None = None

    def cleaned(self) -> Change:
        """Return the change as it may be stored: one-line texts, integers only.

        Raises
        ------
        InputError
            If a text is too long or holds what no text should.
        """
        return Change(
            self.state,
            clean_line(self.actor, "person", LONGEST_PERSON),
            clean_line(self.reason, "reason", LONGEST_REASON),
            canonical.integral(dict(self.detail)),
            self.approver,
            clean_line(self.key, "idempotency key", LONGEST_KEY) if self.key else None,
        )


@dataclass(frozen=True, slots=True)
class Pen:
    """What writing takes: the station's log and one look at the clock."""

    ledger: Ledger
    now: Reading

    @property
    def station(self) -> str:
        """The station that writes."""
        return self.ledger.station


def insert_mark(
    connection: sa.Connection, pen: Pen, intent: MarkIntent, change: Change, fence: int
) -> MarkIntent:
    """Insert a new mark in ``intended``; the same key again returns the mark it made.

    Raises
    ------
    AlreadyMarkedError, UnknownStateError
        If an earlier mark holds serial or code.
    InputError
        If the key was used for something else.
    """
    if change.key and (earlier := _by_key(connection, pen.station, change.key)):
        return _same_intent(require(connection, earlier[0]), intent, change.key)
    held = identity(intent.make, intent.model, intent.serial)
    if holder := find_held(connection, held, intent.code):
        raise refusal(holder)
    last = _LAST_NUMBER.first(connection, station=pen.station)
    number = (last[0] if last and last[0] else 0) + 1
    prefix = "" if pen.station == DEFAULT_STATION else f"{pen.station}-"
    named = replace(intent, mark_id=f"{prefix}M{number:06d}")
    lineage, replaces = _lineage(connection, named)
    mark = {
        **asdict(named),
        "station": pen.station,
        "number": number,
        "position": pen.ledger.next_position(connection),
        "state": MarkState.INTENDED.value,
        "changed_at_us": pen.now.wall_us,
        "lineage": lineage,
        "replaces": replaces,
        "fence": fence,
        "held_identity": held,
        "held_code": named.code,
    }
    _INSERT_MARK.write(connection, mark)
    _write_history(connection, pen, mark, None, change)
    return named


@dataclass(frozen=True, slots=True)
class Testimony:
    """What the log holds of a transition: where, its canonical bytes, and whether it is old."""

    position: int
    record: bytes
    replayed: bool = False


def change_mark(
    connection: sa.Connection,
    pen: Pen,
    mark_id: str,
    change: Change,
    look: Callable[[Mapping[str, Any]], None] = lambda mark: None,
) -> Testimony:
    """Bring a mark to another state; the same key again changes nothing.

    Parameters
    ----------
    look
        Is given the row as it stands, and may refuse by raising.

    Raises
    ------
    MissingError
        If there is no such mark.
    ConflictError
        If there is no such transition from its state.
    InputError
        If the key was used for something else.
    """
    seen = _STANDING.first(connection, wanted=mark_id, station=pen.station, key=change.key)
    if seen is None:  # no such mark; the key may have been used for another
        seen = (None, None, *(_by_key(connection, pen.station, change.key) or (None,)))
    place, leaf, *earlier = seen[:5]
    if change.key and earlier[0] is not None:
        if earlier[:2] != [mark_id, change.state.value]:
            raise _key_reused(change.key, *earlier[:2])
        return _testimony(connection, pen.station, earlier[2])
    if len(seen) < len(MARK_COLUMNS):
        raise _missing(mark_id)
    mark = dict(zip(MARK_COLUMNS, seen[5:], strict=True))
    look(mark)
    before = MarkState(mark["state"])
    if change.state not in TRANSITIONS[before]:
        allowed = ", ".join(sorted(TRANSITIONS[before])) or "nothing: it is final"
        raise ConflictError(f"mark {mark_id} is {before}; from there it can become {allowed}")
    if mark["station"] != pen.station:
        raise InputError(
            f"mark {mark_id} belongs to station {mark['station']}, not {pen.station}; "
            "change it there"
        )
    mark["state"] = change.state.value
    mark["position"] = pen.ledger.position_after(place, leaf)
    mark["changed_at_us"] = pen.now.wall_us
    if change.state in RELEASED:
        mark |= {"held_identity": None, "held_code": None}
    _UPDATE.write(connection, mark)
    return _write_history(connection, pen, mark, before, change)


def find_held(connection: sa.Connection, held_identity: str, code: str) -> MarkRow | None:
    """Return the mark that holds this identity or this code, if there is one."""
    row = _BY_IDENTITY.first(connection, identity=held_identity)
    row = row or _BY_CODE.first(connection, code=code)
    row = row or _BY_CORRECTED.first(connection, identity=held_identity)
    return to_row(dict(zip(MARK_COLUMNS, row, strict=True))) if row else None


def require(connection: sa.Connection, mark_id: str) -> Mapping[str, Any]:
    """Return the row of a mark.

    Raises
    ------
    MissingError
        If there is none with this id.
    """
    row = _BY_ID.first(connection, wanted=mark_id)
    if row is None:
        raise _missing(mark_id)
    return dict(zip(MARK_COLUMNS, row, strict=True))


def _write_history(
    connection: sa.Connection,
    pen: Pen,
    mark: Mapping[str, Any],
    before: MarkState | None,
    change: Change,
) -> Testimony:
    transition = {
        "station": pen.station,
        "position": mark["position"],
        "mark_id": mark["mark_id"],
        "from_state": None if before is None else before.value,
        "to_state": change.state.value,
        "at_us": pen.now.wall_us,
        "monotonic_us": pen.now.monotonic_us,
        "boot_id": pen.now.boot_id,
        "clock": pen.now.source,
        "drift_us": pen.now.drift_us,
        "actor": change.actor,
        "approver": change.approver,
        "reason": change.reason,
        "detail": canonical.canonical(change.detail).decode() if change.detail else "{}",
        "idempotency_key": change.key,
    }
    _INSERT_TRANSITION.write(connection, transition)
    record = {"mark": mark, "transition": transition, "v": canonical.VERSION}
    entry = pen.ledger.append(connection, "transition", record, mark["position"])
    return Testimony(entry.position, entry.record)


def _testimony(connection: sa.Connection, station: str, position: int) -> Testimony:
    """Read what the log holds of an earlier transition."""
    found = _RECORD.first(connection, station=station, position=position)
    if found is None:
        raise StorageError(f"entry {position} of log {station} is missing; run `pinmark log fsck`")
    return Testimony(position, bytes(found[0]), replayed=True)


def _lineage(connection: sa.Connection, intent: MarkIntent) -> tuple[str, str | None]:
    """Find whose successor this mark is: the newest released by two people for this serial."""
    row = _RELEASED_MARK.first(
        connection, make=intent.make, model=intent.model, serial=intent.serial
    )
    if row is None:
        return FIRST, None
    mark_id, code, was = row
    if code != intent.code:
        raise InputError(
            f"serial {intent.serial} carries code {code} ({mark_id}); a re-mark repeats the code, "
            f"and the order gives {intent.code}: look at the registry"
        )
    return (RE_MARKED if was == MarkState.REJECTED else REPLACEMENT), mark_id


def _by_key(
    connection: sa.Connection, station: str, key: str | None
) -> tuple[str, str, int] | None:
    row = _BY_KEY.first(connection, station=station, key=key)
    return (row[0], row[1], row[2]) if row else None


def _same_intent(row: Mapping[str, Any], intent: MarkIntent, key: str) -> MarkIntent:
    stored = MarkIntent(**{n: row[n] for n in MarkIntent.__dataclass_fields__})
    asked = replace(intent, mark_id=stored.mark_id, intended_at_us=stored.intended_at_us)
    if asked != stored:
        raise _key_reused(key, stored.mark_id, MarkState.INTENDED.value)
    return stored


def _missing(mark_id: str) -> MissingError:
    return MissingError(f"mark {mark_id!r} is not in the records; see `pinmark records`")


def _key_reused(key: str, mark_id: str, state: str) -> InputError:
    return InputError(
        f"idempotency key {key!r} was used to make {mark_id} {state}; "
        "a different request needs a key of its own"
    )
