"""Gauge study, control charts and capability against published worked examples."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from engraver.capability import capability, control_chart, gauge_study, western_electric
from engraver.errors import InputError

# AIAG, Measurement Systems Analysis, 4th edition, the worked example of the crossed study.
AIAG = """
0.29 -0.56 1.34 0.47 -0.80 0.02 0.59 -0.31 2.26 -1.36
0.41 -0.68 1.17 0.50 -0.92 -0.11 0.75 -0.20 1.99 -1.25
0.64 -0.58 1.27 0.64 -0.84 -0.21 0.66 -0.17 2.01 -1.31
0.08 -0.47 1.19 0.01 -0.56 -0.20 0.47 -0.63 1.80 -1.68
0.25 -1.22 0.94 1.03 -1.20 0.22 0.55 0.08 2.12 -1.62
0.07 -0.68 1.34 0.20 -1.28 0.06 0.83 -0.34 2.19 -1.50
0.04 -1.38 0.88 0.14 -1.46 -0.29 0.02 -0.46 1.77 -1.49
-0.11 -1.13 1.09 0.20 -1.07 -0.67 0.01 -0.56 1.45 -1.77
-0.15 -0.96 0.67 0.11 -1.45 -0.49 0.21 -0.49 1.87 -2.16
"""


def aiag() -> np.ndarray:
    """Return the example as (parts, operators, trials)."""
    rows = np.array([line.split() for line in AIAG.split("\n") if line], float)
    return rows.reshape(3, 3, 10).transpose(2, 0, 1)


def test_the_gauge_study_gives_the_figures_of_the_manual() -> None:
    """AIAG MSA: EV 0.19993, AV 0.22684, GRR 0.30237, PV 1.04233, 27.9 %, ndc 4."""
    study = gauge_study(aiag())
    assert study.repeatability == pytest.approx(0.199933, abs=2e-5)
    assert study.reproducibility == pytest.approx(0.226838, abs=2e-5)
    assert study.grr == pytest.approx(0.302373, abs=2e-5)
    assert study.part_variation == pytest.approx(1.042327, abs=2e-5)
    assert study.grr_share == pytest.approx(0.279, abs=5e-4)
    assert study.ndc == 4
    assert not study.acceptable  # fewer than 5 categories


def test_a_study_with_missing_figures_is_refused() -> None:
    """One operator only, or a gap, is told in one line."""
    with pytest.raises(InputError, match="2 operators"):
        gauge_study(np.zeros((10, 1, 3)))
    table = aiag()
    table[0, 0, 0] = np.nan
    with pytest.raises(InputError, match="finite"):
        gauge_study(table)


def test_chart_limits_are_those_of_the_textbook() -> None:
    """I-MR: 2.66 mean moving range; Xbar-R of 5: A2 = 0.577, D4 = 2.114."""
    points = np.array([10.0, 12.0, 11.0, 13.0, 12.0])
    chart = control_chart(points)
    assert chart.upper - chart.centre == pytest.approx(2.66 * 1.5, rel=1e-3)
    groups = np.random.default_rng(1).normal(0, 1, (20, 5))
    chart = control_chart(groups)
    mean_range = np.ptp(groups, axis=1).mean()
    assert chart.upper - chart.centre == pytest.approx(0.577 * mean_range, rel=1e-3)
    assert chart.spread_upper == pytest.approx(2.114 * mean_range)


@pytest.mark.parametrize(
    ("rule", "points"),
    [
        (1, [0, 0, 3.1]),
        (2, [0, 2.1, 0, 2.2]),
        (3, [1.1, 1.2, 0, 1.3, 1.1]),
        (4, [0.1] * 8),
    ],
)
def test_each_western_electric_rule_signals_where_it_is_broken(
    rule: int, points: list[float]
) -> None:
    """The four rules, on either side, at the point that completes them."""
    for side in (1.0, -1.0):
        signals = western_electric(side * np.array(points, float), 0.0, 1.0)
        assert [(s.rule, s.point) for s in signals] == [(rule, len(points) - 1)]


def test_the_individuals_chart_is_that_of_the_nist_handbook() -> None:
    """NIST/SEMATECH e-Handbook 6.3.2.2: ten flow rates, centre 50.81, limits 45.8159 to 55.8041."""
    rates = np.array([49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1])
    chart = control_chart(rates)
    assert chart.centre == pytest.approx(50.81)
    assert chart.spread_centre == pytest.approx(1.8778, abs=5e-5)
    assert (chart.lower, chart.upper) == pytest.approx((45.8159, 55.8041), abs=1e-3)
    assert chart.signals == ()


def test_capability_is_that_of_the_nist_handbook() -> None:
    """NIST/SEMATECH e-Handbook 6.1.6: limits 8 and 20, mean 16, sigma 2: Cp 1.0, Cpk 0.6667."""
    points = np.tile([14.0, 18.0], 25)
    able = capability(points, 8.0, 20.0, sigma_within=2.0)
    assert (able.cp, able.cpk) == pytest.approx((1.0, 2 / 3))
    half = 1.96 * np.sqrt(1 / (9 * 50) + able.cpk**2 / (2 * 49))
    assert able.cpk_high - able.cpk == pytest.approx(half)
    # chi-squared with 49 degrees: 31.555 and 70.222 (NIST/SEMATECH e-Handbook 1.3.6.7.4)
    assert able.cp_low == pytest.approx(np.sqrt(31.555 / 49), rel=1e-4)
    assert able.cp_high == pytest.approx(np.sqrt(70.222 / 49), rel=1e-4)


def test_chart_constants_are_the_moments_of_the_range() -> None:
    """d2, D3, D4 of the AIAG table for 2 to 10, from the law of the range of normal samples."""
    x = np.linspace(-9.0, 9.0, 1801)
    cdf = stats.norm.cdf(x)
    apart = x[None, :] - x[:, None]
    for n in range(2, 11):
        d2 = np.trapezoid(1 - (1 - cdf) ** n - cdf**n, x)
        inside = np.clip(cdf[None, :] - cdf[:, None], 0.0, None)
        density = n * (n - 1) * inside ** (n - 2) * stats.norm.pdf(x)[:, None] * stats.norm.pdf(x)
        second = np.trapezoid(np.trapezoid(np.where(apart > 0, apart**2 * density, 0), x), x)
        d3 = np.sqrt(second - d2**2)
        groups = np.zeros((2, n))
        groups[:, -1] = 1.0
        chart = control_chart(groups)
        assert 1 / chart.sigma == pytest.approx(d2, abs=6e-4)
        assert chart.spread_upper == pytest.approx(1 + 3 * d3 / d2, abs=2e-3)
        assert chart.spread_lower == pytest.approx(max(0.0, 1 - 3 * d3 / d2), abs=2e-3)


def test_limits_may_rest_on_a_baseline() -> None:
    """A shift after the baseline does not widen the limits it is judged by."""
    points = np.r_[np.tile([10.0, 11.0], 10), 14.0, 14.1]
    frozen = control_chart(points, baseline=20)
    assert frozen.centre == pytest.approx(10.5)
    assert [s.point for s in frozen.signals if s.rule == 1] == [20, 21]
    with pytest.raises(InputError, match="baseline of 1"):
        control_chart(points, baseline=1)


def test_capability_follows_its_definition() -> None:
    """Cp 6 sigma wide, Cpk to the nearer limit, and its interval covers it."""
    points = np.random.default_rng(2).normal(22.0, 0.5, 400)
    able = capability(points, 19.0, 24.0, sigma_within=0.5)
    assert able.cp == pytest.approx(5.0 / 3.0)
    assert able.cpk == pytest.approx((24.0 - points.mean()) / 1.5)
    assert able.cpk_low < able.cpk < able.cpk_high
