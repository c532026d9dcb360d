"""What time it is, how that is known, and how far the wall clock strayed.

In: the kernel's clocks. Out: `Reading`, in us. The wall clock may be stepped, so nothing is
ordered by it; every record has its place in the log, and beside the wall time stand a clock
that never steps and the difference between the two since the last reading.
"""

from __future__ import annotations

import ctypes
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_STATUS_OFFSET = 40
"""Of ``status`` in the kernel's ``struct timex`` on 64-bit Linux (adjtimex(2))."""

_UNSYNCHRONISED = 0x0040
"""STA_UNSYNC of adjtimex(2)."""

SOURCE_KEPT_US = 1_000_000
"""How long the kernel's word on synchronisation is believed: it changes in minutes."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at the clocks.

    ``drift_us`` is how much further the wall clock moved than the steady one since the reading
    before (0 for the first of a process): -3,600,000,000 says it was set back an hour.
    """

    wall_us: int
    monotonic_us: int
    boot_id: str
    source: str
    drift_us: int


class Clock(Protocol):
    """Anything that can be read for the time."""

    def read(self) -> Reading:
        """Return the time now."""
        ...


@dataclass(slots=True)
class SystemClock:
    """The machine's clocks: CLOCK_REALTIME beside CLOCK_BOOTTIME, which runs on in sleep."""

    boot_id: str = field(default_factory=lambda: read_boot_id())
    _last: tuple[int, int] | None = None
    _source: tuple[int, str] = (-SOURCE_KEPT_US, "")

    def read(self) -> Reading:
        """Return the time now, and the drift since the last call."""
        steady = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
        monotonic_us = time.clock_gettime_ns(steady) // 1_000
        wall_us = now_us()
        drift_us = 0
        if self._last is not None:
            drift_us = (wall_us - self._last[0]) - (monotonic_us - self._last[1])
        self._last = (wall_us, monotonic_us)
        if monotonic_us - self._source[0] >= SOURCE_KEPT_US:
            self._source = (monotonic_us, wall_source())
        return Reading(wall_us, monotonic_us, self.boot_id, self._source[1], drift_us)


def now_us() -> int:
    """Return the wall clock in us since 1970-01-01 UTC."""
    return time.time_ns() // 1_000


def read_boot_id() -> str:
    """Return the kernel's id of this boot, or ``unknown`` where there is none."""
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return "unknown"


def wall_source() -> str:
    """Return ``system/synchronised`` while the kernel knows of a time source, see adjtimex(2)."""
    answer = ctypes.create_string_buffer(512)  # struct timex is 208 bytes
    adjtimex = getattr(_LIBC, "adjtimex", None)
    if adjtimex is None or adjtimex(answer) < 0:
        return "system/unknown"
    status = int.from_bytes(answer.raw[_STATUS_OFFSET : _STATUS_OFFSET + 4], "little")
    return "system/unsynchronised" if status & _UNSYNCHRONISED else "system/synchronised"


_LIBC = ctypes.CDLL(None)
