"""The coupon: craters burned with known figures give the figures back."""

from __future__ import annotations

import numpy as np
import pytest

import hardware
from engraver.ablation import PulseTrain, Surface, ablate
from engraver.coupon import Coupon, calibrate, craters, proposed_passes
from engraver.errors import ScanError
from engraver.heightmap import HeightMap
from engraver.profiles import Laser, Material

LASER = Laser("uv", 355.0, 15000.0, 6.0, 1.2, 8.0, 100.0)
METAL = Material("secret", 1.3, 0.87, 180.0)


def burned(noise_um: float = 0.02) -> tuple[HeightMap, Coupon]:
    """Return a scan of 48 craters: 8 energies by 1, 3 and 10 pulses, twice each."""
    energy, pulses, xy = [], [], []
    for k, (e, n, _) in enumerate(
        (e, n, twin) for e in np.geomspace(1.5, 8, 8) for n in (1, 3, 10) for twin in (0, 1)
    ):
        energy.append(e)
        pulses.append(n)
        xy.append((20 + 30 * (k % 8), 20 + 30 * (k // 8)))
    at = np.array(xy, float)
    counts = np.array(pulses)
    points = np.repeat(np.c_[at, np.zeros(len(at))], counts, axis=0)
    z = np.zeros((391, 491))
    blank = Surface(HeightMap(z, (0.5, 0.5), (0.0, 0.0)), np.zeros_like(z))
    pit = ablate(blank, PulseTrain(points, np.repeat(np.array(energy), counts)), LASER, METAL)
    noisy = pit.height.z_um + np.random.default_rng(5).normal(0, noise_um, z.shape)
    scan = HeightMap(noisy, (0.5, 0.5), (0.0, 0.0))
    return scan, Coupon(at, np.array(energy), counts.astype(float), 14.0)


def test_threshold_incubation_depth_and_radius_come_back() -> None:
    """From a noisy scan: Fth within 5 %, S within 0.03, delta within 5 %, w0 within 3 %."""
    scan, coupon = burned()
    squares, depths = craters(scan, coupon)
    known = calibrate(coupon.energy_uj, coupon.pulses, squares, depths)
    assert known.used == 48
    assert known.ablation_threshold_j_cm2.value == pytest.approx(1.3, rel=0.05)
    assert known.incubation_coefficient.value == pytest.approx(0.87, abs=0.03)
    assert known.penetration_depth_nm.value == pytest.approx(180.0, rel=0.05)
    assert known.beam_radius_um.value == pytest.approx(6.0, rel=0.03)
    for estimate in (known.ablation_threshold_j_cm2, known.penetration_depth_nm):
        assert estimate.low < estimate.value < estimate.high


def test_passes_follow_from_the_calibrated_metal() -> None:
    """A metal that ablates as assumed asks for about the passes of the recipe."""
    setup = hardware.load_setup("default")
    material = setup.material
    law = np.geomspace(2.0, 8.0, 12)
    fluence = 2e2 * law / (np.pi * 36)
    level = np.log(fluence / material.ablation_threshold_j_cm2)
    known = calibrate(
        law, np.ones(12), 2 * 36 * level, 1e-3 * material.penetration_depth_nm * level
    )
    assert abs(proposed_passes(known, setup) - setup.recipe.passes) <= 1


def test_too_few_craters_are_told() -> None:
    """A coupon that did not ablate, or one energy only, is one clear line."""
    nothing = np.full(12, np.nan)
    with pytest.raises(ScanError, match="0 craters"):
        calibrate(np.geomspace(1, 8, 12), np.ones(12), nothing, nothing)
    with pytest.raises(ScanError, match="energies"):
        calibrate(np.full(12, 5.0), np.ones(12), np.full(12, 90.0), np.full(12, 0.3))
