"""Where the mark lies in a scan: rotation unknown, offset, scale, all to a fraction of a pixel.

In: heights above the face (um) and a design. Out: `Pose`, tip frame -> scan frame. Authority:
exhaustive rotation with FFT correlation to find the mark, inverse-compositional Gauss-Newton
(Baker and Matthews, Int. J. Computer Vision 56, 221, 2004) to settle it.

Theory of operation
-------------------
Plain phase correlation fails under rotation, so every angle in steps of 3 degrees is tried on
an image of 8 um pixels, with a design whose symbols are the mean of all 32: the mark is found
whatever its code. What remains ambiguous (half a turn, a mirror) is for the reader to settle.
The fit then runs on the points where the design has walls: flat ground knows no position.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from math import cos, hypot, pi, radians, sin

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from engraver.inspection.expected import Expected

Floats = NDArray[np.float64]
COARSE_UM = 8.0
COARSE_STEP_RAD = radians(3.0)
FINE_STEP_RAD = radians(0.75)
STEPS = 12
MOST_POINTS = 40_000  # to settle on; 0.1 um of noise then leaves 0.001 um of a pose
_WALL = 0.02  # a point counts as wall where the removed share changes by 2 % a um


@dataclass(frozen=True, slots=True)
class Pose:
    """Tip frame -> scan frame: ``scan = shift + scale * R(rotation) * mirror * tip``, um."""

    rotation_rad: float = 0.0
    shift_x_um: float = 0.0
    shift_y_um: float = 0.0
    scale: float = 1.0
    mirrored: bool = False
    score: float = 0.0

    def to_scan(self, x_um: Floats, y_um: Floats) -> tuple[Floats, Floats]:
        """Map tip positions to the scan."""
        x = -x_um if self.mirrored else x_um
        c, s = self.scale * cos(self.rotation_rad), self.scale * sin(self.rotation_rad)
        return self.shift_x_um + c * x - s * y_um, self.shift_y_um + s * x + c * y_um

    def turned(self) -> Pose:
        """Return the pose of a mark lying the other way up."""
        return replace(self, rotation_rad=_wrapped(self.rotation_rad + pi))


def _wrapped(angle: float) -> float:
    return (angle + pi) % (2 * pi) - pi


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """Heights above the face on a regular grid, ready to be sampled anywhere."""

    z_um: Floats
    pitch_xy_um: tuple[float, float]
    origin_xy_um: tuple[float, float]

    def sample(self, x_um: Floats, y_um: Floats) -> Floats:
        """Return heights at scan positions, bilinearly; NaN off the map or near missing points."""
        column = (x_um - self.origin_xy_um[0]) / self.pitch_xy_um[0]
        row = (y_um - self.origin_xy_um[1]) / self.pitch_xy_um[1]
        sampled: Floats = ndimage.map_coordinates(
            self.z_um, [row, column], order=1, mode="constant", cval=np.nan
        )
        return sampled


def shrink(field: Field, pitch_um: float) -> Field:
    """Return block means over squares of about ``pitch_um``; NaN where less than a third lives."""
    step = [max(1, round(pitch_um / p)) for p in field.pitch_xy_um]
    rows, columns = (n // s for n, s in zip(field.z_um.shape, step[::-1], strict=True))
    if min(rows, columns) < 1 or max(step) == 1:
        return field
    blocks = field.z_um[: rows * step[1], : columns * step[0]]
    blocks = blocks.reshape(rows, step[1], columns, step[0])
    measured = np.isfinite(blocks)
    count = measured.sum(axis=(1, 3))
    total = np.where(measured, blocks, 0.0).sum(axis=(1, 3))
    with np.errstate(invalid="ignore", divide="ignore"):
        z = np.where(3 * count >= step[0] * step[1], total / count, np.nan)
    pitch = (field.pitch_xy_um[0] * step[0], field.pitch_xy_um[1] * step[1])
    origin = (
        field.origin_xy_um[0] + (step[0] - 1) / 2 * field.pitch_xy_um[0],
        field.origin_xy_um[1] + (step[1] - 1) / 2 * field.pitch_xy_um[1],
    )
    return Field(z, pitch, origin)


def find(field: Field, design: Expected, relief_um: float) -> Pose:
    """Find the mark, its half turn and mirror left open.

    Parameters
    ----------
    field
        Heights above the face, already shrunk to pixels of about `COARSE_UM`.
    design
        The anonymous design at the same pitch.
    """
    lowered = np.clip(-field.z_um / relief_um, 0.0, 1.5)
    lowered = np.where(np.isfinite(lowered), lowered, 0.0)
    reach = int(np.ceil(hypot(*design.removed.shape)))
    size = [fft.next_fast_len(n + reach, real=True) for n in lowered.shape]
    spectrum = fft.rfft2(lowered, size)
    best = Pose(score=-np.inf)
    for angle in np.arange(0.0, pi, COARSE_STEP_RAD):
        best = max(best, _correlate(field, spectrum, size, design, angle), key=lambda p: p.score)
    middle = best.rotation_rad
    for step in np.arange(-3, 4):
        trial = _correlate(field, spectrum, size, design, middle + step * FINE_STEP_RAD)
        best = max(best, trial, key=lambda p: p.score)
    return replace(best, rotation_rad=_wrapped(best.rotation_rad))


def _correlate(
    field: Field, spectrum: NDArray[np.complex128], size: list[int], design: Expected, angle: float
) -> Pose:
    """Return the best shift of the design turned by ``angle``."""
    px, py = field.pitch_xy_um
    turned = _turned(design, round(angle, 9), px, py)
    reach = len(turned) // 2
    grid = design.grid
    middle = (
        grid.x0_um + grid.pitch_um * (grid.columns - 1) / 2,
        grid.y0_um + grid.pitch_um * (grid.rows - 1) / 2,
    )
    c, s = cos(angle), sin(angle)
    match = fft.irfft2(spectrum * np.conj(fft.rfft2(turned, size)), size)
    peak = int(np.argmax(match))
    j, i = np.unravel_index(peak, match.shape)
    row0 = (j if j < field.z_um.shape[0] else j - size[0]) + reach
    column0 = (i if i < field.z_um.shape[1] else i - size[1]) + reach
    x0 = field.origin_xy_um[0] + column0 * px
    y0 = field.origin_xy_um[1] + row0 * py
    shift = (x0 - (c * middle[0] - s * middle[1]), y0 - (s * middle[0] + c * middle[1]))
    norm = float(np.sqrt((turned**2).sum()))
    return Pose(angle, shift[0], shift[1], score=float(match[j, i]) / norm)


@lru_cache(maxsize=256)
def _turned(design: Expected, angle: float, px_um: float, py_um: float) -> NDArray[np.float32]:
    """Return the design turned round its middle, on pixels of the scan, its mean taken off."""
    reach = int(np.ceil(hypot(*design.removed.shape) / 2))
    axis = np.arange(-reach, reach + 1)
    x, y = np.meshgrid(axis * px_um, axis * py_um)
    grid = design.grid
    c, s = cos(angle), sin(angle)
    column = (c * x + s * y) / grid.pitch_um + (grid.columns - 1) / 2
    row = (-s * x + c * y) / grid.pitch_um + (grid.rows - 1) / 2
    turned = ndimage.map_coordinates(design.removed, [row, column], order=1, cval=0.0)
    # ground outside the field counts against a shift, so that the box sits where it fits
    return np.asarray(turned - turned.mean(), np.float32)


@dataclass(frozen=True, slots=True)
class Fit:
    """A settled pose, and how well the design explains the heights there."""

    pose: Pose
    level_um: float
    relief_um: float
    residual_um: float
    sigma_xy_um: float


def settle(field: Field, design: Expected, start: Pose, *, scaled: bool = True) -> Fit:
    """Fit rotation, shift, scale, level and relief together, by Gauss-Newton on the walls."""
    x, y, share, slope_x, slope_y = _walls(design)
    pose, fit = start, Fit(start, 0.0, 0.0, np.inf, np.inf)
    for _ in range(STEPS):
        sx, sy = pose.to_scan(x, y)
        z = field.sample(sx, sy)
        known = np.isfinite(z)
        if known.sum() < 50:
            return fit
        columns = [np.ones(len(x)), -share, slope_x, slope_y, slope_y * x - slope_x * y]
        if scaled:
            columns.append(slope_x * x + slope_y * y)
        table = np.stack(columns, axis=1)[known]
        found, _ = solved(table, z[known])
        residual = z[known] - table @ found
        robust = np.abs(residual) < 4 * np.median(np.abs(residual)) / 0.6745 + 1e-9
        found, inverse = solved(table[robust], z[known][robust])
        residual = (z[known] - table @ found)[robust]
        spread = float(np.std(residual))
        relief = float(found[1])
        if not relief > 0:
            return fit
        move = found[2:] / relief
        sigma = spread * float(np.sqrt(max(inverse[2, 2], inverse[3, 3]))) / relief
        fit = Fit(pose, float(found[0]), relief, spread, sigma)
        if np.abs(move[:2]).max() < 1e-3 and abs(move[2]) * 500 < 1e-3:
            return fit
        pose = _moved(pose, move)
    return replace(fit, pose=pose)


def solved(table: Floats, z: Floats) -> tuple[Floats, Floats]:
    """Return the coefficients of least squares and the inverse of their normal matrix.

    By normal equations of columns scaled to 1: the few columns here are far from parallel, and
    a hundred thousand rows make an orthogonal decomposition ten times as slow.
    """
    normal = table.T @ table
    scale = np.sqrt(np.diag(normal)) + 1e-12
    inverse = np.linalg.pinv(normal / np.outer(scale, scale)) / np.outer(scale, scale)
    return inverse @ (table.T @ z), inverse


def _moved(pose: Pose, move: Floats) -> Pose:
    """Return ``pose`` with the design moved by ``move`` in its own frame, 6 um at most."""
    limit = 6.0 / max(6.0, float(np.hypot(move[0], move[1])))
    dx, dy, turn = (float(v) * limit for v in move[:3])
    grow = float(move[3]) * limit if len(move) > 3 else 0.0
    x, y = pose.to_scan(np.array([dx]), np.array([dy]))
    turn = -turn if pose.mirrored else turn
    return replace(
        pose,
        rotation_rad=_wrapped(pose.rotation_rad + turn),
        shift_x_um=float(x[0]),
        shift_y_um=float(y[0]),
        scale=pose.scale * (1 + grow),
    )


def slopes(image: Floats, pitch_um: float) -> tuple[Floats, Floats]:
    """Return the slopes of an image along y and x, a um."""
    along_y: Floats = np.asarray(np.gradient(image, pitch_um, axis=0), np.float64)
    along_x: Floats = np.asarray(np.gradient(image, pitch_um, axis=1), np.float64)
    return along_y, along_x


def _walls(design: Expected) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Return positions, removed share and its slopes at the design's walls, and some ground."""
    slope_y, slope_x = slopes(design.removed, design.grid.pitch_um)
    steep = np.hypot(slope_x, slope_y) > _WALL
    ground = np.zeros_like(steep)
    ground[::5, ::5] = True
    row, column = np.nonzero(steep | ground)
    every = len(row) // MOST_POINTS + 1
    row, column = row[::every], column[::every]
    x, y = np.meshgrid(design.grid.x_um, design.grid.y_um)
    return (
        x[row, column],
        y[row, column],
        design.removed[row, column],
        slope_x[row, column],
        slope_y[row, column],
    )
