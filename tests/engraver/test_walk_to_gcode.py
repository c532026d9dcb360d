"""code -> layout -> relief -> toolpath -> program: the laws of the whole walk."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import shapely
from gcode_reader import read

import hardware
from engraver import codes, crater, gcode, layout, motion, relief, toolpath
from engraver.errors import DesignError
from engraver.profiles import Setup
from engraver.toolpath import MoveKind

CODE = codes.encode_index(163963)


@pytest.fixture(scope="module", params=["default", "default-direct-drive"])
def setup(request: pytest.FixtureRequest) -> Setup:
    """One shipped recipe with all it names."""
    return hardware.load_setup(request.param)


@pytest.fixture(scope="module")
def design(setup: Setup) -> relief.ReliefDesign:
    """The relief of the test code."""
    return relief.design(layout.arrange(CODE, setup), setup)


@pytest.fixture(scope="module")
def path(design: relief.ReliefDesign, setup: Setup) -> toolpath.Toolpath:
    """The toolpath of the test code."""
    return toolpath.plan(design, setup)


def spoiled(setup: Setup, **figures: object) -> Setup:
    """Return ``setup`` with figures of its recipe replaced."""
    return replace(setup, recipe=replace(setup.recipe, **figures))  # type: ignore[arg-type]


def test_the_pin_carries_the_mirror_image(setup: Setup) -> None:
    """Turned over, the pin reads like the primer: first symbol top left there, right here."""
    first, second = layout.arrange(CODE, setup).cells[:2]
    assert first.symbol == CODE.text[0]
    assert first.centre_x_um > second.centre_x_um
    assert first.centre_y_um > 0


def test_the_laser_stays_inside_the_kerf_polygon(setup: Setup, design: relief.ReliefDesign) -> None:
    """Read from the bytes: not one micrometre of laser-on path outside the region of its pass."""
    program = gcode.render(toolpath.plan(design, setup), setup)
    burned = [m for m in read(program.data) if m.s > 0]
    lines = shapely.linestrings([[m.start[:2], m.end[:2]] for m in burned])
    lines = shapely.transform(lines, lambda xy_mm: xy_mm * 1000.0)
    region = design.pass_regions[0]
    shapely.prepare(region)
    assert shapely.contains_properly(region, lines).all()


def test_the_bytes_burn_the_length_of_the_plan(setup: Setup, path: toolpath.Toolpath) -> None:
    """The sum of laser-on length, read from the bytes, is the toolpath's to 0.1 um a stroke."""
    program = gcode.render(path, setup)
    length_mm = sum(math.dist(m.start, m.end) for m in read(program.data) if m.s > 0)
    assert length_mm * 1000 == pytest.approx(path.burn_length_um, abs=1e-6 * path.stroke_count)


def test_each_line_maps_to_its_stroke(setup: Setup, path: toolpath.Toolpath) -> None:
    """A line that burns names its stroke, in order; every other line names none."""
    program = gcode.render(path, setup)
    burning = {m.line for m in read(program.data) if m.s > 0}
    assert burning == set(np.flatnonzero(program.line_stroke >= 0).tolist())
    strokes = program.line_stroke[program.line_stroke >= 0]
    assert strokes.tolist() == list(range(path.stroke_count))


def test_equal_inputs_give_equal_bytes(setup: Setup) -> None:
    """A program is a function of code and setup."""
    digests = {
        gcode.render(toolpath.plan(relief.design(layout.arrange(CODE, s), s), s), s).sha256
        for s in (setup, replace(setup))
    }
    assert len(digests) == 1


def test_lines_keep_the_dialects_limits(setup: Setup, path: toolpath.Toolpath) -> None:
    """No CR, no empty line, no line longer than the controller reads."""
    program = gcode.render(path, setup)
    assert b"\r" not in program.data
    assert all(0 < len(line) <= setup.machine.line_characters for line in program.lines)


def test_filled_area_matches_the_region(
    setup: Setup, design: relief.ReliefDesign, path: toolpath.Toolpath
) -> None:
    """Burned length times hatch pitch is the area of the regions, as Cavalieri says."""
    area = sum(region.area for region in design.pass_regions)
    assert path.burn_length_um * setup.recipe.hatch_pitch_um == pytest.approx(area, rel=0.01)


def test_the_recipes_relief_follows_from_its_pulses(setup: Setup) -> None:
    """Shipped recipes predict the relief they promise within 1 %."""
    assert crater.depth_um(setup) == pytest.approx(setup.recipe.relief_um, rel=0.01)


def test_machine_seconds_have_a_floor(setup: Setup, path: toolpath.Toolpath) -> None:
    """No plan is faster than its own length at full speed."""
    assert motion.duration_s(path, setup.machine) > path.burn_length_um * 1e-3 / (
        setup.recipe.speed_mm_s * math.sqrt(2)
    )


def test_moves_have_length_and_only_burns_have_power(path: toolpath.Toolpath) -> None:
    """Gated moves and jumps carry no power; no move stands still."""
    assert np.all(np.linalg.norm(np.diff(path.xyz_um, axis=0), axis=1) > 0)
    assert np.array_equal(path.power > 0, path.kind == MoveKind.BURN)


@pytest.mark.parametrize(
    ("figures", "complaint"),
    [
        ({"hatch_pitch_um": 6.5}, r"hatch_pitch_um 6.5 um exceeds the beam radius 6 um"),
        ({"pitch_x_um": 85.0}, r"pitch_x_um 85 um leaves no gap"),
        ({"pitch_x_um": 500.0}, r"does not fit part flat-1.5mm.*smallest that fits"),
        ({"passes": 2}, r"would give a relief of 4.4|use 8 passes"),
        ({"pulse_energy_uj": 0.5}, r"raise the pulse energy above"),
        ({"stroke_um": 30.0}, r"stroke 30 um closes the counters|closes the counters"),
        ({"pulse_energy_uj": 9.0, "repetition_rate_khz": 3.09}, r"exceeds the 8 uJ"),
    ],
)
def test_impossible_marks_are_refused(figures: dict[str, object], complaint: str) -> None:
    """Each refusal gives value, unit, limit and remedy before any laser."""
    setup = spoiled(hardware.load_setup("default"), **figures)
    with pytest.raises(DesignError, match=complaint):
        toolpath.plan(relief.design(layout.arrange(CODE, setup), setup), setup)


def test_a_step_rate_beyond_the_controller_is_refused() -> None:
    """10 mm/s at 2,000 steps/mm are 20,000 steps/s; what would fit is said."""
    setup = hardware.load_setup("default")
    slow = replace(setup, machine=replace(setup.machine, step_rate_hz=15_000.0))
    with pytest.raises(DesignError, match=r"asks 20000 steps/s .* use at most 7.5 mm/s"):
        relief.design(layout.arrange(CODE, slow), slow)


def test_a_text_recipe_marks_no_codes() -> None:
    """The recipe of frame plates says what it is for."""
    setup = hardware.load_setup("frame-plate")
    with pytest.raises(DesignError, match="cuts the text of a frame, not a code"):
        relief.design(layout.arrange(CODE, setup), setup)


def test_absolute_lines_leave_out_what_has_not_changed(
    setup: Setup, path: toolpath.Toolpath
) -> None:
    """No useless zero, no repeated word: at most 18 bytes a line, LF included."""
    program = gcode.render(path, setup)
    assert len(program.data) / len(program.lines) < 18
    text = program.data.decode()
    body = text[text.index("G0X0Y0Z0") :]
    assert "X0." not in body
    assert not any(line.count("F") and "G0" in line for line in body.split("\n"))
