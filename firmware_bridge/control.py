"""How other threads talk to the one that owns the port: messages, never bytes.

In: calls from any thread. Out: a queue the streamer empties at every turn; `Control.attach`
lets a message end the streamer's wait at once, so that a hold is on the wire within
milliseconds. Authority for the bytes: grbl 1.1 interface document, real-time commands.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from enum import Enum

HOLD, RESUME, RESET, STATUS = b"!", b"~", b"\x18", b"?"
DOOR, JOG_CANCEL = b"\x84", b"\x85"
FEED_OVERRIDES = {0: b"\x90", 10: b"\x91", -10: b"\x92", 1: b"\x93", -1: b"\x94"}
RAPID_OVERRIDES = {100: b"\x95", 50: b"\x96", 25: b"\x97"}


class Wish(Enum):
    """What can be asked of a run."""

    HOLD = HOLD
    RESUME = RESUME
    DOOR = DOOR
    ABORT = b""


class Control:
    """Asks things of a run from any thread.

    With ``heartbeat_s`` whoever watches over the run must call `beat` at least that often;
    once it does not, the run aborts with the laser off. ``pauses`` says whether somebody is there
    to resume: without, a hold ends the run.
    """

    def __init__(self, heartbeat_s: float | None = None, *, pauses: bool = True) -> None:
        self.pauses = pauses
        self._heartbeat_s = heartbeat_s
        self._beat_s: float | None = None
        self._beats = threading.Event()
        self._wishes: queue.SimpleQueue[Wish | bytes] = queue.SimpleQueue()
        self._wake: Callable[[], None] = lambda: None
        self._stop = threading.Event()

    def attach(self, wake: Callable[[], None]) -> None:
        """Tell how to end the wait of the thread that owns the port."""
        self._wake = wake

    def hold(self) -> None:
        """Stop the motion on the path; `resume` goes on exactly there."""
        self.ask(Wish.HOLD)

    def resume(self) -> None:
        """Go on after a hold or a closed door."""
        self.ask(Wish.RESUME)

    def door(self) -> None:
        """Stop as for an opened safety door."""
        self.ask(Wish.DOOR)

    def abort(self) -> None:
        """Stop for good, laser off, with the place read."""
        self.ask(Wish.ABORT)

    @property
    def stop_asked(self) -> bool:
        """Whether somebody has asked for the end, be it before the run has begun."""
        return self._stop.is_set()

    def override_feed(self, percent_step: int) -> None:
        """Change the feed by +-1 or +-10 percent, or back to 100 (0)."""
        self.ask(FEED_OVERRIDES[percent_step])

    def override_rapid(self, percent: int) -> None:
        """Set the rapid rate to 100, 50 or 25 percent."""
        self.ask(RAPID_OVERRIDES[percent])

    def beat(self) -> None:
        """Say that the one who watches over the run is alive."""
        self._beats.set()

    def heart_stopped(self, now_s: float) -> bool:
        """Whether no beat came for too long (for the owning thread, on its clock)."""
        if self._heartbeat_s is None:
            return False
        if self._beats.is_set() or self._beat_s is None:
            self._beats.clear()
            self._beat_s = now_s
        return now_s - self._beat_s > self._heartbeat_s

    def ask(self, wish: Wish | bytes) -> None:
        """Ask for a wish, or send a real-time byte."""
        if wish is Wish.ABORT:
            self._stop.set()
        self._wishes.put(wish)
        self._wake()

    def next_wish(self) -> Wish | bytes | None:
        """Return the oldest wish, None if there is none (for the owning thread)."""
        try:
            return self._wishes.get_nowait()
        except queue.Empty:
            return None

    def pending(self) -> list[Wish | bytes]:
        """Take all wishes that have been made so far, oldest first."""
        found = []
        while (wish := self.next_wish()) is not None:
            found.append(wish)
        return found
