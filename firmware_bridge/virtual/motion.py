"""The motion of the virtual controller: planned blocks in, executed pieces out.

Theory of operation
-------------------
The block in motion is a chain of at most three pieces of constant acceleration (speed up,
cruise, slow down), made anew whenever its exit speed changes or a feed hold begins. Time is
given from outside; `Motion.advance` moves the axes to that instant and hands every finished
piece to the beam: where it began, its direction, its speed and its acceleration. Nothing is
ever interpolated afterwards: pulses come from these pieces.

Lengths are mm, times s of the controller's own clock. Authority: grbl 1.1 stepper.c.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from math import inf, sqrt

from firmware_bridge.virtual.planner import Block, Planner, Vector

TINY_MM = 1e-12
TINY_S = 1e-9
"""Shorter than this is over: a clock of some 1000 s in doubles resolves 1e-13 s."""
SEGMENT_S = 0.01
SEGMENTS = 5
"""grbl prepares up to five stepper segments of 1/100 s ahead, of one block each."""


@dataclass(slots=True)
class Piece:
    """A stretch of constant acceleration: entry speed, acceleration, length, duration."""

    v_mm_s: float
    a_mm_s2: float
    length_mm: float
    time_s: float


@dataclass(frozen=True, slots=True)
class Executed:
    """What the axes really did for ``time_s`` from ``t_s`` on, under one block."""

    t_s: float
    time_s: float
    start_mm: Vector
    unit: Vector
    v_mm_s: float
    a_mm_s2: float
    s: float
    laser: int
    programmed_mm_s: float
    block_end_mm: Vector = (0.0, 0.0, 0.0)


def profile(v: float, left: float, nominal: float, exit_v: float, a: float) -> list[Piece]:
    """Split ``left`` mm into pieces from speed ``v`` towards ``nominal`` and ``exit_v``.

    Where the distance is too short to reach ``exit_v`` the end speed is what physics allows.
    """
    pieces: list[Piece] = []
    if v > nominal:
        slow = min((v * v - nominal * nominal) / (2 * a), left)
        v, left = _append(pieces, v, -a, slow), left - slow
    top_sqr = min(nominal * nominal, a * left + (v * v + exit_v * exit_v) / 2)
    top_sqr = max(top_sqr, v * v)
    up = min((top_sqr - v * v) / (2 * a), left)
    down = min(max((top_sqr - exit_v * exit_v) / (2 * a), 0.0), left - up)
    v = _append(pieces, v, a, up)
    v = _append(pieces, v, 0.0, left - up - down)
    _append(pieces, v, -a, down)
    return pieces


def _append(pieces: list[Piece], v: float, a: float, length: float) -> float:
    """Append a piece unless it is empty; return the speed after it."""
    if length <= TINY_MM:
        return v
    if a == 0.0:
        pieces.append(Piece(v, 0.0, length, length / v if v > 0 else 0.0))
        return v
    after = sqrt(max(v * v + 2 * a * length, 0.0))
    pieces.append(Piece(v, a, length, (after - v) / a))
    return after


def overridden(block: Block, feed_percent: float, rapid_percent: float) -> float:
    """Return the nominal speed of ``block`` under overrides, within what its axes can do."""
    if block.rapid:
        return block.limit_mm_s * rapid_percent / 100
    if block.is_jog:
        return min(block.programmed_mm_s, block.limit_mm_s)
    return min(block.programmed_mm_s * feed_percent / 100, block.limit_mm_s)


class Motion:
    """Executes the queue of ``planner`` on a clock given from outside."""

    def __init__(self, planner: Planner, beam: Callable[[Executed], None]) -> None:
        self.planner = planner
        self.now_s = 0.0
        self.holding = False
        self.idle_beam: tuple[float, int] = (0.0, 0)  # S and mode of a beam at rest (M3)
        self.last_block: Block | None = None
        self.finished_blocks = 0
        self.v_mm_s = 0.0
        self.place_mm: Vector = (0.0, 0.0, 0.0)
        self.place_steps = (0, 0, 0)
        self.origin_mm: Vector = (0.0, 0.0, 0.0)
        self._beam = beam
        self._done_mm = 0.0
        self._pieces: deque[Piece] = deque()

    @property
    def busy(self) -> bool:
        """Whether anything is left to move (a finished hold counts as busy)."""
        return bool(self.planner.blocks)

    @property
    def stopped(self) -> bool:
        """Whether the axes stand still for good: nothing queued, or held at speed zero."""
        return not self.planner.blocks or (self.holding and self.v_mm_s == 0.0)

    @property
    def prepared(self) -> int:
        """Leading blocks that the stepper has taken over: they no longer fill the queue."""
        left_s, count = self._head_left_s(), 0
        for block in self.planner.blocks:
            if count:
                left_s += block.length_mm / block.nominal_mm_s
            if left_s > SEGMENTS * SEGMENT_S or count == SEGMENTS:
                break
            count += 1
        return count

    @property
    def free_blocks(self) -> int:
        """Places in the planner's queue."""
        return min(self.planner.free + self.prepared, self.planner.capacity)

    def forget_place(self) -> None:
        """Call the place reached zero, as a controller does that was switched off and on."""
        self.origin_mm = self._physical(self.place_mm)
        self.place_mm, self.place_steps = (0.0, 0.0, 0.0), (0, 0, 0)

    def _physical(self, place_mm: Vector) -> Vector:
        (x, y, z), (a, b, c) = place_mm, self.origin_mm
        return (x + a, y + b, z + c)

    def _head_left_s(self) -> float:
        return sum(piece.time_s for piece in self._pieces)

    def push(self, block: Block) -> None:
        """Queue ``block`` behind the others."""
        head_left = self.planner.blocks[0].length_mm - self._done_mm if self.busy else 0.0
        if self.planner.push(block, self.v_mm_s, head_left) and not self.holding:
            self._shape()

    def hold(self) -> None:
        """Begin to slow down to a stop."""
        if not self.holding:
            self.holding = True
            self._shape()

    def resume(self) -> None:
        """Go on from a stop."""
        self.holding = False
        self._replan()

    def reset(self) -> None:
        """Stop dead and forget the queue; the place reached stays."""
        self.planner.clear()
        self._pieces.clear()
        self.holding, self.v_mm_s, self._done_mm = False, 0.0, 0.0

    def _replan(self) -> None:
        if self.busy:
            self.planner.replan(self.v_mm_s, self.planner.blocks[0].length_mm - self._done_mm)
            self._shape()

    def scale(self, feed_percent: float, rapid_percent: float) -> None:
        """Give every queued block the speed that the overrides ask for."""
        for block in self.planner.blocks:
            block.nominal_mm_s = overridden(block, feed_percent, rapid_percent)
        self.planner.corners()
        if not self.holding:
            self._replan()

    def _shape(self) -> None:
        """Make the pieces of the block in motion."""
        self._pieces.clear()
        if not self.busy:
            return
        block = self.planner.blocks[0]
        left, a = block.length_mm - self._done_mm, block.acceleration_mm_s2
        if self.holding:
            stop = min(self.v_mm_s**2 / (2 * a), left)
            pieces: list[Piece] = []
            _append(pieces, self.v_mm_s, -a, stop)
            self._pieces.extend(pieces)
            return
        exit_v = sqrt(self.planner.blocks[1].entry_sqr) if len(self.planner.blocks) > 1 else 0.0
        self._pieces.extend(profile(self.v_mm_s, left, block.nominal_mm_s, exit_v, a))

    def block_end_s(self) -> float:
        """Return when the block in motion ends (or the hold is complete), `inf` if never."""
        if not self.busy or (self.holding and self.v_mm_s == 0.0):
            return inf
        return self.now_s + self._head_left_s()

    def slot_s(self) -> float:
        """Return when the next place in the queue may fall free."""
        end_s = self.block_end_s()
        early_s = end_s - SEGMENTS * SEGMENT_S
        return early_s + TINY_S if early_s > self.now_s else end_s

    def advance(self, to_s: float) -> None:
        """Move the axes to the instant ``to_s``."""
        while self.now_s < to_s:
            if self.stopped:
                self._rest(to_s)
                return
            if not self._pieces:
                self._end_block()
                continue
            self._execute(self._pieces[0], to_s - self.now_s)
        while self.busy and not self._pieces and not self.stopped:
            self._end_block()

    def _rest(self, to_s: float) -> None:
        s, mode = self.idle_beam
        if mode == 3 and s > 0 and not self.holding:
            self._beam(
                Executed(
                    self.now_s,
                    to_s - self.now_s,
                    self.place_mm,
                    (0.0, 0.0, 0.0),
                    0.0,
                    0.0,
                    s,
                    3,
                    1.0,
                )
            )
        self.now_s = to_s

    def _execute(self, piece: Piece, available_s: float) -> None:
        whole = piece.time_s <= available_s + TINY_S
        time_s = piece.time_s if whole else available_s
        v, a = piece.v_mm_s, piece.a_mm_s2
        length = piece.length_mm if whole else v * time_s + 0.5 * a * time_s * time_s
        self._report(time_s, v, a)
        self.now_s += time_s
        self._done_mm += length
        self.v_mm_s = max(v + a * time_s, 0.0)
        self._set_place()
        if not whole:
            self._pieces[0] = Piece(self.v_mm_s, a, piece.length_mm - length, piece.time_s - time_s)
            return
        self._pieces.popleft()
        if self.holding and not self._pieces:
            block = self.planner.blocks[0]
            if block.length_mm - self._done_mm > TINY_MM or self.v_mm_s < 1e-9:
                self.v_mm_s = 0.0

    def _report(self, time_s: float, v: float, a: float) -> None:
        block = self.planner.blocks[0]
        self._beam(
            Executed(
                self.now_s, time_s, self._physical(self.place_mm), block.unit, v, a,
                block.s, block.laser, block.programmed_mm_s, block.end_mm,
            )
        )  # fmt: skip

    def _set_place(self) -> None:
        block, done = self.planner.blocks[0], self._done_mm
        (x, y, z), (ux, uy, uz) = block.start_mm, block.unit
        self.place_mm = (x + ux * done, y + uy * done, z + uz * done)

    def _end_block(self) -> None:
        block = self.planner.blocks.popleft()
        self.place_mm, self.place_steps = block.end_mm, block.end_steps
        self.last_block = block
        self.finished_blocks += 1
        self._done_mm = 0.0
        if not self.planner.blocks:
            self.v_mm_s = 0.0
        self._shape()
