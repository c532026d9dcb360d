"""Ordered, gated strokes: `ReliefDesign` + `Setup` -> `Toolpath`.

A toolpath is one polyline through the tip frame. Each move of it burns (laser on), is gated
(a sweep at burning speed with the laser off, so that the axis need not stop) or jumps.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter1d
from shapely.geometry import MultiPolygon

from engraver import crater, fill, kinematics, ordering
from engraver.errors import DesignError
from engraver.profiles import Setup
from engraver.relief import ReliefDesign


class MoveKind(IntEnum):
    """What one move of a toolpath does."""

    BURN = 0
    GATED = 1
    JUMP = 2


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
        and jumps. Strokes count from 0 in the order they are burned.
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
    def burn_length_um(self) -> float:
        """Length of all laser-on moves."""
        lengths = np.linalg.norm(np.diff(self.xyz_um, axis=0), axis=1)
        return float(lengths[self.kind == MoveKind.BURN].sum())


GRID_UM = 0.1
"""Points stand on the grid the program's four decimals of a millimetre can name."""

_GUARD_UM = 0.08
"""Room kept to the region's edge: rounding to the grid moves a point by 0.0708 um at most."""

_SPEED_STEPS = 20  # lowered feeds go in twentieths, so that few lines need an F word

_SHORTEST_UM = 0.5
"""Shorter segments hold no pulse worth a block."""


def plan(design: ReliefDesign, setup: Setup) -> Toolpath:
    """Fill, order and join the passes of ``design`` into one toolpath from the tip's centre.

    Raises
    ------
    DesignError
        If nothing is left to burn.
    """
    pieces: list[_Piece] = []
    at = np.zeros(2)
    for index, region in enumerate(design.pass_regions):
        piece = _plan_pass(region, index, at, setup)
        if len(piece.xy_um):
            at = piece.xy_um[-1]
            pieces.append(piece)
    if not pieces:
        raise DesignError(
            f"nothing is left to burn on part {setup.part.name}: the kerf of "
            f"{design.kerf_um:.1f} um fills the field; use a finer beam or a wider margin"
        )
    return _assemble(pieces, setup)


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """Vertices of one pass; ``kind[i]`` is the move that ends at vertex i."""

    xy_um: NDArray[np.float64]
    kind: NDArray[np.uint8]
    pass_index: int


def _plan_pass(region: MultiPolygon, index: int, at: NDArray[np.float64], setup: Setup) -> _Piece:
    recipe = setup.recipe
    angle = fill.pass_angle_deg(recipe.hatch_turn_deg, index)
    inside = region.buffer(-_GUARD_UM)
    rows = fill.hatch(
        inside, angle, recipe.hatch_pitch_um, fill.pass_phase(index), shortest_um=_SHORTEST_UM
    )
    start = fill.to_tip(at[:1], at[1:], -angle)[0]
    chosen = ordering.route(rows, np.inf, start)
    u, v, kind = _vertices(rows, chosen)
    return _Piece(fill.to_tip(u, v, angle), kind, index)


def _vertices(
    rows: fill.Hatch, chosen: ordering.Route
) -> tuple[fill.Floats, fill.Floats, NDArray[np.uint8]]:
    """Return u, v and kind of all vertices of a pass, in order of travel.

    A run of n segments gives a turn-in vertex, 2 n ends and a turn-out vertex. Turns within a
    cell are squared: both rows run on to the same u, so that both corners are right angles,
    the sharpest a row's end can be kept from.
    """
    if len(chosen.run) == 0:
        nothing = np.zeros(0)
        return nothing, nothing, nothing.astype(np.uint8)
    runs, n_runs = chosen.runs, len(chosen.run)
    first, last = runs.first[chosen.run], runs.last[chosen.run]
    sense = np.where(chosen.forward, 1, -1)
    count = last - first + 1
    turn_in, turn_out = _turns(runs.u_um[chosen.run], sense, chosen.joined)
    size = 2 * count + 2
    offset = np.cumsum(size) - size
    run = np.repeat(np.arange(n_runs), size)
    place = np.arange(int(size.sum())) - offset[run]
    step = np.clip((place - 1) // 2, 0, count[run] - 1)
    segment = np.where(sense[run] > 0, first[run] + step, last[run] - step)
    far_end = (place % 2 == 0) == (sense[run] > 0)
    u = rows.u_um[segment, far_end.astype(np.int64)]
    u[offset], u[offset + size - 1] = turn_in, turn_out
    v = np.asarray(rows.pitch_um * (runs.row[chosen.run][run] + rows.phase), dtype=np.float64)
    kind = np.where((place % 2 == 0) & (place > 0), MoveKind.BURN, MoveKind.GATED)
    kind[offset + size - 1] = MoveKind.GATED
    kind[offset[~chosen.joined]] = MoveKind.JUMP
    return u, v, kind.astype(np.uint8)


def _turns(
    u_um: fill.Floats, sense: NDArray[np.int64], joined: NDArray[np.bool_]
) -> tuple[fill.Floats, fill.Floats]:
    """Return the u at which each run is turned into and out of."""
    enter = np.where(sense > 0, u_um[:, 0], u_um[:, 1])
    leave = np.where(sense > 0, u_um[:, 1], u_um[:, 0])
    furthest = sense[:-1] * np.maximum(sense[:-1] * leave[:-1], sense[:-1] * enter[1:])
    turn_in, turn_out = enter.copy(), leave.copy()
    turn_in[1:] = np.where(joined[1:], furthest, enter[1:])
    turn_out[:-1] = np.where(joined[1:], furthest, leave[:-1])
    return turn_in, turn_out


def _assemble(pieces: list[_Piece], setup: Setup) -> Toolpath:
    """Put the passes end to end, on the grid, without moves of no length."""
    xy = np.concatenate([np.zeros((1, 2)), *(piece.xy_um for piece in pieces)])
    xy = np.round(xy / GRID_UM) * GRID_UM
    kind = np.concatenate([piece.kind for piece in pieces])
    index = np.concatenate(
        [np.full(len(piece.xy_um), piece.pass_index, np.int32) for piece in pieces]
    )
    moves = np.any(xy[1:] != xy[:-1], axis=1)
    xyz = np.zeros((1 + int(moves.sum()), 3))
    xyz[1:, :2] = xy[1:][moves]
    kind, index = kind[moves], index[moves]
    burn = kind == MoveKind.BURN
    speed = _speeds(xyz, kind, setup)
    return Toolpath(
        xyz_um=xyz,
        kind=kind,
        speed_mm_s=speed,
        power=np.where(burn, _power(speed, setup), 0.0),
        stroke=np.where(burn, np.cumsum(burn) - 1, -1).astype(np.int32),
        pass_index=index,
    )


def _speeds(xyz_um: fill.Floats, kind: NDArray[np.uint8], setup: Setup) -> fill.Floats:
    """Return the speed of each move: the recipe's, or what the controller can feed.

    The planner's buffer holds N blocks; where N of them would be done before the controller
    has executed N at ``block_rate_hz`` it would run dry, the axes would slow down and M4 would
    take the power away: there the feed is lowered first.
    """
    machine, speed = setup.machine, np.full(len(kind), setup.recipe.speed_mm_s)
    free = np.where(kind == MoveKind.JUMP, np.inf, speed)
    total = np.cumsum(kinematics.plan_speeds(xyz_um * 1e-3, free, machine).time_s)
    n = min(machine.planner_blocks, len(total))
    window = total[n - 1 :] - np.concatenate(([0.0], total[:-n]))
    share = np.minimum(window * machine.block_rate_hz / n, 1.0)
    slowest = minimum_filter1d(np.pad(share, (0, n - 1), mode="edge"), n, origin=(n - 1) // 2)
    return np.asarray(speed * np.floor(slowest * _SPEED_STEPS) / _SPEED_STEPS, dtype=np.float64)


def _power(speed_mm_s: fill.Floats, setup: Setup) -> fill.Floats:
    """Return the share of pulse energy that keeps the depth of a pass at a lowered speed."""
    slowed, where = np.unique(speed_mm_s / setup.recipe.speed_mm_s, return_inverse=True)
    energy = np.array([crater.energy_at_speed_uj(setup, share) for share in slowed.tolist()])
    return np.asarray(energy[where] / setup.laser.max_pulse_energy_uj, dtype=np.float64)
