"""Host to controller: one table of cases, byte by byte, any chunking, garbage between.

In: what the bridge writes (its own real-time constants, lines through its own `Sender`). Out:
which lines the virtual controller's receiving side hands to its main loop, which real-time
bytes act, what is answered. Authority: grbl 1.1h serial.c and protocol.c; grblHAL and FluidNC
join CR LF.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest
from bench_setup import MACHINE
from hypothesis import given
from hypothesis import strategies as st

from engraver.profiles import Machine
from firmware_bridge import control
from firmware_bridge.sender import Sender
from firmware_bridge.virtual.firmware import Firmware
from firmware_bridge.virtual.flavours import FLUIDNC, GRBL, GRBLHAL, Flavour
from firmware_bridge.virtual.receiving import Inbox

LONG = b"G94" + b" " * 90 + b"F600"  # 97 characters as sent, 7 as grbl counts them
FULL = b"F" + b"0" * 77 + b"1"  # 79 characters count: the longest line
OVER = b"F" + b"0" * 78 + b"1"  # one more
REALTIME = {
    "reset": control.RESET,
    "hold": control.HOLD,
    "resume": control.RESUME,
    "status": control.STATUS,
    "door": control.DOOR,
    "jog cancel": control.JOG_CANCEL,
    **{f"feed {step:+}": byte for step, byte in control.FEED_OVERRIDES.items()},
    **{f"rapid {percent}": byte for percent, byte in control.RAPID_OVERRIDES.items()},
}
CASES: list[tuple[bytes, list[bytes], list[str]]] = [
    # on the wire, lines the main loop is handed, what it answers
    (b"G21\n", [b"G21"], ["ok"]),
    (b"G21\r", [b"G21"], ["ok"]),
    (b"\n", [b""], ["ok"]),
    (b"(only a comment)\n", [b"(only a comment)"], ["ok"]),
    (b"; to the end of the line\n", [b"; to the end of the line"], ["ok"]),
    (b"g 90 (absolute) g1 f100\n", [b"g 90 (absolute) g1 f100"], ["ok"]),
    (LONG + b"\n", [LONG], ["ok"]),
    (FULL + b"\n", [FULL], ["ok"]),
    (OVER + b"\n", [OVER], ["error:11"]),
    (b"G1X\n", [b"G1X"], ["error:2"]),
    (b"\x00\x01\x7f\n", [b"\x00\x01\x7f"], ["error:1"]),
    (b"$J=X1\n", [b"$J=X1"], ["error:22"]),
    (b"$nonsense\n", [b"$nonsense"], ["error:3"]),
    (b"G21\nG90\nG94\n", [b"G21", b"G90", b"G94"], ["ok", "ok", "ok"]),
]
WIRE = b"".join(case[0] for case in CASES)
LINES = [line for case in CASES for line in case[1]]
ANSWERS = [answer for case in CASES for answer in case[2]]


class Heard(Firmware):
    """A controller that notes which real-time bytes act and which lines are read."""

    def __init__(self, flavour: Flavour = GRBL, machine: Machine = MACHINE) -> None:
        super().__init__(replace(machine, rx_bytes=4096), flavour=flavour)
        self.acted: list[int] = []
        self.read: list[bytes] = []
        self.transmit()

    def _realtime(self, byte: int) -> None:
        self.acted.append(byte)

    def _take_line(self) -> bytes | None:
        line = super()._take_line()
        if line is not None:
            self.read.append(line)
        return line

    def take(self, chunks: Iterable[bytes]) -> list[str]:
        """Receive ``chunks`` and let time pass; return the answers."""
        for chunk in chunks:
            self.receive(chunk)
        self.settle()
        return self.transmit().decode("latin-1").split()


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    """Cut ``data`` at ``cuts``."""
    edges = [0, *sorted(min(at, len(data)) for at in cuts), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


def one_by_one(data: bytes) -> list[bytes]:
    """Cut ``data`` into bytes."""
    return [bytes([byte]) for byte in data]


@pytest.mark.parametrize("chunks", [lambda wire: [wire], one_by_one])
@pytest.mark.parametrize(("wire", "lines", "answers"), CASES)
def test_each_case(
    chunks: Callable[[bytes], list[bytes]], wire: bytes, lines: list[bytes], answers: list[str]
) -> None:
    """Whole and byte by byte: the same lines, the same answers, nothing real-time."""
    heard = Heard()
    assert heard.take(chunks(wire)) == answers
    assert (heard.read, heard.acted) == (lines, [])


@given(cuts=st.lists(st.integers(0, len(WIRE)), max_size=20))
def test_any_chunking(cuts: list[int]) -> None:
    """However the wire cuts them, the same bytes make the same lines and answers."""
    heard = Heard()
    assert heard.take(cut(WIRE, cuts)) == ANSWERS
    assert heard.read == LINES


@pytest.mark.parametrize("name", REALTIME)
def test_a_real_time_byte_is_picked_out_anywhere(name: str) -> None:
    """Before, after and at each place within each line: it acts once and the lines stay whole."""
    byte = REALTIME[name]
    for wire, lines, answers in CASES:
        for at in range(len(wire) + 1):
            heard = Heard()
            assert heard.take([wire[:at] + byte + wire[at:]]) == answers
            assert (heard.read, heard.acted) == (lines, [byte[0]])


@given(
    strewn=st.lists(
        st.tuples(st.sampled_from(sorted(REALTIME)), st.integers(0, len(WIRE))), max_size=12
    ),
    cuts=st.lists(st.integers(0, len(WIRE) + 12), max_size=20),
)
def test_real_time_bytes_strewn_in_any_chunking(
    strewn: list[tuple[str, int]], cuts: list[int]
) -> None:
    """All of them act, in their order; no line and no answer changes."""
    wire, begin, pieces = WIRE, 0, []
    for name, at in sorted(strewn, key=lambda item: item[1]):
        pieces += [wire[begin:at], REALTIME[name]]
        begin = at
    heard = Heard()
    assert heard.take(cut(b"".join([*pieces, wire[begin:]]), cuts)) == ANSWERS
    assert heard.read == LINES
    placed = [REALTIME[name][0] for name, _ in sorted(strewn, key=lambda item: item[1])]
    assert heard.acted == placed


@given(
    garbage=st.binary(max_size=60).filter(lambda b: not set(b) & {10, 13}),
    cuts=st.lists(st.integers(0, 80), max_size=10),
)
def test_garbage_between_lines_harms_no_line(garbage: bytes, cuts: list[int]) -> None:
    """Rubbish is a line of its own without its real-time bytes; its neighbours stay whole."""
    heard = Heard()
    answers = heard.take(cut(b"G21\n" + garbage + b"\nG90\n", cuts))
    rest = bytes(b for b in garbage if b < 0x80 and b not in b"?!~\x18")
    assert heard.read == [b"G21", rest, b"G90"]
    assert len(heard.acted) == len(garbage) - len(rest)
    assert answers[0] == "ok"


@pytest.mark.parametrize(("flavour", "wire", "lines"), [
    (GRBL, b"G21\r\nG90\r\n", [b"G21", b"", b"G90", b""]),
    (GRBLHAL, b"G21\r\nG90\r\n", [b"G21", b"G90"]),
    (FLUIDNC, b"G21\r\nG90\r\n", [b"G21", b"G90"]),
    (GRBL, b"G21\n\nG90\r\r", [b"G21", b"", b"G90", b""]),
    (GRBLHAL, b"G21\n\nG90\r\r", [b"G21", b"", b"G90", b""]),
    (GRBLHAL, b"G21\n\rG90\n", [b"G21", b"", b"G90"]),
])  # fmt: skip
@given(data=st.data())
def test_line_ends(flavour: Flavour, wire: bytes, lines: list[bytes], data: st.DataObject) -> None:
    """CR LF is two ends for grbl and one for the others, also where a chunk ends between."""
    cuts = data.draw(st.lists(st.integers(0, len(wire)), max_size=8))
    heard = Heard(flavour)
    assert heard.take(cut(wire, cuts)) == ["ok"] * len(lines)
    assert heard.read == lines


@pytest.mark.parametrize(("flavour", "answer"), [(GRBL, "error:11"), (GRBLHAL, "error:11"),
                                                  (FLUIDNC, "ok")])  # fmt: skip
def test_a_line_too_long(flavour: Flavour, answer: str) -> None:
    """Refused, or cut silently by FluidNC; the next line is read as itself."""
    heard = Heard(flavour)
    assert heard.take([b"G21" + b"(" + b"x" * 300 + b")\n"]) == ["ok"]
    assert heard.take(one_by_one(b"F" + b"0" * 300 + b"\n")) == [answer]
    assert heard.read[-1] == b"F" + b"0" * 300


@given(
    lines=st.lists(st.sampled_from([b"G21", b"G4P0", b"X1", b"(c)", b"", b"F100"]), max_size=30),
    cuts=st.lists(st.integers(0, 200), max_size=10),
    polls=st.integers(0, 5),
)
def test_what_the_sender_writes_is_what_is_read(
    lines: list[bytes], cuts: list[int], polls: int
) -> None:
    """Through the bridge's own `Sender`, polled in the middle: the same lines, one ok each."""
    sender, heard = Sender(lines, 128), Heard()
    while not sender.done:
        for chunk in cut(sender.next_bytes(), cuts):
            heard.receive(chunk + control.STATUS * polls)
        heard.settle()
        for answer in heard.transmit().split():
            assert answer == b"ok"
            assert sender.acknowledge()
    assert heard.read == lines
    assert set(heard.acted) <= {control.STATUS[0]}


@given(data=st.binary(max_size=600), cuts=st.lists(st.integers(0, 600), max_size=10))
def test_the_ring_loses_only_what_does_not_fit(data: bytes, cuts: list[int]) -> None:
    """A ring nobody empties keeps the first 128 bytes and counts the rest."""
    inbox = Inbox(128, GRBL)
    lost = sum(inbox.put_all(chunk) for chunk in cut(data, cuts))
    assert lost == max(len(data) - 128, 0)
    assert inbox.free == max(128 - len(data), 0)
    taken = list(iter(inbox.take_line, None))
    assert taken == data[:128].replace(b"\r", b"\n").split(b"\n")[:-1]
