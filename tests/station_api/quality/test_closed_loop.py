"""The closed loop: a coupon burned on an unknown metal makes the recipe right for it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hardware
from engraver import ablation, codes, coupons, layout, patches, relief, toolpath
from engraver.ablation import blank
from engraver.errors import InputError, ScanError
from engraver.heightmap import HeightMap
from engraver.inspection import form_of, inspect
from engraver.profiles import Material
from station_api.cli import shell
from station_api.cli.app import make_app
from station_api.profiles import shelves
from station_api.quality.calibrated import fit_patches, save
from tests.conftest import engraver_process, wait_until

SETUP = hardware.load_setup("default")
SECRET = Material("secret", 1.1, 0.9, 260.0)
TEXT = """name = "secret"
ablation_threshold_j_cm2 = { value = 1.1, source = "known to the virtual pin alone" }
incubation_coefficient = { value = 0.9, source = "known to the virtual pin alone" }
penetration_depth_nm = { value = 260.0, source = "known to the virtual pin alone" }
"""


def run(capsys: pytest.CaptureFixture[str], *words: str | Path) -> dict[str, Any]:
    capsys.readouterr()
    assert shell.run(make_app([*map(str, words)]), [*map(str, words), "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def relief_in(metal: Material, recipe: str) -> float:
    """The relief that a recipe really leaves on a metal, whatever its profile believes."""
    setup = hardware.load_setup(recipe, shelves())
    code = codes.encode_index(7, setup.recipe.code_format)
    design = relief.design(layout.arrange(code, setup), setup)
    path = toolpath.plan(design, setup)
    pin = ablation.predict(path, replace(setup, material=metal))
    return inspect(design, pin, form_kind=form_of(setup.part)).relief_um


def test_a_coupon_makes_the_recipe_right_for_a_metal_nobody_knew(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Plan, burn on the virtual engraver, scan, fit, save, plan again: 22 um within 0.5 um."""
    for kind, text in (
        ("materials", TEXT),
        ("recipes", hardware.text("recipes", "default").replace("hardened-tool-steel", "secret")),
    ):
        (home / "profiles" / kind).mkdir(parents=True)
        named = text.replace('name = "default"', 'name = "secret"')
        (home / "profiles" / kind / "secret.toml").write_text(named)
    program = tmp_path / "coupon.gcode"
    run(capsys, "plan", "--coupon", "power", "-o", program)
    options = ("--recipe", "secret", "--speed", "max")
    with engraver_process(tmp_path / "pin", *options) as port:
        run(capsys, "stream", program, "--port", port, "--fire")
        wait_until((tmp_path / "pin" / "pin.x3p").exists, 300.0)
    scan = tmp_path / "pin" / "pin.x3p"
    fields = run(capsys, "quality", "coupon", scan, "--save", "lot-7")
    for key, true in (
        ("ablation_threshold_j_cm2", SECRET.ablation_threshold_j_cm2),
        ("incubation_coefficient", SECRET.incubation_coefficient),
        ("penetration_depth_nm", SECRET.penetration_depth_nm),
    ):
        found = fields[key]
        assert found["low"] < true < found["high"], (key, found)
        assert found["value"] == pytest.approx(true, rel=0.03)
    tuned = hardware.load_setup("lot-7", shelves())
    assert tuned.recipe.passes == fields["proposed_passes"]
    assert run(capsys, "plan", "--code", "WT37AHG3P1Y5", "--recipe", "lot-7")["passes"] > 0
    assert abs(relief_in(SECRET, "lot-7") - 22.0) < 0.5
    assert abs(relief_in(SECRET, "default") - 22.0) > 10.0


def scanned(energies_only: float = 0.0, threshold_uj: float = 0.7) -> HeightMap:
    """A coupon's depths as the law gives them, drawn as flat patches, off centre, with noise."""
    made = coupons.power_patches(SETUP)
    height = blank(SETUP.part, 2.0).height
    z = height.z_um + np.random.default_rng(3).normal(0, 0.1, height.z_um.shape)
    x = height.origin_xy_um[0] + 2.0 * np.arange(z.shape[1])
    for (cx, cy), energy, passes, pitch in zip(
        made.xy_um, made.energy_uj, made.passes, made.hatch_pitch_um, strict=True
    ):
        level = max(np.log(energy / threshold_uj), 0.0)
        depth = np.pi * 0.2 * 36 / (4 * made.pulse_pitch_um * pitch) * passes * level**2
        z[np.ix_(abs(x - cy) <= 50, abs(x - cx) <= 50)] -= depth * (energy > energies_only)
    return HeightMap(z, (2.0, 2.0), (height.origin_xy_um[0] + 30, height.origin_xy_um[1] - 17))


def test_the_fit_finds_the_coupon_and_its_law() -> None:
    """30 um off centre and noisy: Eth 0.7 uJ and delta 200 nm without incubation come back."""
    made, scan = coupons.power_patches(SETUP), scanned()
    shift = patches.find_shift(scan, made)
    assert shift == pytest.approx((30, -17), abs=4.1)
    known = patches.calibrate(made, patches.depths(scan, made, shift), SETUP)
    assert known.ablation_threshold_j_cm2.value == pytest.approx(2 * 70 / (np.pi * 36), rel=0.02)
    assert known.penetration_depth_nm.value == pytest.approx(200.0, rel=0.02)
    assert known.incubation_coefficient.low < 1.0 < known.incubation_coefficient.high


def test_what_is_no_coupon_is_told() -> None:
    """A blank, and a coupon of one energy, are one clear line each."""
    made = coupons.power_patches(SETUP)
    with pytest.raises(ScanError, match="not in this scan"):
        patches.find_shift(blank(SETUP.part, 2.0).height, made)
    scan = scanned(energies_only=7.9)
    with pytest.raises(ScanError, match="8 of energies"):
        patches.calibrate(made, patches.depths(scan, made, (30.0, -17.0)), SETUP)


def test_saved_profiles_are_never_overwritten(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name that is taken, or is no name, is refused and nothing is written."""
    fitted = fit_patches(scanned(), SETUP)
    base = hardware.text("recipes", "default")
    for name in ("default", "../evil", "Lot"):
        with pytest.raises(InputError, match=r"not overwritten|no name of a profile"):
            save(home / "profiles", name, fitted, "c.x3p", base, shelves())
    assert not list(home.rglob("*.toml"))
