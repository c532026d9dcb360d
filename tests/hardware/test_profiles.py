"""hardware: profiles become values, or one line that names file and key."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import hardware
from engraver.errors import ProfileError


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A copy of the shipped profiles that a test may spoil."""
    for kind in hardware.KINDS:
        shutil.copytree(hardware.SHELF / kind, tmp_path / kind)
    return tmp_path


def spoil(shelf: Path, file: str, old: str, new: str) -> None:
    path = shelf / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


@pytest.mark.parametrize("name", hardware.names("recipes"))
def test_every_shipped_recipe_loads(name: str) -> None:
    """Every recipe on the shelf names profiles that exist and are sound."""
    setup = hardware.load_setup(name)
    assert setup.recipe.name == name
    assert setup.machine.name == setup.recipe.machine


@pytest.mark.parametrize("kind", hardware.KINDS)
def test_every_number_has_a_source(kind: str) -> None:
    """No figure stands on the shelf without saying where it comes from."""
    for name in hardware.names(kind):
        for figure in hardware.figures(kind, name):
            assert isinstance(figure.value, str) or figure.source


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("value = 10.0,", "value = nan,", "machines/grbl-avr-gantry.toml: max_speed_mm_s"),
        ("value = 500.0,", "value = -500.0,", "machines/grbl-avr-gantry.toml: acceleration_mm_s2"),
        ("value = 15,", "value = 15.5,", "planner_blocks = 15.5 is not a whole number"),
        ("value = 115200,", "value = true,", "baud = True is not a whole number"),
        ('dialect = "grbl"', 'dialect = "marlin"', "dialect = 'marlin'; known: grbl"),
        ("s_max = {", "s_maximum = {", "s_maximum is no key of it"),
        ('name = "grbl-avr-gantry"', 'name = "gantry"', "differs from the file's name"),
        ('source = "grbl 1.1 default of $30"', 'source = " "', "s_max has an empty source"),
        ("[40.0, 40.0, 10.0]", "[40.0, 40.0]", "travel_mm = [40.0, 40.0] is not a list of 3"),
        ("value = [40.0, 40.0,", "value = [40.0, inf,", "travel_mm = inf must be above 0"),
        ("[40.0, 40.0, 10.0]", "[40.0, 40.0, 10.0", "is no TOML"),
    ],
)
def test_a_bad_machine_is_refused_with_file_and_key(
    shelf: Path, old: str, new: str, complaint: str
) -> None:
    """NaN, negative, unknown, unsourced: one clear line that names the file and the key."""
    spoil(shelf, "machines/grbl-avr-gantry.toml", old, new)
    with pytest.raises(ProfileError) as refusal:
        hardware.load_setup("default", shelf)
    assert complaint in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_missing_key_is_named(shelf: Path) -> None:
    """A profile without one of its figures says which."""
    path = shelf / "lasers/uv-ns-355.toml"
    kept = [s for s in path.read_text("utf-8").splitlines() if not s.startswith("beam_radius_um")]
    path.write_text("\n".join(kept), "utf-8")
    with pytest.raises(ProfileError, match=r"lasers/uv-ns-355.toml: beam_radius_um is missing"):
        hardware.load_setup("default", shelf)


def test_a_recipe_that_names_a_missing_profile_says_so(shelf: Path) -> None:
    """The recipe's file and key are named, and what there is instead."""
    spoil(shelf, "recipes/default.toml", 'laser = "uv-ns-355"', 'laser = "co2"')
    with pytest.raises(ProfileError, match=r"recipes/default.toml: laser = 'co2' .*uv-ns-355"):
        hardware.load_setup("default", shelf)


@pytest.mark.parametrize("name", ["nothing", "../default", "", "a/b"])
def test_an_unknown_recipe_lists_the_known(name: str) -> None:
    """A name that is no file on the shelf never reaches the file system."""
    with pytest.raises(ProfileError, match=r"known: .*default"):
        hardware.load_setup(name)


def test_an_unknown_kind_lists_the_known() -> None:
    """Kinds are the folders of hardware/."""
    with pytest.raises(ProfileError, match="known kinds: machines"):
        hardware.names("spindles")


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("[30.0, 6.0]", "[39.5, 6.0]", r"pocket_xy_mm\[3\] has x = 39.5 mm, off the table"),
        ("[0.0, 28.0]", "[0.0, -1.0]", r"fiducial_xy_mm\[2\] has y = -1 mm, off the table"),
        ("[30.0, 6.0]", "[nan, 6.0]", r"pocket_xy_mm = nan must be"),
        ("[30.0, 6.0]", "[30.0]", r"pocket_xy_mm = \[30.0\] is not a list of 2"),
        ('part = "flat-1.5mm"', 'part = "spherical-r1.0"', r"part = 'spherical-r1.0', recipe"),
    ],
)
def test_a_fixture_off_the_table_is_refused(
    shelf: Path, old: str, new: str, complaint: str
) -> None:
    """A pocket or fiducial the machine cannot reach is named with file and key."""
    spoil(shelf, "fixtures/tray-3x4.toml", old, new)
    setup = hardware.load_setup("default", shelf)
    with pytest.raises(ProfileError, match=r"fixtures/tray-3x4.toml: " + complaint):
        hardware.load_fixture("tray-3x4", setup, shelf)
