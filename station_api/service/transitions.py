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

from engraver.record import MarkState
from station_api.people import Caller
from station_api.records import Records
from station_api.records.orders import Orders, OrderState, find_order
from station_api.records.tables import transitions
from station_api.records.transition import Change, Pen, Testimony, change_mark
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


def change(records: Records, asked: Asked) -> Testimony:
    """Make a transition.

    Raises
    ------
    MissingError, ConflictError, StaleError
        If there is no such mark, no such transition from its state, or a newer version of it.
    InputError
        If the key was used for another transition.
    """
    return records.transact(lambda connection, pen: make(connection, pen, records, asked))


def make(connection: sa.Connection, pen: Pen, records: Records, asked: Asked) -> Testimony:
    """Make a transition inside a transaction, as `change` does in one of its own."""
    wanted = Change(
        asked.state,
        asked.caller.name,
        asked.reason,
        asked.detail,
        approver=asked.approver,
        key=records_key(asked.caller, asked.key),
    ).cleaned()

    mark: Mapping[str, Any] = {}

    def look(found: Mapping[str, Any]) -> None:
        nonlocal mark
        mark = found
        _require_version(found, asked)

    testimony = change_mark(connection, pen, asked.mark_id, wanted, look)
    if mark:
        _follow(connection, records, asked, mark)
    return testimony


def earlier(records: Records, caller: Caller, key: str | None) -> Mapping[str, Any] | None:
    """Return ``mark_id``, ``to_state``, ``position`` of the transition made under a key, if any.

    What is costly to decide need not be decided again: `change` with that state replays it.
    """
    if key is None:
        return None
    query = sa.select(transitions.c.mark_id, transitions.c.to_state, transitions.c.position).where(
        transitions.c.station == records.station,
        transitions.c.idempotency_key == records_key(caller, key),
    )
    with records.database.reading.connect() as connection:
        row = connection.execute(query).mappings().first()
    return dict(row) if row is not None else None


def records_key(caller: Caller, key: str | None) -> str | None:
    """Return a caller's key as the records keep it: two callers never share one."""
    return None if key is None else f"{caller.name}:{key}"


def _follow(
    connection: sa.Connection, records: Records, asked: Asked, mark: Mapping[str, Any]
) -> None:
    """Let the order follow its mark: a good or a scrapped pin ends it, a re-mark reopens it."""
    order = find_order(connection, mark["order_id"]) if mark["fence"] else None
    if order is None or order["holder"] != records.station:
        return
    at_work = order["state"] in (OrderState.CLAIMED, OrderState.BEGUN)
    if asked.state in (MarkState.VERIFIED, MarkState.SCRAPPED) and at_work:
        Orders(records).settle(connection, order, OrderState.DONE)
    elif asked.state is MarkState.RE_MARK and order["state"] in (OrderState.BEGUN, OrderState.DONE):
        Orders(records).take_up(connection, order)


def _require_version(mark: Mapping[str, Any], asked: Asked) -> None:
    if asked.version is not None and mark["position"] != asked.version:
        raise StaleError(
            f"mark {asked.mark_id} is at version {mark['position']}, not {asked.version}; "
            "read it again, then decide"
        )
