"""A chip in memory behind the API of libgpiod 2: what the panel is tested on without a kernel's.

The real library's own settings, enumerations and exceptions are used; only the chip and the request
are ours. As the kernel does, it gives a line to one request, refuses unknown lines, turns
physical levels into values by ``active_low``, and queues edges of the lines that asked for them.
"""

from __future__ import annotations

import errno
import os
import threading
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import gpiod
from gpiod.line import Direction, Edge, Value

PATH = "/dev/gpiochip7"


@dataclass
class FakeChip:
    """A chip of ``lines`` lines; ``names`` are those of some."""

    lines: int = 32
    names: dict[str, int] = field(default_factory=dict)
    high: dict[int, bool] = field(default_factory=dict)
    taken: set[int] = field(default_factory=set)
    gone: bool = False
    requests: list[FakeRequest] = field(default_factory=list)

    line = gpiod.line
    LineSettings = gpiod.LineSettings
    RequestReleasedError = gpiod.RequestReleasedError

    def request_lines(
        self, path: str, config: dict[int | str, gpiod.LineSettings], consumer: str | None = None
    ) -> FakeRequest:
        """Give lines away, as `gpiod.request_lines`."""
        if path != PATH:
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
        settings = {self.offset(line): one for line, one in config.items()}
        if len(settings) < len(config):
            raise ValueError("line must be configured exactly once")
        if self.taken & settings.keys():
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        self.taken |= settings.keys()
        made = FakeRequest(self, settings)
        for offset, one in settings.items():
            if one.direction is Direction.OUTPUT:
                self.high[offset] = (one.output_value is Value.ACTIVE) != one.active_low
        self.requests.append(made)
        return made

    def offset(self, line: int | str) -> int:
        """Find a line by offset or name."""
        if isinstance(line, str):
            if line not in self.names:
                raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
            return self.names[line]
        if line >= self.lines:
            raise ValueError("line offset of out range")
        return line

    def drive(self, line: int | str, high: bool) -> None:
        """Pull an input's wire from outside."""
        offset = self.offset(line)
        changed = self.high.get(offset, False) is not high
        self.high[offset] = high
        for request in self.requests:
            if changed and request.settings[offset].edge_detection is Edge.BOTH:
                request.edges.set()

    def vanish(self) -> None:
        """Pull the chip out: each call fails from now on."""
        self.gone = True
        for request in self.requests:
            request.edges.set()


@dataclass
class FakeRequest:
    """Lines that were given away."""

    chip: FakeChip
    settings: dict[int, gpiod.LineSettings]
    edges: threading.Event = field(default_factory=threading.Event)
    released: bool = False

    def _live(self) -> None:
        if self.released:
            raise gpiod.RequestReleasedError()
        if self.chip.gone:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))

    def get_values(self, lines: list[int | str]) -> list[Value]:
        """As `gpiod.LineRequest.get_values`."""
        self._live()
        offsets = [self.chip.offset(line) for line in lines]
        return [
            Value(int(self.chip.high.get(o, False) != self.settings[o].active_low)) for o in offsets
        ]

    def set_values(self, values: dict[int | str, Value]) -> None:
        """As `gpiod.LineRequest.set_values`; only outputs can be set."""
        self._live()
        for line, value in values.items():
            offset = self.chip.offset(line)
            if self.settings[offset].direction is not Direction.OUTPUT:
                raise OSError(errno.EPERM, os.strerror(errno.EPERM))
            self.chip.high[offset] = (value is Value.ACTIVE) != self.settings[offset].active_low

    def wait_edge_events(self, timeout: timedelta) -> bool:
        """As `gpiod.LineRequest.wait_edge_events`."""
        found = self.edges.wait(timeout.total_seconds())
        self._live()
        return found

    def read_edge_events(self) -> list[Any]:
        """Empty the queue; what the events were nobody asks."""
        self._live()
        self.edges.clear()
        return []

    def release(self) -> None:
        """As `gpiod.LineRequest.release`."""
        self._live_or_gone()
        self.released = True
        self.chip.taken -= self.settings.keys()

    def _live_or_gone(self) -> None:
        if self.released:
            raise gpiod.RequestReleasedError()
