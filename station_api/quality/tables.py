"""Tables of measurements: CSV bytes -> rows as texts, texts -> finite numbers.

In: a CSV with a heading line. Out: rows by column. A wrong cell is told with its column and value.
"""

from __future__ import annotations

import csv
import io

import numpy as np

from engraver.errors import InputError


def parse_table(data: bytes, name: str, columns: tuple[str, ...]) -> list[dict[str, str]]:
    """Return the rows of a CSV that has all ``columns``.

    Raises
    ------
    InputError
        If a column or every row is missing; ``name`` says of which table.
    """
    reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig", "replace")))
    try:
        missing = [column for column in columns if column not in (reader.fieldnames or [])]
        if missing:
            raise InputError(f"{name} has no column {missing[0]}; it needs {', '.join(columns)}")
        rows = [{k: (v or "").strip() for k, v in row.items() if k} for row in reader]
    except csv.Error as error:
        raise InputError(f"{name} is no CSV ({error})") from None
    if not rows:
        raise InputError(f"{name} has a heading and no rows; add the measurements")
    return rows


def number(text: str, column: str) -> float:
    """Return a figure of a table."""
    try:
        value = float(text)
    except ValueError:
        raise InputError(f"{column} {text!r} is no number; correct the table") from None
    if not np.isfinite(value):
        raise InputError(f"{column} {text!r} is not finite; correct the table")
    return value
