"""The unmarked face of a part: outline, height, slope, and where it may be marked.

In: a `Part`. Out: polygons, heights (um, 0 at the apex, negative below) and slopes (degrees)
in the frame ``tip_xy_um``. A curved face is the cap of an ellipsoid with the part's radii of
curvature at its apex; with equal radii a sphere.

    z = -c (1 - sqrt(1 - x^2 / (c Rx) - y^2 / (c Ry))),   c = min(Rx, Ry)
"""

from __future__ import annotations

from math import atan, degrees, radians, sqrt, tan

import numpy as np
from numpy.typing import NDArray
from shapely import affinity
from shapely.geometry import Point, Polygon, box

from engraver.profiles import Part

Floats = NDArray[np.float64]

_SEGMENTS = 64  # to a quarter: the sagitta of a 1.5 mm disc is then below 0.1 um
_OFF_THE_CAP = 1e-9


def is_flat(part: Part) -> bool:
    """Tell whether the face is a plane."""
    return part.radius_x_um == 0 and part.radius_y_um == 0


def outline(part: Part) -> Polygon:
    """Return the face seen along the beam, centred on the origin."""
    width, height = size_um(part)
    if part.shape == "plate":
        return box(-width / 2, -height / 2, width / 2, height / 2)
    return _ellipse(width / 2, height / 2)


def size_um(part: Part) -> tuple[float, float]:
    """Return width and height of the face."""
    return part.tip_diameter_um, part.tip_height_um or part.tip_diameter_um


def usable(part: Part) -> Polygon:
    """Return where the face may be marked: inside its margin and no steeper than its limit.

    Examples
    --------
    >>> round(usable(Part("ball", "spherical", 1800, 0, "steel", 0, 1000, 1000, 30)).bounds[2])
    500
    """
    inner = outline(part).buffer(-part.edge_margin_um, quad_segs=_SEGMENTS)
    if is_flat(part):
        return inner
    rx, ry, c = _radii(part)
    t = tan(radians(part.slope_limit_deg))
    # with X^2 = x^2 / (c Rx), slope <= t is X^2 (c / Rx + t^2) + Y^2 (c / Ry + t^2) <= t^2
    half_width = t * sqrt(c * rx / (c / rx + t * t))
    half_height = t * sqrt(c * ry / (c / ry + t * t))
    return inner.intersection(_ellipse(half_width, half_height))


def height_um(part: Part, xy_um: Floats) -> Floats:
    """Return the height ``(n,)`` of the face at ``(n, 2)`` points; NaN off its cap.

    Examples
    --------
    The sag of a 1 mm ball at 0.5 mm is 134 um.

    >>> ball = Part("ball", "spherical", 1900, 0, "steel", 0, 1000, 1000)
    >>> height_um(ball, np.array([[500.0, 0.0]])).round(1).tolist()
    [-134.0]
    """
    if is_flat(part):
        return np.zeros(len(xy_um))
    *_, c = _radii(part)
    with np.errstate(invalid="ignore"):
        root = np.sqrt(_inside(part, xy_um))
    return np.asarray(-c * (1 - root), dtype=np.float64)


def cosine(part: Part, xy_um: Floats) -> Floats:
    """Return the cosine of the slope ``(n,)``: the share of fluence that a leaning face gets.

    Examples
    --------
    >>> ball = Part("ball", "spherical", 1900, 0, "steel", 0, 1000, 1000)
    >>> cosine(ball, np.array([[500.0, 0.0], [600.0, 0.0], [700.0, 0.0]])).round(2).tolist()
    [0.87, 0.8, 0.71]
    """
    if is_flat(part):
        return np.ones(len(xy_um))
    rx, ry, _ = _radii(part)
    root = np.sqrt(np.maximum(_inside(part, xy_um), _OFF_THE_CAP))
    gradient = np.hypot(xy_um[:, 0] / (rx * root), xy_um[:, 1] / (ry * root))
    return np.asarray(1 / np.hypot(1, gradient), dtype=np.float64)


def slope_deg(part: Part, x_um: float, y_um: float) -> float:
    """Return the slope of the face at one point."""
    share = float(cosine(part, np.array([[x_um, y_um]]))[0])
    return degrees(atan(sqrt(1 / share**2 - 1)))


def sharpest_radius_um(part: Part) -> float:
    """Return the smaller radius of curvature; infinite where the face is flat."""
    return float("inf") if is_flat(part) else _radii(part)[2]


def _radii(part: Part) -> tuple[float, float, float]:
    rx = part.radius_x_um or 1e12
    ry = part.radius_y_um or 1e12
    return rx, ry, min(rx, ry)


def _inside(part: Part, xy_um: Floats) -> Floats:
    """Return the radicand of the cap, negative off it."""
    rx, ry, c = _radii(part)
    return np.asarray(1 - xy_um[:, 0] ** 2 / (c * rx) - xy_um[:, 1] ** 2 / (c * ry))


def _ellipse(half_width: float, half_height: float) -> Polygon:
    disc = Point(0, 0).buffer(1.0, quad_segs=_SEGMENTS)
    return affinity.scale(disc, half_width, half_height, origin=(0, 0))
