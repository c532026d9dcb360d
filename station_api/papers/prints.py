"""The book in print and in files: PDF, CSV, JSON lines, plain ASCII.

In: what is wanted of the book. Out: files that say which view they show and which checkpoint of the
log they stand by. Authority: ATF Ruling 2016-1, its conditions on prints and downloads (all
records, in order of acquisition) and on going out of business (files with their description).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from itertools import islice
from typing import Any

from station_api.papers.licensee import Licensee
from station_api.papers.views import COLUMNS, Line, Wanted, every_line, table_rows
from station_api.records import Records
from station_api.reports.typesetting import set_report
from station_api.transparency.checkpoint import parse_checkpoint
from station_api.transparency.note import split_note

LINES_A_PRINT = 1_000
"""Lines of one PDF: set in seconds; a longer book is printed in parts."""

_FORMULA = ("=", "+", "-", "@", "\t")


def checkpoint_fields(note: str) -> dict[str, Any]:
    """Return a signed checkpoint as JSON fields."""
    found = parse_checkpoint(split_note(note)[0])
    return {"origin": found.origin, "size": found.size, "root": found.root.hex()}


def prints(records: Records, wanted: Wanted, licensee: Licensee, note: str) -> Iterator[bytes]:
    """Set the book as PDF files of `LINES_A_PRINT` lines; one for an empty book."""
    lines = every_line(records, wanted)
    parts: list[list[Line]] = []
    while part := list(islice(lines, LINES_A_PRINT)):
        parts.append(part)
    for number, part in enumerate(parts or [[]], 1):
        facts = {
            "licensee": asdict(licensee),
            "station": records.station,
            "view": wanted.view,
            "selection": selection(wanted),
            "checkpoint": checkpoint_fields(note),
            "lines": sum(map(len, parts)),
            "part": number,
            "parts": max(1, len(parts)),
            "rows": [
                dict(zip(COLUMNS, row, strict=True))
                for line in part
                for row in table_rows(line, wanted.view)
            ],
        }
        yield set_report("book.typ", facts)


def selection(wanted: Wanted) -> str:
    """Say which lines were asked for; nothing for all."""
    asked = [
        f"{field.name.replace('_', ' ')} {getattr(wanted, field.name)}"
        for field in fields(wanted)
        if field.name != "view" and getattr(wanted, field.name)
    ]
    return f"Selected: {', '.join(asked)}." if asked else ""


def csv_lines(records: Records, wanted: Wanted) -> Iterator[str]:
    """Write the book as CSV, line by line; what a spreadsheet would run begins with ``'``."""
    yield csv_row(COLUMNS)
    for line in every_line(records, wanted):
        for row in table_rows(line, wanted.view):
            yield csv_row(row)


def json_lines(records: Records, wanted: Wanted) -> Iterator[str]:
    """Write the book as one JSON object a line, every entry with all its fields."""
    for line in every_line(records, wanted):
        yield json.dumps(line_fields(line), ensure_ascii=False) + "\n"


def ascii_lines(records: Records, wanted: Wanted) -> Iterator[str]:
    r"""Write the book as ASCII, columns parted by tabs, other characters as ``\uXXXX``."""
    yield "\t".join(COLUMNS) + "\n"
    for line in every_line(records, wanted):
        for row in table_rows(line, wanted.view):
            cells = (" ".join(cell.split()) for cell in row)
            yield "\t".join(cells).encode("ascii", "backslashreplace").decode() + "\n"


def line_fields(line: Line) -> dict[str, Any]:
    """Return a line as JSON fields."""

    def entry(one: Any) -> dict[str, Any]:
        return {**asdict(one), "days_late": one.days_late}

    return {
        "line": line.line,
        "number": line.number,
        "open": line.is_open,
        "acquisitions": [entry(one) for one in line.acquisitions],
        "dispositions": [entry(one) for one in line.dispositions],
    }


def csv_row(cells: Iterable[object]) -> str:
    r"""Write one line of CSV; a text that a spreadsheet would run as a formula begins with ``'``.

    Examples
    --------
    >>> csv_row(["=1+1", -3, None])
    "'=1+1,-3,\r\n"
    """
    row = io.StringIO()
    csv.writer(row).writerow(
        f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
        for cell in cells
    )
    return row.getvalue()
