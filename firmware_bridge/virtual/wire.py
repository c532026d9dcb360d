"""A wire in virtual time between the bridge and the virtual controller, in one thread.

In: a `Firmware` with its own clock. Out: a `firmware_bridge.port.Port` whose `read` lets the
controller's time pass until bytes arrive. Every byte takes its ten bits at the baud rate both
ways, so that a run of minutes takes milliseconds and comes out the same every time: tests,
fault schedules and the soak use it.
"""

from __future__ import annotations

from collections import deque
from types import TracebackType

from engraver.errors import PortLostError
from firmware_bridge.virtual.firmware import REALTIME, Firmware
from firmware_bridge.virtual.receiving import BITS_A_BYTE, LF

LATENCY_S = 0.001
"""What driver and operating system add to a byte's flight, each way."""


class VirtualWire:
    """A port whose other end is ``firmware``; ``baud`` None is a wire without bounds."""

    name = "virtual wire"

    def __init__(
        self, firmware: Firmware, baud: int | None = 115200, latency_s: float = LATENCY_S
    ) -> None:
        self.firmware = firmware
        self._byte_s = BITS_A_BYTE / baud if baud else 0.0
        self._latency_s = latency_s
        self._down: deque[tuple[float, bytes]] = deque()
        self._up: deque[tuple[float, bytes]] = deque()
        self._down_s = self._up_s = 0.0
        self.written = 0

    def now_s(self) -> float:
        """Return the controller's clock."""
        return self.firmware.now_s

    def write(self, data: bytes) -> None:
        """Put ``data`` on the wire; each line and each real-time byte arrives by itself."""
        self._require_plug()
        self.written += len(data)
        for part in _parts(data):
            self._down_s = max(self._down_s, self.now_s()) + len(part) * self._byte_s
            self._down.append((self._down_s + self._latency_s, part))

    def read(self, timeout_s: float) -> bytes:
        """Let time pass until something has arrived, at most ``timeout_s``."""
        self._require_plug()
        until_s = self.now_s() + timeout_s
        while True:
            self._exchange()
            if self._up and self._up[0][0] <= self.now_s():
                return self._arrived()
            if self.now_s() >= until_s:
                return b""
            self.firmware.advance(self._next_s(until_s))
            self._require_plug()

    def wake(self) -> None:
        """Nothing waits here: there is one thread."""

    def close(self) -> None:
        """Nothing to release."""

    def __enter__(self) -> VirtualWire:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _exchange(self) -> None:
        """Deliver what has reached the controller; collect what it says."""
        while self._down and self._down[0][0] <= self.now_s():
            self.firmware.receive(self._down.popleft()[1])
        said = self.firmware.transmit()
        if said and not self.firmware.faults.unplugged:
            self._up_s = max(self._up_s, self.now_s()) + len(said) * self._byte_s
            self._up.append((self._up_s + self._latency_s, said))

    def _next_s(self, until_s: float) -> float:
        times = [until_s, self.firmware.next_event_s()]
        times += [queue[0][0] for queue in (self._down, self._up) if queue]
        return max(min(times), self.now_s() + 1e-9)

    def _arrived(self) -> bytes:
        chunks = []
        while self._up and self._up[0][0] <= self.now_s():
            chunks.append(self._up.popleft()[1])
        return b"".join(chunks)

    def _require_plug(self) -> None:
        if self.firmware.faults.unplugged:
            raise PortLostError(f"{self.name} is gone: device disconnected")


def _parts(data: bytes) -> list[bytes]:
    parts, begin = [], 0
    for at, byte in enumerate(data):
        if byte == LF or byte in REALTIME:
            parts.append(data[begin : at + 1])
            begin = at + 1
    if begin < len(data):
        parts.append(data[begin:])
    return parts
