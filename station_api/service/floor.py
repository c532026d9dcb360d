"""What happens at one station now: the order at hand, its mark, the queue, the last marks.

In: orders, marks, what operators confirm. Out: one row, `at_hand`, each version of it in the log,
and `Floor.state`, all of which an operator's page shows, read in one go. The steps before the
laser are facts of the records like any other: who said that the tip is blank stands there, two
screens show the same, and a restart forgets none of it.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from engraver.errors import ConflictError, PinmarkError
from engraver.orders import WorkOrder
from engraver.record import MarkState
from engraver.registry import Registry
from station_api.kept import keep_row, read_row
from station_api.people import Caller
from station_api.records import Records, now_us
from station_api.records.orders import Orders, OrderState, find_order
from station_api.records.tables import marks, orders, transitions
from station_api.records.transition import Pen
from station_api.service.problems import BusyError, StaleError
from station_api.service.runner import Runner, order_of
from station_api.service.shelf import Shelf
from station_api.tables import at_hand
from station_api.walk import encode_order

STEPS = ("chosen", "part", "blank", "loaded", "closed")
"""What an operator has confirmed so far, each after the one before it."""

SHIFT_US = 12 * 3600 * 1_000_000
SHOWN_QUEUE, SHOWN_MARKS = 12, 10
_CHOOSABLE = (OrderState.OPEN, OrderState.CLAIMED, OrderState.BEGUN)


class Floor:
    """What lies under this station's engraver."""

    def __init__(self, records: Records, registry: Registry, shelf: Shelf, runner: Runner) -> None:
        self._records, self._registry, self._shelf = records, registry, shelf
        self._runner, self._orders = runner, Orders(records)

    # ---- what operators say

    def choose(self, order_id: str, by: Caller, version: int | None) -> int:
        """Take an order in hand, claiming it if nobody has; return the row's new version.

        Raises
        ------
        BusyError
            If a pin is being marked.
        ConflictError, StaleError
            If the order is not one to be marked here, or another screen was quicker.
        """
        order_of(self._records, order_id)
        found = self._orders.get(order_id)
        if found["state"] not in _CHOOSABLE:
            raise ConflictError(f"order {order_id} is {found['state']}; nothing is left to mark")
        if found["state"] != OrderState.OPEN and found["holder"] != self._records.station:
            raise ConflictError(f"order {order_id} is held by station {found['holder']}")
        self._refuse_busy()
        self._check_version(version)
        if found["state"] == OrderState.OPEN:
            self._orders.claim(self._records.station, order_id=order_id)
        return self._write(order_id, STEPS[0], by, version, "taken in hand")

    def confirm(self, step: str, by: Caller, version: int | None) -> int:
        """Write that the next step is done.

        Raises
        ------
        ConflictError, StaleError
            If it is not the next, nothing is at hand, or another screen was quicker.
        """
        row = self.row()
        if row is None or row["order_id"] == "":
            raise ConflictError("no order is at hand; choose one first")
        at = STEPS.index(row["step"])
        if step not in STEPS[at + 1 : at + 2]:
            wanted = STEPS[at + 1] if at + 1 < len(STEPS) else "the start"
            raise ConflictError(f"after {row['step']} comes {wanted}, not {step}")
        return self._write(row["order_id"], step, by, version, f"confirmed: {step}")

    def clear(self, by: Caller, version: int | None) -> int:
        """Put the order away: its pin is unloaded, or was not begun."""
        self._refuse_busy()
        return self._write("", STEPS[0], by, version, "put away")

    def row(self) -> dict[str, Any] | None:
        """Return the row, ``None`` before the first order was taken in hand."""
        with self._records.database.reading.connect() as connection:
            return read_row(connection, at_hand, station=self._records.station)

    def recipe_of(self, order_id: str) -> str:
        """Return the recipe that an order names."""
        return str(self._orders.get(order_id)["recipe"])

    def mark_of(self, order_id: str) -> dict[str, Any] | None:
        """Return this station's newest mark of an order."""
        with self._records.database.reading.connect() as connection:
            return self._mark_of(connection, order_id)

    def _refuse_busy(self) -> None:
        if self._runner.busy():
            raise BusyError("the engraver is marking; wait until it has ended, or abort it")

    def _check_version(self, version: int | None) -> None:
        row = self.row()
        newest = row["position"] if row else 0
        if version is not None and version != newest:
            raise StaleError(f"the floor is at version {newest}, not {version}; look again")

    def _write(self, order_id: str, step: str, by: Caller, version: int | None, did: str) -> int:
        fields = {"order_id": order_id, "step": step, "changed_by": by.name}

        def work(connection: sa.Connection, pen: Pen) -> int:
            known = read_row(connection, at_hand, station=pen.station)
            newest = known["position"] if known else 0
            if version is not None and version != newest:
                raise StaleError(f"the floor is at version {newest}, not {version}; look again")
            if known and all(known[name] == value for name, value in fields.items()):
                return int(newest)
            kept = keep_row(
                connection, pen, at_hand, fields | {"station": pen.station}, did, by.name
            )
            return int(kept["position"])

        return self._records.transact(work)

    # ---- what the page shows

    def state(self) -> dict[str, Any]:
        """Return all that an operator's page shows, of one moment."""
        with self._records.database.reading.connect() as connection:
            row = read_row(connection, at_hand, station=self._records.station)
            order = find_order(connection, row["order_id"]) if row and row["order_id"] else None
            since_us = now_us() - SHIFT_US
            found = {
                "station": self._records.station,
                "version": row["position"] if row else 0,
                "step": row["step"] if row and order else None,
                "changed_by": row["changed_by"] if row else None,
                "changed_at_us": row["changed_at_us"] if row else None,
                "mark": self._mark_of(connection, order["order_id"]) if order else None,
                "queue": self._queue(connection),
                "left": _count(connection, orders, orders.c.state.in_(("open", "claimed"))),
                "recent": self._recent(connection),
                "counts": self._counts(connection, since_us),
                "counted_since_us": since_us,
                "waiting": self._waiting(connection),
            }
        found["order"] = self._described(order) if order else None
        found["job"] = self._job(order)
        found["engraver"] = "none" if self._runner.port is None else "idle"
        if self._runner.busy():
            found["engraver"] = "marking"
        return found

    def _described(self, order: dict[str, Any]) -> dict[str, Any]:
        names = ("order_id", "make", "model", "serial", "recipe", "state", "holder")
        described: dict[str, Any] = {name: order[name] for name in names}
        wanted = WorkOrder(*(order[name] for name in names[:5]))
        try:
            code, setup = encode_order(wanted, self._registry, self._shelf.folder)
        except PinmarkError as error:
            return {**described, "problem": str(error)}
        return {**described, "code": code.text, "part": setup.part.name, "problem": None}

    def _mark_of(self, connection: sa.Connection, order_id: str) -> dict[str, Any] | None:
        query = sa.select(marks).where(
            marks.c.station == self._records.station, marks.c.order_id == order_id
        )
        newest = query.order_by(marks.c.number.desc()).limit(1)
        found = connection.execute(newest).mappings().first()
        if found is None:
            return None
        return {**_brief(found), **_last_word(connection, found["mark_id"])}

    def _queue(self, connection: sa.Connection) -> list[dict[str, Any]]:
        names = ("order_id", "make", "model", "serial", "recipe", "state")
        query = sa.select(*(orders.c[name] for name in names)).where(
            sa.or_(
                orders.c.state == OrderState.OPEN.value,
                sa.and_(
                    orders.c.state.in_((OrderState.CLAIMED.value, OrderState.BEGUN.value)),
                    orders.c.holder == self._records.station,
                ),
            )
        )
        rows = connection.execute(query.order_by(orders.c.order_id).limit(SHOWN_QUEUE)).mappings()
        return [dict(row) for row in rows]

    def _recent(self, connection: sa.Connection) -> list[dict[str, Any]]:
        mine = sa.select(marks).where(marks.c.station == self._records.station)
        newest = mine.order_by(marks.c.number.desc()).limit(SHOWN_MARKS)
        return [_brief(row) for row in connection.execute(newest).mappings()]

    def _counts(self, connection: sa.Connection, since_us: int) -> dict[str, int]:
        query = (
            sa.select(marks.c.state, sa.func.count())
            .where(marks.c.station == self._records.station, marks.c.intended_at_us > since_us)
            .group_by(marks.c.state)
        )
        return {str(state): int(count) for state, count in connection.execute(query).all()}

    def _waiting(self, connection: sa.Connection) -> list[dict[str, Any]]:
        """Marks that need a person: in doubt, or rejected and neither scrapped nor given up."""
        states = (MarkState.UNKNOWN.value, MarkState.REJECTED.value)
        query = sa.select(marks).where(
            marks.c.station == self._records.station, marks.c.state.in_(states)
        )
        rows = connection.execute(query.order_by(marks.c.number).limit(SHOWN_QUEUE)).mappings()
        return [_brief(row) for row in rows]

    def _job(self, order: dict[str, Any] | None) -> dict[str, Any] | None:
        """The job at work, whoever began it; else the newest of the order at hand."""
        newest = None
        for job in self._runner.jobs():
            if job.state == "running":
                return asdict(job)
            if newest is None and order is not None and job.order_id == order["order_id"]:
                newest = asdict(job)
        return newest


_BRIEF = (
    "mark_id", "order_id", "make", "model", "serial", "code", "state", "intended_at_us", "position"
)  # fmt: skip


def _brief(row: sa.RowMapping) -> dict[str, Any]:
    return {name: row[name] for name in _BRIEF}


def _last_word(connection: sa.Connection, mark_id: str) -> dict[str, Any]:
    query = sa.select(
        transitions.c.actor, transitions.c.reason, transitions.c.at_us, transitions.c.detail
    ).where(transitions.c.mark_id == mark_id)
    row = connection.execute(query.order_by(transitions.c.position.desc()).limit(1)).first()
    if row is None:
        return {}
    return {
        "changed_by": row.actor,
        "reason": row.reason,
        "changed_at_us": row.at_us,
        "detail": json.loads(row.detail) if row.detail else {},
    }


def _count(connection: sa.Connection, table: sa.Table, where: sa.ColumnElement[bool]) -> int:
    return int(
        connection.execute(sa.select(sa.func.count()).select_from(table).where(where)).scalar_one()
    )
