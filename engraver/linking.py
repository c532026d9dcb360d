"""Which casings were struck by one pin, whether that pin was issued or not.

In: one ``(n, 32)`` table of log-likelihoods a casing, the issued codes. Out: `Link` for every pair
that is more than chance. Authority: docs/formats/pin32.md, "Evidence"; the hypotheses are those of
`engraver.evidence`, with a stated prior for two casings sharing a pin.

Theory of operation. One pin: both tables are joined and weighed under "issued code c" and "never
issued". Two pins: each is weighed alone. Their ratio is the Bayes factor of the pair. Thousands of
casings are millions of pairs, so a screen goes first: the open part is a product of ``n`` matrix
products over all casings at once, the issued part needs only the codes that both hold likely.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engraver.errors import CodeError
from engraver.evidence import Candidate, log_evidence, rank
from engraver.issued import IssuedCodes
from engraver.likelihood import ReadModel, Table, join

PRIOR_SAME_PIN = 1e-3
"""Chance that two casings of different scenes share a pin, before looking: an assumption, to be
replaced by what an agency knows of its scenes. At 10^6 issued codes two whole reads of one code
outweigh it a thousandfold."""

LINKED = 0.99
"""Posterior from which two casings count as of one pin; the same bar as an identification."""

LEAD = 0.5
CANDIDATES = 50
SCREEN_SLACK = 1.0
"""Powers of ten by which the screen may be too low and a pair is still weighed in full."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Weighed:
    """One casing alone: its candidates, and the posterior that its mark was never issued."""

    candidates: tuple[Candidate, ...]
    not_issued: float
    log_evidence: float


@dataclass(frozen=True, slots=True)
class Link:
    """Two casings (by place) that may share a pin, with what speaks for it."""

    first: int
    second: int
    log10_bayes_factor: float
    posterior: float


def weigh(
    tables: Sequence[Table], issued: IssuedCodes, model: ReadModel, prior_not_issued: float
) -> list[Weighed]:
    """Weigh each casing alone against the issued codes."""
    found = []
    for table in tables:
        joined = join([table], model)
        ranked, not_issued = rank(joined, issued, prior_not_issued, CANDIDATES)
        evidence = log_evidence(joined, issued, prior_not_issued)
        found.append(Weighed(ranked, not_issued, evidence))
    return found


def link(
    tables: Sequence[Table],
    weighed: Sequence[Weighed],
    issued: IssuedCodes,
    model: ReadModel,
    prior_not_issued: float,
    prior_same_pin: float = PRIOR_SAME_PIN,
) -> list[Link]:
    """Return the pairs of casings whose posterior of one pin is `LEAD` or more, in order.

    Raises
    ------
    CodeError
        If the prior is no chance.
    """
    if not 0 < prior_same_pin < 1:
        raise CodeError(f"prior of one pin {prior_same_pin} must lie between 0 and 1")
    if len(tables) < 2:
        return []
    odds = np.log(prior_same_pin) - np.log1p(-prior_same_pin)
    screened = _screen(tables, weighed, issued, prior_not_issued)
    likely = screened + odds + SCREEN_SLACK * np.log(10) >= np.log(LEAD / (1 - LEAD))
    found = []
    for first, second in np.argwhere(np.triu(likely, 1)):
        both = join([tables[first], tables[second]], model)
        apart = weighed[first].log_evidence + weighed[second].log_evidence
        factor = log_evidence(both, issued, prior_not_issued) - apart
        posterior = float(1 / (1 + np.exp(min(-(factor + odds), 700.0))))
        if posterior >= LEAD:
            found.append(Link(int(first), int(second), float(factor / np.log(10)), posterior))
    return found


def _screen(
    tables: Sequence[Table],
    weighed: Sequence[Weighed],
    issued: IssuedCodes,
    prior_not_issued: float,
) -> Floats:
    """Return ``(m, m)`` approximate log Bayes factors of one pin."""
    evidence = np.array([one.log_evidence for one in weighed])
    apart = evidence[:, None] + evidence[None, :]
    open_part = np.log(prior_not_issued) + _log_open_together(tables) - apart
    return np.asarray(np.logaddexp(open_part, _log_issued_together(weighed, issued)))


def _log_open_together(tables: Sequence[Table]) -> Floats:
    stacked = np.stack(tables)
    peaks = stacked.max(axis=2)
    shares = np.exp(stacked - peaks[:, :, None])
    total = peaks.sum(axis=1)[:, None] + peaks.sum(axis=1)[None, :]
    for place in range(shares.shape[1]):
        together = shares[:, place] @ shares[:, place].T / 32
        total += np.log(np.maximum(together, 1e-300))
    return np.asarray(total)


def _log_issued_together(weighed: Sequence[Weighed], issued: IssuedCodes) -> Floats:
    """Sum over the codes that both hold likely: post(c) * post'(c) / prior(c)."""
    codes = sorted({c.index for one in weighed for c in one.candidates if c.posterior > 1e-12})
    column = {index: at for at, index in enumerate(codes)}
    shares = np.zeros((len(weighed), max(1, len(codes))))
    for row, one in enumerate(weighed):
        for candidate in one.candidates:
            if candidate.index in column:
                shares[row, column[candidate.index]] = candidate.posterior
    return np.asarray(np.log(np.maximum(shares @ shares.T * len(issued), 1e-300)))
