"""The G-code parser of the virtual controller: one line in, one `Instruction` or an error code.

In: a line without its end, and the modal state. Out: what the line asks for, in mm, mm/min
and seconds, with the modal state it leaves behind; nothing is executed here. Authority:
grbl 1.1's gcode.c: its modal groups, the order of its checks, its error codes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from enum import Enum

_WORD = re.compile(rb"([A-Z])([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))")
_COMMENT = re.compile(rb"\([^)]*\)?|;.*")
MM_PER_INCH = 25.4
AXES = "XYZ"


class Refusal(Exception):
    """The firmware's ``error:N``."""

    def __init__(self, code: int) -> None:
        super().__init__(f"error:{code}")
        self.code = code


class Flow(Enum):
    """Program flow words: M0/M1 pause, M2/M30 end."""

    NONE = 0
    PAUSE = 1
    END = 2


@dataclass(frozen=True, slots=True)
class Modal:
    """The modal groups that a program can change."""

    motion: int = 0
    plane: int = 17
    inches: bool = False
    absolute: bool = True
    inverse_time: bool = False
    spindle: int = 5
    coolant: int = 9
    system: int = 0
    feed_mm_min: float = 0.0
    s: float = 0.0
    tool: int = 0


@dataclass(frozen=True, slots=True)
class Instruction:
    """What one line asks for; ``modal`` is the state after it.

    ``action`` is a non-modal command (4, 10, 28, 28.1, 30, 30.1, 53, 92, 92.1 or 0);
    ``axes_mm`` maps axis index to its word in mm; ``moves`` says whether an axis move is due.
    """

    modal: Modal
    action: float = 0.0
    axes_mm: dict[int, float] = field(default_factory=dict)
    values: dict[str, float] = field(default_factory=dict)
    moves: bool = False
    flow: Flow = Flow.NONE


_MOTION_G = {0.0, 1.0, 2.0, 3.0, 80.0}
_ACTION_AXES = {10.0, 28.0, 30.0, 92.0}
_ACTION_PLAIN = {4.0, 53.0, 28.1, 30.1, 92.1}
_MODAL_G: dict[float, dict[str, float]] = {
    17.0: {"plane": 17},
    18.0: {"plane": 18},
    19.0: {"plane": 19},
    20.0: {"inches": True},
    21.0: {"inches": False},
    90.0: {"absolute": True},
    91.0: {"absolute": False},
    93.0: {"inverse_time": True},
    94.0: {"inverse_time": False},
    **{54.0 + n: {"system": n} for n in range(6)},
}
_IGNORED_G = {40.0, 49.0, 61.0, 91.1}
_GROUP = {
    **dict.fromkeys((17.0, 18.0, 19.0), "plane"),
    **dict.fromkeys((20.0, 21.0), "units"),
    **dict.fromkeys((90.0, 91.0), "distance"),
    **dict.fromkeys((93.0, 94.0), "feed mode"),
    **{54.0 + n: "system" for n in range(6)},
    **{g: f"ignored {g}" for g in _IGNORED_G},
}


def strip(line: bytes) -> bytes:
    """Return ``line`` as grbl's reader leaves it: no spaces, no comments, upper case."""
    if b"(" in line or b";" in line:
        line = _COMMENT.sub(b"", line)
    return line.replace(b" ", b"").replace(b"\t", b"").upper()


def split_words(line: bytes) -> list[tuple[str, float]]:
    """Split a stripped line into letter and number; Refusal 1 or 2 where it cannot be."""
    words = _WORD.findall(line)
    if sum(len(a) + len(b) for a, b in words) != len(line):
        consumed = b"".join(a + b for a, b in words)
        pairs = enumerate(zip(line, consumed, strict=False))
        at = next((i for i, (x, y) in pairs if x != y), len(consumed))
        raise Refusal(2 if (at and line[at - 1 : at].isalpha()) or _letter(line, at) else 1)
    return [(a.decode("ascii"), float(b)) for a, b in words]


def _letter(line: bytes, at: int) -> bool:
    return line[at : at + 1].isalpha()


class _Reader:
    """Collects the words of one line, group by group."""

    def __init__(self, modal: Modal) -> None:
        self.before = modal
        self.changes: dict[str, float] = {}
        self.seen: set[str] = set()
        self.action = 0.0
        self.axis_command = 0  # 1: non-modal, 2: motion mode (grbl's axis_command)
        self.axes: dict[int, float] = {}
        self.values: dict[str, float] = {}
        self.flow = Flow.NONE

    def claim(self, group: str) -> None:
        if group in self.seen:
            raise Refusal(21)
        self.seen.add(group)

    def read_g(self, number: float) -> None:
        if number in _MOTION_G or number in _ACTION_AXES:
            if self.axis_command:
                raise Refusal(24)
            self.axis_command = 2 if number in _MOTION_G else 1
            if number == 80.0:
                self.axis_command = 0
        if number in _MOTION_G:
            self.claim("motion")
            self.changes["motion"] = number
        elif number in _ACTION_AXES or number in _ACTION_PLAIN:
            self.claim("action")
            self.action = number
        elif number in _MODAL_G:
            self.claim(_GROUP[number])
            self.changes.update(_MODAL_G[number])
        elif number in _IGNORED_G:
            self.claim(_GROUP[number])
        else:
            raise Refusal(20)

    def read_m(self, number: float) -> None:
        if number != int(number):
            raise Refusal(23)
        if number in (0, 1, 2, 30):
            self.claim("flow")
            self.flow = Flow.PAUSE if number < 2 else Flow.END
        elif number in (3, 4, 5):
            self.claim("spindle")
            self.changes["spindle"] = number
        elif number in (7, 8, 9):
            self.claim("coolant")
            self.changes["coolant"] = number
        else:
            raise Refusal(20)

    def read_value(self, letter: str, number: float) -> None:
        if letter in self.seen:
            raise Refusal(25)
        self.seen.add(letter)
        if letter in AXES:
            self.axes[AXES.index(letter)] = number
        elif letter in "FIJKLNPRST":
            if number < 0 and letter in "FNPTS":
                raise Refusal(4)
            self.values[letter] = number
        else:
            raise Refusal(20)

    def finish(self) -> Instruction:
        inches = bool(self.changes.get("inches", self.before.inches))
        scale = MM_PER_INCH if inches else 1.0
        if "F" in self.values:
            self.changes["feed_mm_min"] = self.values["F"] * scale
        if "S" in self.values:
            self.changes["s"] = self.values["S"]
        modal = replace(self.before, **self.changes) if self.changes else self.before  # type: ignore[arg-type]
        if self.axes and not self.axis_command:
            self.axis_command = 2
        axes = {axis: value * scale for axis, value in self.axes.items()}
        moves = self.axis_command == 2 and bool(axes)
        self._check(modal, moves)
        return Instruction(modal, self.action, axes, self.values, moves, self.flow)

    def _check(self, modal: Modal, moves: bool) -> None:
        if self.action == 4.0 and "P" not in self.values:
            raise Refusal(28)
        if self.action == 10.0:
            self._check_offsets()
        if self.action in (92.0,) and not self.axes:
            raise Refusal(26)
        if self.action == 53.0 and modal.motion not in (0, 1):
            raise Refusal(30)
        if moves and modal.motion == 80:
            raise Refusal(31)
        if moves and modal.motion in (1, 2, 3) and modal.feed_mm_min <= 0.0:
            raise Refusal(22)
        if self.changes.get("motion") in (2, 3) and not self.axes:
            raise Refusal(26)
        self._check_unused(modal, moves)

    def _check_offsets(self) -> None:
        if "P" not in self.values or "L" not in self.values:
            raise Refusal(28)
        if self.values["L"] not in (2.0, 20.0):
            raise Refusal(20)
        if self.values["P"] > 6:
            raise Refusal(29)
        if not self.axes:
            raise Refusal(26)

    def _check_unused(self, modal: Modal, moves: bool) -> None:
        used = set("FSNT")
        if self.action in (4.0, 10.0):
            used |= set("P")
        if self.action == 10.0:
            used |= set("L")
        if moves and modal.motion in (2, 3):
            used |= set("IJKRP")
        if set(self.values) - used:
            raise Refusal(36)


def parse(line: bytes, modal: Modal) -> Instruction:
    """Read one stripped line under ``modal``; Refusal carries grbl's error code.

    Examples
    --------
    >>> parse(b"G1X0.5F600S300", Modal()).axes_mm
    {0: 0.5}
    """
    reader = _Reader(modal)
    for letter, number in split_words(line):
        if letter == "G":
            reader.read_g(number)
        elif letter == "M":
            reader.read_m(number)
        else:
            reader.read_value(letter, number)
    return reader.finish()
