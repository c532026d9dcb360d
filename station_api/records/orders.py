"""Work orders of a plant: claimed by one station at a time, under a lease with a fencing token.

In: orders, stations. Out: `Claim`. The plant's database says who holds an order; the station
keeps a copy of its claims and goes on marking them while the plant is out of reach.

Theory of operation
-------------------
A lease that runs out must not let a second station mark a serial that the first, out of reach,
may be marking at this moment. So an order that ran out is given to nobody until its holder has
been heard again: the holder's own synchronisation gives back what ran out and was never begun
(`sync`), or two people look at the station and take it away (`Orders.revoke`). The holder, for its
part, begins nothing after its lease by a clock that nobody can set (CLOCK_BOOTTIME, counted from
before the claim was asked for), and nothing it claimed before a reboot without asking again.

Each claim of an order has a higher fencing token than the one before. The mark carries it, and
the plant refuses to count a mark under an old token.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from engraver.errors import AlreadyMarkedError, InputError, LeaseError
from engraver.orders import WorkOrder, normalise_name, normalise_serial
from station_api.records import canonical
from station_api.records.clock import Clock, Reading, SystemClock, now_us
from station_api.records.rows import clean_line, identity
from station_api.records.store import Records
from station_api.records.tables import column_names, marks, orders

ORDER_COLUMNS = column_names(orders)
LEASE_US = 12 * 3600 * 1_000_000
"""A shift: what a station can go on marking while the plant is out of reach."""

MARGIN_US = 60 * 1_000_000
"""A station stops this much before its lease ends: clocks of two machines run apart by less
than 200 ppm (9 s in 12 h)."""


class OrderState(StrEnum):
    """What becomes of a work order."""

    OPEN = "open"
    CLAIMED = "claimed"
    BEGUN = "begun"  # the laser may have fired: never given to another station
    DONE = "done"
    CANCELLED = "cancelled"


ACTIVE = frozenset({OrderState.OPEN, OrderState.CLAIMED, OrderState.BEGUN})


@dataclass(frozen=True, slots=True)
class Claim:
    """An order that a station may mark, until when, and under which token."""

    order: WorkOrder
    fence: int
    lease_until_us: int
    row: Mapping[str, Any]


class Orders:
    """The work orders in one database, the plant's or a station's copy."""

    def __init__(self, records: Records, clock: Clock | None = None) -> None:
        self._records = records
        self._clock = clock or SystemClock()

    def offer(self, order: WorkOrder) -> None:
        """Enter an order; the same order again changes nothing.

        Raises
        ------
        AlreadyMarkedError
            If another order, or a mark, has this serial.
        InputError
            If this order's number was used for another firearm.
        """
        self.offer_all([order])

    def offer_all(self, batch: list[WorkOrder]) -> None:
        """Enter orders, all or none; those that are known already change nothing."""
        clean = [_clean(order) for order in batch]

        def work(connection: sa.Connection) -> None:
            for order in clean:
                self._offer(connection, order)

        self._records.writer.run(work)

    def claim(
        self,
        station: str,
        count: int = 1,
        lease_us: int = LEASE_US,
        order_id: str | None = None,
    ) -> list[Claim]:
        """Claim up to ``count`` open orders for a station, or the one with this number."""
        began = self._clock.read()

        def work(connection: sa.Connection) -> list[Claim]:
            query = sa.select(orders).where(orders.c.state == OrderState.OPEN.value)
            if order_id is not None:
                query = query.where(orders.c.order_id == order_id)
            found = connection.execute(query.order_by(orders.c.order_id).limit(count)).all()
            rows = [dict(zip(ORDER_COLUMNS, row, strict=True)) for row in found]
            for row in rows:
                row |= {"fence": row["fence"] + 1}
                self._hold(connection, row, station, began, lease_us)
            return [to_claim(row) for row in rows]

        return self._records.writer.run(work)

    def held_by(self, station: str) -> list[str]:
        """Return the orders that a station holds and that are not known to be begun."""
        query = sa.select(orders.c.order_id).where(
            orders.c.holder == station, orders.c.state == OrderState.CLAIMED.value
        )
        with self._records.database.reading.connect() as connection:
            return [str(row[0]) for row in connection.execute(query.order_by(orders.c.order_id))]

    def without_mark(self, order_ids: list[str]) -> list[str]:
        """Return those of these orders that no mark of these records was begun for."""
        query = sa.select(marks.c.order_id).where(marks.c.order_id.in_(order_ids))
        with self._records.database.reading.connect() as connection:
            begun = {str(row[0]) for row in connection.execute(query)}
        return [one for one in order_ids if one not in begun]

    def hold_again(
        self, station: str, order_ids: list[str], lease_us: int = LEASE_US
    ) -> list[Claim]:
        """Claim anew, under new tokens, orders that this station holds and never began.

        Only the holder itself asks this, about what its own records show; one that went to
        others meanwhile stays theirs.
        """
        began = self._clock.read()

        def work(connection: sa.Connection) -> list[Claim]:
            found = []
            for order_id in order_ids:
                row = find_order(connection, order_id)
                if row and row["holder"] == station and row["state"] == OrderState.CLAIMED.value:
                    row |= {"fence": row["fence"] + 1}
                    self._hold(connection, row, station, began, lease_us)
                    found.append(to_claim(row))
            return found

        return self._records.writer.run(work)

    def count_held(self) -> int:
        """Return how many orders this station could begin now under claims that are good."""
        now = self._clock.read()
        query = sa.select(sa.func.count()).where(
            orders.c.holder == self._records.station,
            orders.c.state == OrderState.CLAIMED.value,
            orders.c.boot_id == now.boot_id,
            orders.c.steady_until_us > now.monotonic_us,
            ~sa.exists().where(marks.c.order_id == orders.c.order_id),
        )
        with self._records.database.reading.connect() as connection:
            return int(connection.execute(query).scalar() or 0)

    def take_up(self, connection: sa.Connection, row: dict[str, Any]) -> None:
        """Hold an order again whose pin two people gave up: a successor may be marked.

        The token stays: the holder did not change. If another order took the identity meanwhile,
        nothing happens.
        """
        held = identity(row["make"], row["model"], row["serial"])
        others = sa.select(orders.c.order_id).where(
            orders.c.held_identity == held, orders.c.order_id != row["order_id"]
        )
        if connection.execute(others).first() is None:
            row |= {"held_identity": held}
            self._hold(connection, row, self._records.station, self._clock.read(), LEASE_US)

    def _hold(
        self,
        connection: sa.Connection,
        row: dict[str, Any],
        station: str,
        began: Reading,
        lease_us: int,
    ) -> None:
        held = {
            "state": OrderState.CLAIMED.value,
            "holder": station,
            "lease_until_us": database_now_us(connection) + lease_us,
            "steady_until_us": began.monotonic_us + lease_us - MARGIN_US,
            "boot_id": began.boot_id,
        }
        self.write(connection, row, held)

    def keep(self, claims: list[Claim]) -> None:
        """Keep claims in this station's own database, to mark by when the plant is away."""

        def work(connection: sa.Connection) -> None:
            for claim in claims:
                row = find_order(connection, claim.order.order_id)
                if row is None:
                    self.write(connection, dict(claim.row), {}, new=True)
                elif row["fence"] < claim.fence:
                    changed = {n: v for n, v in claim.row.items() if n not in _OWN}
                    self.write(connection, row, changed)

        self._records.writer.run(work)

    def require(self, order: WorkOrder) -> int:
        """Return the fencing token under which this station may begin an order now.

        Raises
        ------
        LeaseError
            If the order is not claimed by this station, or the claim has run out.
        """
        with self._records.database.reading.connect() as connection:
            row = find_order(connection, order.order_id)
        if row is None or row["holder"] != self._records.station:
            raise LeaseError(f"order {order.order_id} is not claimed by {self._records.station}")
        if row["state"] != OrderState.CLAIMED:
            raise LeaseError(f"order {order.order_id} is {row['state']}, not claimed")
        if row["held_identity"] != identity(order.make, order.model, order.serial):
            raise LeaseError(f"order {order.order_id} was claimed for another firearm")
        now = self._clock.read()
        if now.boot_id != row["boot_id"] or now.monotonic_us >= row["steady_until_us"]:
            raise LeaseError(
                f"the claim on order {order.order_id} has run out, or the machine was restarted "
                "since; synchronise with the plant and claim again"
            )
        return int(row["fence"])

    def cancel(self, order_id: str) -> None:
        """Cancel an order that nobody holds."""
        self._settle(order_id, OrderState.CANCELLED, {OrderState.OPEN})

    def revoke(self, order_id: str, first: str, second: str, reason: str) -> None:
        """Take an order from a station that is not heard of; two people looked at the station.

        Raises
        ------
        InputError
            If they are not two, or gave no reason, or the mark was begun.
        """
        one, two = clean_line(first, "first person", 64), clean_line(second, "second person", 64)
        why = clean_line(reason, "reason", 512)
        if not one or not two or one.casefold() == two.casefold() or not why:
            raise InputError("taking an order from a station takes two people and a reason")
        said = {"by": [one, two], "reason": why}
        self._settle(order_id, OrderState.OPEN, {OrderState.CLAIMED}, said)

    def get(self, order_id: str) -> Mapping[str, Any]:
        """Return an order's row.

        Raises
        ------
        InputError
            If there is none.
        """
        with self._records.database.reading.connect() as connection:
            row = find_order(connection, order_id)
        if row is None:
            raise InputError(f"order {order_id!r} is not known")
        return row

    def _offer(self, connection: sa.Connection, order: WorkOrder) -> None:
        held = identity(order.make, order.model, order.serial)
        known = find_order(connection, order.order_id)
        if known is not None:
            if known["held_identity"] != held or known["recipe"] != order.recipe:
                raise InputError(f"order {order.order_id} exists and is for another firearm")
            return
        for table, what in ((orders, orders.c.order_id), (marks, marks.c.mark_id)):
            query = sa.select(what).where(table.c.held_identity == held)
            if taken := connection.execute(query).scalar():
                raise AlreadyMarkedError(f"serial {order.serial} is taken by {taken}")
        row = {
            "order_id": order.order_id,
            "make": order.make,
            "model": order.model,
            "serial": order.serial,
            "recipe": order.recipe,
            "state": OrderState.OPEN.value,
            "holder": None,
            "fence": 0,
            "lease_until_us": 0,
            "steady_until_us": 0,
            "boot_id": "",
            "held_identity": held,
        }
        self.write(connection, row, {}, new=True)

    def _settle(
        self,
        order_id: str,
        state: OrderState,
        allowed: set[OrderState],
        said: Mapping[str, Any] | None = None,
    ) -> None:
        def work(connection: sa.Connection) -> None:
            row = find_order(connection, order_id)
            if row is None:
                raise InputError(f"order {order_id!r} is not known")
            if row["state"] not in allowed:
                raise LeaseError(f"order {order_id} is {row['state']}; it cannot become {state}")
            self.settle(connection, row, state, said)

        self._records.writer.run(work)

    def settle(
        self,
        connection: sa.Connection,
        row: dict[str, Any],
        state: OrderState,
        said: Mapping[str, Any] | None = None,
    ) -> None:
        """Bring an order to a state inside a transaction; done and cancelled free its serial."""
        changed: dict[str, Any] = {"state": state.value}
        if state is OrderState.OPEN:
            changed["holder"] = None
        if state not in ACTIVE:
            changed["held_identity"] = None
        self.write(connection, row, changed, said=said)

    def write(
        self,
        connection: sa.Connection,
        row: dict[str, Any],
        changed: Mapping[str, Any],
        *,
        new: bool = False,
        said: Mapping[str, Any] | None = None,
    ) -> None:
        """Write an order's new version and its log entry; ``row`` is brought up to date."""
        position = self._records.ledger.next_position(connection)
        row |= {**changed, "station": self._records.station, "position": position}
        if new:
            connection.execute(sa.insert(orders).values(**row))
        else:
            where = orders.c.order_id == row["order_id"]
            connection.execute(sa.update(orders).where(where).values(**row))
        record = {"order": row, "said": dict(said or {}), "at_us": now_us(), "v": canonical.VERSION}
        self._records.ledger.append(connection, "order", record, position)


def _clean(order: WorkOrder) -> WorkOrder:
    clean = WorkOrder(
        clean_line(order.order_id, "order", 64),
        normalise_name(order.make, "make"),
        normalise_name(order.model, "model"),
        normalise_serial(order.serial),
        clean_line(order.recipe, "recipe", 64),
    )
    if not clean.order_id:
        raise InputError("an order for a plant needs a number; give it one")
    return clean


_OWN = frozenset({"station", "position"})


def to_claim(row: Mapping[str, Any]) -> Claim:
    """Turn an order's row into the claim it is."""
    names = ("order_id", "make", "model", "serial", "recipe")
    order = WorkOrder(*(row[name] for name in names))
    return Claim(order, row["fence"], row["lease_until_us"], dict(row))


def find_order(connection: sa.Connection, order_id: str) -> dict[str, Any] | None:
    row = connection.execute(sa.select(orders).where(orders.c.order_id == order_id)).first()
    return None if row is None else dict(zip(ORDER_COLUMNS, row, strict=True))


def database_now_us(connection: sa.Connection) -> int:
    """Return the time by the database server, or by this machine for an embedded database."""
    if connection.dialect.name == "sqlite":
        return now_us()
    asked = "SELECT CAST(EXTRACT(EPOCH FROM CURRENT_TIMESTAMP) * 1000000 AS BIGINT)"
    return int(connection.exec_driver_sql(asked).scalar() or 0)
