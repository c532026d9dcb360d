"""One blow: the relief of a pin -> the height map of the case it leaves.

In: the pin's removed share or heights, conditions, firearm, shot (um). Out: `HeightMap` of the
primer, as a person looks at the case: the text reads the right way round, characters are pits.
Authority: a model, see `engraver.impressions.conditions`.

Theory of operation
-------------------
The pin's tops go in first and the primer's metal rises into the field between them as far as
the local contact c(x) drives it:

    c(x) = clip(pressure + tilt . x / R - (|x - offset| / contact radius)^2 / 2, 0, 1)

so a firearm that strikes askew loses the same side every time. The imprint is the pin's relief
times transfer, contact and wear, rounded by the flow of metal and smeared along the drag. A
second blow lays a weaker copy over it, sealant hides patches, and the primer's own grain comes
on top. On request the whole lies in the dent that the tip leaves.
"""

from __future__ import annotations

from math import exp, hypot, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from engraver.heightmap import HeightMap
from engraver.impressions.conditions import Conditions, Firearm, Shot

Floats = NDArray[np.float64]
SEALANT_GRAIN_UM = 35.0
WEAR_ROUNDING_UM = 3.0  # how far edges have rounded when the relief has fallen to 1 / e
DENT_DEPTH_UM = 250.0
DENT_RADIUS_UM = 1100.0
"""A usual dent: about 0.25 mm deep, of a tip of about 1.1 mm radius [general knowledge]."""


def strike(
    pin: HeightMap, conditions: Conditions, firearm: Firearm, shot: Shot, *, dent: bool = False
) -> HeightMap:
    """Return the case that one shot leaves.

    Parameters
    ----------
    pin
        Heights of the pin's face, 0 on the tops, seen as a person looks at the pin; points that
        were not measured count as face.
    dent
        Whether to put the imprint at the bottom of the dent of the tip.
    """
    z = np.where(np.isfinite(pin.z_um), pin.z_um, 0.0)[:, ::-1]
    (px, py), (x0, y0) = pin.pitch_xy_um, pin.origin_xy_um
    columns = z.shape[1]
    x = -(x0 + px * (columns - 1)) + px * np.arange(columns)
    y = y0 + py * np.arange(z.shape[0])
    grid_x, grid_y = np.meshgrid(x, y)
    rng = np.random.default_rng(shot.seed)
    imprint = _imprint(z, grid_x, grid_y, (px, py), conditions, firearm, shot)
    if shot.second_share > 0:
        second = ndimage.shift(
            imprint, (shot.second_y_um / py, shot.second_x_um / px), order=1, mode="nearest"
        )
        imprint = (1 - shot.second_share) * imprint + shot.second_share * second
    imprint = _sealed(imprint, shot.sealant, (px, py), rng)
    rough = _grain(imprint.shape, conditions.grain_um, (px, py), rng)
    case = imprint + conditions.roughness_um * rough
    if dent:
        case = case + _dent(grid_x, grid_y)
    return HeightMap(case, (px, py), (float(x[0]), float(y[0])))


def _imprint(
    z: Floats,
    x: Floats,
    y: Floats,
    pitch: tuple[float, float],
    conditions: Conditions,
    firearm: Firearm,
    shot: Shot,
) -> Floats:
    """Return what the pin's relief leaves: ground of the pin stands proud on the case."""
    worn = exp(-shot.rounds_before / conditions.wear_rounds)
    rounding = WEAR_ROUNDING_UM * sqrt(max(0.0, 1 - worn))
    blur = hypot(conditions.flow_um, rounding)
    taken = ndimage.gaussian_filter(-z, (blur / pitch[1], blur / pitch[0]), mode="nearest")
    taken = _dragged(taken, shot, pitch)
    contact = _contact(x, y, conditions, firearm, shot)
    return np.asarray(conditions.transfer * worn * contact * taken, np.float64)


def _contact(x: Floats, y: Floats, conditions: Conditions, firearm: Firearm, shot: Shot) -> Floats:
    # a firearm sees the pin's face, not its image: x is mirrored here as it was on the pin
    away = np.hypot(-x - firearm.offset_x_um, y - firearm.offset_y_um) / conditions.contact_um
    lean = (-x * firearm.tilt_x + y * firearm.tilt_y) / conditions.contact_um
    return np.clip(shot.pressure + lean - away**2 / 2, 0.0, 1.0)


def _dragged(image: Floats, shot: Shot, pitch: tuple[float, float]) -> Floats:
    """Smear along the drag: the mean of copies along it."""
    length = hypot(shot.drag_x_um, shot.drag_y_um)
    steps = int(length / min(pitch)) + 1
    if steps == 1:
        return image
    total = np.zeros_like(image)
    for share in np.linspace(0.0, 1.0, steps):
        move = (share * shot.drag_y_um / pitch[1], share * shot.drag_x_um / pitch[0])
        total += ndimage.shift(image, move, order=1, mode="nearest")
    return total / steps


def _grain(
    shape: tuple[int, ...], grain_um: float, pitch: tuple[float, float], rng: np.random.Generator
) -> Floats:
    """Return noise of standard deviation 1 with a grain."""
    noise = rng.standard_normal(shape)
    sigma = (grain_um / 2 / pitch[1], grain_um / 2 / pitch[0])
    smooth = ndimage.gaussian_filter(noise, sigma, mode="wrap")
    return np.asarray(smooth / smooth.std(), np.float64)


def _sealed(
    imprint: Floats, share: float, pitch: tuple[float, float], rng: np.random.Generator
) -> Floats:
    """Hide patches: under sealant the imprint shows a fifth of its height."""
    if share <= 0:
        return imprint
    field = _grain(imprint.shape, SEALANT_GRAIN_UM, pitch, rng)
    hidden = field > np.quantile(field, 1 - share)
    level = float(np.mean(imprint))
    return np.where(hidden, level + 0.2 * (imprint - level), imprint)


def _dent(x: Floats, y: Floats) -> Floats:
    r2 = np.minimum(x**2 + y**2, (0.95 * DENT_RADIUS_UM) ** 2)
    return np.minimum(0.0, DENT_RADIUS_UM - DENT_DEPTH_UM - np.sqrt(DENT_RADIUS_UM**2 - r2))
