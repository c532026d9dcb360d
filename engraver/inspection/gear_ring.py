"""The gear ring on the pin: every tooth, every gap, and the start mark that is the fiducial.

In: heights above the face, the pose, the design (um). Out: `RingReport` and findings, None where
the design has no ring. Authority: docs/formats/gear.md for what has to stand where, ISO 5436-1
for a step's height (top against ground, walls left out), ISO 14253-1 for the decision.

Theory of operation. Heights are taken along circles through the teeth (ring) and through the
clear ground inside it (floor). A tooth's height is its middle above the floor beside it. Its
place is the centre of gravity of what stands in a window that reaches half a slot into the gap on
either side: walls lean out alike on both sides, so that they do not move it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engraver.acceptance import Acceptance
from engraver.gear import START, encode_ring, tooth_arcs_deg
from engraver.inspection.registration import Field, Pose
from engraver.inspection.result import Finding, Measure, RingReport, Tooth
from engraver.inspection.verdict import Figure
from engraver.relief import ReliefDesign

Floats = NDArray[np.float64]
STEP_UM = 1.0
RADII = 9
FEWEST_RADII = 2
STANDS = 0.5
"""Share of the relief above which a slot holds a tooth."""

LEAST_SEEN = 0.5
WIDEST_WALL_SHARE = 0.3  # of a slot, to either side, that may be wall


@dataclass(frozen=True, slots=True)
class _Circle:
    """Heights round the ring and on the ground inside it, by angle from twelve o'clock."""

    angle_deg: Floats
    ring: Floats
    floor: Floats
    radius_um: float
    noise_um: float


def measure_ring(
    field: Field, design: ReliefDesign, pose: Pose, relief_um: float, limits: Acceptance
) -> tuple[RingReport | None, list[Finding]]:
    """Measure the ring of a design against its code; ``relief_um`` is that of the symbols."""
    layout = design.layout
    if not layout.round_field:
        return None, []
    wanted = encode_ring(layout.code)
    circle = _look(field, design, pose)
    relief = relief_um if np.isfinite(relief_um) and relief_um > 0 else design.relief_um
    read = tuple(_slot(circle, k, len(wanted), relief) for k in range(len(wanted)))
    arcs = tooth_arcs_deg(layout.code)
    teeth = tuple(_tooth(circle, arc, len(wanted), relief, limits) for arc in arcs)
    here = [t.shift_um.value for t in teeth if _in_start(t, len(wanted))]
    start = read[: len(START)] == START
    report = RingReport(wanted, read, teeth, start, float(np.mean(here)) if start else None)
    return report, _findings(report, design, limits)


def _in_start(tooth: Tooth, slots: int) -> bool:
    return tooth.centre_deg < len(START) * 360.0 / slots


def _look(field: Field, design: ReliefDesign, pose: Pose) -> _Circle:
    """Sample the heights on both circles."""
    reach = [np.hypot(*np.array(tooth.exterior.coords).T) for tooth in design.layout.marks]
    inner = float(max(r.min() for r in reach))
    outer = float(min(r.max() for r in reach))
    middle, length = (inner + outer) / 2, outer - inner
    angle = np.linspace(0.0, 360.0, round(2 * np.pi * middle / STEP_UM), endpoint=False)

    def along(radii: Floats) -> Floats:
        a, r = np.meshgrid(np.radians(angle), radii)
        return field.sample(*pose.to_scan(-r * np.sin(a), r * np.cos(a)))

    ring = along(np.linspace(middle - length / 5, middle + length / 5, RADII))
    ground = along(inner - length / 2 + np.linspace(-length / 5, length / 5, RADII))
    known = np.isfinite(ground)
    noise = float(np.nanstd(ground - np.nanmedian(ground))) if known.any() else float("nan")
    return _Circle(angle, _mean(ring), _mean(ground), middle, noise)


def _mean(samples: Floats) -> Floats:
    """Return the mean over radii, NaN where fewer than `FEWEST_RADII` of them were measured."""
    known = np.isfinite(samples)
    total = np.where(known, samples, 0.0).sum(axis=0)
    count = known.sum(axis=0)
    return np.where(count >= FEWEST_RADII, total / np.maximum(count, 1), np.nan)


def _between(circle: _Circle, low_deg: float, high_deg: float) -> NDArray[np.intp]:
    """Return the places of the angles from ``low_deg`` to ``high_deg``, in order, round zero."""
    step = float(circle.angle_deg[1])
    first, last = int(np.ceil(low_deg / step)), int(np.floor(high_deg / step))
    return np.arange(first, last + 1) % len(circle.angle_deg)


def _above_floor(circle: _Circle, at: NDArray[np.intp]) -> Floats:
    return np.asarray(circle.ring[at] - np.nanmedian(circle.floor[at]), np.float64)


def _slot(circle: _Circle, slot: int, slots: int, relief_um: float) -> int | None:
    """Return 1 for a tooth, 0 for a gap, None where too little was measured."""
    step = 360.0 / slots
    wall = WIDEST_WALL_SHARE * step
    at = _between(circle, slot * step + wall, (slot + 1) * step - wall)
    if not _seen(circle, at):
        return None
    return int(float(np.nanmean(_above_floor(circle, at))) > STANDS * relief_um)


def _seen(circle: _Circle, at: NDArray[np.intp]) -> bool:
    known = np.isfinite(circle.ring[at])
    return bool(known.mean() >= LEAST_SEEN and np.isfinite(circle.floor[at]).any())


def _tooth(
    circle: _Circle, arc: tuple[float, float], slots: int, relief_um: float, limits: Acceptance
) -> Tooth:
    step = 360.0 / slots
    centre, wall = (arc[0] + arc[1]) / 2, WIDEST_WALL_SHARE * step
    top = _between(circle, arc[0] + wall, arc[1] - wall)
    whole = _between(circle, arc[0] - step / 2, arc[1] + step / 2)
    nothing = Measure(float("nan"), float("nan"))
    if not _seen(circle, top) or not _seen(circle, whole):
        return Tooth(centre, False, nothing, nothing)
    heights = _above_floor(circle, top)
    grain = max(1.0, limits.residual_correlation_um / STEP_UM)
    height = float(np.nanmean(heights))
    spread = circle.noise_um * np.sqrt(grain / max(np.isfinite(heights).sum(), 1))
    height_u = float(np.hypot(np.sqrt(2) * spread, limits.z_scale_uncertainty * height))
    stands = height > STANDS * relief_um
    if not stands:
        return Tooth(centre, False, Measure(height, height_u), nothing)
    share = np.clip(_above_floor(circle, whole) / height, 0.0, 1.0)
    turn = (circle.angle_deg[whole] - centre + 180.0) % 360.0 - 180.0
    away = np.radians(turn) * circle.radius_um
    known = np.isfinite(share)
    # what was not measured is taken as its neighbours on the circle
    share = np.interp(away, away[known], share[known])
    shift = float((share * away).sum() / share.sum())
    noise = circle.noise_um / height * np.sqrt(grain * float((away**2).sum())) / share.sum()
    return Tooth(
        centre,
        True,
        Measure(height, height_u),
        Measure(shift, float(np.hypot(noise, limits.position_uncertainty_um))),
    )


def _findings(report: RingReport, design: ReliefDesign, limits: Acceptance) -> list[Finding]:
    """Return what is wrong with the ring, one finding a kind."""
    found, pairs = [], list(enumerate(zip(report.wanted, report.read, strict=True), 1))
    unseen = [slot for slot, (_, seen) in pairs if seen is None]
    missing = [slot for slot, (want, seen) in pairs if want == 1 and seen == 0]
    extra = [slot for slot, (want, seen) in pairs if want == 0 and seen == 1]
    if not report.fiducial:
        found.append(
            Finding("missing-fiducial", "the ring's start mark at twelve o'clock does not read")
        )
    for code, slots, words in (
        ("not-measured", unseen, "was hardly measured"),
        ("missing-tooth", missing, "lacks its tooth"),
        ("extra-tooth", extra, "holds a tooth where a gap belongs"),
    ):
        if slots:
            some = ", ".join(map(str, slots[:6])) + (" ..." if len(slots) > 6 else "")
            found.append(
                Finding(code, f"ring: {len(slots)} of {len(pairs)} slots, {some}: {words}")
            )
    return found + _out_of_size(report, design, limits)


def _out_of_size(report: RingReport, design: ReliefDesign, limits: Acceptance) -> list[Finding]:
    """Return teeth of wrong height or out of place, the worst of them with its figures."""
    k, standing = limits.coverage_factor, [tooth for tooth in report.teeth if tooth.stands]

    def off(name: str, measure: Measure, nominal: float, limit: float) -> Figure:
        return Figure(name, measure.value - nominal, limit, k * measure.u)

    relief, along = limits.relief_deviation_um, limits.position_deviation_um
    kinds = {
        "tooth-relief": [off("relief", t.height_um, design.relief_um, relief) for t in standing],
        "shifted-tooth": [off("place along the ring", t.shift_um, 0.0, along) for t in standing],
    }
    found = []
    for code, figures in kinds.items():
        bad = [(figure.used, k) for k, figure in enumerate(figures) if figure.used > 1]
        if bad:
            worst = max(bad)[1]
            where = f"worst at {standing[worst].centre_deg:.1f} deg"
            text = f"ring: {len(bad)} of {len(standing)} teeth, {where}: {figures[worst].text}"
            found.append(Finding(code, text))
    return found
