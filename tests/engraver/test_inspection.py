"""Inspection: what was ordered is read back from the pin, wherever and however it lies."""

from __future__ import annotations

from functools import cache
from math import radians

import numpy as np
import pytest
from scipy import ndimage

import hardware
from engraver import ablation, codes, layout, relief, toolpath
from engraver.heightmap import HeightMap
from engraver.inspection import Inspection, Verdict, inspect
from engraver.profiles import Setup
from engraver.relief import ReliefDesign


@cache
def setup() -> Setup:
    return hardware.load_setup("default")


@cache
def designed(index: int = 163963) -> ReliefDesign:
    return relief.design(layout.arrange(codes.encode_index(index), setup()), setup())


@cache
def pin(index: int = 163963) -> HeightMap:
    """The pin as planned pulses leave it."""
    return ablation.predict(toolpath.plan(designed(index), setup()), setup())


def measured(
    surface: HeightMap,
    *,
    turn_deg: float = 0.0,
    shift_um: tuple[float, float] = (0.0, 0.0),
    pitch_um: float = 1.0,
    points: int = 800,
    noise_um: float = 0.1,
    missing: float = 0.1,
    tilt: tuple[float, float] = (0.02, -0.01),
    mirrored: bool = False,
) -> HeightMap:
    """Return ``surface`` as an instrument would see it, turned, shifted, tilted and noisy."""
    rng = np.random.default_rng(7)
    axis = (np.arange(points) - (points - 1) / 2) * pitch_um
    x, y = np.meshgrid(axis, axis)
    c, s = np.cos(radians(turn_deg)), np.sin(radians(turn_deg))
    u = c * (x - shift_um[0]) + s * (y - shift_um[1])
    v = -s * (x - shift_um[0]) + c * (y - shift_um[1])
    u = -u if mirrored else u
    (dx, dy), (x0, y0) = surface.pitch_xy_um, surface.origin_xy_um
    known = np.where(np.isfinite(surface.z_um), surface.z_um, -1e6)
    z = ndimage.map_coordinates(known, [(v - y0) / dy, (u - x0) / dx], order=1, cval=-1e6)
    z = z + tilt[0] * x + tilt[1] * y + rng.normal(0.0, noise_um, z.shape)
    z[(z < -1e4) | (rng.random(z.shape) < missing)] = np.nan
    return HeightMap(z, (pitch_um, pitch_um), (float(axis[0]), float(axis[0])))


def codes_of(result: Inspection) -> set[str]:
    return {finding.code for finding in result.findings}


def test_a_pin_as_planned_reads_back_as_ordered() -> None:
    """The predicted pin carries its code, and nothing is found wrong with it."""
    result = inspect(designed(), pin())
    assert result.read_back == "YY4JC8DYCFDP"
    assert result.verdict is Verdict.GOOD
    assert result.findings == ()
    assert result.relief_um == pytest.approx(22.0, abs=1.0)


@pytest.mark.parametrize("turn_deg", [3.0, -77.0, 181.0, 45.0])
def test_the_mark_is_found_however_the_pin_lies(turn_deg: float) -> None:
    """Any rotation, 30 um off, tilted, 0.1 um of noise, a tenth of the points missing."""
    scan = measured(pin(), turn_deg=turn_deg, shift_um=(30.0, -20.0))
    result = inspect(designed(), scan)
    assert result.read_back == "YY4JC8DYCFDP"
    error = np.hypot(result.pose.shift_x_um - 30.0, result.pose.shift_y_um + 20.0)
    assert error < 0.2
    turned = (np.degrees(result.pose.rotation_rad) - turn_deg + 180) % 360 - 180
    assert abs(turned) < 0.05


def test_another_code_is_read_and_called_wrong() -> None:
    """A pin with another code: its own symbols are read, each difference is a finding."""
    result = inspect(designed(), measured(pin(32768)))
    assert result.read_back == "R8RPE1GVR8L1"
    assert result.verdict is Verdict.BAD
    assert "wrong-symbol" in codes_of(result)


def test_an_unmirrored_mark_is_called_so() -> None:
    """A mark that would print reversed is read, and refused for that."""
    result = inspect(designed(), measured(pin(), mirrored=True))
    assert result.read_back == "YY4JC8DYCFDP"
    assert "unmirrored" in codes_of(result)


def test_a_blank_pin_has_no_mark() -> None:
    """An unmarked face gives one finding and no made-up symbols' findings."""
    blank = ablation.blank(setup().part, 1.0).height
    result = inspect(designed(), measured(blank))
    assert codes_of(result) == {"no-mark"}
    assert result.verdict is Verdict.BAD
