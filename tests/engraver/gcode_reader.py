"""A reader of pinmark's own programs, written from the RS-274 rules, not from the writer.

In: program bytes. Out: every motion line as a move in mm with its G word, feed and S. It knows
nothing of toolpaths, so that it can testify what the bytes say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_WORD = re.compile(r"([A-Z])(-?\d*\.?\d*)")


@dataclass(frozen=True)
class Move:
    """One motion: from ``start`` to ``end``, mm; ``s`` is 0 unless the laser is on."""

    line: int
    start: tuple[float, float, float]
    end: tuple[float, float, float]
    rapid: bool
    feed_mm_min: float
    s: float


def read(data: bytes) -> list[Move]:
    """Execute ``data`` word by word and return its moves."""
    at = {"X": 0.0, "Y": 0.0, "Z": 0.0}
    motion, feed, s, beam = 0, 0.0, 0.0, False
    moves = []
    text = data.decode("ascii")
    assert text.endswith("\n")
    for number, raw in enumerate(text.split("\n")[:-1]):
        line = re.sub(r"\(.*?\)", "", raw)
        words = _WORD.findall(line)
        assert "".join(a + b for a, b in words) == line, f"line {number}: {raw!r}"
        target = dict(at)
        for letter, value in words:
            match letter, float(value):
                case "G", 0.0 | 1.0:
                    motion = int(value)
                case "G", 4.0 | 17.0 | 21.0 | 54.0 | 90.0 | 94.0:
                    pass
                case "M", 3.0 | 4.0:
                    beam = True
                case "M", 5.0 | 2.0:
                    beam = False
                case "F", number_value:
                    feed = number_value
                case "S", number_value:
                    s = number_value
                case "P", 0.0:
                    pass
                case ("X" | "Y" | "Z") as axis, number_value:
                    target[axis] = number_value
                case _:
                    raise AssertionError(f"line {number}: word {letter}{value} is not expected")
        if any(letter in "XYZ" for letter, _ in words):
            assert motion == 0 or feed > 0
            power = s if beam and motion == 1 else 0.0
            start = (at["X"], at["Y"], at["Z"])
            end = (target["X"], target["Y"], target["Z"])
            moves.append(Move(number, start, end, motion == 0, feed, power))
        at = target
    assert not beam
    assert s == 0
    return moves
