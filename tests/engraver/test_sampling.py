"""Promises of the sample plans: the published sizes, bounds that hold, a draw that nobody chose."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engraver.errors import InputError
from engraver.sampling import draw, lower_bound, plan


@pytest.mark.parametrize(
    ("reliability", "confidence", "failures", "size"),
    [
        (0.90, 0.90, 0, 22),
        (0.90, 0.95, 0, 29),
        (0.95, 0.95, 0, 59),
        (0.99, 0.90, 0, 230),
        (0.99, 0.95, 0, 299),
        (0.95, 0.95, 1, 93),
        (0.90, 0.95, 1, 46),
        (0.90, 0.95, 2, 61),
    ],
)
def test_the_sizes_are_the_published_ones(
    reliability: float, confidence: float, failures: int, size: int
) -> None:
    """Success-run and binomial tables: 29 for 90/95, 59 for 95/95, 93 with one failure."""
    assert plan(reliability, confidence, failures).sample == size


@given(st.floats(0.5, 0.995), st.floats(0.5, 0.99), st.integers(0, 3), st.integers(1, 400))
def test_a_finite_lot_needs_no_more_and_keeps_its_risk(
    reliability: float, confidence: float, failures: int, lot: int
) -> None:
    """Hypergeometric: never more than the lot, and the risk holds against drawn samples."""
    found = plan(reliability, confidence, failures, lot)
    assert 1 <= found.sample <= lot
    if found.sample < lot:
        assert found.risk <= 1 - confidence + 1e-12
        if found.sample > failures + 1:
            bad = int(lot * (1 - reliability) + 1e-9) + 1
            rng = np.random.default_rng(1)
            assert bad <= lot
            seen = rng.hypergeometric(bad, lot - bad, found.sample, 4000)
            assert (seen <= failures).mean() <= 1 - confidence + 0.03


@given(st.integers(1, 300), st.data())
def test_the_bound_is_the_edge_of_what_a_result_proves(tested: int, data: st.DataObject) -> None:
    """At the bound, so good a result or better has exactly the chance 1 - confidence."""
    from scipy import stats

    failures = data.draw(st.integers(0, tested - 1))
    edge = lower_bound(tested, failures, 0.95)
    assert stats.binom.cdf(failures, tested, 1 - edge) == pytest.approx(0.05, abs=1e-6)


def test_the_curve_rises_with_the_truth() -> None:
    """A better process is accepted more often; at the limit the risk is the stated one."""
    found = plan(0.95, 0.95)
    chances = [chance for _, chance in found.accepts]
    assert chances == sorted(chances)
    assert dict(found.accepts)[0.95] == pytest.approx(found.risk)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"reliability": 1.0, "confidence": 0.9}, "reliability 1.0 must lie"),
        ({"reliability": 0.9, "confidence": 0.0}, "confidence 0.0 must lie"),
        ({"reliability": float("nan"), "confidence": 0.9}, "must lie"),
        ({"reliability": 0.9, "confidence": 0.9, "failures": -1}, "failures -1"),
        ({"reliability": 0.9, "confidence": 0.9, "lot": 0}, "nothing to sample"),
        ({"reliability": 0.999999, "confidence": 0.99}, "ask for less"),
    ],
)
def test_impossible_plans_are_refused(words: dict[str, float], said: str) -> None:
    """One line with the value and what would do."""
    with pytest.raises(InputError, match=said):
        plan(**words)  # type: ignore[arg-type]


def test_the_draw_is_fixed_by_the_seed_and_by_nothing_else() -> None:
    """Order and repetition of the list do not matter; another seed draws others; all are likely."""
    names = [f"ZQ{n:04d}" for n in range(200)]
    first = draw(names, 20, b"root 1")
    assert first == draw(list(reversed(names)) + names[:5], 20, b"root 1")
    assert first != draw(names, 20, b"root 2")
    counts = np.zeros(200)
    for k in range(600):
        for name in draw(names, 20, b"%d" % k):
            counts[int(name[2:])] += 1
    assert abs(counts.mean() - 60) < 1e-9
    assert counts.min() > 25 and counts.max() < 100
