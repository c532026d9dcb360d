"""A scanned power coupon -> what this laser does to this metal, with intervals.

In: a scan of the coupon `coupons.plan("power", setup)` burned, and the setup it was burned with
(um, uJ). Out: depths of the patches; `coupon.Calibration`. Authority: the law of
engraver.ablation (Jee et al. 1988 for incubation), integrated over a raster of pulses.

Theory of operation
-------------------
A raster of pulses at pitch d on rows at pitch p lowers a wide patch by one crater's volume over
d p; a point has then taken N1 = (pi w0^2 / 2) / (d p) pulses more. Over n passes

    depth = pi delta w0^2 / (4 d p) * integral from 0 to n of l(t)^2 dt
    l(t)  = ln E - ln Eth + (1 - S) ln(max(N1 t, 1))         where positive

Three unknowns are fitted: ln Eth, S and delta w0^2. Mean depths know nothing of w0 alone: it is
taken from the laser profile, and with it Fth = 2 Eth / (pi w0^2) and delta. What a plan of passes
needs, depths, does not depend on that choice. Errors are taken as relative: deep floors are
rougher. Intervals by the usual t statistics from the Jacobian at the solution, widened by what the
law above leaves out: it keeps within 1 % of the pulse-by-pulse simulation on flat floors.
"""

from __future__ import annotations

from dataclasses import replace
from math import exp, log, pi, sqrt

import numpy as np
from numpy.typing import NDArray

from engraver import crater
from engraver.coupon import FEWEST_CRATERS, Calibration, Estimate, proposed_passes
from engraver.coupons import Patches
from engraver.errors import ScanError
from engraver.heightmap import HeightMap
from engraver.profiles import Setup

Floats = NDArray[np.float64]
_EDGE_UM = 15.0  # from a patch's wall to the part of its floor that is measured
_SKIRT_UM = (8.0, 35.0)  # from a patch's wall: the unmarked ring its depth is measured from
_LEAST_DEPTH_UM = 0.2  # shallower patches are roughness
_DEEPEST_RAYLEIGH = 0.25  # the beam's area has grown by 6 % there
_LEAST_MEASURED = 0.6
_LARGEST_SHIFT_UM = 150.0
_LEAST_MATCH = 0.5
_LAW_HALF = np.array([0.02, 0.01, 0.02])  # of ln Fth, S and ln delta, two sigma: see above
_TIMES = np.array(crater.PASS_TIMES)


def find_shift(scan: HeightMap, made: Patches) -> tuple[float, float]:
    """Return where the coupon's centre lies in a scan, by correlation with its patches.

    Raises
    ------
    ScanError
        If the patches are not found within 150 um of where the scan's origin puts them.
    """
    step = max(1, round(2.0 / scan.pitch_xy_um[0]))
    z = scan.z_um[::step, ::step]
    dx, dy = (pitch * step for pitch in scan.pitch_xy_um)
    x = scan.origin_xy_um[0] + dx * np.arange(z.shape[1])
    y = scan.origin_xy_um[1] + dy * np.arange(z.shape[0])
    depth = np.nan_to_num(np.nanmedian(z) - z)
    limit = max(float(np.percentile(depth, 98)), 1e-9)
    depth = np.clip(depth, 0.0, limit) / limit
    mask = np.zeros_like(depth)
    half = made.side_um / 2
    for (cx, cy), share in zip(made.xy_um, made.energy_uj * made.passes, strict=True):
        inside = np.outer(abs(y - cy) <= half, abs(x - cx) <= half)
        mask[inside] = min(1.0, share / np.percentile(made.energy_uj * made.passes, 75))
    from scipy import signal  # half a second and 30 MB: for those who ask

    seen, wanted = depth - depth.mean(), mask - mask.mean()
    match = signal.fftconvolve(seen, wanted[::-1, ::-1], mode="same")
    match /= sqrt(float((seen**2).sum() * (wanted**2).sum())) or 1.0
    rows, columns = (np.arange(n) - (n - 1) // 2 for n in match.shape)
    near = np.outer(abs(rows * dy) <= _LARGEST_SHIFT_UM, abs(columns * dx) <= _LARGEST_SHIFT_UM)
    best = np.unravel_index(int(np.argmax(np.where(near, match, -np.inf))), match.shape)
    if match[best] < _LEAST_MATCH:
        raise ScanError(
            f"the patches of the power coupon are not in this scan (match {match[best]:.2f}, "
            f"{_LEAST_MATCH:g} is needed): lay it square, its centre within "
            f"{_LARGEST_SHIFT_UM:g} um of the scan's origin, and name the recipe it was burned with"
        )
    return float(columns[best[1]] * dx), float(rows[best[0]] * dy)


def depths(scan: HeightMap, made: Patches, shift_um: tuple[float, float]) -> Floats:
    """Return the mean depth of each patch below the ring round it, NaN where none was seen."""
    x = scan.origin_xy_um[0] + scan.pitch_xy_um[0] * np.arange(scan.z_um.shape[1]) - shift_um[0]
    y = scan.origin_xy_um[1] + scan.pitch_xy_um[1] * np.arange(scan.z_um.shape[0]) - shift_um[1]
    half = made.side_um / 2
    found = []
    for cx, cy in made.xy_um.tolist():
        columns = np.flatnonzero(abs(x - cx) <= half + _SKIRT_UM[1])
        rows = np.flatnonzero(abs(y - cy) <= half + _SKIRT_UM[1])
        if len(columns) < 8 or len(rows) < 8:
            found.append(np.nan)
            continue
        z = scan.z_um[np.ix_(rows, columns)]
        u, v = np.meshgrid(x[columns] - cx, y[rows] - cy)
        found.append(_depth(z, u, v, half))
    return np.array(found)


def _depth(z: Floats, u: Floats, v: Floats, half: float) -> float:
    away = np.maximum(abs(u), abs(v))
    floor, ring = away <= half - _EDGE_UM, away >= half + _SKIRT_UM[0]
    seen = np.isfinite(z)
    if min(seen[floor].mean(), seen[ring].mean()) < _LEAST_MEASURED:
        return float("nan")
    around = ring & seen
    plane = np.stack([np.ones(int(around.sum())), u[around], v[around]], axis=1)
    (base, along, up), *_ = np.linalg.lstsq(plane, z[around], rcond=None)
    depth = float(np.mean((base + along * u + up * v - z)[floor & seen]))
    return depth if depth > _LEAST_DEPTH_UM else float("nan")


def calibrate(made: Patches, depth_um: Floats, setup: Setup) -> Calibration:
    """Fit threshold, incubation and penetration depth to the depths of patches.

    Raises
    ------
    ScanError
        If fewer than 8 patches were measured, their energies do not differ, or no law fits.
    """
    seen = np.isfinite(depth_um) & flat_and_in_focus(made, depth_um, setup)
    energy, passes = made.energy_uj[seen], made.passes[seen]
    if seen.sum() < FEWEST_CRATERS or np.ptp(np.log(energy)) < 0.3:
        raise ScanError(
            f"{int(seen.sum())} patches could be measured, {FEWEST_CRATERS} of energies that "
            "differ by a third are needed; scan the whole coupon or burn it again"
        )
    radius = setup.laser.beam_radius_um
    spot = made.pulse_pitch_um * made.hatch_pitch_um[seen]
    a_pass = pi * radius**2 / 2 / spot
    counts = np.log(np.maximum(a_pass[:, None] * passes[:, None] * _TIMES, 1.0))
    measured = np.log(depth_um[seen])

    def misfit(unknown: Floats) -> Floats:
        log_eth, incubation, log_delta = unknown
        level = np.log(energy)[:, None] - log_eth + (1 - incubation) * counts
        dug = passes * (np.maximum(level, 1e-3) ** 2).mean(axis=1)
        return np.asarray(log_delta + np.log(pi * radius**2 / (4 * spot) * dug) - measured)

    from scipy import optimize, stats

    start = np.array([log(float(energy.min())) - 0.5, 1.0, log(0.2)])
    solved = optimize.least_squares(misfit, start, loss="soft_l1", f_scale=0.05)
    spread = float(np.sqrt(np.mean(misfit(solved.x) ** 2)))
    if not solved.success or spread > 0.3:
        raise ScanError(
            f"the depths of the patches follow no ablation law (scatter {spread:.0%}, 30 % is the "
            "limit): the scan and the recipe it was burned with do not match"
        )
    freedom = int(seen.sum()) - 3
    variance = float((misfit(solved.x) ** 2).sum()) / freedom
    covariance = np.linalg.pinv(solved.jac.T @ solved.jac) * variance
    chance = float(stats.t.ppf(0.975, freedom)) * np.sqrt(np.diag(covariance))
    half = np.hypot(chance, _LAW_HALF).tolist()
    log_eth, incubation, log_delta = solved.x.tolist()
    fluence = 2e2 * exp(log_eth) / (pi * radius**2)
    delta = 1e3 * exp(log_delta)
    return Calibration(
        beam_radius_um=Estimate(radius, radius, radius),
        ablation_threshold_j_cm2=_around(fluence, half[0]),
        incubation_coefficient=Estimate(incubation, incubation - half[1], incubation + half[1]),
        penetration_depth_nm=_around(delta, half[2]),
        used=int(seen.sum()),
    )


def flat_and_in_focus(made: Patches, depth_um: Floats, setup: Setup) -> NDArray[np.bool_]:
    """Tell of which patches the law speaks.

    Deeper than a quarter of the Rayleigh range the beam is out of focus on the floor; where a
    pass digs deeper than the beam is wide, the next row falls on the wall of the last one.
    """
    deepest = _DEEPEST_RAYLEIGH * setup.laser.rayleigh_range_um
    a_pass = depth_um / made.passes
    return np.asarray((depth_um < deepest) & (a_pass < setup.laser.beam_radius_um))


def _around(value: float, half: float) -> Estimate:
    return Estimate(value, value * exp(-half), value * exp(half))


def proposed_rate_khz(known: Calibration, setup: Setup) -> tuple[int, float]:
    """Return the passes, and the repetition rate at which they dig the asked relief exactly.

    Passes are whole: the rate takes up what is left over, at most a share of one pass.

    Raises
    ------
    ScanError
        If the recipe's pulses do not ablate this metal.
    """
    passes = proposed_passes(known, setup)
    recipe = replace(setup.recipe, passes=passes)
    material = known.material(setup.material.name)
    laser = replace(setup.laser, beam_radius_um=known.beam_radius_um.value)
    tuned = replace(setup, recipe=recipe, material=material, laser=laser)
    for _ in range(8):  # with incubation the depth is not quite linear in the rate
        share = recipe.relief_um / crater.depth_um(tuned)
        rate = tuned.recipe.repetition_rate_khz * share
        tuned = replace(tuned, recipe=replace(tuned.recipe, repetition_rate_khz=rate))
    return passes, tuned.recipe.repetition_rate_khz
