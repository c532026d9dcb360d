"""A station's records copied to the plant, entry by entry, nothing lost and nothing doubled.

In: the station's records, the plant's. Out: how many entries went over. The station's log goes
to the plant as it is: the same entries, salts and nodes, so that the plant can prove what the
station could. It goes in batches, each one transaction that leaves the plant's tables as the
station's were at that entry. A batch that was cut short is done again from where the plant
stands; an entry that is there already is never sent twice.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from engraver.errors import AlreadyMarkedError, StorageError
from engraver.record import MarkState
from station_api.records import canonical
from station_api.records.ledger import log_size, read_nodes
from station_api.records.orders import ORDER_COLUMNS, Orders, OrderState, database_now_us
from station_api.records.store import Records
from station_api.records.tables import checkpoints, entries, marks, nodes, orders, transitions
from station_api.transparency.merkle import frontier_coordinates

BATCH = 500
"""Entries a transaction: some 500 kB."""

_DONE = frozenset({MarkState.VERIFIED.value, MarkState.SCRAPPED.value, MarkState.RE_MARK.value})


def push(local: Records, plant: Records) -> int:
    """Bring the plant's copy of this station's log up to date; return how many entries went.

    Then orders that this station held, never began, and that ran out, go back to the plant.

    Raises
    ------
    AlreadyMarkedError
        If the plant knows another mark with the same serial or code: two people decide which
        one is scrapped, at its station; then synchronise again. Nothing is dropped.
    StorageError
        If the plant cannot be reached, or holds another history of this station.
    """
    # First, because nothing can be begun any more under a lease that has run out by now: what
    # the copy below does not show as begun was never begun.
    ran_out = _ran_out(plant, local.station)
    sent = 0
    with local.database.reading.connect() as source:
        size = log_size(source, local.station)
        while (begin := _agreed(source, local.station, plant)) < size:
            sent += _send(source, local.station, plant, begin, min(begin + BATCH, size))
        _send_checkpoints(source, local.station, plant)
    if ran_out:
        plant.writer.run(lambda c: _give_back(c, plant, local.station, ran_out))
    return sent


def _agreed(source: sa.Connection, station: str, plant: Records) -> int:
    """Return how much of the log the plant has, after checking that it is the same log."""
    try:
        with plant.database.reading.connect() as target:
            size = log_size(target, station)
            here = log_size(source, station)
            if size > here:
                raise StorageError(
                    f"the plant has {size} entries of {station}, this station {here}: its "
                    "database was rolled back; restore the newest backup or the plant's copy"
                )
            wanted = frontier_coordinates(size)
            if read_nodes(target, station, wanted) != read_nodes(source, station, wanted):
                raise StorageError(
                    f"the plant holds another history of {station}; run fsck on both"
                )
            return size
    except sa.exc.OperationalError as error:
        raise StorageError(f"the plant cannot be reached: {error.orig}") from error


def _send(source: sa.Connection, station: str, plant: Records, begin: int, end: int) -> int:
    rows = {table: _rows(source, table, station, begin, end) for table in (entries, transitions)}
    made = _nodes(source, station, begin, end)
    versions = _versions(rows[entries])

    def work(target: sa.Connection) -> int:
        if log_size(target, station) != begin:
            return 0  # another process of this station sent it meanwhile
        for table, found in rows.items():
            if found:
                target.execute(sa.insert(table), found)
        target.execute(sa.insert(nodes), made)
        for mark in versions.values():
            _put_mark(target, mark)
            if mark["fence"]:
                _count_mark(target, plant, mark)
        return end - begin

    try:
        return plant.writer.run(work)
    except sa.exc.IntegrityError as error:
        raise AlreadyMarkedError(
            f"the plant knows a mark with the same serial or code as one of {station}'s entries "
            f"{begin} to {end - 1}: {' '.join(str(error.orig).split())[:200]}"
        ) from error


def _rows(
    source: sa.Connection, table: sa.Table, station: str, begin: int, end: int
) -> list[dict[str, Any]]:
    query = sa.select(table).where(
        table.c.station == station, table.c.position >= begin, table.c.position < end
    )
    return [dict(row._mapping) for row in source.execute(query.order_by(table.c.position))]


def _nodes(source: sa.Connection, station: str, begin: int, end: int) -> list[dict[str, Any]]:
    """Return the complete subtrees that entries begin..end-1 closed."""
    found: list[dict[str, Any]] = []
    level = 0
    while end >> level:
        query = sa.select(nodes).where(
            nodes.c.station == station,
            nodes.c.level == level,
            nodes.c.place >= begin >> level,
            nodes.c.place < end >> level,
        )
        found += [dict(row._mapping) for row in source.execute(query)]
        level += 1
    return found


def _versions(batch: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return each mark as it stood at the end of the batch."""
    found: dict[str, dict[str, Any]] = {}
    for entry in batch:
        if entry["kind"] == "transition":
            mark = canonical.decode(entry["record"])["mark"]
            found[mark["mark_id"]] = mark
    return found


def _put_mark(target: sa.Connection, mark: dict[str, Any]) -> None:
    where = marks.c.mark_id == mark["mark_id"]
    if target.execute(sa.update(marks).where(where).values(**mark)).rowcount == 0:
        target.execute(sa.insert(marks).values(**mark))


def _count_mark(target: sa.Connection, plant: Records, mark: dict[str, Any]) -> None:
    """Let the order follow its mark; a mark under an old token is reported, not counted."""
    query = sa.select(orders).where(orders.c.order_id == mark["order_id"])
    found = target.execute(query).first()
    if found is None:
        return
    row = dict(zip(ORDER_COLUMNS, found, strict=True))
    if row["fence"] != mark["fence"] or row["holder"] != mark["station"]:
        event = {"stale": mark["mark_id"], "fence": mark["fence"], "current": row["fence"]}
        record = {"event": event, "v": canonical.VERSION}
        plant.ledger.append(target, "sync", record, plant.ledger.next_position(target))
        return
    state = OrderState.BEGUN
    if mark["state"] in _DONE:
        state = OrderState.DONE
    elif mark["state"] in (MarkState.INTENDED.value, MarkState.CANCELLED.value):
        state = OrderState.CLAIMED
    if row["state"] != state.value:
        Orders(plant).settle(target, row, state)


def _ran_out(plant: Records, station: str) -> list[str]:
    """Return the orders that this station holds under a lease that has ended."""
    try:
        with plant.database.reading.connect() as target:
            query = sa.select(orders.c.order_id).where(
                orders.c.holder == station,
                orders.c.state == OrderState.CLAIMED.value,
                orders.c.lease_until_us < database_now_us(target),
            )
            return [str(row[0]) for row in target.execute(query)]
    except sa.exc.OperationalError as error:
        raise StorageError(f"the plant cannot be reached: {error.orig}") from error


def _give_back(target: sa.Connection, plant: Records, station: str, ran_out: list[str]) -> None:
    """Open the orders that ran out and that the copy shows as never begun."""
    query = sa.select(orders).where(
        orders.c.order_id.in_(ran_out),
        orders.c.holder == station,
        orders.c.state == OrderState.CLAIMED.value,
        orders.c.lease_until_us < database_now_us(target),
    )
    for found in target.execute(query).all():
        row = dict(zip(ORDER_COLUMNS, found, strict=True))
        said = {"reason": f"the lease ran out; {station} synchronised and had not begun it"}
        Orders(plant).settle(target, row, OrderState.OPEN, said)


def _send_checkpoints(source: sa.Connection, station: str, plant: Records) -> None:
    there = sa.select(sa.func.max(checkpoints.c.number)).where(checkpoints.c.station == station)

    def work(target: sa.Connection) -> None:
        last = target.execute(there).scalar() or 0
        query = sa.select(checkpoints).where(
            checkpoints.c.station == station, checkpoints.c.number > last
        )
        found = [dict(row._mapping) for row in source.execute(query)]
        if found:
            target.execute(sa.insert(checkpoints), found)

    plant.writer.run(work)
