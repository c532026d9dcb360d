"""The ways a reading may lie on a code: as written, shifted, in another order, upside down.

In: a reading. Out: `Arrangement` values, each a set of allowed symbols at every position of one
format. Authority: docs/formats/pin32.md, "Reading order".
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from engraver.codes import FORMATS, CodeFormat
from engraver.errors import InputError
from engraver.hypotheses import UPSIDE_DOWN_LABEL, rearranged, turned
from engraver.reading import ANY, Reading
from station_api.trace.question import Question

AS_WRITTEN = "as written"
MOST_LOOKS = 20_000
"""Look-ups for one question."""


@dataclass(frozen=True, slots=True)
class Arrangement:
    """One way the reading may lie on a code.

    Parameters
    ----------
    label
        What has to be true, in words.
    misread
        How many symbols may be wrong.
    lost
        Places that say something as written and nothing so: symbols that are none when turned.
    """

    label: str
    format: CodeFormat
    reading: Reading
    misread: int
    lost: int = 0


def arrange(question: Question, formats: Collection[CodeFormat]) -> list[Arrangement]:
    """Return every arrangement that a question allows, on formats of which there are codes.

    Raises
    ------
    InputError
        If that takes too many look-ups.
    """
    reading = question.reading()
    found: list[Arrangement] = []
    for fmt in FORMATS.values():
        fitting = fmt.n >= len(reading) if question.fragment else fmt.n == len(reading)
        if fmt in formats and fitting and question.format_name in ("", fmt.name):
            found += _on_format(reading, fmt, question)
    looks = sum(math.comb(_sure(one.reading), one.misread) for one in found)
    if looks > MOST_LOOKS:
        raise InputError(
            f"this asks for {looks} look-ups, at most {MOST_LOOKS} are done: name the format, or "
            "allow for fewer misread symbols"
        )
    return found


def _on_format(reading: Reading, fmt: CodeFormat, question: Question) -> Iterator[Arrangement]:
    ways = [(AS_WRITTEN, reading)]
    if question.any_order:
        ways += (
            list(rearranged(reading, fmt))
            if len(reading) == fmt.n
            else [(UPSIDE_DOWN_LABEL, turned(reading))]
        )
    seen = set()
    for label, way in ways:
        if not any(choice != ANY for choice in way.choices):
            continue
        for shift in range(fmt.n - len(reading) + 1):
            whole = _shifted(way, shift, fmt)
            if whole.choices in seen:
                continue
            seen.add(whole.choices)
            yield Arrangement(
                label + _at(reading, shift, fmt),
                fmt,
                whole,
                _misread(whole, fmt, question),
                _sure(reading) - _sure(way),
            )


def _shifted(reading: Reading, shift: int, fmt: CodeFormat) -> Reading:
    """Return the reading with illegible places before and behind it."""
    before, behind = shift, fmt.n - len(reading) - shift
    return Reading(
        (ANY,) * before + reading.choices + (ANY,) * behind,
        ("?",) * before + reading.written + ("?",) * behind,
    )


def _at(reading: Reading, shift: int, fmt: CodeFormat) -> str:
    if len(reading) == fmt.n:
        return ""
    return f", at positions {shift} to {shift + len(reading) - 1} of {fmt.n}"


def _misread(reading: Reading, fmt: CodeFormat, question: Question) -> int:
    """Return how many symbols may be wrong: as asked, else what the check symbols correct."""
    if question.misread is not None:
        return min(question.misread, _sure(reading))
    unsure = sum(len(choice) > 1 for choice in reading.choices)
    return max(0, (fmt.redundancy - unsure) // 2)


def _sure(reading: Reading) -> int:
    return sum(choice != ANY for choice in reading.choices)
