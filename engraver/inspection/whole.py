"""What can only be seen on the mark as a whole: burned twice, off centre, on a slope.

In: heights above the face, the pose, the expected surface (um). Out: figures and findings.
Authority: least squares for two shifted copies, the method of Kasa for the rim's circle.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from engraver.acceptance import Acceptance
from engraver.inspection import drawing
from engraver.inspection.expected import Expected
from engraver.inspection.registration import MOST_POINTS, Field, Pose, shrink, solved
from engraver.inspection.result import Finding, Measure
from engraver.inspection.texture import FLOOR_CLEAR, on_floor
from engraver.relief import ReliefDesign

Floats = NDArray[np.float64]
DOUBLE_REACH_UM = 40.0
DOUBLE_LEAST_UM = 3.0  # nearer copies look like one thick mark
DOUBLE_SHARE = 0.2  # the fainter copy's share of both
DOUBLE_GAIN = 0.2  # of the residual a second copy has to explain; sound pins stay below 0.01
RIM_PIXEL_UM = 4.0
RIM_RADIUS_SHARE = 0.03
RIM_SEEN = 0.6  # share of the circle that must be in the scan


def doubled(field: Field, ideal: Expected, pose: Pose) -> Finding | None:
    """Tell whether two shifted copies explain the heights much better than one.

    With M the measured and E the expected lowering, two models are solved by least squares for
    all shifts at once, the sums being correlations: ``b1 E(x) + b2 E(x - d)``, for a pose that
    has settled on one copy, and ``b (E(x - d / 2) + E(x + d / 2))``, for one between both.
    """
    # a little more ground, to a size whose transform is quick
    grid = ideal.grid
    rows, columns = (fft.next_fast_len(n, real=True) for n in ideal.removed.shape)
    grid = replace(grid, rows=rows, columns=columns)
    e = np.pad(ideal.removed, ((0, rows - ideal.grid.rows), (0, columns - ideal.grid.columns)))
    e -= e.mean()
    measured = -field.sample(*pose.to_scan(*np.meshgrid(grid.x_um, grid.y_um)))
    known = np.isfinite(measured)
    if known.mean() < 0.5:
        return None
    level, share = np.polynomial.polynomial.polyfit(e[known], measured[known], 1)
    # unknown points are taken to be as one copy would have them
    m = np.where(known, measured - level, share * e)
    cross, own = _correlate(m, e), _correlate(e, e)
    lag = np.hypot(_lags(columns)[None, :], _lags(rows)[:, None]) * grid.pitch_um
    total = float((m**2).sum())
    left = total - cross[0, 0] ** 2 / own[0, 0]
    unequal = total - _explained_by_one_and_another(cross, own)
    equal = total - _explained_by_two_halves(cross, own)
    best = left
    apart = 0.0
    for residual, distance in ((unequal, lag), (equal, 2 * lag)):
        allowed = (distance >= DOUBLE_LEAST_UM) & (distance <= DOUBLE_REACH_UM)
        tried = np.where(allowed & np.isfinite(residual), residual, np.inf)
        at = np.unravel_index(int(np.argmin(tried)), tried.shape)
        if tried[at] < best:
            best, apart = float(tried[at]), float(distance[at])
    if not best < (1 - DOUBLE_GAIN) * left:
        return None
    return Finding(
        "doubled",
        f"the mark was burned twice, the second time {apart:.1f} um away "
        f"(two copies explain {1 - best / left:.0%} of what one leaves over)",
    )


def _explained_by_one_and_another(cross: Floats, own: Floats) -> Floats:
    """Return what ``b1 E(x) + b2 E(x - d)`` explains at each d; 0 where one share is small."""
    see, sme = own[0, 0], cross[0, 0]
    with np.errstate(invalid="ignore", divide="ignore"):
        b2 = (see * cross - own * sme) / (see**2 - own**2)
        b1 = (see * sme - own * cross) / (see**2 - own**2)
        share = np.minimum(b1, b2) / (b1 + b2)
        return np.where(share >= DOUBLE_SHARE, b1 * sme + b2 * cross, 0.0)


def _explained_by_two_halves(cross: Floats, own: Floats) -> Floats:
    """Return what ``b (E(x - h) + E(x + h))`` explains at each h."""
    rows, columns = own.shape
    j, i = np.arange(rows), np.arange(columns)
    opposite = cross[np.ix_(-j % rows, -i % columns)]
    twice = own[np.ix_(2 * j % rows, 2 * i % columns)]
    explained: Floats = (cross + opposite) ** 2 / (2 * (own[0, 0] + twice))
    return explained


def _correlate(a: Floats, b: Floats) -> Floats:
    """Return sum a(x) b(x - d) for all lags d, wrapped round."""
    spectrum = fft.rfft2(a) * np.conj(fft.rfft2(b))
    return np.asarray(fft.irfft2(spectrum, a.shape), np.float64)


def _lags(size: int) -> Floats:
    lag = np.arange(size, dtype=np.float64)
    return np.where(lag > size / 2, lag - size, lag)


def rim_centre(field: Field, diameter_um: float) -> tuple[Measure, Measure] | None:
    """Return the tip's centre in the scan's frame, None where the rim is not to be seen."""
    small = shrink(field, RIM_PIXEL_UM)
    seen = np.isfinite(small.z_um)
    whole = ndimage.binary_fill_holes(ndimage.binary_closing(np.pad(seen, 2), iterations=2))
    whole = np.asarray(whole, bool)[2:-2, 2:-2]
    inner = whole & ~ndimage.binary_erosion(whole, border_value=1)
    row, column = np.nonzero(inner)
    if len(row) < 50:
        return None
    x: Floats = small.origin_xy_um[0] + small.pitch_xy_um[0] * column.astype(np.float64)
    y: Floats = small.origin_xy_um[1] + small.pitch_xy_um[1] * row.astype(np.float64)
    keep = np.ones(len(x), bool)
    for _ in range(4):
        cx, cy, radius = _circle(x[keep], y[keep])
        off = np.hypot(x - cx, y - cy) - radius
        keep = np.abs(off) < 2 * RIM_PIXEL_UM
        if keep.sum() < 50:
            return None
    # the innermost ring of pixels lies half a pixel inside the edge
    if abs(radius + RIM_PIXEL_UM / 2 - diameter_um / 2) > RIM_RADIUS_SHARE * diameter_um / 2:
        return None
    angles = np.floor((np.arctan2(y[keep] - cy, x[keep] - cx) + np.pi) * 36 / np.pi)
    if len(np.unique(angles)) < RIM_SEEN * 72:
        return None
    u = float(off[keep].std() * np.sqrt(2 / keep.sum()) + 0.1 * RIM_PIXEL_UM)
    return Measure(cx, u), Measure(cy, u)


def _circle(x: Floats, y: Floats) -> tuple[float, float, float]:
    """Return centre and radius of the circle of least squares (Kasa)."""
    table = np.stack([x, y, np.ones_like(x)], axis=1)
    a, b, c = np.linalg.lstsq(table, x**2 + y**2, rcond=None)[0]
    return float(a / 2), float(b / 2), float(np.sqrt(max(c + (a**2 + b**2) / 4, 0.0)))


def offset_from_centre(field: Field, pose: Pose, diameter_um: float) -> Measure | None:
    """Return how far the mark's centre is from the tip's, None where the rim is not seen."""
    centre = rim_centre(field, diameter_um)
    if centre is None:
        return None
    x, y = pose.to_scan(np.zeros(1), np.zeros(1))
    away = float(np.hypot(float(x[0]) - centre[0].value, float(y[0]) - centre[1].value))
    return Measure(away, centre[0].u)


def relief_slope(
    field: Field, design: ReliefDesign, ideal: Expected, pose: Pose, limits: Acceptance
) -> Measure:
    """Return how much the relief changes over the mark, from first cell to last in x and in y.

    Two planes, one through all floors and one through all tops, each free to lean: the relief
    is what lies between them. An error of the instrument's z scale changes it in proportion.
    """
    grid = ideal.grid
    inside = drawing.empty_field(design.whole, drawing.cut_of(design), grid) > 1 - FLOOR_CLEAR
    top = inside & (ideal.removed < FLOOR_CLEAR)
    row, column = np.nonzero(top | (inside & on_floor(ideal.removed)))
    every = len(row) // MOST_POINTS + 1
    row, column = row[::every], column[::every]
    x, y, raised = grid.x_um[column], grid.y_um[row], top[row, column]
    z = field.sample(*pose.to_scan(x, y))
    known = np.isfinite(z)
    if (known & raised).sum() < 50 or (known & ~raised).sum() < 50:
        return Measure(0.0, 0.0)
    x, y, raised = x[known], y[known], raised[known]
    one = np.ones_like(x)
    table = np.stack([one, x, y, raised * one, raised * x, raised * y], axis=1)
    found, inverse = solved(table, z[known])
    spread = float((z[known] - table @ found).std())
    grain = max(1.0, limits.residual_correlation_um**2 / (grid.pitch_um**2 * every))
    reach = np.array(
        [
            np.ptp([cell.centre_x_um for cell in design.layout.cells]),
            np.ptp([cell.centre_y_um for cell in design.layout.cells]),
        ]
    )
    slope = float(np.abs(found[4:6]) @ reach)
    noise = spread * float(np.sqrt(grain * np.diag(inverse)[4:6] @ reach**2))
    return Measure(slope, float(np.hypot(noise, limits.z_scale_uncertainty * slope)))
