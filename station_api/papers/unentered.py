"""Verified marks whose firearms are not in the book yet.

In: the records. Out: `Unentered`, oldest first, with the day the entry is due. Authority: 27 CFR
478.123(a), by the seventh day after manufacture; the day the mark was verified stands for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from engraver.record import MarkState
from station_api.papers.entries import DAYS_TO_ENTER
from station_api.records import Records
from station_api.records.tables import marks
from station_api.tables import book, mark_corrections


@dataclass(frozen=True, slots=True)
class Unentered:
    """A firearm that is marked and not entered: its mark and the day that was verified."""

    mark_id: str
    make: str
    model: str
    serial: str
    verified_on: str

    @property
    def due_on(self) -> str:
        """The last day on which the entry is in time."""
        return (date.fromisoformat(self.verified_on) + timedelta(days=DAYS_TO_ENTER)).isoformat()

    def fields(self) -> dict[str, Any]:
        """Return what the entry can take from the mark."""
        return {
            "manufacturer": self.make,
            "model": self.model,
            "serial": self.serial,
            "on_date": self.verified_on,
            "mark_id": self.mark_id,
        }


def unentered(records: Records) -> list[Unentered]:
    """Return this station's verified marks that no entry of the book speaks of.

    Where a mark's record was corrected, the firearm is the one it was corrected to.
    """
    good = (marks.c.station == records.station) & (marks.c.state == MarkState.VERIFIED.value)
    earlier = mark_corrections.alias("earlier")
    newest = (
        sa.select(sa.func.max(earlier.c.number))
        .where(earlier.c.mark_id == marks.c.mark_id)
        .scalar_subquery()
    )
    moved = mark_corrections.c.mark_id == marks.c.mark_id
    query = sa.union_all(
        _firearms(marks).where(good, sa.func.coalesce(newest, 0) == 0),
        _firearms(mark_corrections)
        .join(marks, moved)
        .where(good, mark_corrections.c.number == newest, newest > 0),
    )
    with records.database.reading.connect() as connection:
        return [
            Unentered(row.mark_id, row.make, row.model, row.serial, _day(row.changed_at_us))
            for row in connection.execute(query.order_by("number"))
        ]


def _firearms(table: sa.Table) -> sa.Select[Any]:
    """Select the firearms that a table names and the book does not."""
    same = sa.and_(
        book.c.serial == table.c.serial,
        book.c.model == table.c.model,
        book.c.manufacturer == table.c.make,
    )
    named = (table.c.make, table.c.model, table.c.serial)
    of_mark = (marks.c.number, marks.c.mark_id, marks.c.changed_at_us)
    return sa.select(*of_mark, *named).select_from(table).where(~sa.exists().where(same))


def _day(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1e6, UTC).date().isoformat()
