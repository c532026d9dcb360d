"""Ordered, gated strokes: `ReliefDesign` + `Setup` -> `Toolpath`.

A toolpath is one polyline through the tip frame. Each move of it burns (laser on), is gated
(a sweep at burning speed with the laser off, so that the axis need not stop) or jumps.
Lengths in um, speeds in mm/s.

Theory of operation
-------------------
Pass by pass: rows are laid (`engraver.fill`), runs formed and ordered (`engraver.ordering`),
turned into way-points (`engraver.strokes`). A gap between two segments of a row is swept
through or split there, whichever costs fewer modelled seconds in this pass on this machine.
Then all passes are joined, bent onto the face (focus following), put on the grid of 0.1 um
that the program can name, and given speed and power (`engraver.process`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon

from engraver import fill, kinematics, ordering, process, strokes, surface
from engraver.errors import DesignError
from engraver.profiles import Setup
from engraver.refusals import refuse_bad_outline
from engraver.relief import ReliefDesign, as_multipolygon
from engraver.strokes import MoveKind

__all__ = ["GRID_UM", "MoveKind", "Toolpath", "plan", "plan_grooves", "plan_regions"]

GRID_UM = 0.1
"""Points stand on the grid the program's four decimals of a millimetre can name."""

_GUARD_UM = 0.08
"""Room kept to the region's edge: rounding to the grid moves a point by 0.0708 um at most."""

_SHORTEST_UM = 0.5  # a shorter segment holds no pulse worth a block
_CHORD_UM = 0.1  # sagitta allowed to the sides of a traced ring
_FOCUS_SHARE = 1 / 8  # of the Rayleigh range: the beam is then wider by 0.8 %
_CHORD_RAD = 0.1  # of slope between way-points on a curved face: 0.5 % of fluence


@dataclass(frozen=True, slots=True, eq=False)
class Toolpath:
    """One polyline of m moves; arrays are read-only.

    Parameters
    ----------
    xyz_um
        ``(m + 1, 3)`` vertices; z is the focus height above the tip's apex plane.
    kind
        ``(m,)`` uint8 of `MoveKind`.
    speed_mm_s
        ``(m,)`` programmed speed of each move.
    power
        ``(m,)`` share of full pulse energy, 0 where the laser is off.
    stroke
        ``(m,)`` int32 index of the laser-on stroke a move belongs to, -1 for gated moves
        and jumps. Strokes count from 0 in the order they are burned; a stroke has several
        moves where it bends.
    pass_index
        ``(m,)`` int32 depth pass of each move.
    """

    xyz_um: NDArray[np.float64]
    kind: NDArray[np.uint8]
    speed_mm_s: NDArray[np.float64]
    power: NDArray[np.float64]
    stroke: NDArray[np.int32]
    pass_index: NDArray[np.int32]

    def __post_init__(self) -> None:
        for array in (
            self.xyz_um,
            self.kind,
            self.speed_mm_s,
            self.power,
            self.stroke,
            self.pass_index,
        ):
            array.setflags(write=False)

    @property
    def stroke_count(self) -> int:
        """How many strokes are burned."""
        return int(self.stroke.max(initial=-1)) + 1

    @property
    def length_um(self) -> NDArray[np.float64]:
        """Length ``(m,)`` of every move."""
        return np.asarray(np.linalg.norm(np.diff(self.xyz_um, axis=0), axis=1), dtype=np.float64)

    @property
    def burn_length_um(self) -> float:
        """Length of all laser-on moves."""
        return float(self.length_um[self.kind == MoveKind.BURN].sum())


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """Vertices of one pass; ``kind[i]`` is the move that ends at vertex i."""

    xy_um: NDArray[np.float64]
    kind: NDArray[np.uint8]
    pass_index: int
    contour: bool = False


def plan(design: ReliefDesign, setup: Setup) -> Toolpath:
    """Fill, order and join the passes of ``design`` into one toolpath from the tip's centre.

    Raises
    ------
    DesignError
        If nothing is left to burn.
    """
    return plan_regions(design.pass_regions, design.contours, setup)


def plan_regions(
    regions: tuple[MultiPolygon, ...], contours: tuple[MultiPolygon, ...], setup: Setup
) -> Toolpath:
    """Plan passes over ``regions``, each followed by the rings of its contours if there are any.

    Raises
    ------
    DesignError
        If a region crosses itself, or nothing is left to burn.
    """
    pieces: list[_Piece] = []
    at = np.zeros(2)
    inner = _Inner()
    for index, region in enumerate(regions):
        if not region.is_empty:
            refuse_bad_outline(region, f"region of pass {index + 1}", "mend the design")
        made = [_hatch_pass(inner.of(region), index, at, setup)]
        if contours:
            rings = _rings([_smoothed(contours[index], 0.0)])
            made.append(_trace(rings, index, made[0].xy_um[-1:], contour=True))
        for piece in made:
            if len(piece.xy_um):
                at = piece.xy_um[-1]
                pieces.append(piece)
    return _assemble(pieces, setup)


def plan_grooves(region: MultiPolygon, setup: Setup) -> Toolpath:
    """Plan the recipe's passes over narrow grooves, along them: nested rings, a hatch pitch apart.

    Rows across a groove of two tracks would turn at every track; rings turn at its corners.

    Raises
    ------
    DesignError
        If nothing is left to burn.
    """
    pitch = setup.recipe.hatch_pitch_um
    nested: list[MultiPolygon] = []
    while not (ring := _smoothed(region, len(nested) * pitch)).is_empty:
        nested.append(ring)
    first = _trace(_rings(nested), 0, np.zeros((0, 2)), contour=False)
    pieces = [replace(first, pass_index=index) for index in range(setup.recipe.passes)]
    return _assemble([piece for piece in pieces if len(piece.xy_um)], setup)


class _Inner:
    """Regions less the guard, each made once."""

    def __init__(self) -> None:
        self._made: dict[int, tuple[MultiPolygon, MultiPolygon]] = {}

    def of(self, region: MultiPolygon) -> MultiPolygon:
        """Return ``region`` less the room that rounding needs."""
        if id(region) not in self._made:
            self._made[id(region)] = region, region.buffer(-_GUARD_UM)
        return self._made[id(region)][1]


def _hatch_pass(region: MultiPolygon, index: int, at: NDArray[np.float64], setup: Setup) -> _Piece:
    """Lay the rows of one pass and choose the quickest way along them."""
    recipe = setup.recipe
    angle = fill.pass_angle_deg(recipe.hatch_turn_deg, index)
    rows = fill.hatch(
        region, angle, recipe.hatch_pitch_um, fill.pass_phase(index), shortest_um=_SHORTEST_UM
    )
    start = fill.to_tip(at[:1], at[1:], -angle)[0]
    run_up = process.run_up(setup, angle)
    ways = [
        strokes.along(rows, ordering.route(rows, gap_um, start), run_up)
        for gap_um in _sweepable_gaps_um(rows, setup)
    ]
    best = ways[0]
    if len(ways) > 1:
        best = min(ways, key=lambda way: _seconds(start, way, setup))
    return _Piece(fill.to_tip(best.uv_um[:, 0], best.uv_um[:, 1], angle), best.kind, index)


def _sweepable_gaps_um(rows: fill.Hatch, setup: Setup) -> list[float]:
    """Return the widest gaps to sweep that are worth a try: all gaps, or some multiple of v^2 / a.

    Stopping and starting again costs about v / a seconds, the time of sweeping v^2 / a.
    """
    same_row = rows.row[1:] == rows.row[:-1]
    widest = float((rows.u_um[1:, 0] - rows.u_um[:-1, 1])[same_row].max(initial=0.0))
    speed, acceleration = setup.recipe.speed_mm_s, setup.machine.acceleration_mm_s2
    even_um = speed**2 / acceleration * 1e3
    return [np.inf, *(k * even_um for k in (4.0, 2.0, 1.0, 0.5) if k * even_um < widest)]


def _seconds(start: NDArray[np.float64], way: strokes.Way, setup: Setup) -> float:
    """Return how long the machine takes from ``start`` along ``way``."""
    points = np.concatenate((start[None], way.uv_um))
    moves = np.hypot(*np.diff(points, axis=0).T) > GRID_UM
    xyz_mm = np.zeros((1 + int(moves.sum()), 3))
    xyz_mm[0, :2], xyz_mm[1:, :2] = points[0] * 1e-3, points[1:][moves] * 1e-3
    speed = np.where(way.kind[moves] == MoveKind.JUMP, np.inf, setup.recipe.speed_mm_s)
    return kinematics.plan_speeds(xyz_mm, speed, setup.machine).duration_s


def _smoothed(region: MultiPolygon, inset_um: float) -> MultiPolygon:
    """Return ``region`` less an inset, just inside it, its rings without needlessly short sides."""
    inside = region.buffer(-inset_um - _GUARD_UM - _CHORD_UM)
    return as_multipolygon(inside.simplify(_CHORD_UM))


def _rings(regions: list[MultiPolygon]) -> list[NDArray[np.float64]]:
    """Return the closed rings of ``regions`` without their repeated last vertex."""
    parts = np.concatenate([shapely.get_parts(region) for region in regions] or [np.zeros(0)])
    return [shapely.get_coordinates(ring)[:-1] for ring in shapely.get_rings(parts)]


def _trace(
    rings: list[NDArray[np.float64]], index: int, at: NDArray[np.float64], *, contour: bool
) -> _Piece:
    """Follow closed rings, nearest next, each from its vertex nearest to the beam."""
    here = at[0] if len(at) else np.zeros(2)
    xy, kind = [np.zeros((0, 2))], [np.zeros(0, dtype=np.uint8)]
    while rings:
        away = [np.hypot(*(ring - here).T) for ring in rings]
        chosen = int(np.argmin([distance.min() for distance in away]))
        ring, first = rings.pop(chosen), int(away[chosen].argmin())
        ring = np.concatenate((ring[first:], ring[: first + 1]))
        kinds = np.full(len(ring), MoveKind.BURN, dtype=np.uint8)
        kinds[0] = MoveKind.JUMP
        xy.append(ring)
        kind.append(kinds)
        here = ring[-1]
    return _Piece(np.concatenate(xy), np.concatenate(kind), index, contour)


def _assemble(pieces: list[_Piece], setup: Setup) -> Toolpath:
    """Put the passes end to end on the face, on the grid, without moves of no length."""
    if not pieces:
        raise DesignError(
            f"nothing is left to burn on part {setup.part.name}: the kerf fills the field; "
            f"use a finer beam or a wider margin"
        )
    xy = np.concatenate([np.zeros((1, 2)), *(piece.xy_um for piece in pieces)])
    kind = np.concatenate([piece.kind for piece in pieces])
    sizes = [len(piece.xy_um) for piece in pieces]
    index = np.repeat(np.array([piece.pass_index for piece in pieces], dtype=np.int32), sizes)
    contour = np.repeat([piece.contour for piece in pieces], sizes)
    xyz, move = _bend(xy, setup)
    xyz = np.round(xyz / GRID_UM) * GRID_UM
    moves = np.any(xyz[1:] != xyz[:-1], axis=1)
    xyz = np.concatenate((xyz[:1], xyz[1:][moves]))
    kept = move[moves]
    kind, index, contour = kind[kept], index[kept], contour[kept]
    burn = kind == MoveKind.BURN
    starts = burn & ~np.concatenate(([False], burn[:-1]))
    speed = process.speeds_mm_s(xyz, kind == MoveKind.JUMP, contour, setup)
    return Toolpath(
        xyz_um=xyz,
        kind=kind,
        speed_mm_s=speed,
        power=np.where(burn, process.powers(xyz, speed, contour, setup), 0.0),
        stroke=np.where(burn, np.cumsum(starts) - 1, -1).astype(np.int32),
        pass_index=index,
    )


def _bend(xy_um: NDArray[np.float64], setup: Setup) -> tuple[NDArray[np.float64], fill.Ints]:
    """Lay a path on the face: ``(k + 1, 3)`` vertices and, for each move, the one it is part of.

    Moves are divided so that the focus stays near the face and the slope is nearly the same
    along a move. On a flat face nothing is divided.
    """
    step = np.diff(xy_um, axis=0)
    longest_um = _longest_chord_um(setup)
    parts = np.maximum(np.ceil(np.hypot(*step.T) / longest_um), 1).astype(np.int64)
    move = np.repeat(np.arange(len(parts)), parts)
    place = np.arange(len(move)) - (np.cumsum(parts) - parts)[move] + 1
    share = (place / parts[move])[:, None]
    points = np.concatenate((xy_um[:1], xy_um[:-1][move] * (1 - share) + xy_um[1:][move] * share))
    return np.column_stack((points, surface.height_um(setup.part, points))), move


def _longest_chord_um(setup: Setup) -> float:
    radius = surface.sharpest_radius_um(setup.part)
    focus_um = setup.laser.rayleigh_range_um * _FOCUS_SHARE
    return float(min(np.sqrt(8 * radius * focus_um), radius * _CHORD_RAD))
