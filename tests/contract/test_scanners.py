"""Promises of every scanner of a station: whole contents or none, gone is said, back is read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engraver.errors import InputError, PortError, PortLostError
from hardware.scanner import HidScanner
from hardware.scanner.reading import LONGEST, UNFINISHED_S, Lines
from station_api.labels import write_symbol
from tests.hardware.scanner_devices import CODES, KINDS, Device, RecordedDevice

PATIENCE_S = 20.0


@pytest.fixture(params=list(KINDS))
def device(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Device]:
    made: Device = KINDS[request.param](tmp_path / "pinmark-scanner")
    made.plug_in()
    yield made
    made.unplug()


def test_contents_come_whole_and_one_after_the_other(device: Device) -> None:
    """Orders, serials, GS1 with its separator, small letters and signs, as they were scanned."""
    contents = [
        "ZQ0042",
        write_symbol("WO/2027 #1", "ZQ0042"),
        "]d2010614141123456210LOT-7\x1d21zq0042",
        "(01)06141411234562(21)ZQ0042",
        "https://id.gs1.org/01/06141411234562/21/ZQ0042?17=301231",
    ]
    scanner = device.open()
    for content in contents:
        device.scan(content)
    assert [scanner.read(PATIENCE_S) for _ in contents] == contents
    assert scanner.read(0.0) is None
    scanner.close()


def test_both_line_ends_are_one_end_and_empty_scans_none(device: Device) -> None:
    """A scanner set to CR LF, or whose trigger sends Enter alone, adds no scans."""
    scanner = device.open()
    device.scan("", "\r")
    device.scan("ZQ0042", "\r\n")
    device.scan("ZQ0043", "\n")
    assert [scanner.read(PATIENCE_S), scanner.read(PATIENCE_S)] == ["ZQ0042", "ZQ0043"]
    assert scanner.read(0.0) is None
    scanner.close()


def test_what_is_too_long_is_dropped_and_said(device: Device) -> None:
    """No endless content fills the memory, and the next scan is read as ever."""
    scanner = device.open()
    with pytest.raises(InputError, match="1024 characters"):
        for _ in range(LONGEST // 256 + 1):  # in pieces: the kernel keeps no more unread
            device.scan("A" * 256, "")
            assert scanner.read(0.0) is None
        scanner.read(PATIENCE_S)
    device.scan("B", "\r")
    device.scan("ZQ0042")
    assert scanner.read(PATIENCE_S) == "ZQ0042"
    scanner.close()


def test_unplugged_is_said_and_half_a_scan_names_nothing(device: Device) -> None:
    """The half that had come is gone with the scanner; plugged in again it starts afresh."""
    scanner = device.open()
    device.scan("ZQ00", "")
    assert scanner.read(0.05) is None
    device.unplug()
    with pytest.raises(PortLostError, match="unplugged"):
        while scanner.read(PATIENCE_S) is None:
            pass
    scanner.close()
    scanner.close()
    with pytest.raises(PortError, match=r"\(No such file or directory\); plug it in"):
        device.open()
    device.plug_in()
    again = device.open()
    device.scan("42")
    assert again.read(PATIENCE_S) == "42"
    again.close()


def test_a_scan_without_an_end_is_dropped() -> None:
    """Neither half names a part: the serial of another firearm may begin or end the same."""
    now_s = 0.0
    lines = Lines(lambda: now_s)
    for character in "ZQ00":
        lines.add(character)
    assert lines.next() is None
    now_s = UNFINISHED_S + 0.1
    with pytest.raises(ValueError, match="suffix to CR"):
        lines.next()
    for character in "42\rZQ0042\r":
        lines.add(character)
    assert (lines.next(), lines.next()) == ("ZQ0042", None)


def test_keys_that_the_kernel_lost_spoil_the_scan(tmp_path: Path) -> None:
    """SYN_DROPPED in the middle: nothing of that scan is believed. A held key is one character."""
    device = RecordedDevice(tmp_path / "events")
    device.plug_in()
    scanner = device.open()
    device.scan("ZQ00", "")
    device.send([(0, 3, 0)])
    device.scan("42")
    with pytest.raises(InputError, match="keys of a scan were lost"):
        scanner.read(PATIENCE_S)
    device.scan("ZQ00", "")
    device.send([(1, CODES["4"], 1), (1, CODES["4"], 2), (1, CODES["4"], 2), (1, CODES["4"], 0)])
    device.scan("3")
    assert scanner.read(PATIENCE_S) == "ZQ0043"
    scanner.close()
    device.unplug()


def test_a_device_that_is_no_scanner_is_refused(tmp_path: Path) -> None:
    """A file in the place of an event device is no scanner, and says what to name."""
    (tmp_path / "file").write_text("ZQ0042\r")
    with pytest.raises(PortError, match="event-kbd"):
        HidScanner(str(tmp_path / "file"))
