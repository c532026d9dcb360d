"""The book as it is read: line by line, original, corrected or both, by serial, date and party.

In: `Wanted`. Out: `Line` values in the book's order, page by page. Authority: ATF Ruling 2016-1,
conditions 2(a) (three views) and 4 (queries by serial, dates, maker, importer, receiver).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from engraver.errors import InputError
from engraver.orders import normalise_serial
from station_api.papers.entries import (
    ACQUISITION,
    DESCRIPTION,
    DISPOSITION,
    PARTY,
    VOID,
    BookEntry,
    to_entry,
)
from station_api.records import Records, utc_text
from station_api.tables import book

ORIGINAL, CORRECTED, BOTH = "original", "corrected", "both"
VIEWS = (ORIGINAL, CORRECTED, BOTH)
PAGE = 500


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to show: a view, and which lines; an empty text stands for all.

    A line is shown if any of its entries, corrected ones included, fits everything asked for.
    ``party`` and ``address`` are found as parts of what is written, capitals or not. Dates are
    YYYY-MM-DD, both ends included.
    """

    view: str = CORRECTED
    serial: str = ""
    manufacturer: str = ""
    importer: str = ""
    party: str = ""
    address: str = ""
    acquired_from: str = ""
    acquired_to: str = ""
    disposed_from: str = ""
    disposed_to: str = ""
    only_corrected: bool = False

    def __post_init__(self) -> None:
        if self.view not in VIEWS:
            raise InputError(f"view {self.view!r} is none of {', '.join(VIEWS)}")
        for name in ("acquired_from", "acquired_to", "disposed_from", "disposed_to"):
            if (day := getattr(self, name)) and not _is_day(day):
                raise InputError(f"{name.replace('_', ' ')} {day!r} is no day; write YYYY-MM-DD")


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the book: the entries of its two parts that a view shows, oldest first."""

    line: str
    number: int
    acquisitions: tuple[BookEntry, ...]
    dispositions: tuple[BookEntry, ...]

    @property
    def is_open(self) -> bool:
        """Whether the firearm is here: acquired, and not gone."""
        here = self.acquisitions[-1].how != VOID
        return here and (not self.dispositions or self.dispositions[-1].how == VOID)


def page(
    records: Records, wanted: Wanted, after: int = 0, limit: int = PAGE
) -> tuple[list[Line], int | None]:
    """Return the lines after a number, and the number to go on after, or ``None`` at the end."""
    numbers = _numbers(records.station, wanted).where(book.c.number > after)
    with records.database.reading.connect() as connection:
        ordered = numbers.order_by(book.c.number).limit(limit + 1)
        found = [int(row[0]) for row in connection.execute(ordered)]
    shown = found[:limit]
    return _read(records, shown, wanted.view), shown[-1] if len(found) > limit else None


def every_line(records: Records, wanted: Wanted) -> Iterator[Line]:
    """Go through all lines in order of acquisition, a page at a time.

    Only numbers and dates are held for the whole book; the day is that of the newest version.
    """
    dated = _numbers(records.station, wanted).subquery()
    query = (
        sa.select(book.c.number, book.c.on_date)
        .where(book.c.station == records.station, book.c.part == ACQUISITION)
        .where(book.c.number.in_(sa.select(dated.c.number)))
        .order_by(book.c.number, book.c.version)
    )
    with records.database.reading.connect() as connection:
        days = {int(row.number): str(row.on_date) for row in connection.execute(query)}
    numbers = sorted(days, key=lambda number: (days[number], number))
    for begin in range(0, len(numbers), PAGE):
        yield from _read(records, numbers[begin : begin + PAGE], wanted.view)


def _read(records: Records, shown: Sequence[int], view: str) -> list[Line]:
    """Return the lines of these numbers, in their order."""
    with records.database.reading.connect() as connection:
        query = sa.select(book).where(
            book.c.station == records.station, book.c.number.in_(list(shown) or [-1])
        )
        order = (book.c.number, book.c.part, book.c.version)
        rows = [to_entry(row._mapping) for row in connection.execute(query.order_by(*order))]
    by_number: dict[int, list[BookEntry]] = {number: [] for number in shown}
    for entry in rows:
        by_number[entry.number].append(entry)
    return [_line(by_number[number], view) for number in shown]


COLUMNS = (
    "line",
    "entry",
    "shown as",
    *DESCRIPTION,
    "acquired",
    "acquired on",
    "acquired of",
    "their licence",
    "their address",
    "disposed",
    "disposed on",
    "disposed to",
    "receiver's licence",
    "receiver's address",
    "mark",
    "reason of correction",
    "written by",
    "approved by",
    "written at",
)
"""Columns of the book in print and CSV: first what 27 CFR 478.122(b) tabulates, then our own."""


def table_rows(line: Line, view: str) -> list[list[str]]:
    """Return a line as rows of the table: one, or in the view of both one for every entry."""
    if view != BOTH:
        gone = line.dispositions[-1:]
        return [_row(line.acquisitions[-1], gone[0] if gone else None)]
    rows = [_row(entry, None) for entry in line.acquisitions]
    return rows + [_row(entry, entry) for entry in line.dispositions]


def _row(had: BookEntry, left: BookEntry | None) -> list[str]:
    alone = had is left
    newest = left or had
    marked = [e for e in (had, left) if e is not None and e.version > 1]
    acquired = [""] * 5 if alone else _part(had)
    return [
        newest.line,
        newest.entry_id if left is None or alone else f"{had.entry_id} {newest.entry_id}",
        _shown_as(newest, bool(marked)),
        *(str(getattr(had, name)) for name in DESCRIPTION),
        *acquired,
        *([""] * 5 if left is None else _part(left)),
        had.mark_id or "",
        "; ".join(dict.fromkeys(e.reason for e in marked if e.reason)),
        newest.written_by,
        newest.approved_by or "",
        utc_text(newest.changed_at_us),
    ]


def _part(entry: BookEntry) -> list[str]:
    return [entry.how, entry.on_date, *(str(getattr(entry, name)) for name in PARTY)]


def _shown_as(entry: BookEntry, corrected: bool) -> str:
    if entry.how == VOID:
        return "void"
    return (
        f"correction {entry.version - 1}"
        if corrected and entry.version > 1
        else ("corrected" if corrected else "original")
    )


def _line(entries: list[BookEntry], view: str) -> Line:
    parts: Mapping[str, list[BookEntry]] = {ACQUISITION: [], DISPOSITION: []}
    for entry in entries:
        parts[entry.part].append(entry)
    pick = {ORIGINAL: slice(0, 1), CORRECTED: slice(-1, None), BOTH: slice(None)}[view]
    first = entries[0]
    had, left = (tuple(parts[part][pick]) for part in (ACQUISITION, DISPOSITION))
    return Line(first.line, first.number, had, left)


def _numbers(station: str, wanted: Wanted) -> sa.Select[Any]:
    query = sa.select(book.c.number).where(book.c.station == station)
    for condition in _conditions(wanted):
        query = query.where(book.c.line.in_(sa.select(book.c.line).where(*condition)))
    return query.distinct()


def _conditions(wanted: Wanted) -> Iterator[list[Any]]:
    if wanted.serial:
        yield [book.c.serial == normalise_serial(wanted.serial)]
    for name in ("manufacturer", "importer"):
        if text := getattr(wanted, name):
            yield [_holds(book.c[name], text)]
    if wanted.party:
        yield [_holds(book.c.party_name, wanted.party)]
    if wanted.address:
        yield [_holds(book.c.party_address, wanted.address)]
    for part, since, until in (
        (ACQUISITION, wanted.acquired_from, wanted.acquired_to),
        (DISPOSITION, wanted.disposed_from, wanted.disposed_to),
    ):
        if since or until:
            bounds = [book.c.on_date >= since] if since else []
            bounds += [book.c.on_date <= until] if until else []
            yield [book.c.part == part, *bounds]
    if wanted.only_corrected:
        yield [book.c.version > 1]


def _holds(column: sa.ColumnElement[str], text: str) -> sa.ColumnElement[bool]:
    return sa.func.lower(column).contains(text.strip().lower(), autoescape=True)
