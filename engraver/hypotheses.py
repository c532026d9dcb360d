"""What else a reading could mean: labelled leads beyond what `codes.decode` proves.

In: a reading, its format and how many registry integers were allotted. Out: `Hypothesis`
values, each with the assumption it needs in words and the chance that a random text would
pass the same test. None of them is ever mixed into `codes.decode`. Authority:
docs/formats/pin32.md, "Reading ladder".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import permutations, product
from math import prod
from operator import xor

from engraver.codes import (
    CodeFormat,
    Decoded,
    MarkCode,
    V,
    W,
    count_faults,
    decode_reading,
    index_from,
    list_corrections,
    text_at,
)
from engraver.galois import EXP, evaluate, interpolate, multiply, times_alpha
from engraver.reading import ANY, VALUE, Reading

UPSIDE_DOWN = dict(zip("012356789EHLMNWXZ", "012E59L863H7WNMXZ", strict=True))
"""What stands on the mark when the symbol read was seen turned by 180 degrees."""

UPSIDE_DOWN_LABEL = "read upside down"
TWO_ROWS_OF_SIX = (2, 6)
"""The other usual arrangement of pin32-12."""

MOST_FILLINGS = 20_000
"""Ways to fill doubtful places that are still tried one by one."""

MOST_LISTED = 20


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A code the reading could mean under an assumption.

    Parameters
    ----------
    assumption
        What has to be true, in words.
    decoded
        The decoding under it; its corrections count places of ``decoded.reading``.
    chance
        About how many codes a random text would give under the same assumption.
    """

    assumption: str
    decoded: Decoded
    chance: float


def suggest(reading: Reading, fmt: CodeFormat, below: int | None = None) -> tuple[Hypothesis, ...]:
    """Return every labelled lead, the least likely by chance first.

    Parameters
    ----------
    reading, fmt
        As for `codes.decode_reading`; both places together have a fixed arrangement and only
        the leads about the index.
    below
        The first registry integer that was never allotted; leads at or above it are left out.
    """
    limit = fmt.index_limit if below is None else min(below, fmt.index_limit)
    proved = decode_reading(reading, fmt).code
    found = [*_low_indices(reading, fmt, limit), *_fillings(reading, fmt)]
    if not fmt.second:
        found += _arrangements(reading, fmt)
    share = limit / fmt.index_limit
    leads = [
        lead if lead.decoded.format.k < fmt.k else replace(lead, chance=lead.chance * share)
        for lead in found
        if lead.decoded.code is not None and lead.decoded.code.index < limit
    ]
    # what is proved already needs no assumption
    news = [
        lead
        for lead in leads
        if lead.decoded.code != proved or lead.decoded.reading.choices != reading.choices
    ]
    return tuple(sorted(news, key=lambda lead: lead.chance))


def _low_indices(reading: Reading, fmt: CodeFormat, limit: int) -> Iterator[Hypothesis]:
    """Decode with fewer payload symbols: farther, if the index is small."""
    lengths = {-(-max(limit - 1, 1).bit_length() // 5)} | ({6} if fmt.k > 6 else set())
    for k in sorted(length for length in lengths if length < fmt.k):
        decoded = decode_reading(reading, replace(fmt, k=k))
        if decoded.code is not None:
            whole = replace(decoded, code=replace(decoded.code, format=fmt))
            yield Hypothesis(f"the index is below 2^{5 * k}", whole, decoded.chance)


def _arrangements(reading: Reading, fmt: CodeFormat) -> Iterator[Hypothesis]:
    """Decode the reading in every other order somebody may have written it down."""
    for label, other in rearranged(reading, fmt):
        decoded = decode_reading(other, fmt)
        yield Hypothesis(label, decoded, decoded.chance)


def rearranged(reading: Reading, fmt: CodeFormat) -> Iterator[tuple[str, Reading]]:
    """Yield the reading in every other order of its rows, mirrored, and upside down."""
    grids = [(fmt.rows, fmt.columns)] + ([TWO_ROWS_OF_SIX] if fmt.n == 12 else [])
    seen = {tuple(range(fmt.n))}
    for rows, columns in grids:
        for label, order in _orders(rows, columns):
            if order in seen:
                continue
            seen.add(order)
            yield f"{label} ({rows} x {columns})", reading.permuted(order)
    yield UPSIDE_DOWN_LABEL, turned(reading)


def _orders(rows: int, columns: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    for order in permutations(range(rows)):
        places = tuple(row * columns + column for row in order for column in range(columns))
        names = ", ".join(str(row + 1) for row in order)
        yield f"true rows are the written rows {names}", places
    mirrored = [row * columns + columns - 1 - c for row in range(rows) for c in range(columns)]
    yield "each row read from right to left, as on the pin itself", tuple(mirrored)


def turned(reading: Reading) -> Reading:
    """Return what stood on the mark if the reading was made upside down.

    Places come in reverse order; a symbol that is none when turned tells nothing.
    """
    choices = []
    for choice in reversed(reading.choices):
        names = [name for name, value in VALUE.items() if value in choice]
        back = frozenset(VALUE[UPSIDE_DOWN[name]] for name in names if name in UPSIDE_DOWN)
        choices.append(ANY if choice == ANY or not back else back)
    return Reading(tuple(choices), tuple(reversed(reading.written)))


def _fillings(reading: Reading, fmt: CodeFormat) -> Iterator[Hypothesis]:
    """List all codewords that every set allows, where the sets are too many for the radius."""
    sizes = [len(choice) for choice in reading.choices]
    surest = sorted(range(fmt.n), key=lambda at: sizes[at])[: fmt.k]
    count = prod(sizes[at] for at in surest)
    unsure = sum(size > 1 for size in sizes)
    if unsure <= fmt.redundancy or count > MOST_FILLINGS:
        return
    chance = prod(sizes) / 32.0**fmt.redundancy
    matches = list(_consistent(reading, fmt, surest))
    if len(matches) > MOST_LISTED:
        return
    words = f"no symbol outside its set was engraved; {len(matches)} such codes exist"
    for message in matches:
        code = MarkCode(text_at(message, fmt.positions), fmt, index_from(message))
        errors, erasures = count_faults(reading, code.text)
        corrections = list_corrections(reading, code.text)
        decoded = Decoded(reading, fmt, code, corrections, errors, erasures)
        yield Hypothesis(words, decoded, chance)


def _consistent(
    reading: Reading, fmt: CodeFormat, surest: Sequence[int]
) -> Iterator[tuple[int, ...]]:
    """Yield the messages of all codewords within the sets.

    The symbols at the k ``surest`` places fix a codeword. What each of them contributes, to
    the message and to the other symbols, is packed into one integer; parts add up by XOR.
    """
    others = [at for at in range(fmt.n) if at not in surest]
    parts = [_contributions(reading, fmt, surest, others, at) for at in surest]
    constant = index_from([0] * fmt.k + [W[fmt.positions[at]] for at in others])
    for filling in product(*parts):
        packed = reduce(xor, filling, constant)
        symbols = packed >> (5 * fmt.k)
        if all(symbols >> (5 * j) & 31 in reading.choices[at] for j, at in enumerate(others)):
            yield tuple(packed >> (5 * j) & 31 for j in range(fmt.k))


def _contributions(
    reading: Reading, fmt: CodeFormat, surest: Sequence[int], others: Sequence[int], at: int
) -> list[int]:
    """Return, for each symbol allowed at ``at``, what it adds: message, then other symbols."""
    points = [EXP[fmt.positions[place]] for place in surest]
    basis = interpolate(points, [int(place == at) for place in surest])
    basis += [0] * (fmt.k - len(basis))
    places = [fmt.positions[place] for place in others]
    effects = basis + [times_alpha(evaluate(basis, EXP[i]), V[i]) for i in places]
    own = fmt.positions[at]
    values = [times_alpha(value ^ W[own], -V[own]) for value in sorted(reading.choices[at])]
    return [index_from([multiply(effect, y) for effect in effects]) for y in values]
