"""Character counting, sans-IO: program lines + events -> bytes that surely fit.

In: lines, the controller's RX size, acknowledgements. Out: the bytes to write next. A byte is
sent only when every byte sent and not yet acknowledged, this one included, fits the RX ring,
so that no chunking on the way can overfill it. Lines that write EEPROM or stop the controller
travel alone. Authority: grbl 1.1 interface document, "character-counting".
"""

from __future__ import annotations

import re
from collections import deque

from firmware_bridge.protocol import Error

ALONE = re.compile(
    rb"\$|.*(?:G(?:10|28|30|5[4-9]|92|0*4(?!\d))|M0*[0126](?!\d)|M30)(?![\d.])|.*G(?:28|30)\.1"
)
"""Lines during which the controller may not listen, or will not for long."""


class Sender:
    """Sends ``lines`` (without LF) through a receiver of ``rx_bytes``.

    The window is one longest line smaller than the receiver, so that one acknowledgement too
    many, which a wire can forge, still cannot overfill it. Lines from ``limit`` on wait.
    """

    def __init__(self, lines: list[bytes], rx_bytes: int) -> None:
        self._lines = [line + b"\n" for line in lines]
        self._alone = [bool(ALONE.match(line)) for line in lines]
        longest = max(map(len, self._lines), default=0)
        self.window_bytes = max(rx_bytes - longest, longest)
        self._outstanding: deque[int] = deque()
        self.outstanding_bytes = 0
        self.sent = 0
        self.acknowledged = 0
        self.limit = len(lines)
        self.refused: tuple[int, Error] | None = None

    @property
    def done(self) -> bool:
        """Whether every line was sent and answered."""
        return self.acknowledged == len(self._lines)

    @property
    def drained(self) -> bool:
        """Whether everything that may be sent was sent and answered."""
        return self.sent >= self.limit and not self._outstanding

    @property
    def outstanding(self) -> int:
        """Lines sent and not answered."""
        return len(self._outstanding)

    @property
    def oldest_bytes(self) -> int:
        """Size of the oldest line sent and not answered, 0 if there is none."""
        return self._outstanding[0] if self._outstanding else 0

    def next_bytes(self) -> bytes:
        """Return whole lines that fit now, ``b""`` if none does."""
        chunk = []
        while self.sent < self.limit and self.refused is None:
            line = self._lines[self.sent]
            size = len(line)
            if self.outstanding_bytes + size > self.window_bytes:
                break
            if self._outstanding and (self._alone[self.sent] or self._alone[self.sent - 1]):
                break
            chunk.append(line)
            self._outstanding.append(size)
            self.outstanding_bytes += size
            self.sent += 1
        return b"".join(chunk)

    def acknowledge(self) -> bool:
        """Take one ``ok``; False if no line was waiting for one."""
        if not self._outstanding:
            return False
        self.outstanding_bytes -= self._outstanding.popleft()
        self.acknowledged += 1
        return True

    def refuse(self, error: Error) -> bool:
        """Take one ``error``: nothing more is sent; False if no line was waiting."""
        if self.refused is None:
            self.refused = (self.acknowledged, error)
        return self.acknowledge()
