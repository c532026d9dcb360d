"""What the quality commands share: CSV files in, lines for a person out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from station_api.cli import shell
from station_api.quality.tables import parse_table
from station_api.scan_files import read_bytes


def read_table(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    """Return the rows of a CSV that has all ``columns``."""
    return parse_table(read_bytes(path), path.name, columns)


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
