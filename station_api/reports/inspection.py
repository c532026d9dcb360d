"""An inspection on two pages that an engineer would sign.

In: `Inspection`, its design, scan and limits. Out: PDF bytes, the same from the same facts.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from engraver.acceptance import Acceptance
from engraver.heightmap import Scan
from engraver.inspection import Inspection
from engraver.relief import ReliefDesign
from station_api.pictures import surface
from station_api.reports.typesetting import set_report

TEMPLATE = "inspection.typ"


def inspection_report(
    found: Inspection,
    fields: dict[str, Any],
    design: ReliefDesign,
    scan: Scan,
    limits: Acceptance,
    *,
    name: str,
    scan_sha256: str,
    recipe: str,
) -> bytes:
    """Return the report of one inspection as PDF.

    Parameters
    ----------
    fields
        The inspection as JSON fields, as `pinmark inspect --json` prints them.
    name, scan_sha256
        The scan's file name and the SHA-256 of its bytes.
    """
    grid = scan.height_map
    facts = {
        "inspection": fields,
        "recipe": recipe,
        "scan": name,
        "scan_sha256": scan_sha256,
        "rows": grid.z_um.shape[0],
        "columns": grid.z_um.shape[1],
        "pitch_um": round(grid.pitch_xy_um[0], 4),
        "non_measured": float(np.isnan(grid.z_um).mean()),
        "relief_um": design.relief_um,
        "limits": asdict(limits),
        "oddities": list(scan.oddities),
    }

    def draw(folder: Path) -> None:
        surface.draw_read_back(grid, found, folder / "read_back.png")
        surface.draw_deviation(grid, design, found, folder / "deviation.png")

    return set_report(TEMPLATE, facts, draw)
