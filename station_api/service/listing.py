"""Marks page by page, all pages of one tree size.

In: a cursor. Out: rows as they stood when the log had ``tree_size`` entries, and the next cursor.
Whoever reads page after page while pins are being marked sees one moment, and can prove each row
against the checkpoint of that size. Rows changed since are read back from their entries.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from engraver.errors import InputError
from station_api.records import Records, canonical
from station_api.records.ledger import log_size
from station_api.records.tables import MARK_COLUMNS, entries, marks, transitions

LONGEST_PAGE = 500


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the next page begins: marks of a log of ``size`` entries after ``number``."""

    size: int
    number: int

    def text(self) -> str:
        """Write the cursor for a URL."""
        return base64.urlsafe_b64encode(json.dumps([self.size, self.number]).encode()).decode()


def parse_cursor(text: str) -> Cursor:
    """Read a cursor.

    Raises
    ------
    InputError
        If it was not made by `Cursor.text`.

    Examples
    --------
    >>> parse_cursor(Cursor(12, 3).text())
    Cursor(size=12, number=3)
    """
    try:
        size, number = json.loads(base64.urlsafe_b64decode(text.encode("ascii")))
        if type(size) is not int or type(number) is not int:
            raise ValueError
        if not (0 <= size < 2**63 and 0 <= number < 2**63):
            raise ValueError
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise InputError(f"cursor {text[:40]!r} is none; begin without one") from None
    return Cursor(size, number)


def page(
    records: Records, cursor: Cursor | None, limit: int, serial: str | None = None
) -> tuple[list[dict[str, Any]], int, Cursor | None]:
    """Return marks of this station, the tree size they are of, and the next cursor."""
    with records.database.reading.connect() as connection:
        now = log_size(connection, records.station)
        at = cursor or Cursor(now, 0)
        if at.size > now:
            raise InputError(f"the log has {now} entries, the cursor is of {at.size}; begin again")
        query = sa.select(marks).where(
            marks.c.station == records.station, marks.c.number > at.number
        )
        if serial is not None:
            query = query.where(marks.c.serial == serial)
        found = connection.execute(query.order_by(marks.c.number).limit(limit + 1)).all()
        rows = [_as_of(connection, records.station, row, at.size) for row in found[:limit]]
    kept = [row for row in rows if row is not None]
    more = len(found) > limit and len(kept) == len(rows)
    return kept, at.size, Cursor(at.size, kept[-1]["number"]) if more else None


def _as_of(
    connection: sa.Connection, station: str, row: sa.Row[Any], size: int
) -> dict[str, Any] | None:
    """Return a mark as it stood at a tree size; ``None`` if it was not there yet."""
    if row.position < size:
        return dict(zip(MARK_COLUMNS, row, strict=True))
    earlier = sa.select(sa.func.max(transitions.c.position)).where(
        transitions.c.station == station,
        transitions.c.mark_id == row.mark_id,
        transitions.c.position < size,
    )
    position = connection.execute(earlier).scalar()
    if position is None:
        return None
    query = sa.select(entries.c.record).where(
        entries.c.station == station, entries.c.position == position
    )
    record = connection.execute(query).scalar_one()
    return dict(canonical.decode(bytes(record))["mark"])
