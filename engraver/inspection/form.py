"""F-operator, S-filter and L-filter: scan heights -> heights above the unmarked tip.

In: `HeightMap` (um). Out: heights with the form taken off, 0 on the unmarked face. Authority:
ISO 25178-2 and -3 for the operators, ISO 16610-61 for the Gaussian filter (weight
exp(-pi (r / (alpha L))^2), alpha = sqrt(ln 2 / pi)), ISO 16610-31 in spirit for the robust fit.

Theory of operation
-------------------
A marked tip is two surfaces, the face and the field below it, and a plane through both leans
towards whichever side has more field. So slopes are estimated first, by medians that walls
cannot move; then the most frequent height is taken for the level to hold on to and the form
is fitted again and again to the points near it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, pi, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from engraver.errors import ScanError
from engraver.heightmap import HeightMap
from engraver.profiles import Part

Floats = NDArray[np.float64]
ALPHA = sqrt(log(2) / pi)
"""Gaussian of ISO 16610-61: half of a wavelength L passes."""

FEWEST_POINTS = 100
_TERMS = {"plane": 3, "sphere": 4, "ellipsoid": 6}
_SAMPLE = 60_000  # points a fit looks at; its error is then noise / 245


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """A fitted form: ``z = sum c_k b_k(x, y)`` with x, y in the frame of the scan.

    ``sphere`` and ``ellipsoid`` are the paraboloids that osculate them: over a mark of 0.3 mm
    half width on a radius of 1 mm they differ from the true form by r^4 / 8 R^3 = 1 um, which
    the L-filter takes.
    """

    kind: str
    coefficients: Floats
    centre_xy_um: tuple[float, float]
    scale_um: float
    spread_um: float

    @property
    def tilt_rad(self) -> float:
        """Angle between the form's normal in the middle of the scan and z."""
        return float(
            np.arctan(np.hypot(self.coefficients[1], self.coefficients[2]) / self.scale_um)
        )

    def at(self, x_um: Floats, y_um: Floats) -> Floats:
        """Return the form's height; ``x_um`` and ``y_um`` broadcast."""
        u = (x_um - self.centre_xy_um[0]) / self.scale_um
        v = (y_um - self.centre_xy_um[1]) / self.scale_um
        # rows and columns are added before they are spread out: one array of the full size
        total: Floats = np.zeros(1)
        for c, term in zip(self.coefficients.tolist(), _terms(self.kind, u, v), strict=True):
            total = total + c * term
        return np.broadcast_to(total, np.broadcast(u, v).shape)


def _terms(kind: str, u: Floats, v: Floats) -> list[Floats]:
    one = np.ones(1)
    if kind == "plane":
        return [one, u, v]
    if kind == "sphere":
        return [one, u, v, u**2 + v**2]
    return [one, u, v, u**2 + v**2, u**2 - v**2, u * v]


def form_of(part: Part) -> str:
    """Return the form to take off the face of ``part``."""
    if part.radius_x_um == 0 and part.radius_y_um == 0:
        return "plane"
    return "sphere" if part.radius_x_um == part.radius_y_um else "ellipsoid"


def remove_form(height_map: HeightMap, kind: str = "plane") -> tuple[Floats, Form]:
    """Return heights with the form taken off, and the form.

    The highest well-populated level is 0: the unmarked face, or the tops of the characters
    where the scan shows nothing else.

    Raises
    ------
    ScanError
        If fewer than 100 points were measured.
    """
    if kind not in _TERMS:
        raise ScanError(f"form {kind!r} is unknown; use one of {', '.join(_TERMS)}")
    x, y, z = _sample(height_map)
    form = _first_guess(height_map, kind)
    for band in (8.0, 4.0, 3.0, 2.5, 2.5, 2.5):
        residual = z - form.at(x, y)
        level = _top_level(residual)
        near = np.abs(residual - level) < band * max(_spread(residual, level), 1e-3)
        form = _fit(kind, x[near], y[near], z[near], form)
    rows, columns = height_map.z_um.shape
    (dx, dy), (x0, y0) = height_map.pitch_xy_um, height_map.origin_xy_um
    x_um: Floats = x0 + dx * np.arange(columns, dtype=np.float64)
    y_um: Floats = y0 + dy * np.arange(rows, dtype=np.float64)
    flat: Floats = height_map.z_um - form.at(x_um, y_um[:, None])
    return flat, form


def _sample(height_map: HeightMap) -> tuple[Floats, Floats, Floats]:
    """Return up to `_SAMPLE` measured points, evenly spread."""
    measured = np.flatnonzero(np.isfinite(height_map.z_um.ravel()))
    if measured.size < FEWEST_POINTS:
        raise ScanError(
            f"{measured.size} points of the scan were measured, {FEWEST_POINTS} are needed; "
            "measure the pin again"
        )
    chosen = measured[np.linspace(0, measured.size - 1, min(_SAMPLE, measured.size)).astype(int)]
    row, column = np.divmod(chosen, height_map.z_um.shape[1])
    (dx, dy), (x0, y0) = height_map.pitch_xy_um, height_map.origin_xy_um
    return x0 + dx * column, y0 + dy * row, height_map.z_um.ravel()[chosen]


def _first_guess(height_map: HeightMap, kind: str) -> Form:
    """Return a plane of median slopes; curvature is left to the fits."""
    rows, columns = height_map.z_um.shape
    (dx, dy), (x0, y0) = height_map.pitch_xy_um, height_map.origin_xy_um
    centre = (x0 + dx * (columns - 1) / 2, y0 + dy * (rows - 1) / 2)
    scale = max(dx * columns, dy * rows) / 2
    z = height_map.z_um[:: max(1, rows // 400), :: max(1, columns // 400)]
    slopes = []
    for axis, pitch, size in ((1, dx, columns), (0, dy, rows)):
        step = z.shape[axis] // 20 or 1
        length = step * max(1, size // 400) * pitch
        ahead = np.take(z, range(step, z.shape[axis]), axis)
        behind = np.take(z, range(z.shape[axis] - step), axis)
        difference = ahead - behind
        finite = difference[np.isfinite(difference)]
        slopes.append(float(np.median(finite)) / length if finite.size else 0.0)
    level = float(np.nanmedian(z)) if np.isfinite(z).any() else 0.0
    bent = [0.0] * (_TERMS[kind] - 3)
    coefficients = np.array([level, *(slope * scale for slope in slopes), *bent], np.float64)
    return Form(kind, coefficients, centre, scale, 0.0)


def _top_level(residual: Floats) -> float:
    """Return the highest of the levels where heights crowd."""
    low, high = np.percentile(residual, [0.5, 99.5])
    if high - low < 1e-6:
        return float(high)
    counts, edges = np.histogram(residual, bins=200, range=(low, high))
    smooth = ndimage.gaussian_filter1d(counts.astype(float), 2.0)
    crowded = np.flatnonzero(smooth >= 0.3 * smooth.max())
    top = crowded[-1]
    while top > 0 and smooth[top - 1] >= smooth[top]:
        top -= 1
    return float((edges[top] + edges[top + 1]) / 2)


def _spread(residual: Floats, level: float) -> float:
    """Return the width of the crowd above ``level``, a side that no wall widens."""
    above = residual[residual >= level] - level
    return float(np.percentile(above, 50) / 0.6745) if above.size else 0.0


def _fit(kind: str, x: Floats, y: Floats, z: Floats, old: Form) -> Form:
    if len(z) < 10 * _TERMS[kind]:
        return old
    u = (x - old.centre_xy_um[0]) / old.scale_um
    v = (y - old.centre_xy_um[1]) / old.scale_um
    table = np.stack([np.broadcast_to(t, u.shape) for t in _terms(kind, u, v)], axis=1)
    coefficients = np.asarray(np.linalg.lstsq(table, z, rcond=None)[0], np.float64)
    spread = float(np.std(z - table @ coefficients))
    return Form(kind, coefficients, old.centre_xy_um, old.scale_um, spread)


def gaussian(z_um: Floats, pitch_xy_um: tuple[float, float], cutoff_um: float) -> Floats:
    """Return heights through the Gaussian filter of ISO 16610-61; NaN stays NaN.

    The weight function is exp(-pi (r / (alpha L))^2), so its standard deviation is
    alpha L / sqrt(2 pi). Non-measured points carry no weight.
    """
    sigma = [ALPHA * cutoff_um / sqrt(2 * pi) / pitch for pitch in pitch_xy_um[::-1]]
    measured = np.isfinite(z_um)
    weight = ndimage.gaussian_filter(measured.astype(np.float32), sigma, mode="nearest")
    total = ndimage.gaussian_filter(np.where(measured, z_um, 0.0), sigma, mode="nearest")
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(measured, total / weight, np.nan)
