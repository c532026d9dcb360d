"""`inspect`: a height map against its design, from raw heights to a verdict.

In: `ReliefDesign`, `HeightMap` (um), limits. Out: `Inspection`. Authority: see the package's
opening.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from engraver.acceptance import DEFAULT, Acceptance
from engraver.errors import ScanError
from engraver.heightmap import HeightMap
from engraver.inspection import expected, form, gear_ring, reading, registration, verdict, whole
from engraver.inspection.measuring import measure
from engraver.inspection.raster import Grid
from engraver.inspection.registration import Field, Pose
from engraver.inspection.result import Finding, Inspection, Measures, SymbolReport, Verdict
from engraver.layout import Cell
from engraver.relief import ReliefDesign

Floats = NDArray[np.float64]
MEDIUM_UM = 2.0  # pixels on which the mark is read while it is being found


def inspect(
    design: ReliefDesign,
    height_map: HeightMap,
    limits: Acceptance = DEFAULT,
    *,
    form_kind: str = "plane",
) -> Inspection:
    """Compare a measured or simulated pin with its design.

    Parameters
    ----------
    limits
        What the mark must be to pass.
    form_kind
        Form to take off: ``plane``, ``sphere`` or ``ellipsoid``.

    Raises
    ------
    ScanError
        If the map holds too little to look at.
    """
    _refuse_coarse_scan(height_map, design)
    flat, shape = form.remove_form(height_map, form_kind)
    field = Field(flat, height_map.pitch_xy_um, height_map.origin_xy_um)
    start, seen = _find_and_read(field, design)
    fit = registration.settle(field, expected.surface(design, seen.symbols), start)
    seen = reading.read(field, design.layout, expected.templates(design), fit.pose)
    ideal = expected.surface(design, seen.symbols)
    measures = measure(field, design, ideal, fit.pose, limits)
    symbols, findings = _symbols(design, seen, measures, limits)
    relief_um = _mean_relief_um(measures, fit.relief_um)
    slope = whole.relief_slope(field, design, ideal, fit.pose, limits)
    offset = whole.offset_from_centre(field, fit.pose, _tip_diameter_um(design))
    ring = None
    if not verdict.carries_mark(seen.quality, fit.pose.scale):
        findings = [verdict.no_mark(_spread(field), seen.quality, design)]
    else:
        twice = whole.doubled(field, ideal, fit.pose)
        findings = verdict.mark_findings(seen, fit, slope, offset, twice, limits) + findings
        ring, wrong = gear_ring.measure_ring(field, design, fit.pose, relief_um, limits)
        findings += wrong
    return Inspection(
        read_back=seen.symbols,
        designed=design.layout.code.text,
        verdict=Verdict.BAD if findings else Verdict.GOOD,
        grade="F" if findings else max(s.grade for s in symbols),
        symbols=tuple(symbols),
        findings=tuple(findings),
        pose=fit.pose,
        registration_u_um=fit.sigma_xy_um,
        relief_um=relief_um,
        relief_slope_um=slope.value,
        tilt_deg=float(np.degrees(shape.tilt_rad)),
        mark_offset_um=offset,
        residual_um=fit.residual_um,
        log_likelihood=seen.log_likelihood,
        acceptance=f"{limits.name} {limits.version}",
        acceptance_digest=limits.digest,
        ring=ring,
    )


def _mean_relief_um(measures: list[Measures], fitted_um: float) -> float:
    """Return the symbols' mean relief, that of the fit where none could be measured."""
    relief = np.array([m.relief_um.value for m in measures])
    return float(np.nanmean(relief)) if np.isfinite(relief).any() else fitted_um


def _refuse_coarse_scan(height_map: HeightMap, design: ReliefDesign) -> None:
    pitch, least = max(height_map.pitch_xy_um), design.layout.stroke_um / 3
    if pitch > least:
        raise ScanError(
            f"pixels of {pitch:g} um cannot show strokes of {design.layout.stroke_um:g} um, "
            f"{least:.1f} um is the coarsest that can; measure finer, or tell the file's unit"
        )


def deviation(
    height_map: HeightMap, design: ReliefDesign, inspection: Inspection, pitch_um: float = 1.0
) -> tuple[Floats, Grid]:
    """Return measured minus designed heights over the mark, in the frame of the tip."""
    flat, _ = form.remove_form(height_map)
    field = Field(flat, height_map.pitch_xy_um, height_map.origin_xy_um)
    ideal = expected.surface(design, pitch_um=pitch_um)
    x, y = np.meshgrid(ideal.grid.x_um, ideal.grid.y_um)
    measured = field.sample(*inspection.pose.to_scan(x, y))
    return measured + design.relief_um * ideal.removed, ideal.grid


def _find_and_read(field: Field, design: ReliefDesign) -> tuple[Pose, reading.Reading]:
    """Find the mark and settle which way it lies by which way it reads best."""
    coarse = registration.shrink(field, registration.COARSE_UM)
    nameless = expected.anonymous(design, coarse.pitch_xy_um[0])
    start = registration.find(coarse, nameless, design.relief_um)
    medium = registration.shrink(field, MEDIUM_UM)
    nameless = expected.anonymous(design, MEDIUM_UM)
    start = registration.settle(medium, nameless, start, scaled=False).pose
    shapes = expected.templates(design)

    def quality(pose: Pose) -> float:
        return reading.read(medium, design.layout, shapes, pose, moved=False).quality

    pose = max(_ways(start), key=quality)
    return pose, reading.read(medium, design.layout, shapes, pose)


def _ways(pose: Pose) -> list[Pose]:
    """Return the four ways a mark with a symmetric outline may lie."""
    mirrored = replace(pose, mirrored=True)
    return [pose, pose.turned(), mirrored, mirrored.turned()]


def _tip_diameter_um(design: ReliefDesign) -> float:
    x0, _, x1, _ = design.layout.tip.bounds
    return float(x1 - x0)


def _spread(field: Field) -> float:
    """Return the range of heights, outliers aside."""
    low, high = np.nanpercentile(field.z_um, [2, 98])
    return float(high - low)


def _symbols(
    design: ReliefDesign, seen: reading.Reading, measures: list[Measures], limits: Acceptance
) -> tuple[list[SymbolReport], list[Finding]]:
    reports, findings = [], []
    for k, cell in enumerate(design.layout.cells):
        report, found = _symbol(design, seen, k, cell, measures[k], limits)
        reports.append(report)
        findings += found
    return reports, findings


def _symbol(
    design: ReliefDesign,
    seen: reading.Reading,
    k: int,
    cell: Cell,
    measures: Measures,
    limits: Acceptance,
) -> tuple[SymbolReport, list[Finding]]:
    share = np.exp(seen.log_likelihood[k])
    share = share / share.sum()
    second, first = np.argsort(share, kind="stable")[-2:]
    symbol = seen.symbols[k]
    figures = verdict.symbol_figures(measures, design, limits)
    probability, correlation = float(share[first]), float(seen.correlation[k].max())
    grade, reason = verdict.grade(correlation, probability, symbol == cell.symbol, figures)
    report = SymbolReport(
        position=cell.position,
        row=cell.row,
        column=cell.column,
        designed=cell.symbol,
        symbol=symbol,
        probability=probability,
        runner_up=expected.SYMBOLS[second],
        runner_up_probability=float(share[second]),
        correlation=correlation,
        measured=float(seen.measured[k]),
        centre_x_um=cell.centre_x_um,
        centre_y_um=cell.centre_y_um,
        width_um=design.layout.cell_width_um,
        height_um=design.layout.cell_height_um,
        measures=measures,
        grade=grade,
        reason=reason,
    )
    found = verdict.symbol_findings(
        cell, symbol, probability, correlation, report.measured, figures, limits
    )
    return report, found
