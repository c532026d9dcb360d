"""What the laser has surely done and surely not begun, at every instant of a run.

Theory of operation
-------------------
An acknowledgement says that a line was parsed, and may itself be lost or doubled. So nothing
here is concluded from counting answers alone. Three bounds are kept, in program lines:

    done       lines before the one on which a status report has located the axes
    verified   lines up to the last checkpoint: every line sent was answered, the receiver was
               empty and the queue had room, so that no line was lost and none fused
    sent       lines whose bytes were handed to the wire

    surely executed   =  the first min(done, verified) lines
    surely untouched  =  the lines from `sent` on, or, once the controller is known to have
                         stopped for good, those behind the place where it stands

A place is located on the moves between `done` and `sent`. Where it lies on several (a corner,
a crossing) the earliest bounds what is done and the latest what was begun. A place on none of
them is off the path: some line was garbled.

A stroke is surely done when its last line is, surely not begun when its first line is
untouched. Positions are mm of the work frame. Authority: a controller reports its step count,
printed with three decimals (grbl 1.1 interface document).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.program_map import ProgramMap

Place = tuple[float, ...]
TOLERANCE_MM = 0.0015
"""One count of the third decimal and half a step."""


class Ledger:
    """Bounds by line and by stroke.

    Parameters
    ----------
    found
        The program's map.
    line_stroke
        ``(n,)`` stroke each line burns, -1 for none.
    start_mm
        Where the axes stood before the first line.
    """

    def __init__(self, found: ProgramMap, line_stroke: NDArray[np.int32], start_mm: Place) -> None:
        ends = np.where(found.known, found.end_mm, np.array(start_mm))
        self._ends = np.vstack([np.array(start_mm), ends])
        strokes = int(line_stroke.max(initial=-1)) + 1
        self._first, self._last = np.zeros(strokes, int), np.zeros(strokes, int)
        lines = np.flatnonzero(line_stroke >= 0)
        self._last[line_stroke[lines]] = lines
        self._first[line_stroke[lines[::-1]]] = lines[::-1]
        self.strokes, self.lines = strokes, len(line_stroke)
        self.done_lines = self.verified_lines = self.sent_lines = 0
        self._begun_lines: int | None = None

    @property
    def end_mm(self) -> Place:
        """Where the program ends."""
        return tuple(map(float, self._ends[-1]))

    def sent(self, lines: int) -> None:
        """Note that bytes of the first ``lines`` lines were handed to the wire."""
        self.sent_lines = max(self.sent_lines, lines)

    def verify(self, lines: int) -> None:
        """Note that the first ``lines`` lines were received and parsed as they were sent."""
        self.verified_lines = max(self.verified_lines, lines)

    def complete(self) -> None:
        """Note that every line was executed."""
        self.done_lines = self.verified_lines = self.sent_lines = self.lines

    def locate(self, place_mm: Place) -> tuple[int, int] | None:
        """Return the first and last line on whose move ``place_mm`` lies, None if off the path.

        The end of the last executed line counts as ``done_lines - 1``.
        """
        low = self.done_lines
        starts, ends = self._ends[low : self.sent_lines], self._ends[low + 1 : self.sent_lines + 1]
        place = np.array(place_mm)
        candidates = low + np.flatnonzero(_distances(place, starts, ends) <= TOLERANCE_MM)
        if len(candidates):
            return int(candidates[0]), int(candidates[-1])
        if np.abs(self._ends[low] - place).max() <= TOLERANCE_MM:
            return low - 1, low - 1
        return None

    def reached(self, place_mm: Place) -> bool:
        """Note that the axes were seen at ``place_mm``; False if that is off the path."""
        found = self.locate(place_mm)
        if found is not None:
            self.done_lines = max(self.done_lines, found[0])
        return found is not None

    def stopped(self, place_mm: Place) -> bool:
        """Note that the axes stand at ``place_mm`` for good; False if that is off the path."""
        found = self.locate(place_mm)
        if found is None:
            return False
        self.done_lines = max(self.done_lines, found[0])
        self._begun_lines = found[1] + 1
        return True

    def ran_dry(self) -> None:
        """Note that the controller has executed all that was sent and stands idle."""
        self.done_lines = self.verified_lines = self._begun_lines = self.sent_lines

    @property
    def executed_lines(self) -> int:
        """Lines surely executed."""
        return min(self.done_lines, self.verified_lines)

    @property
    def begun_lines(self) -> int:
        """Lines that may have been begun."""
        return self.sent_lines if self._begun_lines is None else self._begun_lines

    @property
    def last_surely_done(self) -> int:
        """The last stroke up to which all strokes are surely burned, -1 for none."""
        return int(np.searchsorted(self._last, self.executed_lines, side="left")) - 1

    @property
    def first_surely_not_begun(self) -> int:
        """The first stroke from which on none was touched."""
        return self.not_begun_after(self.begun_lines)

    def not_begun_after(self, lines: int) -> int:
        """Return the first stroke none of whose lines is among the first ``lines``."""
        return int(np.searchsorted(self._first, lines, side="left"))


def _distances(
    place: NDArray[np.float64], starts: NDArray[np.float64], ends: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the distance of ``place`` from each segment; repeats of one point count too."""
    along = ends - starts
    squared = np.einsum("ij,ij->i", along, along)
    share = np.einsum("ij,ij->i", place - starts, along) / np.where(squared > 0, squared, 1.0)
    nearest = starts + np.clip(share, 0.0, 1.0)[:, None] * along
    distance = np.linalg.norm(nearest - place, axis=1)
    return np.where(squared > 0, distance, np.inf)
