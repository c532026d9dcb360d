"""The wire protocol: one table of cases, any chunking, garbage between.

Authority: grbl 1.1 interface document; grblHAL and FluidNC for the extra fields.
"""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engraver.errors import PortError
from firmware_bridge.codes import ALARMS, GRBL_ERRORS, GRBLHAL_ALARMS, GRBLHAL_ERRORS
from firmware_bridge.dialects import DIALECTS, identify
from firmware_bridge.protocol import (
    Alarm,
    Banner,
    Error,
    Event,
    Message,
    Noise,
    Ok,
    Receiver,
    Setting,
    StartupLine,
    Status,
)  # fmt: skip

CASES: list[tuple[bytes, Event]] = [
    (b"ok", Ok()),
    (b"error:24", Error(24, "error:24")),
    (b"error:Bad GCode number format", Error(None, "error:Bad GCode number format")),
    (b"ALARM:3", Alarm(3, "ALARM:3")),
    (b"Grbl 1.1h ['$' for help]", Banner("Grbl", "1.1h", "Grbl 1.1h ['$' for help]")),
    (
        b"GrblHAL 1.1f ['$' or '$HELP' for help]",
        Banner("GrblHAL", "1.1f", "GrblHAL 1.1f ['$' or '$HELP' for help]"),
    ),
    (
        b"Grbl 3.7 [FluidNC v3.7.17 (noradio) '$' for help]",
        Banner("Grbl", "3.7", "Grbl 3.7 [FluidNC v3.7.17 (noradio) '$' for help]"),
    ),
    (b"[MSG:Caution: Unlocked]", Message("MSG", "Caution: Unlocked")),
    (b"[OPT:V,15,128]", Message("OPT", "V,15,128")),
    (b"[GC:G0 G54 G17]", Message("GC", "G0 G54 G17")),
    (b"$30=1000", Setting(30, "1000")),
    (b"$110=600.000 (x max rate)", Setting(110, "600.000")),
    (b">G54:ok", StartupLine("G54", "ok")),
    (b"<Idle>", Status("Idle")),
    (
        b"<Hold:0|MPos:1.000,-2.500,0.000|Bf:15,128|FS:500,800>",
        Status(
            "Hold", 0, mpos_mm=(1.0, -2.5, 0.0), free_blocks=15, free_bytes=128,
            feed_mm_min=500.0, spindle_s=800.0,
        ),
    ),
    (
        b"<Run|WPos:0.001,0.000,0.000|Ln:99|F:600|WCO:1.000,2.000,3.000>",
        Status(
            "Run", wpos_mm=(0.001, 0.0, 0.0), line_number=99, feed_mm_min=600.0,
            wco_mm=(1.0, 2.0, 3.0),
        ),
    ),
    (
        b"<Door:1|MPos:0.000,0.000,0.000,0.000|Pn:XD|Ov:100,50,100|A:SFM|H:1|T:0>",
        Status(
            "Door", 1, mpos_mm=(0.0, 0.0, 0.0, 0.0), pins="XD", overrides=(100, 50, 100),
            accessories="SFM", other=("H:1", "T:0"),
        ),
    ),
    (b"<Run|MPos:1.0x,2.0,3.0>", Noise(b"<Run|MPos:1.0x,2.0,3.0>")),
    (b"<Run|Bf:15>", Noise(b"<Run|Bf:15>")),
    (b"<|MPos:0,0,0>", Noise(b"<|MPos:0,0,0>")),
    (b"o\xeb", Noise(b"o\xeb")),
    (b"okok", Noise(b"okok")),
    (b"something else", Noise(b"something else")),
]  # fmt: skip
WIRE = b"".join(line + b"\r\n" for line, _ in CASES)
EVENTS = [event for _, event in CASES]


@pytest.mark.parametrize(("line", "event"), CASES)
def test_one_line_one_event(line: bytes, event: Event) -> None:
    """Each kind of answer is read as what it is."""
    assert Receiver().feed(line + b"\r\n") == [event]


def test_byte_by_byte() -> None:
    """Chunks of one byte change nothing."""
    receiver = Receiver()
    assert [e for byte in WIRE for e in receiver.feed(bytes([byte]))] == EVENTS


@given(cuts=st.lists(st.integers(0, len(WIRE)), max_size=20))
def test_any_chunking(cuts: list[int]) -> None:
    """However the wire cuts them, the same bytes make the same events."""
    receiver = Receiver()
    edges = [0, *sorted(cuts), len(WIRE)]
    found = [e for a, b in itertools.pairwise(edges) for e in receiver.feed(WIRE[a:b])]
    assert found == EVENTS


@given(garbage=st.binary(max_size=40).filter(lambda b: b"\n" not in b and b"\r" not in b))
def test_garbage_between_lines_harms_no_line(garbage: bytes) -> None:
    """Rubbish is at most one event of its own; its neighbours stay what they are."""
    events = Receiver().feed(b"ok\r\n" + garbage + b"\r\nALARM:1\r\n")
    assert events[0] == Ok()
    assert events[-1] == Alarm(1, "ALARM:1")
    assert len(events) <= 3


@given(data=st.binary(max_size=2000))
def test_nothing_a_wire_says_raises(data: bytes) -> None:
    """Any bytes give events, and what is held back stays bounded."""
    receiver = Receiver()
    receiver.feed(data)
    assert len(receiver._pending) <= 512


def test_every_code_says_what_to_do() -> None:
    """No error and no alarm of the documents is without meaning and remedy."""
    assert set(range(1, 39)) - {18, 19} == set(GRBL_ERRORS)
    assert set(range(1, 11)) == set(ALARMS)
    for table in (GRBL_ERRORS, GRBLHAL_ERRORS, ALARMS, GRBLHAL_ALARMS):
        assert all(meaning and remedy for meaning, remedy in table.values())


IDLE = Status("Idle", free_blocks=15, free_bytes=128)


@pytest.mark.parametrize(("info", "idle", "name", "rx", "blocks"), [
    ({"VER": "1.1h.20190830:", "OPT": "V,15,128"}, IDLE, "grbl", 128, 15),
    ({"VER": "1.1f.20240817:", "OPT": "VNMSL,100,1024", "FIRMWARE": "grblHAL"},
     Status("Idle", free_blocks=100, free_bytes=1023), "grblHAL", 1023, 100),
    ({"VER": "3.7 FluidNC v3.7.17:", "OPT": "PHS"},
     Status("Idle", free_blocks=15, free_bytes=4096), "FluidNC", 256, 15),
])  # fmt: skip
def test_dialects_are_told_apart(
    info: dict[str, str], idle: Status, name: str, rx: int, blocks: int
) -> None:
    """By build info, with the smallest of the sizes that were said."""
    found = identify(info, idle, "port")
    assert (found.dialect.name, found.rx_bytes, found.planner_blocks) == (name, rx, blocks)
    assert DIALECTS[name] is found.dialect


@pytest.mark.parametrize("info", [{}, {"VER": "Smoothie v1.0"}, {"VER": "0.9j.20160317:"},
                                  {"VER": "1.1f.20240817:", "FIRMWARE": "another"}])  # fmt: skip
def test_a_stranger_is_refused_with_what_was_seen(info: dict[str, str]) -> None:
    """Never guessed: an unknown build is named and refused."""
    with pytest.raises(PortError, match="none of grbl, grblHAL, FluidNC"):
        identify(info, IDLE, "port")
