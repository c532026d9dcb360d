"""A panel on the controller's own pins: what its status reports say in ``Pn:``.

In: the letters of each report, fed by whoever owns the port. Out: a `Panel` without lamps. grbl
1.1 lists a letter while its pin is triggered: P probe, X Y Z limits, D door, H hold, R soft-reset,
S cycle-start. A triggered door pin is an open door, so D in a report is an open contact; a
triggered cycle start is a pressed button. Between reports nothing is known: a panel that was not
fed for `STALE_S` reads as open.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from types import TracebackType

from hardware.panel.levels import Input, Levels, Output
from hardware.panel.profile import PanelProfile

STALE_S = 2.0
"""Ten of the reports that come five times a second."""


class PinsPanel:
    """A `Panel` that is told; `feed` may be called by any thread."""

    def __init__(self, profile: PanelProfile) -> None:
        self.name = profile.name
        self._letters = profile.lines()
        self.wired = frozenset(self._letters)
        self._guard = threading.Lock()
        self._fed = threading.Event()
        self._pins: str | None = None
        self._fed_s = 0.0

    def feed(self, pins: str) -> None:
        """Take the letters of one status report."""
        with self._guard:
            self._pins, self._fed_s = pins, time.monotonic()
        self._fed.set()

    def read(self) -> Levels:
        """Return every wired input by the newest report; None if it is stale."""
        with self._guard:
            pins, fed_s = self._pins, self._fed_s
        if pins is None or time.monotonic() - fed_s > STALE_S:
            return dict.fromkeys(self._letters)
        return {one: self._level(one, text, pins) for one, text in self._letters.items()}

    def _level(self, one: Input, text: str, pins: str) -> bool:
        triggered = (text.lstrip("!") in pins) != text.startswith("!")
        return triggered if one is Input.START else not triggered

    def wait(self, timeout_s: float) -> None:
        """Wait for the next report."""
        self._fed.wait(timeout_s)
        self._fed.clear()

    def show(self, lamps: Mapping[Output, bool]) -> None:
        """Do nothing: a controller has no pins for lamps."""

    def close(self) -> None:
        """Forget what was fed."""
        with self._guard:
            self._pins = None

    def __enter__(self) -> PinsPanel:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
