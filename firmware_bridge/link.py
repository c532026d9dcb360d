"""One conversation with a controller: commands and their answers, one after the other.

In: a `Port`, owned by the calling thread. Out: events. What must not wait for answers (the
stream of a job) is `firmware_bridge.streamer`'s. Times in s.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from engraver.errors import PortError
from firmware_bridge.port import Port
from firmware_bridge.protocol import (
    Banner,
    Error,
    Event,
    Message,
    Noise,
    Ok,
    Receiver,
    Setting,
    Status,
)

PATIENCE_S = 2.0
BOOT_PATIENCE_S = 3.0
"""An Arduino's boot loader hands over after about 1.6 s."""
SETTLE_S = 0.05
SOFT_RESET = b"\x18"
MOST_REPORTS_WITHOUT_WCO = 31
MOST_KEPT = 1000


class Link:
    """Asks and waits for the answer."""

    def __init__(self, port: Port) -> None:
        self.port = port
        self._receiver = Receiver()
        self._offset_mm: tuple[float, ...] | None = None
        self.heard_while_stopping: deque[Event] = deque(maxlen=MOST_KEPT)

    def events(self, timeout_s: float) -> list[Event]:
        """Return what has arrived, waiting up to ``timeout_s`` for the first of it."""
        events = self._receiver.feed(self.port.read(timeout_s))
        for event in events:
            if isinstance(event, Status) and event.wco_mm is not None:
                self._offset_mm = event.wco_mm
        return events

    def full_status(self) -> Status:
        """Return a report of which the work place can be told: WCO comes in every 30th."""
        status = self.status()
        for _ in range(MOST_REPORTS_WITHOUT_WCO):
            if self.work_place(status) is not None:
                break
            status = self.status()
        return status

    def work_place(self, status: Status) -> tuple[float, ...] | None:
        """Return the place of ``status`` in the work frame, mm; None if it cannot be told."""
        if status.wpos_mm is not None:
            return status.wpos_mm
        if status.mpos_mm is None or self._offset_mm is None:
            return None
        return tuple(m - o for m, o in zip(status.mpos_mm, self._offset_mm, strict=True))

    def stream(self, patience_s: float) -> Iterator[Event]:
        """Yield events until ``patience_s`` have passed."""
        until_s = self.port.now_s() + patience_s
        while (left_s := until_s - self.port.now_s()) > 0:
            yield from self.events(left_s)

    def pause(self, seconds: float) -> None:
        """Let ``seconds`` pass, keeping what arrives in `heard_while_stopping`."""
        self.heard_while_stopping += self.stream(seconds)

    def ask(self, line: str, patience_s: float = PATIENCE_S) -> list[Event]:
        """Send ``line``; return the events up to its answer (which is the last one).

        Raises
        ------
        PortError
            If no answer comes.
        """
        self.port.write(line.encode("ascii") + b"\n")
        heard: list[Event] = []
        for event in self.stream(patience_s):
            heard.append(event)
            if isinstance(event, Ok | Error):
                return heard
        raise PortError(
            f"{self.port.name}: no answer to {line or 'an empty line'!r} within {patience_s:g} s; "
            "check cable, baud rate and power"
        )

    def command(self, line: str, patience_s: float = PATIENCE_S) -> list[Event]:
        """Send ``line`` and require ``ok``; return what came before it."""
        *before, answer = self.ask(line, patience_s)
        if isinstance(answer, Error):
            raise PortError(f"{self.port.name}: the controller refuses {line!r}: {answer.text}")
        return before

    def status(self, patience_s: float = PATIENCE_S) -> Status:
        """Return a fresh status report."""
        self.port.write(b"?")
        for event in self.stream(patience_s):
            if isinstance(event, Status):
                return event
            self.heard_while_stopping.append(event)
        raise PortError(
            f"{self.port.name}: the controller is silent for {patience_s:g} s; "
            "check cable, baud rate and power"
        )

    def greet(self) -> Status:
        """Find the controller awake, or wait for it to boot; leave no half line behind.

        A G92 offset does not survive this; G54 to G59 do.
        """
        self.port.write(b"?")
        for event in self.stream(BOOT_PATIENCE_S):
            if isinstance(event, Banner):
                self.port.write(b"?")
            if isinstance(event, Status):
                return self._begin_afresh(event)
        raise PortError(
            f"{self.port.name}: nobody answers within {BOOT_PATIENCE_S:g} s; "
            "check cable, baud rate and power"
        )

    def _begin_afresh(self, status: Status) -> Status:
        """Reset a controller that stands still, and wait for late answers to pass.

        A host that died may have left half a line behind: any newline would execute it, with
        whatever laser mode was active. Only a reset throws it away. In motion nothing is sent.
        """
        if status.state not in ("Idle", "Check"):
            return status
        self.reset()
        self.pause(SETTLE_S)
        return self.status()

    def build_info(self) -> dict[str, str]:
        """Return ``$I`` by kind, for instance ``{"VER": ..., "OPT": ...}``."""
        return {e.kind: e.text for e in self.command("$I") if isinstance(e, Message)}

    def settings(self) -> dict[int, str]:
        """Return ``$$`` by number."""
        return {e.number: e.value for e in self.command("$$") if isinstance(e, Setting)}

    def reset(self) -> Banner:
        """Send the soft reset and wait for the banner."""
        self.port.write(SOFT_RESET)
        return self.await_banner()

    def await_banner(self, patience_s: float = BOOT_PATIENCE_S) -> Banner:
        """Wait for the banner of a reset; PortError says what came instead."""
        heard: list[str] = []
        for event in self.stream(patience_s):
            if isinstance(event, Banner):
                return event
            if isinstance(event, Noise):
                heard.append(event.data.decode("ascii", "replace"))
        raise PortError(
            f"{self.port.name}: no known firmware's banner within {patience_s:g} s after a reset; "
            f"heard {', '.join(heard[:3]) or 'nothing'}; use grbl, grblHAL or FluidNC"
        )
