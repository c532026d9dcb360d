"""What the quality commands share: CSV tables in, figures out.

In: a CSV with a heading line. Out: rows as texts, numbers that are finite, lines for a person.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np

from engraver.errors import InputError
from station_api.cli import shell
from station_api.scan_files import read_bytes


def read_table(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    """Return the rows of a CSV that has all ``columns``."""
    text = read_bytes(path).decode("utf-8-sig", "replace")
    reader = csv.DictReader(io.StringIO(text))
    missing = [name for name in columns if name not in (reader.fieldnames or [])]
    if missing:
        raise InputError(f"{path.name} has no column {missing[0]}; it needs {', '.join(columns)}")
    rows = [{k: (v or "").strip() for k, v in row.items() if k} for row in reader]
    if not rows:
        raise InputError(f"{path.name} has a heading and no rows; add the measurements")
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


def show(fields: dict[str, Any], as_json: bool) -> None:
    """Print figures for a script or for a person."""
    if as_json:
        shell.emit(fields)
        return
    for key, value in fields.items():
        shown = f"{value:.5g}" if isinstance(value, float) else value
        if isinstance(value, dict) and {"low", "high"} <= set(value):
            shown = f"{value['value']:.4g}  (95 %: {value['low']:.4g} to {value['high']:.4g})"
        shell.console.print(f"{key:>26}  {shown}", markup=False)
