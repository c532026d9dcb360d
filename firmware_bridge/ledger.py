"""What the laser has surely done and surely not begun, at every instant of a run.

Theory of operation
-------------------
An acknowledgement says that a line was parsed. Between parsing and the last step of its move
lie the planner queue (blocks) and the stepper's segment buffer, so after A acknowledged lines

    done    >=  the lines before the last (queue + segments) acknowledged moves
    begun   <=  every line whose bytes were handed to the wire

A line that synchronises (M2, M4, M5, G4) is acknowledged after all motion has ended: it pins
``done`` to itself. A stroke is surely done when its last line is, surely not begun when its
first line was never sent.

Authority: grbl 1.1 planner.h and stepper.c (SEGMENT_BUFFER_SIZE 6); measured lead 12-25.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.program_map import ProgramMap

SEGMENT_BLOCKS = 6
"""Moves that can have left the planner and still wait in the stepper's segment buffer."""


class Ledger:
    """Bounds by line and by stroke.

    Parameters
    ----------
    found
        The program's map.
    line_stroke
        ``(n,)`` stroke each line burns, -1 for none.
    queue_blocks
        Planner capacity of the controller.
    """

    def __init__(
        self, found: ProgramMap, line_stroke: NDArray[np.int32], queue_blocks: int
    ) -> None:
        self._moves = np.cumsum(found.length_mm > 0)
        self._synchronises = found.synchronises
        self._lead = queue_blocks + SEGMENT_BLOCKS
        strokes = int(line_stroke.max(initial=-1)) + 1
        self._first, self._last = np.zeros(strokes, int), np.zeros(strokes, int)
        lines = np.flatnonzero(line_stroke >= 0)
        self._last[line_stroke[lines]] = lines
        self._first[line_stroke[lines[::-1]]] = lines[::-1]
        self.strokes = strokes
        self.done_lines = 0
        self.sent_lines = 0

    def acknowledged(self, lines: int) -> None:
        """Note that the first ``lines`` lines are parsed."""
        if not lines:
            return
        if self._synchronises[lines - 1]:
            self.done_lines = max(self.done_lines, lines)
            return
        surely = self._moves[lines - 1] - self._lead
        if surely > 0:
            self.done_lines = max(self.done_lines, int(np.searchsorted(self._moves, surely)) + 1)

    def sent(self, lines: int) -> None:
        """Note that bytes of the first ``lines`` lines were handed to the wire."""
        self.sent_lines = max(self.sent_lines, lines)

    @property
    def last_surely_done(self) -> int:
        """The last stroke all of whose lines are surely executed, -1 for none."""
        return int(np.searchsorted(self._last, self.done_lines, side="left")) - 1

    @property
    def first_surely_not_begun(self) -> int:
        """The first stroke none of whose lines was sent."""
        return int(np.searchsorted(self._first, self.sent_lines, side="left"))
