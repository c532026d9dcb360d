"""An inspection as JSON: what `pinmark inspect --json`, the API and the report all say.

In: `Inspection`. Out: fields; lengths in um, angles in degrees, each figure with its standard
uncertainty, null where it could not be measured.
"""

from __future__ import annotations

import math
from typing import Any

from engraver.inspection import Inspection, Measure, RingReport, SymbolReport


def inspection_fields(found: Inspection) -> dict[str, Any]:
    """Return an inspection as JSON fields; lengths in um, angles in degrees."""
    pose = found.pose
    return {
        "read_back": found.read_back,
        "ordered": found.designed,
        "verdict": found.verdict.value,
        "grade": found.grade,
        "findings": [
            {"code": f.code, "text": f.text, "position": f.position} for f in found.findings
        ],
        "relief_um": _number(found.relief_um),
        "relief_slope_um": _number(found.relief_slope_um),
        "rotation_deg": _number(math.degrees(pose.rotation_rad)),
        "shift_x_um": _number(pose.shift_x_um),
        "shift_y_um": _number(pose.shift_y_um),
        "scale": _number(pose.scale),
        "mirrored": pose.mirrored,
        "registration_u_um": _number(found.registration_u_um),
        "tilt_deg": _number(found.tilt_deg),
        "mark_offset_um": _measure(found.mark_offset_um),
        "acceptance": found.acceptance,
        "acceptance_sha256": found.acceptance_digest,
        "ring": found.ring and ring_fields(found.ring),
        "symbols": [symbol_fields(symbol) for symbol in found.symbols],
    }


def ring_fields(ring: RingReport) -> dict[str, Any]:
    """Return what stands of the gear ring; slots as 1, 0 and ?, clockwise as on the primer."""
    return {
        "designed": "".join(map(str, ring.wanted)),
        "read": "".join("?" if slot is None else str(slot) for slot in ring.read),
        "fiducial": ring.fiducial,
        "fiducial_shift_um": ring.fiducial_shift_um and _number(ring.fiducial_shift_um),
        "teeth": [
            {
                "centre_deg": _number(tooth.centre_deg),
                "stands": tooth.stands,
                "height_um": _measure(tooth.height_um),
                "shift_um": _measure(tooth.shift_um),
            }
            for tooth in ring.teeth
        ],
    }


def symbol_fields(symbol: SymbolReport) -> dict[str, Any]:
    """Return one symbol's reading and measures, each figure with its standard uncertainty."""
    measures = symbol.measures
    names = [
        "relief_um",
        "shift_x_um",
        "shift_y_um",
        "width_um",
        "height_um",
        "stroke_um",
        "draft_deg",
        "floor_sa_um",
        "floor_sq_um",
        "recast_um",
    ]
    return {
        "position": symbol.position,
        "ordered": symbol.designed,
        "symbol": symbol.symbol,
        "probability": _number(symbol.probability),
        "runner_up": symbol.runner_up,
        "runner_up_probability": _number(symbol.runner_up_probability),
        "correlation": _number(symbol.correlation),
        "measured": _number(symbol.measured),
        "grade": symbol.grade,
        "reason": symbol.reason,
    } | {name: _measure(getattr(measures, name)) for name in names}


def _measure(measure: Measure | None) -> dict[str, float | None] | None:
    if measure is None:
        return None
    return {"value": _number(measure.value), "u": _number(measure.u)}


def _number(value: float) -> float | None:
    return round(float(value), 6) if math.isfinite(value) else None
