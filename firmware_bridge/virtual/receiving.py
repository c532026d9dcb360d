"""The receiving side of the virtual controller: the RX ring and the line it feeds.

In: bytes as they arrive. Out: lines for the main loop. Byte 129 of a full ring is lost without
a word. `IdealWire` tells when a line would have arrived from a sender that wastes no time.
Authority: grbl 1.1h serial.c and protocol.c.
"""

from __future__ import annotations

from collections import deque

from engraver.profiles import Machine
from firmware_bridge.virtual.flavours import Flavour

BITS_A_BYTE = 10  # start bit, eight data bits, stop bit
LF, CR = 10, 13


class Inbox:
    """The RX ring and the line being collected from it."""

    def __init__(self, capacity: int, flavour: Flavour) -> None:
        self._capacity, self._flavour = capacity, flavour
        self._ring = bytearray()
        self._line = bytearray()
        self._after_cr = False
        self.taken = 0

    @property
    def free(self) -> int:
        """Bytes that still fit."""
        return self._capacity - len(self._ring)

    def put(self, byte: int) -> bool:
        """Store one byte; False where the ring is full and it is lost."""
        if len(self._ring) >= self._capacity:
            return False
        self._ring.append(byte)
        return True

    def put_all(self, data: bytes) -> int:
        """Store what fits of ``data``; return how many bytes are lost."""
        room = self._capacity - len(self._ring)
        self._ring += data[:room]
        return max(len(data) - room, 0)

    def clear(self) -> int:
        """Forget everything, as a reset does; return how many bytes were in the ring."""
        lost = len(self._ring)
        self._ring.clear()
        self._line.clear()
        self._after_cr = False
        return lost

    def drop_ring(self) -> int:
        """Lose what the ring holds but not the line begun; return how many bytes."""
        lost = len(self._ring)
        self._ring.clear()
        return lost

    def take_line(self) -> bytes | None:
        """Move bytes from the ring to the line; return the line once it is whole.

        ``taken`` counts the bytes moved since it was last set to 0.
        """
        while self._ring:
            end = self._end()
            if end < 0:
                self.taken += len(self._ring)
                self._line += self._ring
                self._ring.clear()
                self._after_cr = False
                return None
            joined = self._after_cr and end == 0 and self._ring[0] == LF and not self._line
            self._line += self._ring[:end]
            self._after_cr = self._ring[end] == CR and self._flavour.joins_crlf
            del self._ring[: end + 1]
            self.taken += end + 1
            if not joined:
                line, self._line = bytes(self._line), bytearray()
                return line
        return None

    def _end(self) -> int:
        lf, cr = self._ring.find(LF), self._ring.find(CR)
        return min((i for i in (lf, cr) if i >= 0), default=-1)


class IdealWire:
    """When a line would have arrived from a sender that never wastes a byte's time."""

    def __init__(self, machine: Machine) -> None:
        self._byte_s = BITS_A_BYTE / machine.baud
        self._window = machine.rx_bytes
        self._bytes = 0
        self._open: deque[tuple[int, float]] = deque()
        self._room_s = 0.0
        self.arrival_s = 0.0

    def take(self, count: int) -> None:
        """Account for ``count`` bytes that the main loop has read."""
        self._bytes += count
        while self._open and self._open[0][0] <= self._bytes - self._window:
            self._room_s = self._open.popleft()[1]
        self.arrival_s = max(self.arrival_s, self._room_s) + count * self._byte_s

    def done(self, now_s: float) -> None:
        """Account for an acknowledgement, which frees the window."""
        self._open.append((self._bytes, now_s))
