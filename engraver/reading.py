"""What a reader made of a mark: text with unsure symbols -> `Reading`.

In: a text such as ``R8[RP]?E1GV``: a symbol; ``?`` or ``_`` where nothing can be read; a set in
square brackets where a few symbols are possible. Spaces, hyphens, slashes and line ends
separate and count for nothing. Out: for each position the set of possible values 0..31.
Authority: docs/formats/pin32.md, "Writing down a reading".
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from engraver.errors import CodeError

ALPHABET = "0123456789ACDEFGHJKLMNPQRTUVWXYZ"
"""The 32 symbols, values 0 to 31 in this order; B, I, O and S are never engraved."""

VALUE = {symbol: value for value, symbol in enumerate(ALPHABET)}

ALIASES = {"B": "8", "I": "1", "O": "0", "S": "5"}
"""Characters that are never engraved and what they stand for when somebody reads them."""

ANY = frozenset(range(32))
ILLEGIBLE = "?"
_ILLEGIBLE_MARKS = frozenset("?_*")
_SEPARATORS = frozenset(" -/|\n\r\t")
LONGEST_READING = 1000


@dataclass(frozen=True, slots=True)
class Reading:
    """The possible symbols of each position.

    Parameters
    ----------
    choices
        For each position the set of possible values; one value where the reader is sure, all
        32 (`ANY`) where nothing can be read.
    written
        For each position what the reader wrote, folded to upper case.
    """

    choices: tuple[frozenset[int], ...]
    written: tuple[str, ...]

    @property
    def text(self) -> str:
        """The reading in one spelling: aliases resolved, sets sorted, ``?`` for any symbol."""
        return "".join(spell(choice) for choice in self.choices)

    def __len__(self) -> int:
        return len(self.choices)

    def __add__(self, other: Reading) -> Reading:
        """Return this reading followed by another place's."""
        return Reading(self.choices + other.choices, self.written + other.written)

    def permuted(self, order: tuple[int, ...]) -> Reading:
        """Return the reading whose position i is this reading's position ``order[i]``."""
        return Reading(tuple(self.choices[j] for j in order), tuple(self.written[j] for j in order))


def spell(choice: frozenset[int]) -> str:
    """Write one position's set: ``K``, ``[0D]`` or ``?``."""
    if choice == ANY:
        return ILLEGIBLE
    symbols = "".join(ALPHABET[value] for value in sorted(choice))
    return symbols if len(symbols) == 1 else f"[{symbols}]"


def parse(text: str) -> Reading:
    """Understand what a reader wrote down.

    Raises
    ------
    CodeError
        For a character outside the alphabet, an empty set or an unclosed bracket.

    Examples
    --------
    >>> parse("r8[D0] ?B").text
    'R8[0D]?8'
    """
    if not isinstance(text, str):
        raise CodeError(f"reading {text!r} is not a text; write it in quotes")
    if len(text) > LONGEST_READING:
        raise CodeError(f"reading has {len(text)} characters, at most {LONGEST_READING} are read")
    folded = "".join(map(_fold, text))
    written = tuple(_split(folded, text))
    return Reading(tuple(_choice(item, text) for item in written), written)


def _fold(character: str) -> str:
    """Fold one character; what would become two (a ligature, a sharp s) stays and is refused."""
    folded = unicodedata.normalize("NFKC", character).upper()
    return folded if len(folded) == 1 else character


def _split(folded: str, original: str) -> list[str]:
    """Cut a folded text into one item a position: ``K``, ``?`` or ``[0D]``."""
    items, start = [], 0
    while start < len(folded):
        if folded[start] in _SEPARATORS:
            start += 1
            continue
        end = start + 1
        if folded[start] == "[":
            end = folded.find("]", start) + 1
            if end == 0:
                raise CodeError(f"reading {original!r} has a '[' without its ']'; close the set")
        items.append(folded[start:end])
        start = end
    return items


def _choice(item: str, original: str) -> frozenset[int]:
    inner = item[1:-1] if item.startswith("[") else item
    symbols = [symbol for symbol in inner if symbol not in _SEPARATORS]
    if not symbols:
        raise CodeError(
            f"reading {original!r} has an empty set []; name the possible symbols or write ?"
        )
    if any(symbol in _ILLEGIBLE_MARKS for symbol in symbols):
        return ANY
    return frozenset(_value(symbol, original) for symbol in symbols)


def _value(symbol: str, original: str) -> int:
    try:
        return VALUE[ALIASES.get(symbol, symbol)]
    except KeyError:
        raise CodeError(
            f"symbol {symbol!r} in {original!r} is outside the alphabet {ALPHABET}; "
            "write ? for what cannot be read and [..] for a choice"
        ) from None
