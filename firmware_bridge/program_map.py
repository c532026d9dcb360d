"""Reads a program as the controller will: bytes -> where each line ends and what it burns.

In: a `GcodeProgram` and the machine it is for. Out: `ProgramMap`, one entry a line; positions
in mm of the work frame, feeds in mm/min. Raises ProgramError with the line number for
anything that this bridge does not send: the words it knows are those `engraver.gcode` writes.
Authority: grbl 1.1 for the words, NIST RS274/NGC for the modal groups.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engraver.errors import ProgramError
from engraver.profiles import Machine
from engraver.program import GcodeProgram

_LINE = re.compile(r"(?:[A-Z][-+]?\d*\.?\d+|[A-Z]\d+\.?)*")
_COMMENT = re.compile(r"\([ -'*-~]*\)")
_WORD = re.compile(r"([A-Z])([-+]?[\d.]+)")
_KNOWN_G = {0, 1, 4, 17, 21, 54, 90, 94}
_KNOWN_M = {2, 4, 5, 30}
_REMEDY = "render the program again"
SHORTEST_MM = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class ProgramMap:
    """One entry a program line; arrays are read-only.

    Parameters
    ----------
    end_mm
        ``(n, 3)`` work position after the line.
    known
        ``(n, 3)`` whether the program has set that axis by then; before, the axis stays
        where it was.
    length_mm
        ``(n,)`` length of its move, 0 where it does not move.
    feed_mm_min
        ``(n,)`` programmed feed; infinite for jumps.
    burns
        ``(n,)`` whether the laser is on while it moves.
    synchronises
        ``(n,)`` whether the controller ends all motion before it acknowledges the line.
    dwell_s
        ``(n,)`` what G4 waits.
    """

    end_mm: NDArray[np.float64]
    known: NDArray[np.bool_]
    length_mm: NDArray[np.float64]
    feed_mm_min: NDArray[np.float64]
    burns: NDArray[np.bool_]
    synchronises: NDArray[np.bool_]
    dwell_s: NDArray[np.float64]

    def __post_init__(self) -> None:
        for name in ProgramMap.__slots__:
            getattr(self, name).setflags(write=False)

    @property
    def first_burning_line(self) -> int:
        """The first line that fires, or the number of lines if none does."""
        return int(np.argmax(self.burns)) if self.burns.any() else len(self.burns)


Row = tuple[list[float], list[bool], float, float, bool, bool, float]


class _Reader:
    """Modal state while a program is read."""

    def __init__(self, program: GcodeProgram, machine: Machine) -> None:
        self.machine, self.s_max = machine, program.s_max
        self.place = [0.0, 0.0, 0.0]
        self.known = [False, False, False]
        self.motion, self.feed, self.s, self.laser = 0, 0.0, 0.0, False
        self.ended = False
        self.line = 0

    def fail(self, what: str) -> ProgramError:
        return ProgramError(f"program line {self.line + 1}: {what}; {_REMEDY}")

    def read(self, text: str) -> Row:
        """Read one line; return place, known, length, feed, burns, synchronises, dwell."""
        if self.ended and text:
            raise self.fail(f"{text!r} stands after the end of the program")
        text = "" if _COMMENT.fullmatch(text) else text
        text = "" if _COMMENT.fullmatch(text) else text
        if not _LINE.fullmatch(text):
            raise self.fail(f"{text!r} is not made of words")
        words = _WORD.findall(text)
        seen = [letter for letter, _ in words if letter not in "GM"]
        if len(seen) != len(set(seen)):
            raise self.fail(f"{text!r} repeats a word; a newline may be missing")
        values = {letter: float(number) for letter, number in words if letter not in "GM"}
        before, dwells = self.laser, False
        for letter, number in words:
            if letter in "GM":
                dwells |= self._mode(letter, float(number))
        return self._apply(values, before, dwells)

    def _mode(self, letter: str, number: float) -> bool:
        if number not in (_KNOWN_G if letter == "G" else _KNOWN_M):
            raise self.fail(f"{letter}{number:g} is not a word this bridge sends")
        if letter == "G":
            if number in (0, 1):
                self.motion = int(number)
            return number == 4
        if number in (2, 30):
            self.ended = True
        self.laser = number == 4
        return False

    def _apply(self, values: dict[str, float], before: bool, dwells: bool) -> Row:
        unknown = set(values) - set("XYZFS" + ("P" if dwells else ""))
        if unknown:
            raise self.fail(f"word {sorted(unknown)[0]} is not one this bridge sends")
        self.feed, self.s = values.get("F", self.feed), values.get("S", self.s)
        self._limits()
        start = list(self.place)
        for axis, letter in enumerate("XYZ"):
            self.place[axis] = values.get(letter, self.place[axis])
            self.known[axis] |= letter in values
        moved = sum((a - b) ** 2 for a, b in zip(start, self.place, strict=True)) ** 0.5
        if moved and self.motion == 1 and self.feed <= 0:
            raise self.fail("a G1 move without a feed (F)")
        burns = moved > SHORTEST_MM and self.motion == 1 and self.laser and self.s > 0
        feed = self.feed if self.motion == 1 else float("inf")
        synchronises = dwells or self.ended or self.laser != before
        dwell_s = values.get("P", 0.0)
        place, known = list(self.place), list(self.known)
        return place, known, moved, feed, burns, synchronises, dwell_s

    def _limits(self) -> None:
        if not 0 <= self.s <= self.s_max:
            raise self.fail(f"S{self.s:g} is outside 0 to {self.s_max} ($30)")
        limit = self.machine.max_speed_mm_s * 60
        if self.feed > limit * (1 + 1e-9):
            raise self.fail(f"F{self.feed:g} mm/min is above the machine's {limit:g} mm/min")


def read_program(program: GcodeProgram, machine: Machine) -> ProgramMap:
    """Read ``program`` line by line.

    Raises
    ------
    ProgramError
        With line number, value, limit and remedy.
    """
    found = _map(program, machine)
    _check_against_plan(program, machine, found)
    return found


def _map(program: GcodeProgram, machine: Machine) -> ProgramMap:
    lines = _split(program.data, machine)
    reader = _Reader(program, machine)
    rows = []
    for number, line in enumerate(lines):
        reader.line = number
        rows.append(reader.read(line.decode("ascii")))
    if not reader.ended:
        raise ProgramError(f"the program does not end with M2 or M30; {_REMEDY}")
    return ProgramMap(*(np.array(column) for column in zip(*rows, strict=True)))


@dataclass(frozen=True, slots=True)
class ModalState:
    """What a reset loses, as lines that bring it back: a dark jump, then feed, S and motion."""

    jump: str
    words: str
    laser: bool


def modal_before(program: GcodeProgram, machine: Machine, line: int) -> ModalState:
    """Return the state that the lines before ``line`` leave behind."""
    reader = _Reader(program, machine)
    for number, text in enumerate(program.lines[:line]):
        reader.line = number
        reader.read(text.decode("ascii"))
    known = zip("XYZ", reader.place, reader.known, strict=True)
    axes = "".join(f"{axis}{value:.4f}" for axis, value, is_known in known if is_known)
    feed = f"F{reader.feed:g}" if reader.feed else ""
    words = f"G{reader.motion}{feed}S{reader.s:g}"
    return ModalState(f"G0{axes}" if axes else "", words, reader.laser)


def program_of(data: bytes, machine: Machine) -> GcodeProgram:
    """Return a program made of a file's bytes; each burning line is a stroke of its own.

    Raises
    ------
    ProgramError
        As `read_program` does.
    """
    blind = np.full(data.count(b"\n"), -1, np.int32)
    digest = hashlib.sha256(data).hexdigest()
    draft = GcodeProgram(data, digest, blind, machine.dialect, machine.s_max, 0.0)
    burns = _map(draft, machine).burns
    strokes = np.where(burns, np.cumsum(burns) - 1, -1).astype(np.int32)
    return replace(draft, line_stroke=strokes)


def _split(data: bytes, machine: Machine) -> list[bytes]:
    if not data:
        raise ProgramError("the program is empty")
    if not data.endswith(b"\n") or b"\r" in data or not data.isascii():
        raise ProgramError(f"the program is not ASCII lines ended by LF alone; {_REMEDY}")
    lines = data.split(b"\n")[:-1]
    longest = max(range(len(lines)), key=lambda i: len(lines[i]))
    if len(lines[longest]) > machine.line_characters:
        raise ProgramError(
            f"program line {longest + 1} has {len(lines[longest])} characters; "
            f"{machine.name} takes {machine.line_characters}; {_REMEDY} with fewer decimals"
        )
    return lines


def _check_against_plan(program: GcodeProgram, machine: Machine, found: ProgramMap) -> None:
    planned = program.line_stroke >= 0
    if len(planned) != len(found.burns) or (planned != found.burns).any():
        at = int(np.argmax(planned[: len(found.burns)] != found.burns[: len(planned)]))
        raise ProgramError(
            f"program line {at + 1} burns or not, against what its plan says; {_REMEDY}"
        )
    span = np.ptp(np.vstack([found.end_mm, np.zeros(3)]), axis=0)
    for axis, (needed, limit) in enumerate(zip(span, machine.travel_mm, strict=True)):
        if needed > limit:
            raise ProgramError(
                f"the program needs {needed:.3f} mm of {'XYZ'[axis]}; {machine.name} has "
                f"{limit:g} mm; use a smaller layout or another machine"
            )
