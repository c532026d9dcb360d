"""The certification pack in print: verdict, gaps, sample, results, first and last cases, statement.

In: the pack's fields, the scans by SHA-256, the signed statement. Out: PDF bytes, the same from the
same facts.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from station_api.papers.certification.judging import wanted_rounds
from station_api.pictures.case import draw_case
from station_api.pictures.wear import draw_wear
from station_api.reports.typesetting import set_report
from station_api.scans import read_scan

TEMPLATE = "certification.typ"
MOST_PICTURES = 240
"""Pictures of cases in one print; the scans of the others are in the pack."""


def certification_report(said: Mapping[str, Any], files: Mapping[str, Path], note: str) -> bytes:
    """Set the print.

    Parameters
    ----------
    said
        The fields of ``certification.json``.
    files
        Scans by SHA-256.
    """
    wanted = set(wanted_rounds(said["rounds"]))
    shown = [case for case in said["cases"] if case["round"] in wanted][:MOST_PICTURES]
    series: dict[str, list[tuple[int, int]]] = {}
    for case in said["cases"]:
        series.setdefault(case["serial"], []).append((case["round"], case["right"]))
    facts = {
        **said,
        "pictures": [case | {"picture": f"case{at}.png"} for at, case in enumerate(shown)],
        "note": note,
        "series": bool(series),
    }

    def draw(folder: Path) -> None:
        if series:
            symbols = max(case["symbols"] for case in said["cases"])
            draw_wear(series, symbols, folder / "wear.png", bool(said["simulated"]))
        for at, case in enumerate(shown):
            label = ", simulated" if case["simulated"] else ""
            draw_case(
                read_scan(files[case["sha256"]]),
                case["cells_um"],
                case["text"],
                case["likeliest"],
                folder / f"case{at}.png",
                f"{case['serial']} round {case['round']}{label}",
            )

    return set_report(TEMPLATE, facts, draw)
