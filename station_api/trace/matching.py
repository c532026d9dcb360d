"""The codes that fit a pattern, each with how likely it is that it was the one.

In: arrangements of a reading, and the index. Out: `Found`: all codes that fit, the best of them
with posteriors, and what chance alone would have found.

Theory of operation
-------------------
Hypotheses: the mark is code c of the N on record, prior (1 - q) / N each, lying as any of the
arrangements tried, all alike; or it is on no record, prior q, and then any symbol may stand
anywhere. The likelihood is that of `engraver.likelihood`. Codes that fit are weighed one by one.
So are the others if they are few, or if no code fits; else they are too many for an answer while
somebody waits, and together weigh as much as so many codes of random symbols that do not fit.
Cases and scans are always weighed over all codes one by one (`engraver.evidence`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from engraver.codes import Correction, list_corrections
from engraver.likelihood import ReadModel, Table, join, table_of_reading
from engraver.reading import ANY
from station_api.trace.arranging import Arrangement
from station_api.trace.packing import BITS, Packed, unpack_texts
from station_api.trace.state import State

Weights = NDArray[np.float64]

FEW = 1 << 18
"""Codes times arrangements that are always weighed one by one."""

MANY = 1 << 25
"""The same where no code fits: slower, for the difference between "not issued" and no call."""


@dataclass(frozen=True, slots=True)
class Match:
    """One code that fits, and what has to be true for it."""

    code: str
    format_name: str
    posterior: float
    assumption: str
    corrections: tuple[Correction, ...]

    @property
    def misread(self) -> int:
        """How many symbols would have been read wrong."""
        return sum(one.kind == "error" for one in self.corrections)


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found.

    Parameters
    ----------
    codes
        Every code that fits, in ascending order of text.
    best
        The likeliest, as many as were asked for.
    not_issued, others
        Posterior that the mark is on no record, and that it is one of those that do not fit.
    weighed
        Whether those that do not fit were weighed one by one.
    chance
        How many codes of random symbols would fit.
    searched
        How many codes were searched.
    """

    codes: tuple[str, ...]
    best: tuple[Match, ...]
    not_issued: float
    others: float
    weighed: bool
    chance: float
    searched: int


def search(state: State, arrangements: Sequence[Arrangement], prior: float, rows: int) -> Found:
    """Find every code that fits and weigh it."""
    names = {one.format.name for one in arrangements}
    searched = sum(state.count(name) for name in names)
    if not searched:
        return Found((), (), 1.0, 0.0, True, 0.0, 0)
    ways = Counter(one.format.name for one in arrangements)
    fitting = [(one, _fitting(state, one)) for one in arrangements]
    pairs = sum(state.count(one.format.name) for one in arrangements)
    weighed = pairs <= (FEW if any(len(codes) for _, codes in fitting) else MANY)
    issued = {name: state.issued(name) for name in names} if weighed else {}
    matches: list[tuple[Arrangement, Packed, Weights]] = []
    found = misfits = unknown = chance = 0.0
    for one, codes in fitting:
        name, table = one.format.name, _table(one)
        each = (1 - prior) / searched / ways[name]
        inside, outside, probability = _random_code(one, table)
        weights = each * np.exp(_log_likelihood(codes, table))
        matches.append((one, codes, weights))
        found += float(weights.sum())
        if weighed:
            every = np.exp(issued[name].scores(table).astype(np.float64)).sum()
            misfits += max(0.0, each * float(every) - float(weights.sum()))
        else:
            # a code of random symbols weighs this much if it does not fit
            random_misfit = outside / max(1 - probability, 1e-300)
            misfits += (state.count(name) - len(codes)) * each * random_misfit
        unknown += prior / len(arrangements) * (inside + outside)
        chance += state.count(name) * probability
    total = found + misfits + unknown
    best, texts = _best(matches, total, rows), _texts(matches)
    return Found(texts, best, unknown / total, misfits / total, weighed, chance, searched)


def _fitting(state: State, one: Arrangement) -> Packed:
    """Return the codes that fit but for so many symbols, ascending."""
    choices = one.reading.choices
    sure = [at for at, choice in enumerate(choices) if choice != ANY]
    found = []
    for left_out in combinations(sure, one.misread):
        looser = [ANY if at in left_out else choice for at, choice in enumerate(choices)]
        found.append(state.find(one.format.name, looser))
    return found[0] if len(found) == 1 else np.unique(np.concatenate(found))


def _table(one: Arrangement) -> Table:
    """Return log-likelihoods that can be compared between arrangements of one reading."""
    model = ReadModel()
    table = join([table_of_reading(one.reading, model)], model)
    # what was read there was some symbol, and could have been any
    return np.asarray(table - one.lost * np.log(32) / one.format.n)


def _log_likelihood(codes: Packed, table: Table) -> Weights:
    total = np.zeros(len(codes))
    for at, row in enumerate(table):
        total += row[((codes >> np.uint64(BITS * at)) & np.uint64(31)).astype(np.intp)]
    return total


def _random_code(one: Arrangement, table: Table) -> tuple[float, float, float]:
    """Return what a code of random symbols weighs by fitting, by not, and how often it fits."""
    most = one.misread
    weight = np.zeros(most + 2)  # by number of symbols that do not fit, the last: more than most
    often = np.zeros(most + 2)
    weight[0] = often[0] = 1.0
    for choice, row in zip(one.reading.choices, np.exp(table), strict=True):
        inside = float(row[sorted(choice)].sum()) / 32
        outside = float(row.sum()) / 32 - inside
        weight = _one_more(weight, inside, outside)
        often = _one_more(often, len(choice) / 32, 1 - len(choice) / 32)
    return float(weight[:-1].sum()), float(weight[-1]), float(often[:-1].sum())


def _one_more(by_misfits: Weights, fits: float, fits_not: float) -> Weights:
    grown = by_misfits * fits
    grown[1:] += by_misfits[:-1] * fits_not
    grown[-1] += by_misfits[-1] * fits_not
    return grown


def _best(
    matches: list[tuple[Arrangement, Packed, Weights]], total: float, rows: int
) -> tuple[Match, ...]:
    """Return the likeliest codes; one that fits in several ways is named once, by the best."""
    ranked: list[tuple[float, str, int, int]] = []
    for at, (one, codes, weights) in enumerate(matches):
        order = np.lexsort((codes, -weights))[:rows]
        texts = unpack_texts(codes[order], one.format.n)
        ranked += [
            (-float(weights[place]), text, at, int(place))
            for place, text in zip(order, texts, strict=True)
        ]
    sums: dict[str, float] = {}
    first: dict[str, int] = {}
    for weight, text, at, _ in sorted(ranked):
        sums[text] = sums.get(text, 0.0) - weight
        first.setdefault(text, at)
    best = sorted(sums, key=lambda text: (-sums[text], text))[:rows]
    return tuple(_match(text, sums[text] / total, matches[first[text]][0]) for text in best)


def _match(text: str, posterior: float, one: Arrangement) -> Match:
    corrections = list_corrections(one.reading, text)
    return Match(text, one.format.name, posterior, one.label, corrections)


def _texts(matches: list[tuple[Arrangement, Packed, Weights]]) -> tuple[str, ...]:
    by_length: dict[int, list[Packed]] = {}
    for one, codes, _ in matches:
        by_length.setdefault(one.format.n, []).append(codes)
    texts = [
        text
        for length, parts in by_length.items()
        for text in unpack_texts(np.unique(np.concatenate(parts)), length)
    ]
    return tuple(sorted(texts))
