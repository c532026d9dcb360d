"""Runs in order become way-points: burns, gated sweeps, turns with their run-up, jumps.

In: a `Hatch` and its `Route`. Out: `Way`, vertices in the frame of the hatch with the kind of
move that ends at each. Lengths in um.

Theory of operation
-------------------
A run of n segments gives 2 n + 2 vertices:

    turn in --gated--> start ==burn==> end --gated--> start ==burn==> end --gated--> turn out

Within a cell the turn is squared: both rows run on to the same u, so that both corners are
right angles, the gentlest that a machine can turn round in (a slanted link has one sharper
corner). Beyond that u lies the run-up in which the axes brake and regain speed, so that the
beam is on only while they have the recipe's least share of it: edges stay even, as M4 takes
power away where the axis slows. Moves of no length are dropped by whoever joins the passes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from engraver.fill import Floats, Hatch, Ints
from engraver.ordering import Route


class MoveKind(IntEnum):
    """What one move of a toolpath does."""

    BURN = 0
    GATED = 1
    JUMP = 2


@dataclass(frozen=True, slots=True)
class RunUp:
    """How far (um) the axes run past a row: at a turn, and from or to a standstill."""

    turn_um: float
    rest_um: float


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """Vertices ``(n, 2)`` in the frame of the hatch; ``kind[i]`` is the move that ends at i."""

    uv_um: Floats
    kind: NDArray[np.uint8]


def along(rows: Hatch, chosen: Route, run_up: RunUp) -> Way:
    """Return the way along the runs of ``chosen``."""
    if len(chosen.run) == 0:
        return Way(np.zeros((0, 2)), np.zeros(0, dtype=np.uint8))
    runs = chosen.runs
    first, last = runs.first[chosen.run], runs.last[chosen.run]
    sense = np.where(chosen.forward, 1, -1)
    count = last - first + 1
    size = 2 * count + 2
    offset = np.cumsum(size) - size
    run = np.repeat(np.arange(len(size)), size)
    place = np.arange(int(size.sum())) - offset[run]
    step = np.clip((place - 1) // 2, 0, count[run] - 1)
    segment = np.where(sense[run] > 0, first[run] + step, last[run] - step)
    far_end = (place % 2 == 0) == (sense[run] > 0)
    u = rows.u_um[segment, far_end.astype(np.int64)]
    u[offset], u[offset + size - 1] = _turns(runs.u_um[chosen.run], sense, chosen.joined, run_up)
    v = (runs.row[chosen.run][run] + rows.phase) * rows.pitch_um
    kind = np.where((place % 2 == 0) & (place > 0), MoveKind.BURN, MoveKind.GATED)
    kind[offset + size - 1] = MoveKind.GATED
    kind[offset[~chosen.joined]] = MoveKind.JUMP
    return Way(np.column_stack((u, v)), kind.astype(np.uint8))


def _turns(
    u_um: Floats, sense: Ints, joined: NDArray[np.bool_], run_up: RunUp
) -> tuple[Floats, Floats]:
    """Return the u at which each run is turned into and out of."""
    enter = np.where(sense > 0, u_um[:, 0], u_um[:, 1])
    leave = np.where(sense > 0, u_um[:, 1], u_um[:, 0])
    out = sense[:-1]
    furthest = out * (np.maximum(out * leave[:-1], out * enter[1:]) + run_up.turn_um)
    turn_in, turn_out = enter - sense * run_up.rest_um, leave + sense * run_up.rest_um
    turn_in[1:] = np.where(joined[1:], furthest, turn_in[1:])
    turn_out[:-1] = np.where(joined[1:], furthest, turn_out[:-1])
    return turn_in, turn_out
