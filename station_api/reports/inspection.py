"""An inspection on two pages that an engineer would sign.

In: `Inspection`, its design, scan and limits. Out: PDF bytes, the same from the same facts: no
date is set, no font of the host is used, so that the digest of a report can stand in a record.
Authority: typst for the setting (docs/decisions/0051-typst-for-reports.md).
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import typst

from engraver.acceptance import Acceptance
from engraver.errors import InputError
from engraver.heightmap import Scan
from engraver.inspection import Inspection
from engraver.relief import ReliefDesign
from station_api.pictures import surface

TEMPLATE = "inspection.typ"
NO_DATE = 0
"""Seconds since 1970 that the PDF gives for its making: the report is dated by its signer."""


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
    with tempfile.TemporaryDirectory(prefix="pinmark-report-") as folder:
        root = Path(folder)
        surface.draw_read_back(grid, found, root / "read_back.png")
        surface.draw_deviation(grid, design, found, root / "deviation.png")
        (root / "facts.json").write_text(json.dumps(facts, ensure_ascii=False), "utf-8")
        template = resources.files("station_api.reports").joinpath(TEMPLATE).read_text("utf-8")
        (root / TEMPLATE).write_text(template, "utf-8")
        return _compiled(root)


def _compiled(root: Path) -> bytes:
    try:
        pdf = typst.compile(
            str(root / TEMPLATE),
            root=str(root),
            format="pdf",
            ignore_system_fonts=True,
            timestamp=NO_DATE,
        )
    except typst.TypstError as error:
        raise InputError(f"the report cannot be set: {error.message}") from None
    return bytes(pdf)
