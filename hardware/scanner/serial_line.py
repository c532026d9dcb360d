"""A scanner on a serial line, or one that pretends to be (USB-CDC): bytes up to CR or LF.

In: a device and its speed, 8 data bits, no parity. Out: a `Scanner`. UTF-8, and Latin-1 for what
is none: a label has what its printer's code page had.
"""

from __future__ import annotations

import contextlib
import os
import time

import serial

from engraver.errors import InputError, PortError, PortLostError
from hardware.scanner.reading import Lines

LOOK_S = 0.1


class SerialScanner:
    """A `Scanner` on a serial device, held by this process alone."""

    name = "serial"

    def __init__(self, device: str, baud: int) -> None:
        self.device = device
        self._lines = Lines()
        try:
            self._port = serial.Serial(device, baud, timeout=LOOK_S, exclusive=True)
        except (serial.SerialException, OSError, ValueError) as error:
            raise PortError(
                f"scanner {device} cannot be opened ({_cause(error)}); plug it in, or correct "
                "[scanner] serial"
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
                return _text(content.encode("latin-1"))
            try:
                found = self._port.read(max(1, self._port.in_waiting))
            except (serial.SerialException, OSError, TypeError) as error:
                # TypeError: pyserial's read on a descriptor that another thread closed
                raise PortLostError(
                    f"scanner {self.device} was unplugged ({_cause(error)}); plug it in again"
                ) from None
            if not found and time.monotonic() >= until_s:
                return None
            for character in found.decode("latin-1"):
                self._lines.add(character)

    def close(self) -> None:
        """Let go of the device."""
        with contextlib.suppress(serial.SerialException, OSError):
            self._port.close()


def _text(found: bytes) -> str:
    try:
        return found.decode("utf-8")
    except UnicodeDecodeError:
        return found.decode("latin-1")


def _cause(error: Exception) -> str:
    # pyserial writes device and error number into its text once more
    number = getattr(error, "errno", None)
    return os.strerror(number) if number else " ".join(str(error).split())[:120]
