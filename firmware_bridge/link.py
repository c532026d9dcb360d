"""One conversation with a controller: commands and their answers, one after the other.

In: a `Port`, owned by the calling thread. Out: events. What must not wait for answers (the
stream of a job) is `firmware_bridge.streamer`'s. Times in s.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from engraver.errors import PortError
from firmware_bridge.port import Port
from firmware_bridge.protocol import Banner, Error, Event, Message, Ok, Receiver, Setting, Status

PATIENCE_S = 2.0
BOOT_PATIENCE_S = 3.0
"""An Arduino's boot loader hands over after about 1.6 s."""
SOFT_RESET = b"\x18"


class Link:
    """Asks and waits for the answer."""

    def __init__(self, port: Port) -> None:
        self.port = port
        self._receiver = Receiver()

    def events(self, timeout_s: float) -> list[Event]:
        """Return what has arrived, waiting up to ``timeout_s`` for the first of it."""
        return self._receiver.feed(self.port.read(timeout_s))

    def stream(self, patience_s: float) -> Iterator[Event]:
        """Yield events until ``patience_s`` have passed."""
        until_s = time.monotonic() + patience_s
        while (left_s := until_s - time.monotonic()) > 0:
            yield from self.events(left_s)

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
        raise PortError(
            f"{self.port.name}: the controller is silent for {patience_s:g} s; "
            "check cable, baud rate and power"
        )

    def greet(self) -> Status:
        """Find the controller awake, or wait for it to boot; leave no half line behind."""
        self.port.write(b"?")
        for event in self.stream(BOOT_PATIENCE_S):
            if isinstance(event, Banner):
                self.port.write(b"?")
            if isinstance(event, Status):
                self.ask("")
                return event
        raise PortError(
            f"{self.port.name}: nobody answers within {BOOT_PATIENCE_S:g} s; "
            "check cable, baud rate and power"
        )

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
        """Wait for the banner of a reset."""
        for event in self.stream(patience_s):
            if isinstance(event, Banner):
                return event
        raise PortError(f"{self.port.name}: no banner within {patience_s:g} s after a reset")
