"""Soft reads of impressions -> ranked, calibrated candidates, or a refusal to call.

In: ``(n, 32)`` log-likelihoods, one a casing (`engraver.likelihood`), and the issued codes. Out:
`Call`, with the prior, N, runner-up and chance matches it rests on; `SourceTest`, whether all
casings come from one pin. Authority: docs/formats/pin32.md, "Evidence".

Theory of operation. Hypotheses: the mark is issued code c, each with prior (1 - q) / N; or the
mark was never issued, prior q, and then any symbol may stand anywhere. A posterior over the
issued codes alone would always find somebody; with the open hypothesis a mark from outside
ends as "not issued" instead. A casing that says too little to tell whose it is neither helps
nor stands in the way: the call then rests on the others, and names what it leaves out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from engraver.errors import CodeError
from engraver.issued import IssuedCodes, Scores
from engraver.likelihood import ReadModel, Table, join, legible_places, open_bits

CALL_POSTERIOR = 0.99
PRIOR_NOT_ISSUED = 0.2
"""The default of q, an assumption chosen by simulation: see docs/decisions/0013."""

LEAD_POSTERIOR = 0.5
CHANCE_LIMIT = 0.01
"""No call where this many issued codes would match by chance: N * 32^-j, j legible places."""

MIXED_LIMIT = 0.05
"""No call where two firearms are more probable than this ..."""

MIXED_SURE = 0.99
"""... but from here to this the test cannot tell: the casings in doubt may be left out."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One issued code and its share of the posterior."""

    index: int
    posterior: float
    log_likelihood: float


@dataclass(frozen=True, slots=True)
class SourceTest:
    """Same pin or two firearms?

    Parameters
    ----------
    log10_bayes_factor
        Evidence for one source against the best-supported split into two; above 0 for one.
    probability_mixed
        Posterior of two sources at prior odds 1:1.
    split
        The casings (by place) that would belong to the second firearm.
    """

    log10_bayes_factor: float
    probability_mixed: float
    split: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """What the reads of one case support.

    Parameters
    ----------
    verdict
        ``identified``, ``lead``, ``not issued`` or ``no call``.
    reasons
        Why the verdict is no identification; empty for one.
    candidates
        Best first; the second is the runner-up.
    not_issued
        Posterior that the mark is none of the issued ones.
    prior_not_issued, issued_count, legible, chance_matches
        What the answer rests on: q, N, j and N * 32^-j.
    sources
        The mixed-source test of all casings, None for a single one.
    left_out
        Casings (by place) the identification does not rest on: they say too little to tell
        whether they are of the same firearm. Empty for every other verdict.
    """

    verdict: str
    reasons: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    not_issued: float
    prior_not_issued: float
    issued_count: int
    legible: int
    chance_matches: float
    sources: SourceTest | None
    left_out: tuple[int, ...] = ()


def call(
    casings: Sequence[Table],
    issued: IssuedCodes,
    model: ReadModel,
    prior_not_issued: float = PRIOR_NOT_ISSUED,
    count: int = 5,
) -> Call:
    """Rank the issued codes for casings that are said to come from one firearm.

    Parameters
    ----------
    casings
        One ``(n, 32)`` table of log-likelihoods a casing.
    issued
        Every code that was issued.
    prior_not_issued
        q, above 0 and below 1: the chance, before reading, that the mark is none of them.
    count
        How many candidates to return.

    Raises
    ------
    CodeError
        Without casings or issued codes, or for a prior that closes the set.
    """
    _check(casings, issued, prior_not_issued)
    found = _judge(casings, issued, model, prior_not_issued, count)
    test = found.sources
    if test is None or not MIXED_LIMIT < test.probability_mixed <= MIXED_SURE:
        return found
    doubtful = _less_telling(casings, test.split, model)
    kept = [at for at in range(len(casings)) if at not in doubtful]
    rest = call([casings[at] for at in kept], issued, model, prior_not_issued, count)
    if rest.verdict != "identified":
        return found
    left_out = sorted({*doubtful, *(kept[at] for at in rest.left_out)})
    return replace(rest, sources=test, left_out=tuple(left_out))


def _judge(
    casings: Sequence[Table],
    issued: IssuedCodes,
    model: ReadModel,
    prior_not_issued: float,
    count: int,
) -> Call:
    """Return what all casings together support."""
    table = join(casings, model)
    ranked, not_issued = rank(table, issued, prior_not_issued, count)
    sources = compare_sources(casings, issued, model, prior_not_issued)
    legible = legible_places(table)
    chance = len(issued) * 32.0**-legible
    reasons = _doubts(ranked, chance, sources)
    return Call(
        _verdict(ranked, not_issued, reasons, sources),
        reasons,
        ranked,
        not_issued,
        prior_not_issued,
        len(issued),
        legible,
        chance,
        sources,
    )


def _less_telling(
    casings: Sequence[Table], split: tuple[int, ...], model: ReadModel
) -> tuple[int, ...]:
    """Return the group of a split that leaves more open what its symbols are."""
    other = tuple(at for at in range(len(casings)) if at not in split)
    return max(
        (split, other),
        key=lambda group: open_bits(join([casings[at] for at in group], model)).sum(),
    )


def rank(
    table: Table, issued: IssuedCodes, prior_not_issued: float, count: int = 5
) -> tuple[tuple[Candidate, ...], float]:
    """Return the best candidates with their posteriors, and the posterior of "not issued"."""
    scores = issued.scores(table)
    log_issued = np.log1p(-prior_not_issued) - np.log(len(issued))
    log_open = np.log(prior_not_issued) + _log_open(table)
    peak = max(float(scores.max()) + log_issued, log_open)
    mass = float(np.exp(scores + np.float32(log_issued - peak)).sum(dtype=np.float64))
    total = mass + np.exp(log_open - peak)
    top = _largest(scores, count)
    candidates = tuple(
        Candidate(
            int(issued.indices[at]),
            float(np.exp(float(scores[at]) + log_issued - peak) / total),
            float(scores[at]),
        )
        for at in top
    )
    return candidates, float(np.exp(log_open - peak) / total)


def _largest(scores: Scores, count: int) -> list[int]:
    """Return the places of the largest scores, best first, ties by place."""
    count = min(count, len(scores))
    floor = np.partition(scores, len(scores) - count)[len(scores) - count]
    above = np.flatnonzero(scores >= floor)
    return [int(at) for at in above[np.argsort(-scores[above], kind="stable")][:count]]


def _log_open(table: Table) -> float:
    """Return the log-likelihood of a mark of independent, equally likely symbols."""
    peak = table.max(axis=1)
    return float((np.log(np.exp(table - peak[:, None]).mean(axis=1)) + peak).sum())


def log_evidence(table: Table, issued: IssuedCodes, prior_not_issued: float) -> float:
    """Return the log-probability of a table under one firearm, issued or not."""
    scores = issued.scores(table)
    peak = float(scores.max())
    mean = float(np.exp(scores - np.float32(peak)).sum(dtype=np.float64)) / len(issued)
    return float(
        np.logaddexp(
            np.log1p(-prior_not_issued) + np.log(mean) + peak,
            np.log(prior_not_issued) + _log_open(table),
        )
    )


def compare_sources(
    casings: Sequence[Table], issued: IssuedCodes, model: ReadModel, prior_not_issued: float
) -> SourceTest | None:
    """Test whether all casings come from one pin or from two firearms.

    Every split into two is tried up to five casings; above, the least compatible pair is the
    start of two groups and the rest join the one they fit better.
    """
    if len(casings) < 2:
        return None

    def evidence(group: Sequence[int]) -> float:
        table = join([casings[at] for at in group], model)
        return log_evidence(table, issued, prior_not_issued)

    everyone = tuple(range(len(casings)))
    splits = _all_splits(everyone) if len(casings) <= 5 else [_grown_split(casings, model)]
    apart = {
        second: evidence(second) + evidence([at for at in everyone if at not in second])
        for second in splits
    }
    best = max(apart, key=lambda second: apart[second])
    # all splits are equally likely beforehand, so the evidence for two is their mean
    two = float(np.logaddexp.reduce(list(apart.values()))) - np.log(len(apart))
    factor = evidence(everyone) - two
    mixed = float(1 / (1 + np.exp(min(factor, 700.0))))
    return SourceTest(float(factor / np.log(10)), mixed, best)


def _all_splits(everyone: Sequence[int]) -> list[tuple[int, ...]]:
    """Return every second group that leaves casing 0 in the first."""
    rest = everyone[1:]
    sizes = range(1, len(everyone))
    return [group for size in sizes for group in combinations(rest, size)]


def _grown_split(casings: Sequence[Table], model: ReadModel) -> tuple[int, ...]:
    """Return the group that grows round the casing least compatible with another one."""

    def fit(a: int, b: int) -> float:
        return _log_open(join([casings[a], casings[b]], model)) - sum(
            _log_open(join([casings[at]], model)) for at in (a, b)
        )

    first, second = min(combinations(range(len(casings)), 2), key=lambda pair: fit(*pair))
    rest = [at for at in range(len(casings)) if at not in (first, second)]
    return (second, *(at for at in rest if fit(second, at) > fit(first, at)))


def _check(casings: Sequence[Table], issued: IssuedCodes, prior_not_issued: float) -> None:
    if not casings:
        raise CodeError("there are no casings to call; give at least one read")
    if not len(issued):
        raise CodeError("there are no issued codes; name a registry with rows")
    if not 0 < prior_not_issued < 1:
        raise CodeError(
            f"prior of 'not issued' {prior_not_issued} must lie between 0 and 1: a closed set "
            "would always find somebody"
        )


def _doubts(
    ranked: tuple[Candidate, ...], chance: float, sources: SourceTest | None
) -> tuple[str, ...]:
    doubts = []
    if ranked[0].posterior < CALL_POSTERIOR:
        doubts.append(f"best posterior {ranked[0].posterior:.3g} is below {CALL_POSTERIOR}")
    if chance > CHANCE_LIMIT:
        doubts.append(f"{chance:.3g} issued codes would match by chance, limit {CHANCE_LIMIT}")
    if sources is not None and sources.probability_mixed > MIXED_LIMIT:
        doubts.append(
            f"two firearms have probability {sources.probability_mixed:.3g}, limit {MIXED_LIMIT}"
        )
    return tuple(doubts)


def _verdict(
    ranked: tuple[Candidate, ...],
    not_issued: float,
    doubts: tuple[str, ...],
    sources: SourceTest | None,
) -> str:
    if not doubts:
        return "identified"
    if sources is not None and sources.probability_mixed > MIXED_LIMIT:
        return "no call"  # two issued firearms mixed up look like one that was never issued
    if not_issued >= CALL_POSTERIOR:
        return "not issued"
    return "lead" if ranked[0].posterior >= LEAD_POSTERIOR else "no call"
