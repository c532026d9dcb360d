"""How rough the floor is, how the walls lean, what stands on the rims.

In: heights above the face and the expected surface (um). Out: images and `Measure`s.
Authority: ISO 25178-2 for Sa and Sq of the S-L surface, ISO 25178-3 for its nesting indices,
ISO 16610-61 for the Gaussian filters (`engraver.inspection.form.gaussian`).
"""

from __future__ import annotations

from math import atan2, degrees, sqrt

import numpy as np
from numpy.typing import NDArray

from engraver.acceptance import Acceptance
from engraver.inspection.expected import Expected
from engraver.inspection.form import gaussian
from engraver.inspection.registration import Field, Pose, slopes
from engraver.inspection.result import Measure

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
FLOOR_CLEAR = 0.002
"""Removed shares that near 1 are clear of any wall; contours may leave a little more than 1."""
POINTS_PER_S = 3.0
"""Points that the shortest wavelength must span at least (ISO 25178-3, Table 1: 3:1 for optical
instruments): a coarser scan has a larger S-filter."""


def s_filter_um(field: Field, limits: Acceptance) -> float:
    """Return the nesting index of the S-filter: the profile's, or what the scan's grid allows."""
    return max(limits.s_filter_um, POINTS_PER_S * max(field.pitch_xy_um))


def on_floor(removed: Floats) -> Bools:
    """Return where the ground is floor, clear of any wall."""
    flat: Bools = np.abs(removed - 1.0) < FLOOR_CLEAR
    return flat


def floor_surface(field: Field, ideal: Expected, pose: Pose, limits: Acceptance) -> Floats:
    """Return the S-L surface of the floor on the grid of ``ideal``, NaN elsewhere.

    The S-filter is applied in the frame of the scan, before anything is resampled; the L-filter
    to the floor alone, walls and tops carrying no weight.
    """
    near = _round_the_mark(field, ideal, pose)
    short = s_filter_um(field, limits)
    smooth = Field(
        gaussian(near.z_um, near.pitch_xy_um, short), near.pitch_xy_um, near.origin_xy_um
    )
    x, y = np.meshgrid(ideal.grid.x_um, ideal.grid.y_um)
    z = np.where(on_floor(ideal.removed), smooth.sample(*pose.to_scan(x, y)), np.nan)
    if limits.l_filter_um <= 0:
        return z
    step = ideal.grid.pitch_um
    return np.asarray(z - gaussian(z, (step, step), limits.l_filter_um), np.float64)


def _round_the_mark(field: Field, ideal: Expected, pose: Pose) -> Field:
    """Return the part of a scan that holds the mark."""
    grid = ideal.grid
    x, y = pose.to_scan(grid.x_um[[0, 0, -1, -1]], grid.y_um[[0, -1, 0, -1]])
    spans = []
    for place, axis in ((y, 1), (x, 0)):
        cells = (place - field.origin_xy_um[axis]) / field.pitch_xy_um[axis]
        first, last = int(cells.min()) - 8, int(cells.max()) + 9
        size = field.z_um.shape[1 - axis]
        spans.append(slice(min(max(first, 0), size - 1), max(min(last, size), 1)))
    rows, columns = spans
    origin = (
        field.origin_xy_um[0] + columns.start * field.pitch_xy_um[0],
        field.origin_xy_um[1] + rows.start * field.pitch_xy_um[1],
    )
    return Field(field.z_um[rows, columns], field.pitch_xy_um, origin)


def sa_sq(rough: Floats, step_um: float, limits: Acceptance) -> tuple[Measure, Measure]:
    """Return Sa and Sq of the points of an S-L surface, with what their number leaves unsure."""
    known = rough[np.isfinite(rough)]
    if known.size <= 50:
        return Measure(np.nan, np.nan), Measure(np.nan, np.nan)
    known = known - known.mean()
    relative = limits.residual_correlation_um / step_um / sqrt(2 * known.size)
    sa, sq = float(np.abs(known).mean()), float(known.std())
    return Measure(sa, sa * relative), Measure(sq, sq * relative)


def draft(z: Floats, removed: Floats, step_um: float) -> Measure:
    """Return the walls' angle from the vertical, degrees: median slope at half height."""
    slope_v, slope_u = slopes(z, step_um)
    wall = (removed > 0.35) & (removed < 0.65)
    slope = np.hypot(slope_u, slope_v)[wall]
    slope = slope[np.isfinite(slope)]
    if slope.size < 20:
        return Measure(np.nan, np.nan)
    angles = np.degrees(np.arctan2(1.0, slope))
    middle = degrees(atan2(1.0, float(np.median(slope))))
    return Measure(middle, float(angles.std()) / sqrt(slope.size))


def recast(z: Floats, rim: Bools, middle: Bools) -> Measure:
    """Return how far the rims of the tops stand above their middles."""
    known = np.isfinite(z)
    rims, middles = z[known & rim], z[known & middle]
    if rims.size < 20 or middles.size < 20:
        return Measure(np.nan, np.nan)
    collar = float(np.percentile(rims, 90) - np.median(middles))
    noise = float(middles.std())
    # the 90th percentile of a level rim lies 1.28 sigma above its middle
    return Measure(collar - 1.28 * noise, noise / sqrt(min(rims.size, middles.size) / 4))
