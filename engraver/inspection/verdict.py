"""What is wrong with a mark, and how good each symbol is.

In: the reading, the measures and the limits. Out: findings, grades. Authority: ISO 14253-1: a
figure passes where it keeps its limit by its expanded uncertainty U, so that a mark at the
limit is refused; grades are pinmark's own, the worst of three scales:

    grade   correlation with the design   share of a tolerance used   probability of the symbol
    A       0.98                          0.5                         0.9999
    B       0.95                          0.75                        0.999
    C       0.90                          1                           0.99
    D       0.80                          1.25                        0.9
    F       less                          more                        less
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engraver.acceptance import Acceptance
from engraver.inspection.reading import Reading
from engraver.inspection.registration import Fit
from engraver.inspection.result import Finding, Measure, Measures
from engraver.layout import Cell
from engraver.relief import ReliefDesign

GRADES = "ABCDF"
_CORRELATION = (0.98, 0.95, 0.90, 0.80)
_USED = (0.5, 0.75, 1.0, 1.25)
_PROBABILITY = (0.9999, 0.999, 0.99, 0.9)
LEAST_QUALITY = 0.6
"""Mean correlation below which nothing like this mark is on the surface: 32 templates at 25
shifts reach about 0.3 on pure noise of the grain of a stroke."""
SURE_QUALITY = 0.8
MARK_REACH_UM = 200.0
"""Lever on which an error of place becomes one of rotation: half the smallest layout."""
LARGEST_MISFIT = 0.02
"""Between `LEAST_QUALITY` and `SURE_QUALITY` a mark has at least to be of its size: ridges of
other surfaces correlate with upright strokes once the fit has stretched the design to them."""
BLANK_SHARE = 0.15
"""A surface whose heights spread by less than this share of the relief carries nothing."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One judged figure: a deviation against its limit, with its expanded uncertainty."""

    name: str
    deviation: float
    limit: float
    expanded: float
    unit: str = "um"

    @property
    def used(self) -> float:
        """Share of the tolerance that deviation and uncertainty use up; 1 and less passes."""
        return (abs(self.deviation) + self.expanded) / self.limit

    @property
    def text(self) -> str:
        """The figure as a sentence's part."""
        return (
            f"{self.name} {self.deviation:+.2f} {self.unit} off, U {self.expanded:.2f}, "
            f"limit {self.limit:g} {self.unit}"
        )


def symbol_figures(measures: Measures, design: ReliefDesign, limits: Acceptance) -> list[Figure]:
    """Return all figures of one symbol that have a limit."""
    layout, k = design.layout, limits.coverage_factor

    def off(name: str, measure: Measure, nominal: float, limit: float) -> Figure:
        return Figure(name, measure.value - nominal, limit, k * measure.u)

    figures = [
        off("relief", measures.relief_um, design.relief_um, limits.relief_deviation_um),
        off("position", measures.shift_um, 0.0, limits.position_deviation_um),
        off("width", measures.width_um, layout.cell_width_um, limits.size_deviation_um),
        off("height", measures.height_um, layout.cell_height_um, limits.size_deviation_um),
        off("stroke", measures.stroke_um, layout.stroke_um, limits.stroke_deviation_um),
        off("floor Sq", measures.floor_sq_um, 0.0, limits.floor_sq_um),
        off("recast", measures.recast_um, 0.0, limits.recast_um),
    ]
    return [f for f in figures if np.isfinite(f.deviation) and np.isfinite(f.expanded)]


def grade(
    correlation: float, probability: float, right: bool, figures: list[Figure]
) -> tuple[str, str]:
    """Return a symbol's grade and what kept it from an A."""
    if not right:
        return "F", "another symbol was designed here"
    used = max(figures, key=lambda f: f.used, default=None)
    reasons = [
        (_step(-correlation, [-v for v in _CORRELATION]), f"correlation {correlation:.3f}"),
        (_step(-probability, [-v for v in _PROBABILITY]), f"probability {probability:.4f}"),
    ]
    if used is None:
        reasons.append((4, "nothing could be measured"))
    else:
        reasons.append((_step(used.used, list(_USED)), used.text))
    worst, reason = max(reasons, key=lambda r: r[0])
    return GRADES[worst], reason if worst else ""


def _step(value: float, limits: list[float]) -> int:
    return sum(value > limit for limit in limits)


def carries_mark(quality: float, scale: float) -> bool:
    """Tell whether a mark of the layout is there at all, good or bad."""
    return quality >= SURE_QUALITY or (
        quality >= LEAST_QUALITY and abs(scale - 1) <= LARGEST_MISFIT
    )


def no_mark(spread_um: float, quality: float, design: ReliefDesign) -> Finding:
    """Return what to say of a surface that does not carry this mark."""
    if spread_um < BLANK_SHARE * design.relief_um:
        return Finding(
            "blank",
            f"the surface carries no mark: its heights spread by {spread_um:.1f} um where "
            f"{design.relief_um:g} um of relief were designed",
        )
    return Finding(
        "no-mark",
        f"no mark of this layout is on the surface (mean correlation {quality:.2f}, "
        f"{SURE_QUALITY:g} is a sure mark's): another part, or the back of the pin",
    )


def mark_findings(
    seen: Reading,
    fit: Fit,
    slope: Measure,
    offset: Measure | None,
    doubled: Finding | None,
    limits: Acceptance,
) -> list[Finding]:
    """Return what is wrong with the mark as a whole."""
    found, k = [], limits.coverage_factor
    if fit.pose.mirrored:
        found.append(
            Finding("unmirrored", "the mark is not mirrored on the pin: it would print reversed")
        )
    turn = abs(np.degrees(fit.pose.rotation_rad))
    place_u = float(np.hypot(fit.sigma_xy_um, limits.position_uncertainty_um))
    turn_u = k * float(np.degrees(place_u / MARK_REACH_UM))
    if limits.rotation_deg < 180 and turn + turn_u > limits.rotation_deg:
        name = "upside-down" if turn > 180 - limits.rotation_deg else "rotated"
        found.append(
            Finding(
                name,
                f"the mark is turned by {turn:.2f} deg, U {turn_u:.2f}, "
                f"limit {limits.rotation_deg:g} deg",
            )
        )
    if offset is not None:
        figure = Figure("mark", offset.value, limits.mark_offset_um, k * offset.u)
        if figure.used > 1:
            found.append(Finding("shifted", f"{figure.text} from the tip's centre"))
    # a hundredth of the mark is a few um: the fit's own error is small beside the instrument's
    scale_u = k * limits.lateral_scale_uncertainty
    if abs(fit.pose.scale - 1) + scale_u > limits.scale_deviation:
        found.append(
            Finding(
                "scale",
                f"the mark is {fit.pose.scale:.4f} of its size, U {scale_u:.4f}, "
                f"limit {limits.scale_deviation:g} off",
            )
        )
    lean = Figure("the relief", slope.value, limits.relief_slope_um, k * slope.u)
    if lean.used > 1:
        found.append(
            Finding(
                "tilted",
                f"the relief changes by {slope.value:.2f} um over the mark, U {lean.expanded:.2f}, "
                f"limit {limits.relief_slope_um:g} um",
            )
        )
    return found + ([doubled] if doubled else [])


_CODES = {
    "position": "shifted-symbol",
    "width": "width",
    "height": "height",
    "stroke": "stroke",
    "floor Sq": "rough-floor",
    "recast": "recast",
}


def symbol_findings(
    cell: Cell,
    symbol: str,
    probability: float,
    correlation: float,
    measured: float,
    figures: list[Figure],
    limits: Acceptance,
) -> list[Finding]:
    """Return what is wrong with one symbol."""
    where = f"position {cell.position + 1} ({cell.symbol})"
    if measured < limits.least_measured:
        return [
            Finding(
                "not-measured",
                f"{where}: {measured:.0%} of the points were measured, "
                f"{limits.least_measured:.0%} are needed",
                cell.position,
            )
        ]
    if correlation < 0.6 * limits.least_correlation:
        return [
            Finding(
                "missing-symbol",
                f"{where} is missing: nothing there looks like a symbol "
                f"(correlation {correlation:.2f})",
                cell.position,
            )
        ]
    if symbol != cell.symbol:
        return [Finding("wrong-symbol", f"{where} reads {symbol}", cell.position)]
    found = []
    if probability < limits.least_probability or correlation < limits.least_correlation:
        found.append(
            Finding(
                "illegible",
                f"{where} reads with probability {probability:.3f} and correlation "
                f"{correlation:.2f}, {limits.least_probability:g} and "
                f"{limits.least_correlation:g} are needed",
                cell.position,
            )
        )
    for figure in figures:
        if figure.used > 1:
            code = _CODES.get(figure.name) or ("shallow" if figure.deviation < 0 else "over-deep")
            found.append(Finding(code, f"{where}: {figure.text}", cell.position))
    return found
