"""Can the process keep its limits, and can the gauge tell? Figures of a quality engineer.

In: repeated measurements, in any one unit. Out: gauge study, control chart, capability indices.
Authority: AIAG Measurement Systems Analysis, 4th edition (crossed study by ANOVA, %GRR, ndc);
ISO 22514-2 and AIAG Statistical Process Control (Cp, Cpk, Xbar-R, I-MR); Western Electric
Statistical Quality Control Handbook (the four zone rules).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, inf, sqrt

import numpy as np
from numpy.typing import NDArray

from engraver.errors import InputError

Floats = NDArray[np.float64]
LARGEST_GRR = 0.30
LEAST_NDC = 5
"""AIAG: a gauge above 30 % or below 5 categories is not acceptable."""

POOLING_P = 0.25
"""AIAG: an interaction with a larger p value is pooled with repeatability."""

_D2 = {2: 1.128, 3: 1.693, 4: 2.059, 5: 2.326, 6: 2.534, 7: 2.704, 8: 2.847, 9: 2.970, 10: 3.078}
_D3 = {2: 0.0, 3: 0.0, 4: 0.0, 5: 0.0, 6: 0.0, 7: 0.076, 8: 0.136, 9: 0.184, 10: 0.223}
_D4 = {2: 3.267, 3: 2.574, 4: 2.282, 5: 2.114, 6: 2.004, 7: 1.924, 8: 1.864, 9: 1.816, 10: 1.777}
"""Control chart constants of ISO 7870-2 for subgroups of 2 to 10."""


@dataclass(frozen=True, slots=True)
class GaugeStudy:
    """A crossed gauge study; standard deviations in the unit of the measurements.

    ``grr_share`` is GRR over total variation; ``grr_tolerance_share`` six GRR over the
    tolerance, None without one; ``ndc`` the number of distinct categories.
    """

    repeatability: float
    reproducibility: float
    part_variation: float
    total: float
    grr_share: float
    grr_tolerance_share: float | None
    ndc: int
    interaction_p: float

    @property
    def grr(self) -> float:
        """Repeatability and reproducibility together."""
        return sqrt(self.repeatability**2 + self.reproducibility**2)

    @property
    def acceptable(self) -> bool:
        """Whether the gauge can tell parts apart, and good ones from bad where limits are known."""
        tolerable = self.grr_tolerance_share is None or self.grr_tolerance_share <= LARGEST_GRR
        return tolerable and self.grr_share <= LARGEST_GRR and self.ndc >= LEAST_NDC


def gauge_study(values: Floats, tolerance: float | None = None) -> GaugeStudy:
    """Analyse a crossed study by ANOVA.

    Parameters
    ----------
    values
        ``(parts, operators, trials)``, at least 2 of each.
    tolerance
        Width of the tolerance, in the same unit.

    Raises
    ------
    InputError
        If a part, an operator or a trial is missing, or a figure is not finite.
    """
    table = np.asarray(values, np.float64)
    if table.ndim != 3 or min(table.shape) < 2 or not np.isfinite(table).all():
        raise InputError(
            f"a gauge study needs finite figures of at least 2 parts x 2 operators x 2 trials, "
            f"{' x '.join(map(str, table.shape))} were given"
        )
    parts, operators, trials = table.shape
    by_part, by_operator, by_cell = (table.mean(axis=a) for a in ((1, 2), (0, 2), 2))
    mean = table.mean()
    ms_part = operators * trials * ((by_part - mean) ** 2).sum() / (parts - 1)
    ms_operator = parts * trials * ((by_operator - mean) ** 2).sum() / (operators - 1)
    crossed = by_cell - by_part[:, None] - by_operator[None, :] + mean
    df_crossed = (parts - 1) * (operators - 1)
    ss_crossed = trials * (crossed**2).sum()
    ss_error = ((table - by_cell[:, :, None]) ** 2).sum()
    df_error = parts * operators * (trials - 1)
    ms_crossed, ms_error = ss_crossed / df_crossed, ss_error / df_error
    from scipy import stats  # half a second and 30 MB: for those who ask

    p = float(stats.f.sf(ms_crossed / ms_error, df_crossed, df_error)) if ms_error > 0 else 0.0
    if p > POOLING_P:
        ms_error = (ss_error + ss_crossed) / (df_error + df_crossed)
        ms_crossed = ms_error
    interaction = max(0.0, (ms_crossed - ms_error) / trials)
    operator = max(0.0, (ms_operator - ms_crossed) / (parts * trials))
    part = max(0.0, (ms_part - ms_crossed) / (operators * trials))
    grr = sqrt(ms_error + operator + interaction)
    total = sqrt(grr**2 + part)
    return GaugeStudy(
        repeatability=sqrt(ms_error),
        reproducibility=sqrt(operator + interaction),
        part_variation=sqrt(part),
        total=total,
        grr_share=grr / total if total > 0 else 0.0,
        grr_tolerance_share=6 * grr / tolerance if tolerance else None,
        ndc=floor(1.41 * sqrt(part) / grr) if grr > 0 else 10**6,
        interaction_p=p,
    )


@dataclass(frozen=True, slots=True)
class Signal:
    """A Western Electric rule that was broken, at the point (0-based) that broke it."""

    rule: int
    point: int
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class ControlChart:
    """Centre and limits of a chart of means or individuals, its spread chart, its signals."""

    kind: str
    points: Floats
    centre: float
    lower: float
    upper: float
    spreads: Floats
    spread_centre: float
    spread_lower: float
    spread_upper: float
    sigma: float
    signals: tuple[Signal, ...]


def control_chart(values: Floats, baseline: int | None = None) -> ControlChart:
    """Return the Xbar-R chart of ``(subgroups, n)`` values, or the I-MR chart of ``(points,)``.

    Parameters
    ----------
    baseline
        Take the limits from the first so many points and judge all by them; from all without.

    Raises
    ------
    InputError
        If there are fewer than 2 points (in the baseline), or subgroups of more than 10.
    """
    table = np.asarray(values, np.float64)
    if table.ndim not in (1, 2) or len(table) < 2 or not np.isfinite(table).all():
        raise InputError(f"a control chart needs at least 2 finite points, {len(table)} were given")
    if baseline is not None and not 2 <= baseline <= len(table):
        raise InputError(f"a baseline of {baseline} points does not fit; use 2 to {len(table)}")
    individual = table.ndim == 1 or table.shape[1] == 1
    if individual:
        points = table.ravel()
        spreads, size = np.abs(np.diff(points)), 2
    else:
        points, spreads, size = table.mean(axis=1), np.ptp(table, axis=1), table.shape[1]
    if size not in _D2:
        raise InputError(f"subgroups of {size} are too large for an R chart; use 2 to 10")
    first = baseline or len(points)
    mean_spread = float(spreads[: first - 1 if individual else first].mean())
    sigma = mean_spread / _D2[size]
    reach = 3 * sigma if individual else 3 * sigma / sqrt(size)
    centre = float(points[:first].mean())
    return ControlChart(
        kind="I-MR" if individual else "Xbar-R",
        points=points,
        centre=centre,
        lower=centre - reach,
        upper=centre + reach,
        spreads=spreads,
        spread_centre=mean_spread,
        spread_lower=_D3[size] * mean_spread,
        spread_upper=_D4[size] * mean_spread,
        sigma=sigma,
        signals=western_electric(points, centre, reach / 3),
    )


def western_electric(points: Floats, centre: float, sigma: float) -> tuple[Signal, ...]:
    """Return every point at which one of the four zone rules is broken."""
    if not sigma > 0:
        return ()
    z = (np.asarray(points) - centre) / sigma
    rules = (
        (1, 1, 1, 3.0, "beyond 3 sigma"),
        (2, 2, 3, 2.0, "2 of 3 beyond 2 sigma on one side"),
        (3, 4, 5, 1.0, "4 of 5 beyond 1 sigma on one side"),
        (4, 8, 8, 0.0, "8 in a row on one side"),
    )
    signals = []
    for number, needed, window, limit, text in rules:
        for side in (1.0, -1.0):
            beyond = (side * z > limit).astype(int)
            run = np.convolve(beyond, np.ones(window, int))[: len(z)]
            hits = np.flatnonzero((run >= needed) & (beyond == 1))
            signals += [Signal(number, int(at), text) for at in hits]
    return tuple(sorted(signals, key=lambda s: (s.point, s.rule)))


@dataclass(frozen=True, slots=True)
class Capability:
    """Capability indices with 95 % intervals.

    Of Cpk as Bissell, Appl. Stat. 39, 331 (1990); of Cp from the chi-squared law of the
    variance, as NIST/SEMATECH e-Handbook 6.1.6. Cp is infinite against one limit.
    """

    mean: float
    sigma_within: float
    sigma_overall: float
    cp: float
    cpk: float
    pp: float
    ppk: float
    cp_low: float
    cp_high: float
    cpk_low: float
    cpk_high: float
    count: int


def capability(
    values: Floats, lower: float | None, upper: float | None, sigma_within: float | None = None
) -> Capability:
    """Return capability against one or two limits.

    Parameters
    ----------
    sigma_within
        Short-term spread, as from a control chart; from moving ranges without.
    """
    points = np.asarray(values, np.float64).ravel()
    if len(points) < 2 or not np.isfinite(points).all():
        raise InputError(f"capability needs at least 2 finite figures, {len(points)} were given")
    if lower is None and upper is None:
        raise InputError("capability needs a lower or an upper limit")
    mean, overall = float(points.mean()), float(points.std(ddof=1))
    within = sigma_within if sigma_within is not None else control_chart(points).sigma
    cp, cpk = _indices(mean, within, lower, upper)
    pp, ppk = _indices(mean, overall, lower, upper)
    n = len(points)
    half = 1.96 * sqrt(1 / (9 * n) + cpk**2 / (2 * (n - 1))) if np.isfinite(cpk) else inf
    from scipy import stats

    tails = [sqrt(float(stats.chi2.ppf(p, n - 1)) / (n - 1)) for p in (0.025, 0.975)]
    return Capability(
        mean=mean,
        sigma_within=within,
        sigma_overall=overall,
        cp=cp,
        cpk=cpk,
        pp=pp,
        ppk=ppk,
        cp_low=cp * tails[0],
        cp_high=cp * tails[1],
        cpk_low=cpk - half,
        cpk_high=cpk + half,
        count=n,
    )


def _indices(
    mean: float, sigma: float, lower: float | None, upper: float | None
) -> tuple[float, float]:
    room = [upper - mean] if upper is not None else []
    room += [mean - lower] if lower is not None else []
    if sigma == 0:
        return inf, inf if min(room) > 0 else -inf
    both = upper is not None and lower is not None
    width = upper - lower if upper is not None and lower is not None else 2 * min(room)
    return (width / (6 * sigma) if both else inf), min(room) / (3 * sigma)
