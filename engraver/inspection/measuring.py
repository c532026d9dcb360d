"""How big, how high and where each symbol is, with the uncertainty of each figure.

In: heights above the face, the settled pose and the expected surface (um). Out: `Measures`, by
symbol. Authority: ISO 5436-1 for the step height (parallel planes through top and floor,
clear of the walls), ISO 25178-2 for Sa and Sq, GUM for the uncertainties.

Theory of operation
-------------------
A symbol's heights differ from the design's by a few small amounts at once, and each amount
leaves its own picture in the difference:

    moved by (m_x, m_y)      m_x dE/dx + m_y dE/dy           E  removed share of the design
    wider by g, higher by h  g u dE/dx + h v dE/dy           u, v  from the cell's centre
    edges out by e           e |grad E|
    a slope, a level         a + b u + c v

times the relief. One linear fit tells them apart, its covariance gives their uncertainty, and
since E is the surface that a round beam leaves, a stroke that is exactly as designed measures
0 however its walls lean. Of n points only n (pitch / l)^2 count as independent, l being the
grain of the floor.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import atan2, degrees, hypot, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from engraver.acceptance import Acceptance
from engraver.inspection.expected import Expected, cell_size_um, field_alone
from engraver.inspection.registration import Field, Pose, slopes
from engraver.relief import ReliefDesign

Floats = NDArray[np.float64]
FEWEST_POINTS = 200
TOP, FLOOR = 0.002, 0.998  # removed shares that are clear of any wall
TOP_CLEAR_UM = 3.0  # how far from the walls ISO 5436-1 wants the top read, for a 17 um stroke
ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure with its standard uncertainty, um unless said otherwise."""

    value: float
    u: float


@dataclass(frozen=True, slots=True)
class Measures:
    """What was measured on one symbol; deviations are measured minus designed."""

    relief_um: Measure
    shift_x_um: Measure
    shift_y_um: Measure
    width_um: Measure
    height_um: Measure
    stroke_um: Measure
    draft_deg: Measure
    floor_sa_um: Measure
    floor_sq_um: Measure
    recast_um: Measure
    residual_um: float

    @property
    def shift_um(self) -> Measure:
        """Distance from the symbol's place."""
        u = max(self.shift_x_um.u, self.shift_y_um.u)
        return Measure(float(np.hypot(self.shift_x_um.value, self.shift_y_um.value)), u)


_UNKNOWN = Measure(float("nan"), float("nan"))
NOTHING = Measures(
    relief_um=_UNKNOWN,
    shift_x_um=_UNKNOWN,
    shift_y_um=_UNKNOWN,
    width_um=_UNKNOWN,
    height_um=_UNKNOWN,
    stroke_um=_UNKNOWN,
    draft_deg=_UNKNOWN,
    floor_sa_um=_UNKNOWN,
    floor_sq_um=_UNKNOWN,
    recast_um=_UNKNOWN,
    residual_um=float("nan"),
)
"""What is known of a symbol that cannot be measured."""


def measure(
    field: Field, design: ReliefDesign, ideal: Expected, pose: Pose, limits: Acceptance
) -> list[Measures]:
    """Measure every symbol against ``ideal``, the expected surface of the symbols read."""
    slope_y, slope_x = slopes(ideal.removed, ideal.grid.pitch_um)
    steep = np.hypot(slope_x, slope_y)
    # the field's own edge stays where it is when a symbol strays: leave it out
    inside = field_alone(design, ideal.grid) > FLOOR
    half = [size / 2 for size in cell_size_um(design.layout)]
    found = []
    for cell in design.layout.cells:
        rows, columns = _window(ideal, cell.centre_x_um, cell.centre_y_um, half)
        patch = _Patch(
            ideal.grid.x_um[columns] - cell.centre_x_um,
            ideal.grid.y_um[rows] - cell.centre_y_um,
            (cell.centre_x_um, cell.centre_y_um),
            ideal.removed[rows, columns],
            slope_x[rows, columns],
            slope_y[rows, columns],
            steep[rows, columns],
            inside[rows, columns],
        )
        found.append(_measure_one(field, design, patch, pose, limits))
    return _among_the_others(found)


def _among_the_others(found: list[Measures]) -> list[Measures]:
    """Take off the shift that most symbols share: a stray symbol has pulled the pose."""
    shifts = np.array([(m.shift_x_um.value, m.shift_y_um.value) for m in found])
    if np.isfinite(shifts).all(axis=1).sum() < 3:
        return found
    common = np.nanmedian(shifts, axis=0)
    return [
        replace(
            m,
            shift_x_um=Measure(m.shift_x_um.value - float(common[0]), m.shift_x_um.u),
            shift_y_um=Measure(m.shift_y_um.value - float(common[1]), m.shift_y_um.u),
        )
        for m in found
    ]


@dataclass(frozen=True, slots=True, eq=False)
class _Patch:
    """One cell of the expected surface, with its pictures of small changes."""

    u_um: Floats
    v_um: Floats
    centre_um: tuple[float, float]
    removed: Floats
    slope_x: Floats
    slope_y: Floats
    steep: Floats
    inside: NDArray[np.bool_]

    def heights(self, field: Field, pose: Pose, move: tuple[float, float]) -> Floats:
        """Return measured heights, the design moved by ``move``."""
        u, v = np.meshgrid(self.u_um, self.v_um)
        x, y = u + self.centre_um[0] + move[0], v + self.centre_um[1] + move[1]
        return np.where(self.inside, field.sample(*pose.to_scan(x, y)), np.nan)


def _window(ideal: Expected, x_um: float, y_um: float, half: list[float]) -> tuple[slice, slice]:
    grid = ideal.grid
    spans = []
    for centre, start, size, reach in (
        (y_um, grid.y0_um, grid.rows, half[1]),
        (x_um, grid.x0_um, grid.columns, half[0]),
    ):
        first = round((centre - reach - start) / grid.pitch_um)
        last = round((centre + reach - start) / grid.pitch_um)
        spans.append(slice(max(first, 0), min(last + 1, size)))
    return spans[0], spans[1]


def _measure_one(
    field: Field, design: ReliefDesign, patch: _Patch, pose: Pose, limits: Acceptance
) -> Measures:
    move = (0.0, 0.0)
    for _ in range(ROUNDS):
        z = patch.heights(field, pose, move)
        if np.isfinite(z).sum() < FEWEST_POINTS:
            return NOTHING
        fit = _fit(z, patch, limits)
        if fit is None:
            return NOTHING
        found, covariance, residual = fit
        step = np.clip(found[3:5] / found[2], -6.0, 6.0)
        if np.abs(step).max() < 0.01:
            break
        move = (move[0] + float(step[0]), move[1] + float(step[1]))
    relief = found[2]
    ratio = found / relief
    u = np.sqrt(np.diag(covariance)) / relief
    at = (move[0] + ratio[3], move[1] + ratio[4])
    lateral = limits.lateral_scale_uncertainty
    width, height = design.layout.cell_width_um, design.layout.cell_height_um
    wider, higher, out = ratio[5] * width, ratio[6] * height, ratio[7]
    texture = _texture(z, patch, limits)
    return Measures(
        relief_um=_step_height(z, patch, limits),
        shift_x_um=Measure(float(at[0]), hypot(u[3], limits.position_uncertainty_um)),
        shift_y_um=Measure(float(at[1]), hypot(u[4], limits.position_uncertainty_um)),
        width_um=_sized(width + wider + 2 * out, [u[5] * width, 2 * u[7]], lateral),
        height_um=_sized(height + higher + 2 * out, [u[6] * height, 2 * u[7]], lateral),
        stroke_um=_sized(design.layout.stroke_um + 2 * out, [2 * u[7]], lateral),
        residual_um=residual,
        **texture,
    )


def _sized(value: float, parts: list[float], lateral: float) -> Measure:
    return Measure(float(value), sqrt(sum(p**2 for p in parts) + (lateral * value) ** 2))


_Fitted = tuple[Floats, Floats, float]


def _fit(z: Floats, patch: _Patch, limits: Acceptance) -> _Fitted | None:
    """Return coefficients, their covariance and the residual; None where nothing stands."""
    u, v = np.meshgrid(patch.u_um, patch.v_um)
    columns = [
        np.ones_like(z),
        u,
        -patch.removed,
        patch.slope_x,
        patch.slope_y,
        u * patch.slope_x,
        v * patch.slope_y,
        patch.steep,
        v,
    ]
    known = np.isfinite(z)
    table = np.stack([c[known] for c in columns], axis=1)
    scale = np.sqrt((table**2).mean(axis=0)) + 1e-12
    normal = (table / scale).T @ (table / scale)
    inverse = np.linalg.pinv(normal)
    found = inverse @ ((table / scale).T @ z[known]) / scale
    residual = float(np.std(z[known] - table @ found))
    if not found[2] > 0:
        return None
    step = abs(float(patch.u_um[1] - patch.u_um[0]))
    grain = max(1.0, (limits.residual_correlation_um / step) ** 2)
    covariance = inverse / np.outer(scale, scale) * residual**2 * grain
    return np.asarray(found, np.float64), np.asarray(covariance, np.float64), residual


def _step_height(z: Floats, patch: _Patch, limits: Acceptance) -> Measure:
    """Return the height between parallel planes through top and floor (ISO 5436-1)."""
    step = abs(float(patch.u_um[1] - patch.u_um[0]))
    top = patch.removed < TOP
    distance = ndimage.distance_transform_edt(top) * step
    top = distance > min(TOP_CLEAR_UM, 0.6 * float(distance.max()))
    floor = patch.removed > FLOOR
    known = np.isfinite(z) & (top | floor)
    if (known & top).sum() < 20 or (known & floor).sum() < 20:
        return NOTHING.relief_um
    u, v = np.meshgrid(patch.u_um, patch.v_um)
    table = np.stack([np.ones(known.sum()), u[known], v[known], top[known]], axis=1)
    found, *_ = np.linalg.lstsq(table, z[known], rcond=None)
    residual = float(np.std(z[known] - table @ found))
    inverse = np.linalg.pinv(table.T @ table)
    grain = max(1.0, limits.residual_correlation_um / step)
    noise = residual * sqrt(inverse[3, 3]) * grain
    height = float(found[3])
    return Measure(height, sqrt(noise**2 + (limits.z_scale_uncertainty * height) ** 2))


def _texture(z: Floats, patch: _Patch, limits: Acceptance) -> dict[str, Measure]:
    """Return draft, floor roughness and recast."""
    step = abs(float(patch.u_um[1] - patch.u_um[0]))
    u, v = np.meshgrid(patch.u_um, patch.v_um)
    floor = np.isfinite(z) & (patch.removed > FLOOR)
    sa = sq = NOTHING.floor_sa_um
    if floor.sum() > 50:
        table = np.stack([np.ones(floor.sum()), u[floor], v[floor]], axis=1)
        found, *_ = np.linalg.lstsq(table, z[floor], rcond=None)
        rough = z[floor] - table @ found
        relative = limits.residual_correlation_um / step / sqrt(2 * floor.sum())
        sa = Measure(float(np.abs(rough).mean()), float(np.abs(rough).mean()) * relative)
        sq = Measure(float(rough.std()), float(rough.std()) * relative)
    return {
        "draft_deg": _draft(z, patch, step),
        "floor_sa_um": sa,
        "floor_sq_um": sq,
        "recast_um": _recast(z, patch, step),
    }


def _draft(z: Floats, patch: _Patch, step: float) -> Measure:
    """Return the walls' angle from the vertical, degrees: median slope at half height."""
    slope_v, slope_u = slopes(z, step)
    wall = (patch.removed > 0.35) & (patch.removed < 0.65)
    slope = np.hypot(slope_u, slope_v)[wall]
    slope = slope[np.isfinite(slope)]
    if slope.size < 20:
        return NOTHING.draft_deg
    angles = np.degrees(np.arctan2(1.0, slope))
    middle = degrees(atan2(1.0, float(np.median(slope))))
    return Measure(middle, float(angles.std()) / sqrt(slope.size))


def _recast(z: Floats, patch: _Patch, step: float) -> Measure:
    """Return how far the rims of the tops stand above their middles."""
    top = np.isfinite(z) & (patch.removed < TOP)
    distance = ndimage.distance_transform_edt(patch.removed < TOP) * step
    rim, middle = top & (distance <= TOP_CLEAR_UM), top & (distance > TOP_CLEAR_UM)
    if rim.sum() < 20 or middle.sum() < 20:
        return NOTHING.recast_um
    collar = float(np.percentile(z[rim], 90) - np.median(z[middle]))
    noise = float(z[middle].std())
    # the 90th percentile of a level rim lies 1.28 sigma above its middle
    return Measure(collar - 1.28 * noise, noise / sqrt(min(rim.sum(), middle.sum()) / 4))
