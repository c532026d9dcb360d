"""Inspection: what was ordered is read back from the pin, wherever and however it lies."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from math import radians
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

import hardware
from engraver import ablation, codes, layout, relief, toolpath
from engraver.acceptance import DEFAULT
from engraver.errors import ScanError
from engraver.heightmap import HeightMap, read_x3p
from engraver.inspection import Inspection, Verdict, drawing, inspect
from engraver.inspection.raster import Grid
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
    assert codes_of(result) == {"blank"}
    assert result.verdict is Verdict.BAD


@cache
def ideal(
    moved_um: tuple[float, float] = (0.0, 0.0), without: int = -1, move: int = -1
) -> np.ndarray:
    """Return the removed share on the tip, one symbol left out or moved by 4.5 um."""
    design = designed()
    standing = drawing.placed(design.layout, design.layout.code.text)
    if move >= 0:
        standing[move] = replace(standing[move], x_um=standing[move].x_um + 4.5)
    if without >= 0:
        del standing[without]
    grid = replace(TIP, x0_um=TIP.x0_um - moved_um[0], y0_um=TIP.y0_um - moved_um[1])
    return drawing.lowered(design, standing, grid)


TIP = Grid(-760.0, -760.0, 1.0, 1521, 1521)


def tip(z_um: np.ndarray) -> HeightMap:
    """Return ``z_um`` on the tip, nothing beyond its rim, with the grain of a floor."""
    x, y = np.meshgrid(TIP.x_um, TIP.y_um)
    grain = np.random.default_rng(3).normal(0.0, 0.3, z_um.shape)
    z = np.where(np.hypot(x, y) <= 750.0, z_um + np.where(z_um < -1, grain, 0.1 * grain), np.nan)
    return HeightMap(z, (1.0, 1.0), (TIP.x0_um, TIP.y0_um))


def sloped(removed: np.ndarray, change_um: float) -> np.ndarray:
    x, _ = np.meshgrid(TIP.x_um, TIP.y_um)
    return -(22.0 + change_um * x / 375.0) * removed


DEFECTS = {
    "shallow": lambda: -17.8 * ideal(),
    "over-deep": lambda: -26.2 * ideal(),
    "tilted": lambda: sloped(ideal(), 3.4),
    "shifted": lambda: -22.0 * ideal((12.0, 10.0)),
    "shifted-symbol": lambda: -22.0 * ideal(move=5),
    "missing-symbol": lambda: -22.0 * ideal(without=7),
    "doubled": lambda: -11.0 * (ideal() + ideal((5.0, -3.0))),
    "blank": lambda: 0.0 * ideal(),
}


@pytest.mark.parametrize("code", DEFECTS)
def test_each_seeded_defect_has_its_own_finding(code: str) -> None:
    """A defect just past its limit is found, named, and makes the mark bad."""
    result = inspect(designed(), tip(DEFECTS[code]()))
    assert code in codes_of(result), result.findings
    assert result.verdict is Verdict.BAD


def test_a_sound_pin_of_the_same_making_is_good() -> None:
    """Without a defect the same drawn pin passes, with every figure within its limit."""
    result = inspect(designed(), tip(-22.0 * ideal()))
    assert result.findings == ()
    assert result.grade in "AB"
    assert result.mark_offset_um is not None
    assert result.mark_offset_um.value < 1.0
    for symbol in result.symbols:
        assert symbol.relief_um == pytest.approx(22.0, rel=0.01)
        assert symbol.measures.stroke_um.value == pytest.approx(17.0, abs=0.5)
        assert symbol.measures.shift_um.value < 0.2


def test_a_mark_upside_down_is_told_where_the_fixture_says_what_is_up() -> None:
    """Half a turn is nothing to a loose pin, and a finding to one in a keyed fixture."""
    scan = measured(pin(), turn_deg=180.0)
    keyed = replace(DEFAULT, rotation_deg=2.0)
    assert "upside-down" in codes_of(inspect(designed(), scan, keyed))
    assert "rotated" in codes_of(inspect(designed(), measured(pin(), turn_deg=3.0), keyed))
    assert inspect(designed(), scan).findings == ()


def test_a_rough_surface_that_is_no_mark_is_called_so() -> None:
    """The back of a pin, turned on a lathe: no symbols are made up."""
    x, y = np.meshgrid(TIP.x_um, TIP.y_um)
    turned = 8.0 * np.sin(np.hypot(x - 400, y) / 12.0)
    result = inspect(designed(), tip(turned))
    assert codes_of(result) == {"no-mark"}


def test_too_little_to_look_at_is_one_clear_line() -> None:
    """A scan with a handful of measured points is refused."""
    z = np.full((50, 50), np.nan)
    z[:3, :3] = 0.0
    with pytest.raises(ScanError, match="9 points"):
        inspect(designed(), HeightMap(z, (1.0, 1.0), (0.0, 0.0)))


def test_a_curved_tip_is_flattened_first() -> None:
    """A mark on a cap of 1.5 mm radius: the sphere is taken off, the relief comes out right."""
    x, y = np.meshgrid(TIP.x_um, TIP.y_um)
    cap = np.sqrt(1500.0**2 - np.minimum(np.hypot(x, y), 700) ** 2) - 1500.0
    flat = -22.0 * ideal()
    whole = tip(np.where(np.hypot(x, y) < 420, flat + cap, np.nan))
    result = inspect(designed(), whole, form_kind="sphere")
    assert result.read_back == "YY4JC8DYCFDP"
    assert result.relief_um == pytest.approx(22.0, rel=0.03)


WILD = Path(__file__).parents[3] / "shared" / "x3p" / "sample-land.x3p"


@pytest.mark.skipif(not WILD.exists(), reason="the scans of ../shared/x3p are not here")
def test_a_real_scan_of_something_else_carries_no_mark() -> None:
    """The land of a bullet, ridges upright like strokes: one finding, and the right one."""
    assert codes_of(inspect(designed(), read_x3p(WILD.read_bytes()))) == {"no-mark"}
