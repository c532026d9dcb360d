"""How many pins to test, which ones, and what the result proves: attribute sampling.

In: reliability, confidence, failures allowed, lot. Out: `Plan` with its operating characteristic,
the sample drawn, the bound that a result proves. Authority: binomial and hypergeometric acceptance
sampling by attributes (as tabulated in ANSI/ASQ Z1.4 and ISO 2859-2; success-run theorem for zero
failures); Clopper and Pearson, Biometrika 26 (1934), for the bound.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from math import floor

import numpy as np

from engraver.errors import InputError

LARGEST_SAMPLE = 100_000
CURVE = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
"""True reliabilities at which a plan says how likely it accepts."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A sample plan: test ``sample`` pieces, accept with at most ``failures``.

    Parameters
    ----------
    lot
        Pieces in the lot; None for a process without end (binomial).
    risk
        Chance that the plan accepts a lot just short of ``reliability``: at most 1 - confidence,
        unless the whole lot is tested.
    accepts
        True reliability and the chance to be accepted, by pairs.
    """

    reliability: float
    confidence: float
    failures: int
    lot: int | None
    sample: int
    risk: float
    accepts: tuple[tuple[float, float], ...]


def plan(reliability: float, confidence: float, failures: int = 0, lot: int | None = None) -> Plan:
    """Return the smallest sample that shows a reliability with a confidence.

    Raises
    ------
    InputError
        If a figure is no share, or no sample of up to 100,000 shows it.

    Examples
    --------
    >>> plan(0.90, 0.95).sample, plan(0.95, 0.95).sample, plan(0.99, 0.95).sample
    (29, 59, 299)
    >>> plan(0.90, 0.95, lot=50).sample
    19
    """
    for name, value in (("reliability", reliability), ("confidence", confidence)):
        if not 0 < value < 1:
            raise InputError(f"{name} {value} must lie between 0 and 1, for instance 0.95")
    if not 0 <= failures <= 1000:
        raise InputError(f"failures {failures} must be 0 to 1000")
    if lot is not None and lot < 1:
        raise InputError(f"a lot of {lot} has nothing to sample")
    most = LARGEST_SAMPLE if lot is None else lot
    sizes = np.arange(failures + 1, most + 1)
    risks = _accepts(sizes, failures, reliability, lot)
    enough = np.flatnonzero(risks <= 1 - confidence)
    if lot is None and not len(enough):
        raise InputError(
            f"no sample up to {LARGEST_SAMPLE} shows {reliability} with {confidence}; ask for less"
        )
    size = int(sizes[enough[0]]) if len(enough) else most
    curve = tuple((r, float(_accepts(np.array([size]), failures, r, lot)[0])) for r in CURVE)
    risk = float(_accepts(np.array([size]), failures, reliability, lot)[0])
    return Plan(reliability, confidence, failures, lot, size, risk, curve)


def _accepts(sizes: np.ndarray, failures: int, reliability: float, lot: int | None) -> np.ndarray:
    """Return the chance of at most ``failures`` in each sample, at the worst bad lot."""
    from scipy import stats  # half a second and 30 MB: for those who ask

    if lot is None:
        return np.asarray(stats.binom.cdf(failures, sizes, 1 - reliability))
    # the fewest bad pieces with which the lot falls short of the reliability
    bad = min(lot, floor(lot * (1 - reliability) + 1e-9) + 1)
    return np.asarray(stats.hypergeom.cdf(failures, lot, bad, sizes))


def lower_bound(tested: int, failures: int, confidence: float) -> float:
    """Return the reliability that a result proves with a confidence (Clopper and Pearson).

    Examples
    --------
    >>> round(lower_bound(29, 0, 0.95), 4)
    0.9019
    """
    if not 0 <= failures <= tested or tested < 1:
        raise InputError(f"{failures} failures of {tested} tested is no result")
    if failures == tested:
        return 0.0
    from scipy import stats

    return float(stats.beta.ppf(1 - confidence, tested - failures, failures + 1))


def draw(pieces: Sequence[str], count: int, seed: bytes) -> list[str]:
    """Draw pieces from a lot so that nobody chose them: in order of SHA-256(seed, piece).

    The seed is to be something that nobody could pick, such as the root of a signed log.
    """
    ranked = sorted(set(pieces), key=lambda name: hashlib.sha256(seed + name.encode()).digest())
    return ranked[:count]
