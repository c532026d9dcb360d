"""Scanners to scan with in tests: a pseudo-terminal, recorded key events, the kernel's uinput.

Each has the same stable name whenever it is plugged in, as udev gives one.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import pytest

from hardware.scanner import HidScanner, Scanner, SerialScanner

EVENT = struct.Struct("llHHi")
ENTER, CONTROL, SHIFT, BRACKET = 28, 29, 42, 27
CODES = (
    dict(zip("1234567890-=", range(2, 14), strict=True))
    | dict(zip("QWERTYUIOP[]", range(16, 28), strict=True))
    | dict(zip("ASDFGHJKL;'`", range(30, 42), strict=True))
    | dict(zip("\\ZXCVBNM,./", range(43, 54), strict=True))
    | {" ": 57}
)
"""Key codes of linux/input-event-codes.h, written out once more."""

SHIFTED = dict(zip('!@#$%^&*()_+{}:"~|<>?', "1234567890-=[];'`\\,./", strict=True))


class Device(Protocol):
    """A scanner on the table."""

    path: Path

    def plug_in(self) -> None: ...
    def unplug(self) -> None: ...
    def scan(self, content: str, suffix: str = "\r") -> None: ...
    def open(self) -> Scanner: ...


class PtyDevice:
    """A serial scanner: the other end of a pseudo-terminal."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ends: tuple[int, int] | None = None

    def plug_in(self) -> None:
        self._ends = os.openpty()
        self.path.symlink_to(os.ttyname(self._ends[1]))

    def unplug(self) -> None:
        if self._ends is not None:
            self.path.unlink()
            for end in self._ends:
                os.close(end)
        self._ends = None

    def scan(self, content: str, suffix: str = "\r") -> None:
        assert self._ends is not None
        os.write(self._ends[0], (content + suffix).encode())

    def open(self) -> Scanner:
        return SerialScanner(str(self.path), 9600)


class RecordedDevice:
    """A HID scanner whose event device is a pipe with the events a kernel would give."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer = -1

    def plug_in(self) -> None:
        os.mkfifo(self.path)
        self._writer = os.open(self.path, os.O_RDWR)

    def unplug(self) -> None:
        if self._writer >= 0:
            self.path.unlink()
            os.close(self._writer)
        self._writer = -1

    def scan(self, content: str, suffix: str = "\r") -> None:
        self.send([event for sign in content + suffix for event in _events(sign)])

    def send(self, events: list[tuple[int, int, int]]) -> None:
        """Give events as (type, code, value)."""
        os.write(self._writer, b"".join(EVENT.pack(0, 0, *event) for event in events))

    def open(self) -> Scanner:
        return HidScanner(str(self.path), grab=lambda file: None)


REPORT_S = 0.004
"""A USB keyboard gives a report every 1 to 10 ms. The kernel keeps 64 events for a reader: what
comes faster than it is read is lost, and said to be."""


class UinputDevice(RecordedDevice):
    """A HID scanner that the kernel itself makes of us, where that is allowed."""

    _typing: ThreadPoolExecutor | None = None

    def scan(self, content: str, suffix: str = "\r") -> None:
        assert self._typing is not None
        self._typing.submit(self._type, content + suffix)

    def _type(self, content: str) -> None:
        for sign in content:
            strokes = _events(sign)
            for report in (strokes[at : at + 2] for at in range(0, len(strokes), 2)):
                self.send(report)
                time.sleep(REPORT_S)

    def plug_in(self) -> None:
        self._typing = ThreadPoolExecutor(1)
        try:
            self._writer = os.open("/dev/uinput", os.O_WRONLY)
        except OSError as error:
            pytest.skip(f"no /dev/uinput to write to: {error.strerror}")
        for request, value in ((0x40045564, 1), *((0x40045565, code) for code in range(1, 128))):
            fcntl.ioctl(self._writer, request, value)
        name = b"pinmark test scanner"
        os.write(self._writer, struct.pack("80s4HI256i", name, 3, 1, 1, 1, 0, *[0] * 256))
        fcntl.ioctl(self._writer, 0x5501)
        said = bytearray(64)
        fcntl.ioctl(self._writer, 0x8040552C, said)
        folder = Path("/sys/devices/virtual/input") / said.split(b"\0")[0].decode()
        until_s = time.monotonic() + 20
        while not (nodes := [Path("/dev/input") / node.name for node in folder.glob("event*")]):
            assert time.monotonic() < until_s
            time.sleep(0.01)
        while not nodes[0].exists():
            if time.monotonic() > until_s:
                self.unplug()
                pytest.skip(f"{nodes[0]} is not made here")
            time.sleep(0.01)
        self.path.symlink_to(nodes[0])

    def unplug(self) -> None:
        if self._typing is not None:
            self._typing.shutdown()  # what was begun is typed to its end
        if self._writer >= 0:
            self.path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                fcntl.ioctl(self._writer, 0x5502)
            os.close(self._writer)
        self._writer = -1

    def open(self) -> Scanner:
        return HidScanner(str(self.path))


def _events(sign: str) -> list[tuple[int, int, int]]:
    """Return the key events of one character, as a keyboard in the US layout types it."""
    return [event for code, value in _strokes(sign) for event in ((1, code, value), (0, 0, 0))]


def _strokes(character: str) -> list[tuple[int, int]]:
    if character in "\r\n":
        return [(ENTER, 1), (ENTER, 0)]
    if character == "\x1d":
        return [(CONTROL, 1), (BRACKET, 1), (BRACKET, 0), (CONTROL, 0)]
    plain = SHIFTED.get(character, character)
    code = CODES[plain.upper()]
    key = [(code, 1), (code, 0)]
    if plain != character or character.isupper():
        return [(SHIFT, 1), *key, (SHIFT, 0)]
    return key


KINDS = {"serial": PtyDevice, "recorded HID": RecordedDevice, "uinput": UinputDevice}
