"""What a scan does at the floor: a label was read, at a page or by a scanner of the station.

In: the label's content, who scanned. Out: an order in hand, the part confirmed, or a refusal that
says what was scanned. Scanning goes no further than the part: what the eyes have to see, and the
start, are pressed by a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa

from engraver.errors import ConflictError, MissingError
from engraver.record import MarkState
from station_api.labels import Kind, Label, read_label
from station_api.people import Caller
from station_api.records import Records
from station_api.records.orders import ACTIVE
from station_api.records.tables import orders
from station_api.service.floor import STEPS, Floor
from station_api.service.problems import NotNowError, WrongPartError

_LEFT_BEHIND = frozenset(MarkState) - {MarkState.MARKED, MarkState.REJECTED}
"""States of the mark at hand in which the next order may be taken."""


class Did(StrEnum):
    """What came of a scan."""

    CHOSEN = "chosen"
    CONFIRMED = "confirmed"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a scan, of which order, and the version the floor has now."""

    did: Did
    order_id: str
    serial: str
    version: int


class LabelTaker:
    """Scans at one station's floor."""

    def __init__(self, records: Records, floor: Floor) -> None:
        self._records, self._floor = records, floor

    def take(self, content: str, by: Caller, version: int | None) -> Taken:
        """Do what a scanned label asks for.

        Raises
        ------
        InputError
            If it can be no label of an order or a part.
        MissingError
            If no order is of this number or serial.
        WrongPartError
            If the order at hand is of another serial.
        NotNowError, BusyError
            If another order is at work.
        StaleError
            If another screen was quicker.
        """
        label = read_label(content)
        row = self._floor.row()
        at_hand = row["order_id"] if row else ""
        step = row["step"] if row else STEPS[0]
        wanted = self._order_of(label, at_hand)
        if wanted is None:
            return self._wrong(label, at_hand)
        order_id, serial, by_serial = wanted
        newest = int(row["position"]) if row else 0
        version = newest if version is None else version  # what was looked at just now
        if order_id != at_hand:
            self._refuse_unless_free(at_hand, step)
            chosen = self._floor.choose(order_id, by, version)
            return Taken(Did.CHOSEN, order_id, serial, chosen)
        if by_serial and step == STEPS[0] and self._mark_state(at_hand) is None:
            return Taken(
                Did.CONFIRMED, order_id, serial, self._floor.confirm(STEPS[1], by, version)
            )
        return Taken(Did.NOTHING, order_id, serial, newest)

    def _order_of(self, label: Label, at_hand: str) -> tuple[str, str, bool] | None:
        """Return number and serial of the order that a label names, and whether by its serial.

        With an order at hand a serial is that of its part or of a wrong one: then ``None``.
        """
        if label.kind is not Kind.GS1:
            found = self._numbered(label.order_id or label.text)
            if found is not None and label.kind is Kind.ORDER and found[1] != label.serial:
                raise ConflictError(
                    f"the paper says serial {label.serial}, order {found[0]} is for {found[1]}; "
                    "the paper is out of date: print the order again"
                )
            if found is not None:
                return (*found, False)
            if label.kind is Kind.ORDER:
                raise MissingError(
                    f"order {label.order_id} is not known here; enter it, or scan another"
                )
        held = self._numbered(at_hand) if at_hand else None
        if held is not None and held[1] == label.serial:
            return (*held, True)
        if held is not None and self._mark_state(at_hand) not in _LEFT_BEHIND:
            return None
        return (*self._with_serial(label), True)

    def _wrong(self, label: Label, at_hand: str) -> Taken:
        scanned = label.serial or label.text[:80]
        raise WrongPartError(
            f"{scanned} was scanned, which is neither the serial number of order {at_hand} nor a "
            "work order. Is it the wrong part?"
        )

    def _numbered(self, order_id: str) -> tuple[str, str] | None:
        """Return number and serial of the order with a number, however its case was typed."""
        columns = (orders.c.order_id, orders.c.serial)
        with self._records.database.reading.connect() as connection:
            for number in dict.fromkeys((order_id, order_id.upper())):
                query = sa.select(*columns).where(orders.c.order_id == number)
                if (row := connection.execute(query).first()) is not None:
                    return str(row[0]), str(row[1])
        return None

    def _with_serial(self, label: Label) -> tuple[str, str]:
        if label.serial is None:
            raise MissingError(f"no order has the number {label.text[:80]!r}; scan a work order")
        query = (
            sa.select(orders.c.order_id, orders.c.serial)
            .where(orders.c.serial == label.serial, orders.c.state.in_([s.value for s in ACTIVE]))
            .order_by(orders.c.order_id)
            .limit(2)
        )
        with self._records.database.reading.connect() as connection:
            rows = connection.execute(query).all()
        if not rows:
            raise MissingError(
                f"no open order has the number or serial {label.serial}; enter it, or scan another"
            )
        if len(rows) > 1:
            raise ConflictError(
                f"orders {rows[0][0]} and {rows[1][0]} are both for a serial {label.serial}; scan "
                "the work order itself"
            )
        return str(rows[0][0]), str(rows[0][1])

    def _refuse_unless_free(self, at_hand: str, step: str) -> None:
        if not at_hand:
            return
        state = self._mark_state(at_hand)
        if state in _LEFT_BEHIND or (state is None and step == STEPS[0]):
            return
        raise NotNowError(f"order {at_hand} is at work; finish its pin first, then scan the next")

    def _mark_state(self, order_id: str) -> MarkState | None:
        """Return the state of the order's mark, ``None`` while it has none that counts."""
        found = self._floor.mark_of(order_id)
        if found is None or found["state"] in (MarkState.CANCELLED, MarkState.RE_MARK):
            return None
        return MarkState(found["state"])
