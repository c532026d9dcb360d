"""A mark's transition as a request asks for it: who, on which version, under which key.

In: a caller, a mark, a state, an ETag. Out: the bytes of the log entry that testifies to it, which
are the reply; the same key gives the same bytes again. Version, key, change and entry are one
transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from engraver.errors import ConflictError, MissingError
from engraver.record import MarkState
from station_api.people import Caller
from station_api.records import TRANSITIONS, Records
from station_api.records.orders import Orders, OrderState, find_order
from station_api.records.tables import entries, marks, transitions
from station_api.records.transition import Change, Pen, change_mark
from station_api.service.problems import StaleError


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks of a mark. ``version`` is the ETag it was decided on."""

    mark_id: str
    state: MarkState
    caller: Caller
    reason: str
    version: int | None = None
    key: str | None = None
    approver: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Testified:
    """The entry of a transition: ``record`` is JSON, ``position`` is the mark's new version."""

    position: int
    record: bytes
    replayed: bool = False


_MARK: sa.Select[Any] = sa.select(
    marks.c.position, marks.c.state, marks.c.order_id, marks.c.fence
).where(marks.c.mark_id == sa.bindparam("mark_id"))
_RECORD = sa.select(entries.c.record).where(
    entries.c.station == sa.bindparam("station"), entries.c.position == sa.bindparam("position")
)
_BY_KEY = sa.select(transitions.c.position, transitions.c.mark_id, transitions.c.to_state).where(
    transitions.c.station == sa.bindparam("station"),
    transitions.c.idempotency_key == sa.bindparam("key"),
)


def change(records: Records, asked: Asked) -> Testified:
    """Make a transition.

    Raises
    ------
    MissingError, ConflictError, StaleError
        If there is no such mark, no such transition from its state, or a newer version of it.
    InputError
        If the key was used for another transition.
    """
    wanted = Change(
        asked.state,
        asked.caller.name,
        asked.reason,
        asked.detail,
        approver=asked.approver,
        key=records_key(asked.caller, asked.key),
    ).cleaned()

    def work(connection: sa.Connection, pen: Pen) -> Testified:
        if (earlier := _earlier(connection, pen.station, wanted.key)) is not None:
            change_mark(connection, pen, asked.mark_id, wanted)  # refuses another use of the key
            return _testified(connection, pen, earlier, replayed=True)
        mark = _require_version(connection, asked)
        position = pen.ledger.next_position(connection)
        change_mark(connection, pen, asked.mark_id, wanted)
        testified = _testified(connection, pen, position)
        _follow(connection, records, asked, mark)
        return testified

    return records.transact(work)


def _testified(
    connection: sa.Connection, pen: Pen, position: int, *, replayed: bool = False
) -> Testified:
    asked = {"station": pen.station, "position": position}
    return Testified(position, bytes(connection.execute(_RECORD, asked).scalar_one()), replayed)


def records_key(caller: Caller, key: str | None) -> str | None:
    """Return a caller's key as the records keep it: two callers never share one."""
    return None if key is None else f"{caller.name}:{key}"


def _earlier(connection: sa.Connection, station: str, key: str | None) -> int | None:
    if key is None:
        return None
    row = connection.execute(_BY_KEY, {"station": station, "key": key}).first()
    return None if row is None else int(row.position)


def _follow(connection: sa.Connection, records: Records, asked: Asked, mark: sa.Row[Any]) -> None:
    """Let the work order follow its mark: a good or a scrapped pin ends it."""
    if not mark.fence or asked.state not in (MarkState.VERIFIED, MarkState.SCRAPPED):
        return
    order = find_order(connection, mark.order_id)
    if order is not None and order["state"] in (OrderState.CLAIMED, OrderState.BEGUN):
        Orders(records).settle(connection, order, OrderState.DONE)


def _require_version(connection: sa.Connection, asked: Asked) -> sa.Row[Any]:
    row = connection.execute(_MARK, {"mark_id": asked.mark_id}).first()
    if row is None:
        raise MissingError(f"mark {asked.mark_id!r} is not in the records")
    if asked.version is not None and row.position != asked.version:
        raise StaleError(
            f"mark {asked.mark_id} is at version {row.position}, not {asked.version}; "
            "read it again, then decide"
        )
    before = MarkState(row.state)
    if asked.state not in TRANSITIONS[before]:
        allowed = ", ".join(sorted(TRANSITIONS[before])) or "nothing: it is final"
        raise ConflictError(f"mark {asked.mark_id} is {before}; from there: {allowed}")
    return row
