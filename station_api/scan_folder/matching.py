"""Whose scan is it: the name of a file, a bar code in it, what is read on the surface -> a mark.

In: texts, the marks that wait for a scan. Out: `Match`, or why there is none. Each kind of evidence
has to point to one mark, and kinds that are there have to agree: a scan that may show one of two
pins is judged for neither.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engraver.errors import InputError
from station_api.labels import Kind, read_label

SHORTEST_INSIDE = 4
"""A shorter serial inside a longer name could be a counter or a part of the date."""

MOST_SLIPS, CLEAR_BY = 2, 3
"""A reading names a code it differs from in two symbols at most, if every other one is three
further off: codes of one registry block differ in ten of twelve (docs/formats/pin32.md)."""

_WORD = "0-9A-Z"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A mark that a scan may be of."""

    mark_id: str
    serial: str
    order_id: str
    code: str

    def names(self) -> tuple[str, ...]:
        """Return everything that names this mark."""
        return (self.mark_id, self.serial, self.order_id, self.code)


@dataclass(frozen=True, slots=True)
class Match:
    """The one mark, and by what it was found; or ``why`` there is none."""

    mark_id: str | None
    by: str = ""
    why: str = ""


def match(stem: str, inside: Iterable[str], candidates: Sequence[Candidate]) -> Match:
    """Find the mark that a file's name and the texts inside it point to.

    Parameters
    ----------
    stem
        The file's name without its suffix.
    inside
        Texts of the scan's header that may be a bar code's content, such as its comment.

    Examples
    --------
    >>> one = Candidate("M000001", "ZQ0041", "WO-1", "WT37AHG3P1Y5")
    >>> pins = [one, Candidate("M000002", "ZQ0042", "WO-2", "YY4JC8DYCFDP")]
    >>> match("zq0042_001", [], pins)
    Match(mark_id='M000002', by='name', why='')
    >>> match("ZQ0041-ZQ0042", [], pins).why
    'its name fits M000001 and M000002'
    """
    named = _fitting(stem, candidates)
    coded: set[str] = set()
    for text in inside:
        coded |= _of_label(text, candidates)
    for found, what in ((named, "its name"), (coded, "its bar code")):
        if len(found) > 1:
            return Match(None, why=f"{what} fits {' and '.join(sorted(found)[:3])}")
    if named and coded and named != coded:
        return Match(None, why=f"its name says {named.pop()}, its bar code {coded.pop()}")
    if named:
        return Match(named.pop(), "name and bar code" if coded else "name")
    if coded:
        return Match(coded.pop(), "bar code")
    return Match(None, why="neither its name nor a bar code in it fits a mark that waits")


def _fitting(text: str, candidates: Sequence[Candidate]) -> set[str]:
    folded = text.upper()
    exact = {one.mark_id for one in candidates if folded in map(str.upper, one.names())}
    return exact or {
        one.mark_id for one in candidates if any(_holds(folded, name) for name in one.names())
    }


def _holds(folded: str, name: str) -> bool:
    if len(name) < SHORTEST_INSIDE:
        return False
    return re.search(f"(?<![{_WORD}]){re.escape(name.upper())}(?![{_WORD}])", folded) is not None


def _of_label(text: str, candidates: Sequence[Candidate]) -> set[str]:
    try:
        label = read_label(text)
    except InputError:
        return set()  # a comment is free text; one that is no label says nothing
    if label.kind is Kind.ORDER:
        return {
            one.mark_id
            for one in candidates
            if (one.order_id, one.serial) == (label.order_id, label.serial)
        }
    if label.kind is Kind.GS1:
        return {one.mark_id for one in candidates if one.serial == label.serial}
    return _fitting(label.text, candidates)


def by_reading(read: str, candidates: Sequence[Candidate]) -> Match:
    """Find the mark whose code was read on a surface, a few symbols' slips allowed.

    Examples
    --------
    >>> one = Candidate("M1", "Z1", "W1", "WT37AHG3P1Y5")
    >>> pins = [one, Candidate("M2", "Z2", "W2", "YY4JC8DYCFDP")]
    >>> by_reading("WT37AHG3P1Y6", pins).mark_id
    'M1'
    """
    ranked = sorted(
        (sum(a != b for a, b in zip(read, one.code, strict=True)), one.mark_id)
        for one in candidates
        if len(one.code) == len(read)
    )
    if not ranked or ranked[0][0] > MOST_SLIPS:
        return Match(None, why=f"{read} is read on it, the code of no mark that waits for a scan")
    if len(ranked) > 1 and ranked[1][0] < ranked[0][0] + CLEAR_BY:
        return Match(None, why=f"{read} is read on it, near {ranked[0][1]} and {ranked[1][1]}")
    return Match(ranked[0][1], "read-back")
