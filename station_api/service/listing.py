"""Marks page by page, all pages of one tree size.

In: a cursor, and what is wanted. Out: rows as they stood when the log had ``tree_size`` entries,
and the next cursor. Whoever reads page after page while pins are being marked sees one moment, and
can prove each row against the checkpoint of that size. Rows changed since are read back from their
entries.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from engraver.errors import InputError
from engraver.record import MarkState
from station_api.records import Records, canonical
from station_api.records.ledger import log_size
from station_api.records.tables import MARK_COLUMNS, entries, marks, transitions
from station_api.tables import mark_corrections
from station_api.trace.question import Question

LONGEST_PAGE = 500
MOST_ROUNDS = 20
LAST = 2**62
"""Above the number of every mark."""
_CODE = re.compile(r"[0-9A-Z?*]{1,24}")


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


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which marks to show, and in which order; what is left open narrows nothing.

    Parameters
    ----------
    serial
        A whole serial, as `engraver.orders.normalise_serial` writes it; a mark is found by the
        one it was ordered for and by those its record was corrected to.
    fragment, code
        A serial, as ordered or as corrected, and a code; ``?`` stands for one character, ``*`` for
        any number of them.
    state
        The state at the tree size that is shown.
    from_us, until_us
        When the mark was intended, us since 1970: from the first on, before the second.
    newest_first
        Whether the newest mark comes first.
    """

    serial: str | None = None
    fragment: str | None = None
    code: str | None = None
    state: MarkState | None = None
    from_us: int | None = None
    until_us: int | None = None
    newest_first: bool = False

    def narrow(self, query: sa.Select[Any], size: int) -> sa.Select[Any]:
        """Narrow a query of `marks`; those that changed since ``size`` are judged by `fits`."""
        if self.serial is not None:
            moved = sa.select(mark_corrections.c.mark_id).where(
                mark_corrections.c.serial == self.serial, mark_corrections.c.number > 0
            )
            query = query.where((marks.c.serial == self.serial) | marks.c.mark_id.in_(moved))
        if self.fragment is not None:
            folded = Question(serial=self.fragment).folded_serial()
            query = query.where(_carries(_like(folded), size))
        if self.code is not None:
            query = query.where(marks.c.code.like(_like(_folded_code(self.code)), escape="\\"))
        if self.from_us is not None:
            query = query.where(marks.c.intended_at_us >= self.from_us)
        if self.until_us is not None:
            query = query.where(marks.c.intended_at_us < self.until_us)
        if self.state is not None:
            changed = marks.c.position >= size
            query = query.where(sa.or_(marks.c.state == self.state.value, changed))
        return query

    def fits(self, row: dict[str, Any]) -> bool:
        """Return whether a mark as it stood at the tree size is wanted."""
        return self.state is None or row["state"] == self.state.value


def _carries(serial: str, size: int) -> sa.ColumnElement[bool]:
    """Say that a mark was ordered under a serial like this, or was corrected to one by then."""
    corrected = sa.select(mark_corrections.c.mark_id).where(
        mark_corrections.c.serial.like(serial, escape="\\"),
        mark_corrections.c.number > 0,
        mark_corrections.c.position < size,
    )
    return sa.or_(marks.c.serial.like(serial, escape="\\"), marks.c.mark_id.in_(corrected))


def _like(pattern: str) -> str:
    escaped = re.sub(r"([\\%_])", r"\\\1", pattern)
    return escaped.replace("?", "_").replace("*", "%")


def _folded_code(text: str) -> str:
    folded = text.strip().upper()
    if not _CODE.fullmatch(folded):
        raise InputError(
            f"code {text[:30]!r} has a character outside 0-9, A-Z and the wildcards ? *, or more "
            "than 24 of them"
        )
    return folded


EVERYTHING = Wanted()


def page(
    records: Records, cursor: Cursor | None, limit: int, wanted: Wanted = EVERYTHING
) -> tuple[list[dict[str, Any]], Cursor, Cursor | None]:
    """Return marks of this station, this page's own cursor, and the next one.

    Marks that changed since the tree size are read back, and not all of them may be wanted: they
    are read on for, `MOST_ROUNDS` times, and then a page may be shorter and have a next one.
    """
    down = wanted.newest_first
    with records.database.reading.connect() as connection:
        now = log_size(connection, records.station)
        at = cursor or Cursor(now, LAST if down else 0)
        if at.size > now:
            raise InputError(f"the log has {now} entries, the cursor is of {at.size}; begin again")
        kept: list[dict[str, Any]] = []
        following: Cursor | None = at
        for _ in range(MOST_ROUNDS):
            if following is None or len(kept) == limit:
                break
            rows, following = _read(connection, records, following, limit - len(kept), wanted)
            kept += rows
    return kept, at, following


def _read(
    connection: sa.Connection, records: Records, at: Cursor, limit: int, wanted: Wanted
) -> tuple[list[dict[str, Any]], Cursor | None]:
    """Look at the next ``limit`` marks; return those that are wanted, and where to go on."""
    down, number = wanted.newest_first, marks.c.number
    query = sa.select(marks).where(
        marks.c.station == records.station, number < at.number if down else number > at.number
    )
    query = wanted.narrow(query, at.size).order_by(number.desc() if down else number)
    found = connection.execute(query.limit(limit + 1)).all()
    rows = [_as_of(connection, records.station, row, at.size) for row in found[:limit]]
    kept = [row for row in rows if row is not None and wanted.fits(row)]
    # upwards, a mark that was not there yet is followed by none that was
    more = len(found) > limit and (down or None not in rows)
    return kept, Cursor(at.size, found[limit - 1].number) if more else None


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
