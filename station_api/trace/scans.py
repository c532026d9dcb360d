"""Scans of cases -> reads that can be written down and weighed again.

In: height maps of primers and the recipe the mark may have been made by. Out: a reads file with the
log-likelihoods of every symbol, so that the same answer can be computed without the scans; what
was read on each case, in words.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from engraver import codes, layout, relief
from engraver.errors import ScanError
from engraver.heightmap import HeightMap
from engraver.impressions import CaseReading, read_case
from engraver.profiles import Setup

MOST_CASES = 20
"""Cases of one scene that are weighed together."""

DECIMALS = 6


def read_scans(
    scans: Sequence[tuple[str, HeightMap]], setup: Setup
) -> tuple[str, list[dict[str, Any]], list[CaseReading]]:
    """Read cases by name; return the reads as JSON text, what was read, and the readings.

    Raises
    ------
    ScanError
        If there are none, too many, or one is no case that can be looked at.
    """
    if not 1 <= len(scans) <= MOST_CASES:
        raise ScanError(f"{len(scans)} cases were given; give 1 to {MOST_CASES}")
    fmt = codes.FORMATS[setup.recipe.code_format]
    # any code of the format has the same layout; its symbols are not looked at
    design = relief.design(layout.arrange(codes.encode_index(0, fmt.name), setup), setup)
    found = [(name, _read(name, height_map, design)) for name, height_map in scans]
    casings = [{"name": name, "reads": [_as_read(one)]} for name, one in found]
    shown = [
        {"file": name, "text": one.text, "likeliest": one.symbols, "quality": round(one.quality, 4)}
        for name, one in found
    ]
    return json.dumps({"casings": casings, "format": fmt.name}), shown, [one for _, one in found]


def _read(name: str, height_map: HeightMap, design: relief.ReliefDesign) -> CaseReading:
    try:
        return read_case(height_map, design)
    except ScanError as error:
        raise ScanError(f"{name}: {error}") from None


def _as_read(reading: CaseReading) -> Mapping[str, Any]:
    table = reading.table.round(DECIMALS).tolist()
    return {"log_likelihoods": table, "reader": "pinmark"}
