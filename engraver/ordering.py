"""In which order and sense the rows of one pass are burned.

In: a `Hatch` and a machine. Out: `Route`, runs in order, each with its sense. A *run* is what
is swept without stopping: the segments of one row whose gaps are narrow enough to be crossed
with the beam gated. A *cell* is a stack of runs on neighbouring rows, each above one other,
burned back and forth (boustrophedon). Between cells the machine jumps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engraver import tour
from engraver.fill import Floats, Hatch, Ints


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Runs of one pass, sorted by row, then u: segments ``first[i]`` up to ``last[i]``."""

    row: Ints
    u_um: Floats
    first: Ints
    last: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """Runs in the order of burning.

    ``run`` is ``(n,)`` indices into ``runs``; ``forward`` tells the sense; ``joined[i]`` that
    run i follows run i - 1 in one cell, by a turn rather than a jump.
    """

    runs: Runs
    run: Ints
    forward: NDArray[np.bool_]
    joined: NDArray[np.bool_]


def merge(hatch: Hatch, sweep_gap_um: float) -> Runs:
    """Join segments of a row whose gap is at most ``sweep_gap_um`` into runs."""
    row, u = hatch.row, hatch.u_um
    if len(row) == 0:
        return Runs(row, u, row, row)
    apart = (row[1:] != row[:-1]) | (u[1:, 0] - u[:-1, 1] > sweep_gap_um)
    first = np.flatnonzero(np.concatenate(([True], apart)))
    last = np.concatenate((first[1:] - 1, [len(row) - 1]))
    return Runs(row[first], np.column_stack((u[first, 0], u[last, 1])), first, last)


def cells(runs: Runs) -> list[Ints]:
    """Split runs into cells: chains in which each run has one neighbour below and above."""
    above = _only_neighbour(runs)
    cell_of = np.full(len(runs.row), -1)
    chains: list[list[int]] = []
    for i, j in enumerate(above.tolist()):
        if cell_of[i] < 0:
            cell_of[i] = len(chains)
            chains.append([i])
        if j >= 0:
            cell_of[j] = cell_of[i]
            chains[cell_of[i]].append(j)
    return [np.array(chain) for chain in chains]


def _only_neighbour(runs: Runs) -> Ints:
    """Return for each run the one run on the next row it overlaps, -1 if none or several."""
    row, u = runs.row, runs.u_um
    if len(row) == 0:
        return row
    span = float(np.ptp(u)) + 1.0
    key = (row - row[0])[:, None] * span + (u - u.min())
    low, high = _overlapping(key, span)
    down_low, down_high = _overlapping(key, -span)
    only = (high - low == 1) & (low < len(row))
    target = np.where(only, low, 0)
    mutual = only & (down_high - down_low == 1)[target]
    return np.where(mutual, target, -1)


def _overlapping(key: Floats, shift: float) -> tuple[Ints, Ints]:
    """Return, as a half-open range, the runs that overlap each run moved by ``shift``."""
    low = np.searchsorted(key[:, 1], key[:, 0] + shift, side="right")
    high = np.searchsorted(key[:, 0], key[:, 1] + shift, side="left")
    return low, np.maximum(high, low)


def route(hatch: Hatch, sweep_gap_um: float, start_uv_um: Floats, kicks: int = 0) -> Route:
    """Order the runs of a pass from ``start_uv_um`` on, cell by cell, by the shortest jumps.

    ``kicks`` buys shorter tours for computing time, see `engraver.tour`.
    """
    runs = merge(hatch, sweep_gap_um)
    stacks = cells(runs)
    if not stacks:
        nothing = np.zeros(0, dtype=np.int64)
        return Route(runs, nothing, nothing.astype(bool), nothing.astype(bool))
    v_um = np.asarray((runs.row + hatch.phase) * hatch.pitch_um, dtype=np.float64)
    order, ways = tour.shortest(*_ends(stacks, runs, v_um), start_uv_um, kicks)
    run, forward, joined = [], [], []
    for cell, way in zip(order.tolist(), ways.tolist(), strict=True):
        stack = stacks[cell] if way & 2 else stacks[cell][::-1]
        run.append(stack)
        forward.append((np.arange(len(stack)) % 2 == 0) == bool(way & 1))
        joined.append(np.arange(len(stack)) > 0)
    return Route(runs, np.concatenate(run), np.concatenate(forward), np.concatenate(joined))


def _ends(stacks: list[Ints], runs: Runs, v_um: Floats) -> tuple[Floats, Floats, Ints]:
    """Return entry and exit ``(n, 4, 2)`` of the ways of each cell, and each way's reverse."""
    way = np.arange(4)
    up, forward = way >> 1, way & 1
    bottom = np.array([stack[0] for stack in stacks])
    top = np.array([stack[-1] for stack in stacks])
    odd = np.array([len(stack) % 2 for stack in stacks])[:, None]
    enter = np.where(up == 1, bottom[:, None], top[:, None])
    leave = np.where(up == 1, top[:, None], bottom[:, None])
    last_forward = np.where(odd == 1, forward, 1 - forward)
    entry = np.stack((runs.u_um[enter, 1 - forward], v_um[enter]), axis=2)
    away = np.stack((runs.u_um[leave, last_forward], v_um[leave]), axis=2)
    return entry, away, (1 - up) * 2 + (1 - last_forward)
