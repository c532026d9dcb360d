"""Ablation against what can be worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from math import log, pi, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engraver.ablation import (
    Effects,
    PulseTrain,
    Surface,
    ablate,
    blank,
    crater_radius_um,
    peak_fluence_j_cm2,
)
from engraver.ablation import pulses as module
from engraver.heightmap import HeightMap
from engraver.profiles import Laser, Material, Part

LASER = Laser("green", 532.0, 10.0, 5.0, 1.0, 50.0, 500.0)
STEEL = Material("steel", 0.15, 0.8, 12.0)
PART = Part("pin", "flat", 120.0, 5.0, "steel")


def train(*xyz: tuple[float, float, float], energy_uj: float = 1.0) -> PulseTrain:
    return PulseTrain(np.array(xyz, float).reshape(-1, 3), np.full(len(xyz), energy_uj))


def plane(slope: float, half_um: float = 40.0, pitch_um: float = 1.0) -> Surface:
    axis = np.arange(-half_um, half_um + pitch_um / 2, pitch_um)
    z = np.repeat((axis * slope)[None, :], len(axis), axis=0)
    return Surface(HeightMap(z, (pitch_um, pitch_um), (-half_um, -half_um)), np.zeros_like(z))


def one_by_one(points: np.ndarray, energy_uj: float, half_um: int) -> np.ndarray:
    """Fire pulses in a plain loop, with the law as it is written in the module."""
    axis = np.arange(-half_um, half_um + 1.0)
    x, y = np.meshgrid(axis, axis)
    z, count = np.zeros_like(x), np.zeros_like(x)
    for px, py, focus in points:
        i, j = round(px + half_um), round(py + half_um)
        w2 = 25 * (1 + ((focus - z[j, i]) / LASER.rayleigh_range_um) ** 2)
        r2 = (x - px) ** 2 + (y - py) ** 2
        count += np.exp(-2 * r2 / w2)
        threshold = STEEL.ablation_threshold_j_cm2 * max(count[j, i], 1.0) ** -0.2
        level = log(2e2 * energy_uj / (pi * w2) / threshold)
        z -= STEEL.penetration_depth_nm * 1e-3 * np.maximum(0, level - 2 * r2 / w2)
    return z


@pytest.mark.parametrize("energy_uj", [0.1, 0.3, 1.0, 5.0])
def test_the_depth_of_one_crater_is_delta_times_the_log_ratio(energy_uj: float) -> None:
    """One pulse in focus digs delta ln(F0 / Fth) at its axis, to 0.1 nm."""
    pit = ablate(blank(PART, 1.0), train((0, 0, 0), energy_uj=energy_uj), LASER, STEEL)
    expected = 0.012 * log(peak_fluence_j_cm2(energy_uj, 5.0) / 0.15)
    assert -np.nanmin(pit.height.z_um) == pytest.approx(expected, abs=1e-4)


def test_the_squared_diameter_is_linear_in_the_log_of_fluence() -> None:
    """Liu 1982: D^2 = 2 w0^2 ln(F0 / Fth); slope within 3 % and threshold within 5 %."""
    energies = np.geomspace(0.15, 5.0, 9)
    surface = blank(PART, 0.25)
    squares = []
    for energy in energies:
        pit = ablate(surface, train((0, 0, 0), energy_uj=float(energy)), LASER, STEEL)
        row = pit.height.z_um[pit.height.z_um.shape[0] // 2]
        deep = row < -0.001  # the shallow rim is linear in r^2: extrapolate it to depth 0
        x = pit.height.origin_xy_um[0] + 0.25 * np.arange(len(row))
        slope, depth = np.polyfit(x[deep] ** 2, row[deep], 1)
        squares.append(4 * -depth / slope)
    log_f = np.log([peak_fluence_j_cm2(e, 5.0) for e in energies])
    slope, intercept = np.polyfit(log_f, squares, 1)
    assert slope == pytest.approx(2 * 25, rel=0.03)
    assert np.exp(-intercept / slope) == pytest.approx(0.15, rel=0.05)


def test_two_hundred_pulses_at_rest_dig_what_the_law_says_pulse_by_pulse() -> None:
    """Incubation and defocus inside batches: within 1 % of a loop over the law."""
    pit = ablate(blank(PART, 1.0), train(*[(0, 0, 0)] * 200), LASER, STEEL)
    depth = 0.0
    for n in range(1, 201):
        w2 = 25 * (1 + (depth / LASER.rayleigh_range_um) ** 2)
        depth += 0.012 * max(0, log(2e2 / (pi * w2) / (0.15 * n**-0.2)))
    assert -np.nanmin(pit.height.z_um) == pytest.approx(depth, rel=0.01)


def test_a_raster_equals_the_same_pulses_fired_one_by_one() -> None:
    """Four crossed passes of overlapping tracks: floor depth within 2 %, shape within 3 %."""
    k = np.arange(-15, 15.1, 2.5)
    passes = []
    for n in range(4):
        a, b = np.meshgrid(k, k) if n % 2 else np.meshgrid(k, k, indexing="ij")
        passes.append(np.c_[a.ravel(), b.ravel(), np.full(a.size, -0.2 * n)])
    points = np.concatenate(passes)
    expected = one_by_one(points, 1.0, 40)
    mark = ablate(plane(0.0), PulseTrain(points, np.ones(len(points))), LASER, STEEL)
    middle = np.s_[32:49, 32:49]
    assert mark.height.z_um[middle].mean() == pytest.approx(expected[middle].mean(), rel=0.02)
    assert np.abs(mark.height.z_um - expected).max() < 0.03 * -expected.min()


def test_the_ripple_of_tracks_follows_poisson_summation() -> None:
    """Far above threshold, tracks at pitch p leave the ripple of summed pulse profiles.

    The mean is volume over pitch to 1 %; the first harmonic is the Fourier coefficient of one
    track's profile (Poisson summation) to 10 %.
    """
    pitch, step = 7.0, 1.0
    y, x = np.meshgrid(np.arange(-28, 28.1, pitch), np.arange(-35, 35.1, step), indexing="ij")
    tracks = PulseTrain(np.c_[x.ravel(), y.ravel(), np.zeros(x.size)], np.full(x.size, 1.0))
    hard = replace(STEEL, incubation_coefficient=1.0, penetration_depth_nm=1.0)
    z = ablate(plane(0.0), tracks, LASER, hard).height.z_um
    level = log(peak_fluence_j_cm2(1.0, 5.0) / 0.15)
    fine = np.arange(-60, 60.01, 0.05)
    across = np.sqrt(np.maximum(0, level * 12.5 - fine**2))  # half width of the crater there
    profile = 1e-3 * 4 / 3 * across**3 * 2 / 25 / step
    volume = profile.sum()
    ripple = 2 * abs((profile * np.exp(2j * pi * fine / pitch)).sum()) / volume
    row = -z[40 - 14 : 40 + 15, 35:46].mean(axis=1)
    harmonic = 2 * abs(np.mean(row[:28] * np.exp(2j * pi * np.arange(28) / pitch)))
    assert row[:28].mean() == pytest.approx(np.trapezoid(profile, fine) / pitch, rel=0.01)
    assert harmonic / row[:28].mean() == pytest.approx(ripple, rel=0.1)


def test_defocus_widens_the_beam_and_starves_the_crater() -> None:
    """At one Rayleigh range the fluence has halved: the crater is delta ln 2 shallower."""
    far = LASER.rayleigh_range_um
    sharp = ablate(blank(PART, 1.0), train((0, 0, 0)), LASER, STEEL)
    blurred = ablate(blank(PART, 1.0), train((0, 0, far)), LASER, STEEL)
    lost = np.nanmin(blurred.height.z_um) - np.nanmin(sharp.height.z_um)
    assert lost == pytest.approx(0.012 * log(2), rel=0.03)


def test_a_slope_takes_the_cosine_from_the_fluence() -> None:
    """At 45 degrees the depth along z is delta (L + ln cos) / cos."""
    flat = log(peak_fluence_j_cm2(1.0, 5.0) / 0.15)
    before = plane(1.0)
    after = ablate(before, train((0, 0, 0)), LASER, STEEL)
    depth = (before.height.z_um - after.height.z_um).max()
    assert depth == pytest.approx(0.012 * (flat - log(2) / 2) * sqrt(2), rel=0.01)


def test_below_the_threshold_nothing_happens_and_non_measured_stays_so() -> None:
    """No pulse below Fth removes anything; pulses off the tip or on NaN are lost."""
    tip = blank(PART, 1.0)
    weak = ablate(tip, train((0, 0, 0), energy_uj=0.01), LASER, STEEL)
    assert np.nanmin(weak.height.z_um) == 0
    assert crater_radius_um(0.01, LASER, STEEL) == 0
    missed = ablate(tip, train((500, 0, 0), (-59, -59, 0)), LASER, STEEL)
    assert np.array_equal(missed.height.z_um, tip.height.z_um, equal_nan=True)
    assert np.array_equal(np.isnan(missed.height.z_um), np.isnan(tip.height.z_um))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), cut=st.integers(1, 199))
def test_firing_in_two_calls_is_firing_in_one(seed: int, cut: int) -> None:
    """A train cut anywhere leaves the same surface, to 2 % of its depth."""
    rng = np.random.default_rng(seed)
    xyz = np.c_[rng.uniform(-12, 12, (200, 2)), np.zeros(200)]
    energy = rng.uniform(0.3, 2.0, 200)
    whole = ablate(blank(PART, 1.0), PulseTrain(xyz, energy), LASER, STEEL)
    halves = blank(PART, 1.0)
    for part in (slice(0, cut), slice(cut, 200)):
        halves = ablate(halves, PulseTrain(xyz[part].copy(), energy[part].copy()), LASER, STEEL)
    difference = np.nanmax(np.abs(whole.height.z_um - halves.height.z_um))
    assert difference < 0.02 * -np.nanmin(whole.height.z_um)


def test_noise_is_seeded_and_keeps_the_mean() -> None:
    """Equal seeds give equal pits; 10 % of energy noise moves the mean depth by under 3 %."""
    pulses = train(*[(0, 0, 0)] * 100)
    quiet = ablate(blank(PART, 1.0), pulses, LASER, STEEL)
    first, again, other = (
        ablate(blank(PART, 1.0), pulses, LASER, STEEL, Effects(seed, 0.1, 0.3)).height.z_um
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other, equal_nan=True)
    assert np.nansum(first) == pytest.approx(np.nansum(quiet.height.z_um), rel=0.03)


def test_recast_lays_down_its_share_round_the_pit() -> None:
    """A tenth of the volume comes back, as a collar above the face."""
    pulses = train(*[(0, 0, 0)] * 20)
    plain = ablate(blank(PART, 1.0), pulses, LASER, STEEL)
    molten = ablate(blank(PART, 1.0), pulses, LASER, STEEL, Effects(recast_share=0.1))
    assert np.nansum(molten.height.z_um) == pytest.approx(
        0.9 * np.nansum(plain.height.z_um), rel=0.02
    )
    assert np.nanmax(molten.height.z_um) > 0.001


def test_incubation_saturates_where_it_is_told_to() -> None:
    """With saturation at 10 pulses, later pulses dig like the tenth."""
    deep = ablate(blank(PART, 1.0), train(*[(0, 0, 0)] * 100), LASER, STEEL)
    limited = ablate(
        blank(PART, 1.0), train(*[(0, 0, 0)] * 100), LASER, STEEL, Effects(saturation_pulses=10)
    )
    assert np.nanmin(limited.height.z_um) > np.nanmin(deep.height.z_um)


def test_looking_ahead_a_little_finds_the_batches_that_looking_at_all_finds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Raster and contours: looked at all pulses for every batch, the same surface to 0.02 um."""
    laser, steel = Laser("uv", 355.0, 15e3, 6.0, 1.2, 8.0, 100.0), Material("s", 1.5, 1.0, 200.0)
    x, y = np.meshgrid(np.arange(-20, 20, 1.5), np.arange(-20, 20, 5.0))
    raster = np.column_stack([x.ravel(), y.ravel(), np.zeros(x.size)])
    turn = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    ring = np.column_stack([26 * np.cos(turn), 26 * np.sin(turn), np.zeros(turn.size)])
    xyz = np.concatenate([ring, raster] * 6)
    energy = np.tile(np.repeat([2.2, 6.27], [len(ring), len(raster)]), 6)
    pulses, whole = PulseTrain(xyz, energy), blank(PART, 1.0)
    batches: list[int] = []
    fire = module._Bench.fire
    monkeypatch.setattr(
        module._Bench, "fire", lambda self, a, b: (batches.append(len(b)), fire(self, a, b))[1]
    )
    quick = ablate(whole, pulses, laser, steel).height.z_um
    few = len(batches)
    assert few > 20
    monkeypatch.setattr(module, "LOOK_EVERY", 1)
    monkeypatch.setattr(module, "FIRST_LOOK", len(xyz))
    slow = ablate(whole, pulses, laser, steel).height.z_um
    assert np.nanmax(np.abs(quick - slow)) < 0.02
    assert abs(len(batches) - 2 * few) <= 0.05 * few
