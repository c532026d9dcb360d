"""Which work orders there are: by number, by state, by the day they were entered.

In: records. Out: `WorkOrder` values. The time of an order is the time of its first log entry.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa

from engraver.errors import MissingError
from engraver.orders import WorkOrder
from station_api.records.orders import OrderState
from station_api.records.store import Records
from station_api.records.tables import entries, orders

_FIELDS = ("order_id", "make", "model", "serial", "recipe")
_COLUMNS = tuple(orders.c[name] for name in _FIELDS)
BLOCK = 500
SLACK_US = 24 * 3600 * 1_000_000
"""How far times of entries may run backwards: a clock that was set."""


def orders_named(records: Records, numbers: Iterable[str]) -> list[WorkOrder]:
    """Return the orders with these numbers, in the order asked for.

    Raises
    ------
    MissingError
        If one of them is not known.
    """
    found = []
    with records.database.reading.connect() as connection:
        for number in dict.fromkeys(numbers):
            row = connection.execute(
                sa.select(*_COLUMNS).where(orders.c.order_id == number)
            ).first()
            if row is None:
                raise MissingError(
                    f"order {number[:80]!r} is not known; `pinmark order list --all`"
                )
            found.append(WorkOrder(*row))
    return found


def orders_in(records: Records, states: Iterable[OrderState]) -> list[WorkOrder]:
    """Return the orders in any of these states, by number."""
    query = sa.select(*_COLUMNS).where(orders.c.state.in_([state.value for state in states]))
    with records.database.reading.connect() as connection:
        return [WorkOrder(*row) for row in connection.execute(query.order_by(orders.c.order_id))]


def entered_between(records: Records, begin_us: int, end_us: int) -> list[WorkOrder]:
    """Return the orders that were entered here in ``[begin, end)`` us since 1970, not cancelled."""
    first_us: dict[str, int] = {}
    for record in _newest_first(records):
        if record["at_us"] < begin_us - SLACK_US:
            break
        if record["order"]["state"] == OrderState.OPEN and not record["said"]:
            first_us[record["order"]["order_id"]] = record["at_us"]
    wanted = {number for number, at_us in first_us.items() if begin_us <= at_us < end_us}
    standing = set(OrderState) - {OrderState.CANCELLED}
    return [order for order in orders_in(records, standing) if order.order_id in wanted]


def _newest_first(records: Records) -> Iterator[dict[str, Any]]:
    before: int | None = None
    while True:
        query = sa.select(entries.c.position, entries.c.record).where(
            entries.c.station == records.station, entries.c.kind == "order"
        )
        if before is not None:
            query = query.where(entries.c.position < before)
        query = query.order_by(entries.c.position.desc()).limit(BLOCK)
        with records.database.reading.connect() as connection:
            rows = connection.execute(query).all()
        for position, record in rows:
            before = position
            yield json.loads(record)
        if len(rows) < BLOCK:
            return
