"""A scanned calibration coupon -> what this laser does to this metal, with intervals.

In: craters of known energy and pulse count, measured (um, uJ). Out: `Calibration`: threshold,
incubation, penetration depth, beam radius, each with a 95 % interval, and the passes they ask
for. Authority: Liu, Opt. Lett. 7, 196 (1982): D^2 = 2 w0^2 ln(F0 / Fth); Jee et al., J. Opt.
Soc. Am. B 5, 648 (1988): Fth(N) = Fth N^(S - 1); depth a pulse delta ln(F0 / Fth(N)).

Theory of operation
-------------------
Two linear regressions share the threshold. With the energy E, F0 = 2 E / (pi w0^2):

    D^2 = 2 w0^2 (ln E - ln Eth + (1 - S) M)           slope: w0; offset: Eth; M: S
    depth = delta N (ln E - ln Eth + (1 - S) M)        M = lnG(N + 1) / N, the mean of ln n

The diameter is that of the paraboloid through the crater's middle, whose depth and curvature
are sums over the pulses: so M stands there and not ln N, which rules the outermost rim alone.
The first gives w0, Eth and S; with them the second has one unknown, delta. Intervals come from
the residuals by the usual t statistics, carried over by the delta method.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, exp, pi, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from engraver import crater
from engraver.errors import ScanError
from engraver.heightmap import HeightMap
from engraver.profiles import Laser, Material, Setup

Floats = NDArray[np.float64]
FEWEST_CRATERS = 8
_RIM_SHARE = 0.15  # craters are read above this share of their depth, clear of the rim


@dataclass(frozen=True, slots=True, eq=False)
class Coupon:
    """Where a coupon's craters stand, and how each was made.

    ``xy_um`` is ``(n, 2)``, ``energy_uj`` and ``pulses`` ``(n,)``; ``room_um`` is the free
    radius round each.
    """

    xy_um: Floats
    energy_uj: Floats
    pulses: Floats
    room_um: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95 % confidence interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a coupon told; ``used`` counts the craters that could be measured."""

    beam_radius_um: Estimate
    ablation_threshold_j_cm2: Estimate
    incubation_coefficient: Estimate
    penetration_depth_nm: Estimate
    used: int

    def material(self, name: str) -> Material:
        """Return the profile these figures make."""
        return Material(
            name,
            self.ablation_threshold_j_cm2.value,
            min(self.incubation_coefficient.value, 1.0),
            self.penetration_depth_nm.value,
        )


def craters(scan: HeightMap, coupon: Coupon) -> tuple[Floats, Floats]:
    """Return squared diameter (um2) and depth (um) of each crater; NaN where there is none.

    A crater is a paraboloid: depth = a - b r^2, fitted above its shallow rim, so that
    D^2 = 4 a / b and the depth is a.
    """
    (dx, dy), (x0, y0) = scan.pitch_xy_um, scan.origin_xy_um
    squares, depths = [], []
    for x, y in coupon.xy_um.tolist():
        reach = coupon.room_um
        columns = slice(max(0, round((x - reach - x0) / dx)), round((x + reach - x0) / dx) + 1)
        rows = slice(max(0, round((y - reach - y0) / dy)), round((y + reach - y0) / dy) + 1)
        u = x0 + dx * np.arange(scan.z_um.shape[1])[columns] - x
        v = y0 + dy * np.arange(scan.z_um.shape[0])[rows] - y
        across, along = np.meshgrid(u, v)
        square, depth = _paraboloid(scan.z_um[rows, columns], across, along, reach)
        squares.append(square)
        depths.append(depth)
    return np.array(squares), np.array(depths)


def _paraboloid(z: Floats, u: Floats, v: Floats, reach: float) -> tuple[float, float]:
    r2 = u**2 + v**2
    around = (r2 > (0.8 * reach) ** 2) & np.isfinite(z)
    if around.sum() < 20:
        return float("nan"), float("nan")
    plane = np.stack([np.ones(around.sum()), u[around], v[around]], axis=1)
    found, *_ = np.linalg.lstsq(plane, z[around], rcond=None)
    noise = float(np.std(z[around] - plane @ found))
    depth = found[0] + found[1] * u + found[2] * v - z
    deepest = float(np.nanpercentile(depth[r2 < (0.3 * reach) ** 2], 90))
    inside = np.isfinite(depth) & (depth > max(_RIM_SHARE * deepest, 4 * noise))
    inside &= r2 < (0.8 * reach) ** 2
    if deepest < 5 * noise:
        return float("nan"), float("nan")
    for _ in range(3):
        if inside.sum() < 12:
            return float("nan"), float("nan")
        table = np.stack([np.ones(inside.sum()), u[inside], v[inside], -r2[inside]], axis=1)
        a, bu, bv, b = np.linalg.lstsq(table, depth[inside], rcond=None)[0].tolist()
        if not b > 0:
            return float("nan"), float("nan")
        peak = a + (bu**2 + bv**2) / (4 * b)
        # points chosen by their own height would favour noise: choose by place instead
        away = (u - bu / (2 * b)) ** 2 + (v - bv / (2 * b)) ** 2
        inside = np.isfinite(depth) & (away < (1 - _RIM_SHARE) * peak / b)
    return 4 * peak / b, peak


def calibrate(
    energy_uj: Floats, pulses: Floats, diameter_squared_um2: Floats, depth_um: Floats
) -> Calibration:
    """Fit the law to measured craters; NaN diameters are craters that never formed.

    Raises
    ------
    ScanError
        If fewer than 8 craters were measured, or their energies do not differ.
    """
    seen = np.isfinite(diameter_squared_um2) & np.isfinite(depth_um)
    energy, n = energy_uj[seen], pulses[seen]
    if seen.sum() < FEWEST_CRATERS or np.ptp(np.log(energy)) < 0.3:
        raise ScanError(
            f"{int(seen.sum())} craters could be measured, {FEWEST_CRATERS} of energies that "
            "differ by a third are needed; scan the coupon finer or burn it again"
        )
    many = np.ptp(np.log(n)) > 0.1
    mean_log = gammaln(n + 1) / n
    columns = [np.log(energy), np.ones(len(energy))] + ([mean_log] if many else [])
    table = np.stack(columns, axis=1)
    found, covariance, t = _regress(table, diameter_squared_um2[seen])
    slope = float(found[0])
    if not slope > 0:
        raise ScanError("craters do not grow with energy: the coupon and its table do not match")
    radius, log_eth = sqrt(slope / 2), -float(found[1]) / slope
    incubation = 1 - float(found[2]) / slope if many else 1.0
    reach = n * (np.log(energy) - log_eth + (1 - incubation) * mean_log)
    delta, delta_var, t_delta = _regress(reach[:, None], depth_um[seen])
    fluence = exp(log_eth) * 2e2 / (pi * radius**2)
    # ln Fth = -b/a - ln a + const: its gradient in (a, b)
    gradient = np.array([found[1] / slope**2 - 1 / slope, -1 / slope])
    spread = sqrt(float(gradient @ covariance[:2, :2] @ gradient))
    u_s = 0.0
    if many:
        g = np.array([found[2] / slope**2, 0.0, -1 / slope])
        u_s = sqrt(float(g @ covariance @ g))
    u_radius = sqrt(float(covariance[0, 0])) / (4 * radius)
    return Calibration(
        _estimate(radius, t * u_radius),
        Estimate(fluence, fluence * exp(-t * spread), fluence * exp(t * spread)),
        _estimate(incubation, t * u_s),
        _estimate(1e3 * float(delta[0]), t_delta * 1e3 * sqrt(float(delta_var[0, 0]))),
        int(seen.sum()),
    )


def _estimate(value: float, half: float) -> Estimate:
    return Estimate(value, value - half, value + half)


def _regress(table: Floats, y: Floats) -> tuple[Floats, Floats, float]:
    """Return coefficients, covariance and the two-sided 95 % t factor."""
    inverse = np.linalg.pinv(table.T @ table)
    found = inverse @ table.T @ y
    freedom = len(y) - table.shape[1]
    variance = float(((y - table @ found) ** 2).sum()) / freedom
    from scipy import stats  # half a second and 30 MB: for those who ask

    t = float(stats.t.ppf(0.975, freedom))
    return np.asarray(found, np.float64), np.asarray(inverse * variance, np.float64), t


def proposed_passes(calibration: Calibration, setup: Setup) -> int:
    """Return the passes that the calibrated metal needs for the recipe's relief."""
    laser: Laser = replace(setup.laser, beam_radius_um=calibration.beam_radius_um.value)
    known = replace(setup, laser=laser, material=calibration.material(setup.material.name))
    a_pass = crater.depth_a_pass_um(known)
    if not a_pass > 0:
        raise ScanError(
            f"pulses of {setup.recipe.pulse_energy_uj:g} uJ do not ablate this metal; "
            "raise the pulse energy"
        )
    return max(1, ceil(setup.recipe.relief_um / a_pass - 0.5))
