"""The shortest way through the cells of a pass, each entered where it suits.

In: for n cells, entry and exit points of the 4 ways to burn each, ``(n, 4, 2)`` um, and a start.
Out: an order and a way for each. Way w has bit 1 set when the cell is climbed from its low row
and bit 0 when its first run goes forwards.

Method: nearest entry first; then, until nothing helps, the best of all reversals of a stretch
(2-opt; a reversed cell is left where it was entered), of all moves of one cell elsewhere in any
way (Or-opt), and an exact choice of all ways for the order at hand (Bellman's recursion over the
four states); then short stretches are exchanged and the descent repeated (iterated local
search), keeping what is shorter. No chance is involved: equal inputs give equal tours.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from engraver.fill import Floats, Ints

MOST_CELLS = 400
"""Beyond this many cells the greedy tour stands: the tables grow with the square."""

_GAIN_UM = 1e-6
_FEWEST_TO_KICK = 8
_STRETCH = 8


def shortest(
    entry_um: Floats, exit_um: Floats, reverse: Ints, start_um: Floats, kicks: int = 0
) -> tuple[Ints, Ints]:
    """Return ``(order, way)``: the cells in order and how each is burned.

    Parameters
    ----------
    entry_um, exit_um
        ``(n, 4, 2)`` points; infinite coordinates forbid a way.
    reverse
        ``(n, 4)``: the way that burns the same cell backwards.
    start_um
        ``(2,)`` where the beam is now.
    kicks
        How often two stretches are exchanged to leave a local optimum. On the reference job of
        benchmarks/ (28 to 57 cells a pass) 0 gives 1.37 times the matching bound, 300 give 1.30.
    """
    order, way = _nearest(entry_um, exit_um, start_um)
    if not 2 <= len(order) <= MOST_CELLS:
        return order, way
    table = _Table(entry_um, exit_um, reverse, start_um)
    best = table.descend(order, way)
    for cuts in _cuts(len(order), kicks if len(order) >= _FEWEST_TO_KICK else 0):
        found = table.descend(*_swap_stretches(*best, cuts))
        if table.length(*found) < table.length(*best) - _GAIN_UM:
            best = found
    return best


def _cuts(n: int, kicks: int) -> Iterator[Ints]:
    """Yield three cuts each, spread evenly over all places by irrational steps (Kronecker)."""
    steps = np.array([0.7548776662466927, 0.5698402909980532, 0.3542017])
    for kick in range(1, kicks + 1):
        place, first, second = (kick * steps) % 1.0
        lengths = np.array([0, 1 + first * _STRETCH, 2 + (first + second) * _STRETCH])
        yield np.minimum((place * (n - 3) + lengths).astype(np.int64), n)


def _swap_stretches(order: Ints, way: Ints, cuts: Ints) -> tuple[Ints, Ints]:
    """Exchange two neighbouring stretches (a double bridge, Martin, Otto and Felten 1991)."""
    a, b, c = cuts.tolist()
    index = np.concatenate(
        (np.arange(a), np.arange(b, c), np.arange(a, b), np.arange(c, len(order)))
    )
    return order[index], way[index]


def _nearest(entry: Floats, leave: Floats, start: Floats) -> tuple[Ints, Ints]:
    """Visit the cell whose entry is nearest next."""
    n = len(entry)
    free = np.ones(n, dtype=bool)
    order, way, at = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64), start
    for i in range(n):
        away = np.hypot(entry[:, :, 0] - at[0], entry[:, :, 1] - at[1])
        away[~free] = np.inf
        cell, w = np.unravel_index(int(np.argmin(away)), away.shape)
        order[i], way[i] = cell, w
        free[cell] = False
        at = leave[cell, w]
    return order, way


class _Table:
    """All distances between the ends of cells; the start is a cell of its own, number n."""

    def __init__(self, entry: Floats, leave: Floats, reverse: Ints, start: Floats) -> None:
        n = len(entry)
        self.n, self.reverse = n, reverse
        out = np.concatenate((leave, np.broadcast_to(start, (1, 4, 2)))).reshape(-1, 2)
        into = entry.reshape(-1, 2)
        away = np.hypot(out[:, None, 0] - into[None, :, 0], out[:, None, 1] - into[None, :, 1])
        self.away = away.reshape(n + 1, 4, n, 4)

    def descend(self, order: Ints, way: Ints) -> tuple[Ints, Ints]:
        """Improve a tour until no reversal, move or choice of ways helps."""
        length = self.length(order, way)
        while True:
            order, way = self.relocate(*self.uncross(order, way))
            way = self.best_ways(order)
            shorter = self.length(order, way)
            if shorter > length - _GAIN_UM:
                return order, way
            length = shorter

    def length(self, order: Ints, way: Ints) -> float:
        """Return the length of all links from the start on."""
        before = np.concatenate(([self.n], order[:-1]))
        ways = np.concatenate(([0], way[:-1]))
        return float(self.away[before, ways, order, way].sum())

    def best_ways(self, order: Ints) -> Ints:
        """Return the ways that make ``order`` shortest."""
        cost = self.away[self.n, 0, order[0]]
        came = np.zeros((len(order), 4), dtype=np.int64)
        for i in range(1, len(order)):
            through = cost[:, None] + self.away[order[i - 1], :, order[i], :]
            came[i] = through.argmin(axis=0)
            cost = through.min(axis=0)
        way = np.zeros(len(order), dtype=np.int64)
        way[-1] = int(cost.argmin())
        for i in range(len(order) - 1, 0, -1):
            way[i - 1] = came[i, way[i]]
        return way

    def uncross(self, order: Ints, way: Ints) -> tuple[Ints, Ints]:
        """Reverse stretches while the best reversal shortens the tour."""
        while True:
            n = len(order)
            back = self.reverse[order, way]
            before, before_way = self._before(order, way)
            link = self.away[before, before_way, order, way]
            # reversing i..j: before i goes to j reversed, i reversed goes to j + 1
            to_j = self.away[before[:, None], before_way[:, None], order[None], back[None]]
            onward = np.zeros((n, n))
            onward[:, :-1] = self.away[
                order[:, None], back[:, None], order[None, 1:], way[None, 1:]
            ]
            after = np.concatenate((link[1:], [0.0]))
            change = to_j + onward - link[:, None] - after[None, :]
            change[np.tril_indices(n, -1)] = np.inf
            i, j = np.unravel_index(int(np.argmin(change)), change.shape)
            if not change[i, j] < -_GAIN_UM:
                return order, way
            order, way = order.copy(), way.copy()
            way[i : j + 1] = back[i : j + 1][::-1]
            order[i : j + 1] = order[i : j + 1][::-1].copy()

    def relocate(self, order: Ints, way: Ints) -> tuple[Ints, Ints]:
        """Move single cells elsewhere, in any way, while the best such move shortens the tour."""
        n = len(order)
        at = np.arange(n)
        while True:
            before, before_way = self._before(order, way, ends=True)
            link = np.append(self.away[before[:-1], before_way[:-1], order, way], 0.0)
            bridge = np.zeros(n)
            bridge[:-1] = self.away[before[:-2], before_way[:-2], order[1:], way[1:]]
            won = link[:-1] + link[1:] - bridge
            change = (
                self.away[before[:, None], before_way[:, None], order[None]] - link[:, None, None]
            )
            change[:-1] += self.away[order][:, :, order, way].transpose(2, 0, 1)
            change -= won[None, :, None]
            change[at, at] = change[at + 1, at] = np.inf
            place, i, w = np.unravel_index(int(np.argmin(change)), change.shape)
            if not change[place, i, w] < -_GAIN_UM:
                return order, way
            cell, place = order[i], place - (place > i)
            order = np.insert(np.delete(order, i), place, cell)
            way = np.insert(np.delete(way, i), place, w)

    def _before(self, order: Ints, way: Ints, *, ends: bool = False) -> tuple[Ints, Ints]:
        """Return for each place the cell before it; with ``ends`` one place more."""
        last = len(order) if ends else len(order) - 1
        return np.concatenate(([self.n], order[:last])), np.concatenate(([0], way[:last]))
