"""Promises of every scanner of a station: whole contents or none, gone is said, back is read."""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from engraver.errors import InputError, PortError, PortLostError
from hardware.scanner import HidScanner
from hardware.scanner.hid import EVENT, Events, Keys
from hardware.scanner.reading import LONGEST, UNFINISHED_S, Lines
from station_api.labels import write_symbol
from tests.hardware.scanner_devices import CODES, KINDS, Device, RecordedDevice, UinputDevice

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
        for _ in range(LONGEST // 256 + 1):  # in pieces: a pipe holds no more unread
            device.scan("A" * 256, "")
            assert scanner.read(0.0) is None
        while scanner.read(PATIENCE_S) is None:
            pass
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


def test_a_slow_scanner_is_heard_to_the_end() -> None:
    """A keyboard at 10 ms a report needs seconds for a long label: no gap in it is an end."""
    now_s = 0.0
    lines = Lines(lambda: now_s)
    label = "https://id.gs1.org/01/06141411234562/21/ZQ0042" * 3
    for character in label:
        lines.add(character)
        now_s += UNFINISHED_S / 40
        assert lines.next() is None
    lines.add("\r")
    assert now_s > 3 * UNFINISHED_S
    assert lines.next() == label


def test_keys_that_the_kernel_lost_spoil_the_scan(tmp_path: Path) -> None:
    """SYN_DROPPED in the middle: nothing of that scan is believed. A held key is one character."""
    device = RecordedDevice(tmp_path / "events")
    device.plug_in()
    scanner = device.open()
    device.scan("ZQ00", "")
    device.send([(1, 42, 1), (0, 3, 0), (1, 16, 1), (0, 0, 0)])  # a shift whose end is lost
    device.scan("42")
    with pytest.raises(InputError, match="keys of a scan were lost"):
        scanner.read(PATIENCE_S)
    device.scan("ZQ00", "")
    device.send([(1, CODES["4"], 1), (1, CODES["4"], 2), (1, CODES["4"], 2), (1, CODES["4"], 0)])
    device.scan("3")
    assert scanner.read(PATIENCE_S) == "ZQ0043"
    scanner.close()
    device.unplug()


def packed(layout: str, *events: tuple[int, int, int]) -> bytes:
    """Events as a kernel writes them: longs of the layout, a time, the event."""
    return b"".join(struct.pack(layout, 1_800_000_000, 999_999, *event) for event in events)


@pytest.mark.parametrize(("layout", "size"), [("=qqHHi", 24), ("=iiHHi", 16)])
@pytest.mark.parametrize("step", [1, 7, 16, 24, 1000])
def test_events_are_whole_however_the_reads_cut_them(layout: str, size: int, step: int) -> None:
    """The layouts of 64-bit and 32-bit programs, in pieces of any length; a scan code (EV_MSC)
    goes before each key, as keyboards of the kernel send it.
    """
    wire = packed(layout, (4, 4, 458_784), (1, 16, 1), (0, 0, 0), (1, 16, 0), (0, 0, 0))
    assert len(wire) == 5 * size
    events = Events(struct.Struct(layout))
    found = [one for at in range(0, len(wire), step) for one in events.take(wire[at : at + step])]
    assert found == [(4, 4, 458_784), (1, 16, 1), (0, 0, 0), (1, 16, 0), (0, 0, 0)]


def test_this_machine_s_layout_is_one_of_the_two() -> None:
    """What is unpacked natively is what the kernel hands to a program of this width."""
    assert EVENT.size == {8: 24, 4: 16}[struct.calcsize("l")]


KEYS = [
    ("plain and shifted", "a  +S b -S c", "aBc"),
    ("two shifts, one let go", "+S +R a -S b -R c", "ABc"),
    ("caps lock, letters alone", "C a 1 C a", "A1a"),
    ("caps lock and shift", "C +S a 1 -S C", "a!"),
    ("a held key is one", "+a *a *a *a -a b", "ab"),
    ("control and ] is the GS1 separator", "+L ] -L a", "\x1da"),
    ("control and anything else is nothing", "+L a -L b", "b"),
    ("tab ends as Enter does", "a T", "a\n"),
    ("keypad, and keys without a character", "N1 F1 N2", "12"),
    ("let go before it was seen down", "-a -S b", "b"),
]
NAMED = {"S": 42, "R": 54, "C": 58, "L": 29, "]": 27, "T": 15, "N1": 79, "N2": 80, "F1": 59}


@pytest.mark.parametrize(("name", "strokes", "typed"), KEYS)
def test_strokes_type_what_a_keyboard_types(name: str, strokes: str, typed: str) -> None:
    """Pressed, held, let go: by the kernel's values 1, 2 and 0."""
    keys, found = Keys(), ""
    for stroke in strokes.split():
        sign = stroke[0] if stroke[0] in "+*-" and len(stroke) > 1 else ""
        key = stroke.removeprefix(sign) if sign else stroke
        code = NAMED.get(key) or CODES[key.upper()]
        for value in {"+": [1], "*": [2], "-": [0], "": [1, 0]}[sign]:
            found += keys.take(code, value)
    assert found == typed


def test_a_device_that_another_program_has_is_refused(tmp_path: Path) -> None:
    """EBUSY of EVIOCGRAB: a scan that types elsewhere too is not read here."""
    device = RecordedDevice(tmp_path / "events")
    device.plug_in()

    def refuse(_file: int) -> None:
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))

    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(PortError, match=r"cannot be had alone \(Device or resource busy\)"):
        HidScanner(str(device.path), grab=refuse)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    device.unplug()


def test_the_kernel_itself_drops_keys_and_gives_the_device_to_one(tmp_path: Path) -> None:
    """On uinput: more keys than its queue holds, and a second who wants the same scanner."""
    device = UinputDevice(tmp_path / "pinmark-scanner")
    device.plug_in()
    scanner = device.open()
    with pytest.raises(PortError, match="another program has it"):
        device.open()
    held = [(1, 42, 1), (0, 0, 0)]  # shift: that it was let go is among what is lost
    device.send(
        held + [(1, 16, 1), (0, 0, 0), (1, 16, 0), (0, 0, 0)] * 40 + [(1, 42, 0), (0, 0, 0)]
    )
    with pytest.raises(InputError, match="keys of a scan were lost"):
        while scanner.read(PATIENCE_S) is None:
            pass
    device.scan("", "\r")
    device.scan("zq0042")
    assert scanner.read(PATIENCE_S) == "zq0042"
    scanner.close()
    device.unplug()


def test_a_device_that_is_no_scanner_is_refused(tmp_path: Path) -> None:
    """A file in the place of an event device is no scanner, and says what to name."""
    (tmp_path / "file").write_text("ZQ0042\r")
    with pytest.raises(PortError, match="event-kbd"):
        HidScanner(str(tmp_path / "file"))
