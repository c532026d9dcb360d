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
0 however its walls lean. Where a size is far off, E is drawn anew in that size and fitted
again. Of n points only n (pitch / l)^2 count as independent, l being the grain of the floor.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace
from math import hypot, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from engraver import glyphs
from engraver.acceptance import Acceptance
from engraver.inspection import drawing, texture
from engraver.inspection.drawing import Face
from engraver.inspection.expected import Expected, cell_size_um
from engraver.inspection.raster import Grid
from engraver.inspection.registration import Field, Pose, slopes, solved
from engraver.inspection.result import NOTHING, Measure, Measures
from engraver.relief import ReliefDesign

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
FEWEST_POINTS = 200
TOP, FLOOR = 0.002, 0.998  # removed shares that are clear of any wall
TOP_CLEAR_UM = 3.0  # how far from the walls ISO 5436-1 wants the top read, for a 17 um stroke
ROUNDS = 6
REDRAWN_UM = 0.75
"""Change of size up to which the pictures of small changes are straight lines: walls of 12 um
bend them by 2 % there. Beyond it the symbol is drawn anew in the size found."""
LARGEST_CHANGE_UM = 6.0
UNDRAWN = 0.03
"""Share of a change of size by which symbols of the same change differ: 0.12 um of 4 on drawn
pins (benchmarks/defects.py), other symbols' pictures being less alike."""


def measure(
    field: Field, design: ReliefDesign, ideal: Expected, pose: Pose, limits: Acceptance
) -> list[Measures]:
    """Measure every symbol against ``ideal``, the expected surface of the symbols read."""
    slope_y, slope_x = slopes(ideal.removed, ideal.grid.pitch_um)
    steep = np.hypot(slope_x, slope_y)
    # the field's own edge stays where it is when a symbol strays: leave it out
    inside = drawing.empty_field(design.whole, drawing.cut_of(design), ideal.grid) > FLOOR
    rough = texture.floor_surface(field, ideal, pose, limits)
    half = [size / 2 for size in cell_size_um(design.layout)]
    found = []
    for cell, symbol in zip(design.layout.cells, ideal.symbols, strict=True):
        rows, columns = _window(ideal, cell.centre_x_um, cell.centre_y_um, half)
        patch = _Patch(
            symbol,
            ideal.grid.x_um[columns] - cell.centre_x_um,
            ideal.grid.y_um[rows] - cell.centre_y_um,
            (cell.centre_x_um, cell.centre_y_um),
            ideal.removed[rows, columns],
            slope_x[rows, columns],
            slope_y[rows, columns],
            steep[rows, columns],
            inside[rows, columns],
            rough[rows, columns],
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

    symbol: str
    u_um: Floats
    v_um: Floats
    centre_um: tuple[float, float]
    removed: Floats
    slope_x: Floats
    slope_y: Floats
    steep: Floats
    inside: Bools
    rough: Floats

    @property
    def step_um(self) -> float:
        """Pitch of the points."""
        return abs(float(self.u_um[1] - self.u_um[0]))

    def pictures(self) -> Floats:
        """Return what small changes do to the heights, ``(9, points)``."""
        u, v = np.meshgrid(self.u_um, self.v_um)
        pictures = [
            np.ones_like(u),
            u,
            -self.removed,
            self.slope_x,
            self.slope_y,
            u * self.slope_x,
            v * self.slope_y,
            self.steep,
            v,
        ]
        return np.stack(pictures).reshape(len(pictures), -1)

    def tops(self) -> tuple[Bools, Bools]:
        """Return the tops clear of walls as ISO 5436-1 wants them, and all within their rims."""
        flat = self.removed < TOP
        distance = ndimage.distance_transform_edt(flat) * self.step_um
        clear = distance > min(TOP_CLEAR_UM, 0.6 * float(distance.max()))
        return clear, flat & (distance <= TOP_CLEAR_UM)

    def worth_redrawing(self, drawn: Face, found: Face, designed: Face) -> bool:
        """Tell whether a symbol is so far from its size that the pictures of small changes mislead.

        A fit that runs away is not followed: nothing like the symbol stands there.
        """
        new, old, plan = (np.array(astuple(face)) for face in (found, drawn, designed))
        if np.abs(new - plan).max() > LARGEST_CHANGE_UM or not glyphs.drawable(
            self.symbol, *astuple(found)
        ):
            return False
        return bool(np.abs(new - old).max() > REDRAWN_UM)

    def redrawn(self, design: ReliefDesign, drawn: Face, found: Face) -> _Patch:
        """Return the patch with its symbol in the size that was found."""
        rows, columns = self.removed.shape
        grid = Grid(float(self.u_um[0]), float(self.v_um[0]), self.step_um, columns, rows)
        cut = drawing.cut_of(design)
        kept = [drawing.kept(self.symbol, face, cut, grid) for face in (drawn, found)]
        removed = np.clip(self.removed + kept[0] - kept[1], 0.0, None)
        slope_y, slope_x = slopes(removed, self.step_um)
        return replace(
            self,
            removed=removed,
            slope_x=slope_x,
            slope_y=slope_y,
            steep=np.hypot(slope_x, slope_y),
        )

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
    move, face = (0.0, 0.0), Face.of(design.layout)
    pictures = patch.pictures()
    for _ in range(ROUNDS):
        z = patch.heights(field, pose, move)
        if np.isfinite(z).sum() < FEWEST_POINTS:
            return NOTHING
        fit = _fit(z, pictures, patch.step_um, limits)
        if fit is None:
            return NOTHING
        found, covariance, residual = fit
        step = np.clip(found[3:5] / found[2], -6.0, 6.0)
        sized = _sized_face(face, found / found[2])
        redraw = patch.worth_redrawing(face, sized, Face.of(design.layout))
        if np.abs(step).max() < 0.01 and not redraw:
            break
        move = (move[0] + float(step[0]), move[1] + float(step[1]))
        if redraw:
            patch, face = patch.redrawn(design, face, sized), sized
            pictures = patch.pictures()
    relief = found[2]
    ratio = found / relief
    u = np.sqrt(np.diag(covariance)) / relief
    at = (move[0] + ratio[3], move[1] + ratio[4])
    lateral, size = limits.lateral_scale_uncertainty, design.layout
    sized = _sized_face(face, ratio)
    clear, rim = patch.tops()
    sa, sq = texture.sa_sq(patch.rough, patch.step_um, limits)
    return Measures(
        relief_um=_step_height(z, patch, clear, limits),
        shift_x_um=Measure(float(at[0]), hypot(u[3], limits.position_uncertainty_um)),
        shift_y_um=Measure(float(at[1]), hypot(u[4], limits.position_uncertainty_um)),
        width_um=_sized(sized.width_um, size.cell_width_um, u[5] * face.width_um, u[7], lateral),
        height_um=_sized(
            sized.height_um, size.cell_height_um, u[6] * face.height_um, u[7], lateral
        ),
        stroke_um=_sized(sized.stroke_um, size.stroke_um, 0.0, u[7], lateral),
        draft_deg=texture.draft(z, patch.removed, patch.step_um),
        floor_sa_um=sa,
        floor_sq_um=sq,
        recast_um=texture.recast(z, rim, clear),
        residual_um=residual,
    )


def _sized_face(drawn: Face, ratio: Floats) -> Face:
    """Return the size that the fit finds, from that of the symbol it was fitted with."""
    out = 2 * float(ratio[7])
    return Face(
        drawn.height_um * (1 + float(ratio[6])) + out,
        drawn.width_um * (1 + float(ratio[5])) + out,
        drawn.stroke_um + out,
    )


def _sized(value: float, nominal: float, u_um: float, edge_u_um: float, lateral: float) -> Measure:
    """Return a size: the fit's errors, what redrawing leaves of a change, the lateral scale."""
    change = UNDRAWN * (value - nominal)
    return Measure(value, hypot(u_um, 2 * edge_u_um, change, lateral * value))


_Fitted = tuple[Floats, Floats, float]


def _fit(z: Floats, pictures: Floats, step_um: float, limits: Acceptance) -> _Fitted | None:
    """Return coefficients, their covariance and the residual; None where nothing stands."""
    known = np.isfinite(z.ravel())
    table = pictures if known.all() else pictures[:, known]
    heights = z.ravel()[known]
    found, inverse = solved(table.T, heights)
    residual = float(np.std(heights - found @ table))
    if not found[2] > 0:
        return None
    grain = max(1.0, (limits.residual_correlation_um / step_um) ** 2)
    return found, inverse * residual**2 * grain, residual


def _step_height(z: Floats, patch: _Patch, top: Bools, limits: Acceptance) -> Measure:
    """Return the height between parallel planes through top and floor (ISO 5436-1)."""
    known = np.isfinite(z) & (top | texture.on_floor(patch.removed))
    tops = int((known & top).sum())
    if tops < 20 or known.sum() - tops < 20:
        return NOTHING.relief_um
    u, v = np.meshgrid(patch.u_um, patch.v_um)
    table = np.stack([np.ones(known.sum()), u[known], v[known], top[known]], axis=1)
    found, inverse = solved(table, z[known])
    residual = float(np.std(z[known] - table @ found))
    grain = max(1.0, limits.residual_correlation_um / patch.step_um)
    noise = residual * sqrt(inverse[3, 3]) * grain
    height = float(found[3])
    return Measure(height, sqrt(noise**2 + (limits.z_scale_uncertainty * height) ** 2))
