"""Balances acknowledgements against the controller's buffers.

In: the sender's counts and status reports. Out: up to which line everything sent is known to
have been received and parsed as it was sent; `Stopped` where the books cannot be balanced.

Theory of operation
-------------------
A wire without checksums can lose or forge an ``ok``, or a newline, which fuses two lines. At a
checkpoint nothing more is sent until every line is answered. Two reports, each asked for after
what came before it, must then show an empty receiver and room in the queue: a line that is in
hand at the first (grbl also reports between parsing and planning) is answered before the
second, and an acknowledgement too many shows. If instead the receiver is
empty, the queue has room and answers are still missing, a line or an answer was lost; reports
in a row with nothing moved in between say so, 20 ms apart. Only reports asked for after the last
line count: a wire that stood still may bring a handful of older ones at once. Lines that wait for
the end of motion are answered late by right: for them the controller must be Idle first.
"""

from __future__ import annotations

from engraver.record import StopCause
from firmware_bridge.program_map import ProgramMap
from firmware_bridge.protocol import Status
from firmware_bridge.sender import Sender

CHECKPOINT_LINES = 2000
BUSY_CHECKPOINT_LINES = 60
"""While the queue is full, motion is the limit and a checkpoint costs nothing."""
LOST_REPORTS = 3
GOOD_REPORTS = 2


class Stopped(Exception):
    """The run cannot go on; the text says why."""

    def __init__(self, cause: StopCause, why: str) -> None:
        super().__init__(why)
        self.cause = cause


class Books:
    """Checkpoints of one run.

    Parameters
    ----------
    sender, found
        What is counted, and which lines synchronise.
    idle_blocks, idle_bytes
        What Bf says of an idle controller.
    """

    def __init__(
        self, sender: Sender, found: ProgramMap, idle_blocks: int, idle_bytes: int
    ) -> None:
        self._sender, self._found = sender, found
        self._idle_blocks, self._idle_bytes = idle_blocks, idle_bytes
        self._total = len(found.burns)
        self.verified = 0
        self.checkpoint = min(self._total, BUSY_CHECKPOINT_LINES)
        self._asked = self._heard = 0
        self._awaited: int | None = None
        self._good_reports, self._looked = 0, False
        self._suspect: tuple[int, int] | None = None
        self._suspicions = self._suspected = 0

    @property
    def closed(self) -> bool:
        """Whether the whole program is verified."""
        return self.verified == self._total

    @property
    def curious(self) -> bool:
        """Whether a report is wanted sooner than the next poll."""
        return self._sender.drained or self._suspect is not None

    @property
    def wants_report(self) -> bool:
        """Whether a report of a checkpoint is wanted at once: the first and, after it, a second."""
        eager = not self._looked or self._good_reports > 0
        return self._sender.drained and self._awaited is None and eager

    def asked(self) -> None:
        """Note that a report was asked for."""
        self._asked += 1
        if self._sender.drained and self._awaited is None:
            self._awaited, self._looked = self._asked, True

    def balance(self, status: Status) -> None:
        """Take a report; Stopped where answers are missing."""
        self._heard = min(self._heard + 1, self._asked)
        if status.free_blocks is None or status.free_bytes is None:
            return
        parsed_all = status.free_bytes >= self._idle_bytes and status.free_blocks > 0
        if self._sender.drained:
            self._verify(parsed_all)
            return
        self._awaited, self._good_reports, self._looked = None, 0, False
        self._suspect_loss(parsed_all, status)

    def _verify(self, parsed_all: bool) -> None:
        """Close a checkpoint by two reports asked for after the last answer."""
        if self._awaited is None or self._heard < self._awaited:
            return
        self._awaited = None
        self._good_reports = self._good_reports + 1 if parsed_all else 0
        if self._good_reports < GOOD_REPORTS:
            return
        self.verified, self._good_reports, self._suspect = self._sender.sent, 0, None
        self.checkpoint = min(self._total, self.verified + CHECKPOINT_LINES)

    def motion_bound(self) -> None:
        """Note that the queue is full: bring the next checkpoint near, it costs nothing."""
        near = max(self._sender.sent, self.verified + BUSY_CHECKPOINT_LINES)
        self.checkpoint = min(self.checkpoint, near, self._total)

    def _suspect_loss(self, parsed_all: bool, status: Status) -> None:
        if status.free_blocks == 0:
            self.motion_bound()
        waits = bool(self._sender.outstanding) and self._synchronises(self._sender.acknowledged)
        idle_long = status.state == "Idle" and not self._found.dwell_s[self._oldest()]
        stuck = parsed_all and self._sender.outstanding > 0 and (idle_long or not waits)
        mark = (self._sender.sent, self._sender.acknowledged)
        if not stuck:
            self._suspect, self._suspicions = None, 0
            return
        if mark != self._suspect:
            self._suspect, self._suspicions, self._suspected = mark, 0, self._asked
        elif self._heard > self._suspected:
            self._suspicions += 1
        if self._suspicions >= LOST_REPORTS:
            raise Stopped(
                StopCause.ANSWER_LOST,
                f"{self._sender.outstanding} lines unanswered with all buffers free: an answer "
                "or a newline was lost on the wire",
            )

    def _oldest(self) -> int:
        return min(self._sender.acknowledged, self._total - 1)

    def _synchronises(self, line: int) -> bool:
        return bool(self._found.synchronises[min(line, self._total - 1)])

    def balanced_at(self, status: Status) -> bool:
        """Whether what the receiver holds at a standstill is what is unanswered.

        A line in hand, waiting for room in a full queue, has left the receiver already.
        """
        if status.free_bytes is None or status.free_blocks is None:
            return False
        held = self._idle_bytes - status.free_bytes
        missing = self._sender.outstanding_bytes - held
        if missing == 0:
            return True
        return status.free_blocks == 0 and missing == self._sender.oldest_bytes
