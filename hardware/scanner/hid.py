"""A scanner that is a keyboard (USB-HID), read from its event device and kept from everyone else.

In: ``/dev/input/by-id/...-event-kbd``. Out: a `Scanner`. The device is grabbed, so that a scan
types into no terminal and no page. Authority: the kernel's ``linux/input.h`` and
``input-event-codes.h`` (struct input_event, EVIOCGRAB, KEY_*), which are its stable interface; the
scanner is set to the US layout, its makers' default. Not through the package evdev: it has wheels
for x86-64 alone (docs/decisions/0133).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import struct
import time
from collections.abc import Callable

from engraver.errors import InputError, PortError, PortLostError
from hardware.scanner.reading import Lines

EVENT = struct.Struct("llHHi")
"""struct input_event: seconds, us, type, code, value. Longs are as wide as this program's, as the
kernel hands them out: 24 bytes to a 64-bit program, 16 to a 32-bit one, whatever the kernel is."""

EV_SYN, EV_KEY = 0, 1
SYN_REPORT, SYN_DROPPED = 0, 3
EVIOCGRAB = 0x40044590
KEY_BYTES = 96
"""Bytes of a bit a key, up to KEY_MAX, 0x2ff."""

EVIOCGKEY = 2 << 30 | KEY_BYTES << 16 | ord("E") << 8 | 0x18
UP, DOWN = 0, 1
ENTERS = frozenset({28, 96})
TAB = 15
SHIFTS, CONTROLS, BRACKET, CAPS = frozenset({42, 54}), frozenset({29, 97}), 27, 58
GS = "\x1d"
_ROWS = (
    (2, "1234567890-=", "!@#$%^&*()_+"),
    (16, "qwertyuiop[]", "QWERTYUIOP{}"),
    (30, "asdfghjkl;'`", 'ASDFGHJKL:"~'),
    (43, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
    (57, " ", " "),
    (71, "789-456+1230.", "789-456+1230."),
    (55, "*", "*"),
    (98, "/", "/"),
)
KEYS = {
    first + at: (plain, shifted[at])
    for first, row, shifted in _ROWS
    for at, plain in enumerate(row)
}
"""Key code -> character without and with shift, US layout."""


class Events:
    """Bytes of an event device -> (type, code, value), whole whatever the reads cut them into."""

    def __init__(self, layout: struct.Struct = EVENT) -> None:
        self._layout, self._rest = layout, b""

    def take(self, found: bytes) -> list[tuple[int, int, int]]:
        """Return the events that are whole now."""
        found = self._rest + found
        whole = len(found) - len(found) % self._layout.size
        self._rest = found[whole:]
        return [event[2:] for event in self._layout.iter_unpack(found[:whole])]


class Keys:
    """Key events -> characters: shift, caps lock, and Ctrl+] for the separator of GS1 labels."""

    def __init__(self) -> None:
        self._down: set[int] = set()
        self._caps = False

    def resume(self, down: set[int]) -> None:
        """Go on after events were lost, with the keys that the kernel says are down.

        Caps lock is taken for off: a scanner that presses it, presses it twice around a content.
        """
        self._down, self._caps = down, False

    def take(self, code: int, value: int) -> str:
        """Return the character that an event types, empty for none."""
        if value == UP:
            self._down.discard(code)
            return ""
        if value != DOWN:
            return ""  # a key that repeats itself is no second character
        self._down.add(code)
        if code == CAPS:
            self._caps = not self._caps
        if code in ENTERS or code == TAB:
            return "\n"
        if self._down & CONTROLS:
            return GS if code == BRACKET else ""
        if code not in KEYS:
            return ""
        plain, shifted = KEYS[code]
        shift = bool(self._down & SHIFTS)
        return shifted if shift != (self._caps and plain.isalpha()) else plain


class HidScanner:
    """A `Scanner` on an event device of the kernel."""

    name = "HID"

    def __init__(self, device: str, grab: Callable[[int], None] | None = None) -> None:
        self.device = device
        self._lines, self._keys, self._events = Lines(), Keys(), Events()
        self._lost = False
        try:
            self._file = os.open(device, os.O_RDONLY | os.O_NONBLOCK)
        except OSError as error:
            raise PortError(
                f"scanner {device} cannot be opened ({error.strerror}); plug it in, or correct "
                "[scanner] hid"
            ) from None
        try:
            (grab or _grab)(self._file)
        except OSError as error:
            os.close(self._file)
            raise PortError(
                f"scanner {device} cannot be had alone ({error.strerror}): it is no event device, "
                "or another program has it; name its ...-event-kbd in /dev/input/by-id"
            ) from None

    def read(self, timeout_s: float) -> str | None:
        """Return the next content, ``None`` if none came in time."""
        until_s = time.monotonic() + timeout_s
        while True:
            try:
                content = self._lines.next()
            except ValueError as dropped:
                raise InputError(str(dropped)) from None
            if content is not None:
                return content
            left_s = max(until_s - time.monotonic(), 0.0)
            if not select.select([self._file], [], [], left_s)[0]:
                return None
            self._take()

    def _take(self) -> None:
        try:
            found = os.read(self._file, 64 * EVENT.size)
        except BlockingIOError:
            return
        except OSError as error:
            raise PortLostError(
                f"scanner {self.device} was unplugged ({error.strerror}); plug it in again"
            ) from None
        if not found:
            raise PortLostError(f"scanner {self.device} was unplugged; plug it in again")
        for kind, code, value in self._events.take(found):
            if kind == EV_SYN and code == SYN_DROPPED:
                self._lines.spoil("keys of a scan were lost, it was dropped; scan it again")
                self._lost = True
            elif self._lost:
                # the rest of that packet is half of something (the kernel's event-codes.rst)
                if kind == EV_SYN and code == SYN_REPORT:
                    self._lost = False
                    self._keys.resume(_keys_down(self._file))
            elif kind == EV_KEY and (typed := self._keys.take(code, value)):
                self._lines.add(typed)

    def close(self) -> None:
        """Let go of the device."""
        with contextlib.suppress(OSError):
            os.close(self._file)


def _keys_down(file: int) -> set[int]:
    """Return the keys that are down, by the kernel's own state; none where it has none to tell."""
    bits = bytearray(KEY_BYTES)
    try:
        fcntl.ioctl(file, EVIOCGKEY, bits)
    except OSError:
        return set()
    return {8 * at + bit for at, byte in enumerate(bits) for bit in range(8) if byte >> bit & 1}


def _grab(file: int) -> None:
    fcntl.ioctl(file, EVIOCGRAB, 1)
