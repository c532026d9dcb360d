"""`inspect`: a height map against its design, from raw heights to a verdict.

In: `ReliefDesign`, `HeightMap` (um). Out: `Inspection`. Authority: see the package's opening.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from engraver.heightmap import HeightMap
from engraver.inspection import expected, form, reading, registration
from engraver.inspection.raster import Grid
from engraver.inspection.registration import Field, Fit, Pose
from engraver.relief import ReliefDesign

Floats = NDArray[np.float64]


class Verdict(StrEnum):
    """A bad mark is a result, not an error."""

    GOOD = "good"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: a stable ``code``, and a sentence with figures."""

    code: str
    text: str
    position: int | None = None


@dataclass(frozen=True, slots=True)
class SymbolReport:
    """What was found in one cell; lengths in um."""

    position: int
    row: int
    column: int
    designed: str
    symbol: str
    probability: float
    runner_up: str
    runner_up_probability: float
    correlation: float
    measured: float
    centre_x_um: float
    centre_y_um: float
    width_um: float
    height_um: float
    relief_um: float


@dataclass(frozen=True, slots=True, eq=False)
class Inspection:
    """The result of looking at one pin.

    ``log_likelihood`` is ``(n, 32)`` by position of the code, the evidence of the read-back;
    ``pose`` lays the tip frame on the scan.
    """

    read_back: str
    designed: str
    verdict: Verdict
    symbols: tuple[SymbolReport, ...]
    findings: tuple[Finding, ...]
    pose: Pose
    relief_um: float
    residual_um: float
    log_likelihood: Floats

    def __post_init__(self) -> None:
        self.log_likelihood.setflags(write=False)


LEAST_QUALITY = 0.5
"""Mean correlation below which nothing like this mark is on the surface."""


def inspect(design: ReliefDesign, height_map: HeightMap, *, kind: str = "plane") -> Inspection:
    """Compare a measured or simulated pin with its design.

    Parameters
    ----------
    kind
        Form to take off: ``plane``, ``sphere`` or ``ellipsoid``.

    Raises
    ------
    ScanError
        If the map holds too little to look at.
    """
    flat, _ = form.remove_form(height_map, kind)
    field = Field(flat, height_map.pitch_xy_um, height_map.origin_xy_um)
    found, seen = _find_and_read(field, design)
    fit = registration.settle(field, expected.surface(design, seen.symbols), found)
    shapes = expected.templates(design)
    seen = reading.read(field, design.layout, shapes, fit.pose)
    findings = tuple(_findings(design, seen, fit))
    return Inspection(
        read_back=seen.symbols,
        designed=design.layout.code.text,
        verdict=Verdict.BAD if findings else Verdict.GOOD,
        symbols=tuple(_symbols(design, seen, fit)),
        findings=findings,
        pose=fit.pose,
        relief_um=fit.relief_um,
        residual_um=fit.residual_um,
        log_likelihood=seen.log_likelihood,
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
    medium = registration.shrink(field, 2.0)
    start = registration.settle(medium, expected.anonymous(design, 2.0), start, scaled=False).pose
    shapes = expected.templates(design)
    best: tuple[Pose, reading.Reading] | None = None
    for pose in _ways(start):
        seen = reading.read(medium, design.layout, shapes, pose)
        if best is None or seen.quality > best[1].quality:
            best = (pose, seen)
    assert best is not None
    return best


def _ways(pose: Pose) -> list[Pose]:
    """Return the four ways a mark with a symmetric outline may lie."""
    mirrored = replace(pose, mirrored=True)
    return [pose, pose.turned(), mirrored, mirrored.turned()]


def _symbols(design: ReliefDesign, seen: reading.Reading, fit: Fit) -> list[SymbolReport]:
    reports = []
    for k, cell in enumerate(design.layout.cells):
        share = np.exp(seen.log_likelihood[k])
        share = share / share.sum()
        first, second = np.argsort(share)[::-1][:2]
        reports.append(
            SymbolReport(
                cell.position,
                cell.row,
                cell.column,
                cell.symbol,
                expected.SYMBOLS[first],
                float(share[first]),
                expected.SYMBOLS[second],
                float(share[second]),
                float(seen.correlation[k, first]),
                float(seen.measured[k]),
                cell.centre_x_um,
                cell.centre_y_um,
                design.layout.cell_width_um,
                design.layout.cell_height_um,
                fit.relief_um,
            )
        )
    return reports


def _findings(design: ReliefDesign, seen: reading.Reading, fit: Fit) -> list[Finding]:
    if seen.quality < LEAST_QUALITY:
        return [
            Finding(
                "no-mark",
                f"no mark like this one is on the surface (mean correlation {seen.quality:.2f})",
            )
        ]
    findings = []
    if fit.pose.mirrored:
        findings.append(Finding("unmirrored", "the mark is not mirrored: it would print reversed"))
    for cell, symbol in zip(design.layout.cells, seen.symbols, strict=True):
        if cell.symbol != symbol:
            findings.append(
                Finding(
                    "wrong-symbol",
                    f"position {cell.position + 1} reads {symbol}, {cell.symbol} was designed",
                    cell.position,
                )
            )
    return findings
