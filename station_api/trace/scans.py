"""Scans of cases -> reads that can be written down and weighed again.

In: height maps of primers and the recipe the mark may have been made by. Out: a reads file with the
log-likelihoods of every symbol, so that the same answer can be computed without the scans; what
was read on each case, in words.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from engraver import codes, layout, relief
from engraver.errors import ScanError
from engraver.heightmap import HeightMap
from engraver.impressions import CaseReading, read_case
from engraver.profiles import Setup
from station_api.trace.case_scans import CaseScans

MOST_CASES = 20
"""Cases of one scene that are weighed together."""

DECIMALS = 6


def read_cases(
    scans: Sequence[tuple[str, str]], store: CaseScans, setup: Setup
) -> tuple[str, list[dict[str, Any]]]:
    """Read cases; return the reads as JSON text, and what was read on each in words.

    Parameters
    ----------
    scans
        For each case its name and the id of its scan.

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
    casings, shown = [], []
    for name, scan_id in scans:
        one = _read(name, store.read(scan_id), design)
        casings.append({"name": name, "reads": [_as_read(one)]})
        shown.append(
            {
                "file": name,
                "scan_sha256": scan_id,
                "text": one.text,
                "likeliest": one.symbols,
                "quality": round(one.quality, 4),
                "recipe": setup.recipe.name,
                "cells_um": cells_um(one, design),
            }
        )
    return json.dumps({"casings": casings, "format": fmt.name}), shown


def _read(name: str, height_map: HeightMap, design: relief.ReliefDesign) -> CaseReading:
    try:
        return read_case(height_map, design)
    except ScanError as error:
        raise ScanError(f"{name}: {error}") from None


def cells_um(reading: CaseReading, design: relief.ReliefDesign) -> list[list[float]]:
    """Return where on the scan the middle of each symbol was looked for, um."""
    x = np.array([cell.centre_x_um for cell in design.layout.cells])
    y = np.array([cell.centre_y_um for cell in design.layout.cells])
    places = np.stack(reading.pose.to_scan(x, y), axis=1)
    return [[round(float(one), 1) for one in place] for place in places]


def _as_read(reading: CaseReading) -> Mapping[str, Any]:
    table = reading.table.round(DECIMALS).tolist()
    return {"log_likelihoods": table, "reader": "pinmark"}
