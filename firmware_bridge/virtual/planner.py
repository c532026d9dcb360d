"""The planner queue of the virtual controller: moves in, entry speeds out.

Theory of operation
-------------------
grbl plans a queue of straight blocks. The speed at a corner is limited so that a circle
touching both blocks at a distance of `junction deviation` is passed within what the axes can
accelerate along the corner's own direction, the difference of the two blocks' unit vectors.
A backward pass makes every block able to stop at the end of the queue, a forward pass makes
every entry reachable from the block before. A new block changes only the tail of these
results, so the passes stop where nothing changes.

Lengths are mm, speeds mm/s, accelerations mm/s2. Authority: grbl 1.1 planner.c.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, sqrt

Vector = tuple[float, float, float]
STRAIGHT = 0.999999
"""Cosine beyond which grbl takes two blocks as straight on (or as a full reversal)."""


@dataclass(slots=True)
class Block:
    """One straight move in the queue; squared speeds in (mm/s)2."""

    start_mm: Vector
    end_mm: Vector
    end_steps: tuple[int, int, int]
    unit: Vector
    length_mm: float
    nominal_mm_s: float
    programmed_mm_s: float
    acceleration_mm_s2: float
    s: float
    laser: int  # 0 off, 3 constant (M3), 4 dynamic (M4)
    line: int = 0  # job line it came from
    limit_mm_s: float = inf  # of the axes along this direction
    rapid: bool = False
    is_jog: bool = False
    corner_sqr: float = 0.0
    reverse_sqr: float = 0.0
    entry_sqr: float = 0.0


class Planner:
    """The queue; ``blocks[0]`` is the one in motion."""

    def __init__(self, capacity: int, settings: Mapping[int, float]) -> None:
        self.capacity = capacity
        self.obey(settings)
        self.blocks: deque[Block] = deque()
        self._last: Block | None = None

    def obey(self, settings: Mapping[int, float]) -> None:
        """Take junction deviation ($11) and axis accelerations ($120 to $122) from ``settings``."""
        self.junction_deviation_mm = settings[11]
        self.acceleration_mm_s2: Vector = (settings[120], settings[121], settings[122])

    @property
    def free(self) -> int:
        """Blocks that still fit."""
        return self.capacity - len(self.blocks)

    def clear(self) -> None:
        """Forget every block, as a reset does."""
        self.blocks.clear()
        self._last = None

    def push(self, block: Block, head_speed_mm_s: float, head_left_mm: float) -> bool:
        """Append ``block`` and plan; True if the block in motion must end at a new speed."""
        block.corner_sqr = self._corner_sqr(self._last, block) if self.blocks else 0.0
        self._last = block
        self.blocks.append(block)
        if len(self.blocks) == 1:
            block.entry_sqr = block.reverse_sqr = head_speed_mm_s**2
            return True
        return self._plan_tail(head_speed_mm_s, head_left_mm)

    def replan(self, head_speed_mm_s: float, head_left_mm: float) -> None:
        """Plan the whole queue afresh from the present speed, as after a hold."""
        for block in self.blocks:
            block.reverse_sqr = -1.0
        if self.blocks:
            self._plan_tail(head_speed_mm_s, head_left_mm)

    def corners(self) -> None:
        """Limit every corner afresh, after nominal speeds have changed."""
        before: Block | None = None
        for block in self.blocks:
            block.corner_sqr = self._corner_sqr(before, block)
            before = block

    def _plan_tail(self, head_speed_mm_s: float, head_left_mm: float) -> bool:
        blocks = self.blocks
        exit_sqr, first = 0.0, 1
        for index in range(len(blocks) - 1, 0, -1):
            block = blocks[index]
            entry = min(block.corner_sqr, exit_sqr + 2 * block.acceleration_mm_s2 * block.length_mm)
            if entry == block.reverse_sqr:
                first = index + 1
                break
            block.reverse_sqr = exit_sqr = entry
        return self._plan_forward(first, head_speed_mm_s, head_left_mm)

    def _plan_forward(self, first: int, head_speed_mm_s: float, head_left_mm: float) -> bool:
        blocks = self.blocks
        changed = False
        for index in range(first, len(blocks)):
            before = blocks[index - 1]
            if index == 1:
                reach = head_speed_mm_s**2 + 2 * before.acceleration_mm_s2 * head_left_mm
            else:
                reach = before.entry_sqr + 2 * before.acceleration_mm_s2 * before.length_mm
            block = blocks[index]
            entry = min(block.reverse_sqr, reach)
            if index == 1 and entry != block.entry_sqr:
                changed = True
            block.entry_sqr = entry
        return changed

    def _corner_sqr(self, before: Block | None, block: Block) -> float:
        """Return the greatest squared speed between two blocks (junction deviation)."""
        if before is None:
            return 0.0
        a, b = before.unit, block.unit
        cosine = -(a[0] * b[0] + a[1] * b[1] + a[2] * b[2])
        if cosine > STRAIGHT:
            return 0.0
        limit = inf
        if cosine >= -STRAIGHT:
            sine_half = sqrt(0.5 * (1.0 - cosine))
            acceleration = self._corner_acceleration_mm_s2(a, b)
            limit = acceleration * self.junction_deviation_mm * sine_half / (1.0 - sine_half)
        return min(limit, before.nominal_mm_s**2, block.nominal_mm_s**2)

    def _corner_acceleration_mm_s2(self, a: Vector, b: Vector) -> float:
        """Return what the axes can do along the turn from direction ``a`` to ``b``."""
        turn = (b[0] - a[0], b[1] - a[1], b[2] - a[2])
        length = sqrt(turn[0] ** 2 + turn[1] ** 2 + turn[2] ** 2)
        shares = zip(self.acceleration_mm_s2, turn, strict=True)
        return min(limit * length / abs(share) for limit, share in shares if share)
