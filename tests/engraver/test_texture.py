"""Filters and roughness, held to the transmission that ISO 16610-61 prescribes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import hardware
from engraver import codes, layout, relief
from engraver.acceptance import DEFAULT
from engraver.heightmap import HeightMap
from engraver.inspection import drawing, inspect
from engraver.inspection.form import gaussian
from engraver.inspection.raster import Grid

CUTOFF_UM = 20.0


@pytest.mark.parametrize("share", [0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("pitch", [(1.0, 1.0), (0.5, 2.0)])
def test_the_gaussian_filter_passes_what_the_standard_says(
    share: float, pitch: tuple[float, float]
) -> None:
    """A wave of length w passes by 2 ^ -(cutoff / w)^2: half of it at the cut-off itself."""
    x = np.arange(800) * pitch[0]
    wave = np.cos(2 * np.pi * x / (share * CUTOFF_UM))
    image = np.broadcast_to(wave, (200, 800))
    passed = gaussian(image, pitch, CUTOFF_UM)[100, 300:500]
    still = (passed @ wave[300:500]) / (wave[300:500] @ wave[300:500])
    assert still == pytest.approx(2.0 ** -((1 / share) ** 2), abs=0.003)


def test_the_filter_is_round() -> None:
    """A wave that runs aslant passes as one along an axis does: the areal filter has no axes."""
    y, x = np.mgrid[0:400, 0:400].astype(float)
    wave = np.cos(2 * np.pi * (0.6 * x + 0.8 * y) / CUTOFF_UM)
    passed = gaussian(wave, (1.0, 1.0), CUTOFF_UM)[100:300, 100:300]
    assert np.abs(passed).max() == pytest.approx(0.5, abs=0.005)


def test_points_that_were_not_measured_stay_so_and_pull_nothing() -> None:
    """Holes remain holes; a level surface stays level beside them."""
    z = np.full((100, 100), 3.0)
    z[np.random.default_rng(1).random(z.shape) < 0.2] = np.nan
    passed = gaussian(z, (1.0, 1.0), CUTOFF_UM)
    assert (np.isnan(passed) == np.isnan(z)).all()
    assert np.nanmax(np.abs(passed - 3.0)) < 1e-6


def floor_sq_um(wavelength_um: float, amplitude_um: float, **filters: float) -> float:
    """Return the mean Sq of a pin whose floor carries a wave along x."""
    setup = hardware.load_setup("default")
    design = relief.design(layout.arrange(codes.encode_index(163963), setup), setup)
    grid = Grid.around((-330, -330, 330, 330), 0.5)
    standing = drawing.placed(design.layout, design.layout.code.text)
    removed = drawing.lowered(design, standing, grid)
    wave = amplitude_um * np.cos(2 * np.pi * grid.x_um / wavelength_um)
    z = -22.0 * removed + np.where(removed > 0.5, wave, 0.0)
    scan = HeightMap(z, (0.5, 0.5), (grid.x0_um, grid.y0_um))
    result = inspect(design, scan, replace(DEFAULT, **filters))
    return float(np.mean([s.measures.floor_sq_um.value for s in result.symbols]))


@pytest.mark.parametrize("wavelength_um", [2.5, 5.0, 10.0])
def test_sq_of_a_wave_is_what_the_s_filter_lets_through(wavelength_um: float) -> None:
    """Sq of a wave is its amplitude over root 2, times the transmission of the S-filter."""
    through = 2.0 ** -((2.5 / wavelength_um) ** 2)
    expected = 0.8 / np.sqrt(2) * through
    assert floor_sq_um(wavelength_um, 0.8) == pytest.approx(expected, rel=0.06)


def test_waviness_is_the_l_filter_s() -> None:
    """A wave of 250 um is waviness: no roughness with the L-filter, all of it without."""
    assert floor_sq_um(250.0, 0.8) < 0.1
    assert floor_sq_um(250.0, 0.8, l_filter_um=0.0) > 0.3
