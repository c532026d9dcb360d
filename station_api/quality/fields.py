"""An inspection as JSON: for people and machines in um, for the record in integers.

In: `Inspection`. Out: `inspection_fields`, what `pinmark inspect --json`, the API and the report
all say (um, degrees, each figure with its standard uncertainty), and `inspection_detail`, what a
transition records (nm, millidegrees). Null is what could not be measured.
"""

from __future__ import annotations

import math
from typing import Any

from engraver.inspection import Inspection, Measure, RingReport, SymbolReport, Verdict


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


def inspection_detail(found: Inspection) -> dict[str, object]:
    """Return an inspection in integers, for the record; None is what could not be measured."""
    offset = found.mark_offset_um
    return {
        "read_back": found.read_back,
        "designed": found.designed,
        "verdict": str(found.verdict),
        "grade": found.grade,
        "acceptance": found.acceptance,
        "acceptance_sha256": found.acceptance_digest,
        "relief_nm": _thousandths(found.relief_um),
        "relief_slope_nm": _thousandths(found.relief_slope_um),
        "tilt_mdeg": _thousandths(found.tilt_deg),
        "rotation_mdeg": _thousandths(math.degrees(found.pose.rotation_rad)),
        "scale_ppm": _thousandths(found.pose.scale * 1e3),
        "mark_offset_nm": None if offset is None else _thousandths(offset.value),
        "findings": [{"code": one.code, "text": one.text} for one in found.findings],
        "symbols": [_symbol_detail(one) for one in found.symbols],
    }


def _symbol_detail(one: SymbolReport) -> dict[str, object]:
    measures = one.measures
    return {
        "position": one.position,
        "symbol": one.symbol,
        "probability_ppm": round(one.probability * 1e6),
        "grade": one.grade,
        "relief_nm": _thousandths(measures.relief_um.value),
        "relief_u_nm": _thousandths(measures.relief_um.u),
        "shift_x_nm": _thousandths(measures.shift_x_um.value),
        "shift_y_nm": _thousandths(measures.shift_y_um.value),
        "width_nm": _thousandths(measures.width_um.value),
        "height_nm": _thousandths(measures.height_um.value),
        "stroke_nm": _thousandths(measures.stroke_um.value),
        "draft_mdeg": _thousandths(measures.draft_deg.value),
        "floor_sa_nm": _thousandths(measures.floor_sa_um.value),
        "floor_sq_nm": _thousandths(measures.floor_sq_um.value),
        "recast_nm": _thousandths(measures.recast_um.value),
    }


def _thousandths(value: float) -> int | None:
    """Return a length in nm, an angle in millidegrees; None where it is not a number."""
    return round(value * 1000) if math.isfinite(value) else None


def is_good(found: Inspection) -> bool:
    """Return whether a pin may leave: it is legible and says what was ordered."""
    return found.verdict is Verdict.GOOD and found.read_back == found.designed
