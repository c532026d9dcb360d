"""Curved tips, plates, trays, rings and coupons: what the plan must keep to."""

from __future__ import annotations

from dataclasses import replace
from math import cos, radians, sin

import numpy as np
import pytest
import shapely
from gcode_reader import read
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import MultiPolygon, Polygon

import hardware
from engraver import (
    calibration,
    codes,
    coupons,
    crater,
    gcode,
    gear,
    layout,
    plate,
    relief,
    ring,
    surface,
    toolpath,
    tray,
)
from engraver.errors import DesignError, ProgramError
from engraver.profiles import Part, Setup
from engraver.toolpath import MoveKind

CODE = codes.encode_index(163963)
TEXT = plate.PlateText("Example Arms", "Model 1", "9x19 mm", "Boise", "ID", "ZQ1-0042")


def path_of(setup: Setup) -> toolpath.Toolpath:
    """Plan the test code."""
    return toolpath.plan(relief.design(layout.arrange(CODE, setup), setup), setup)


@pytest.mark.parametrize(("r", "sag", "slope"), [(500, 134, 30), (600, 200, 37), (700, 286, 44)])
def test_a_one_millimetre_ball_has_the_known_sag_and_slope(r: int, sag: int, slope: int) -> None:
    """Published figures of R 1 mm: sag and slope at 0.5, 0.6 and 0.7 mm."""
    ball = Part("ball", "spherical", 1900, 0, "steel", 0, 1000, 1000)
    assert surface.height_um(ball, np.array([[r, 0.0]]))[0] == pytest.approx(-sag, abs=0.5)
    assert surface.slope_deg(ball, r, 0.0) == pytest.approx(slope, abs=0.6)


@given(st.floats(300, 5000), st.floats(300, 5000), st.floats(5, 60))
@settings(max_examples=40, deadline=None)
def test_the_usable_field_ends_where_the_slope_does(rx: float, ry: float, limit: float) -> None:
    """On its whole edge an ellipsoid leans by exactly the limit."""
    part = Part("egg", "elliptical", 1e5, 0, "steel", 1e5, rx, ry, limit)
    for x, y in list(surface.usable(part).exterior.coords)[::24]:
        assert surface.slope_deg(part, x, y) == pytest.approx(limit, abs=0.2)


@pytest.mark.parametrize("name", ["sphere-direct-drive", "elliptical-direct-drive"])
def test_focus_follows_the_tip_and_power_its_slope(name: str) -> None:
    """Every burn stays within an eighth of the Rayleigh range of the face, at 1 / cos of power."""
    setup = hardware.load_setup(name)
    path = path_of(setup)
    burn = path.kind == MoveKind.BURN
    middle = (path.xyz_um[:-1] + path.xyz_um[1:])[burn] / 2
    face = surface.height_um(setup.part, middle[:, :2])
    assert np.abs(middle[:, 2] - face).max() < setup.laser.rayleigh_range_um / 8
    share = setup.recipe.pulse_energy_uj / setup.laser.max_pulse_energy_uj
    wanted = share / surface.cosine(setup.part, middle[:, :2])
    assert path.power[burn] == pytest.approx(wanted, rel=1e-9)
    assert path.xyz_um[:, 2].min() < -20


def test_a_flat_tip_needs_no_z() -> None:
    """On a flat tip the focus stays on the apex plane and no line but the first names Z."""
    setup = hardware.load_setup("default")
    program = gcode.render(path_of(setup), setup)
    assert sum(b"Z" in line for line in program.lines) == 1


def test_too_steep_a_tip_is_refused_with_a_radius_that_fits() -> None:
    """The corners of the pattern lie beyond the slope limit of a small ball."""
    setup = hardware.load_setup("sphere-direct-drive")
    small = replace(setup.part, radius_x_um=500.0, radius_y_um=500.0, tip_diameter_um=990.0)
    with pytest.raises(DesignError, match=r"leans by \d+ degrees.*radius above \d+ um"):
        layout.arrange(CODE, replace(setup, part=small))


def test_a_part_without_usable_field_is_refused() -> None:
    """A margin as wide as the tip leaves nothing."""
    setup = hardware.load_setup("default")
    bare = replace(setup.part, edge_margin_um=800.0)
    with pytest.raises(DesignError, match="has no usable field: edge_margin_um 800 um"):
        layout.arrange(CODE, replace(setup, part=bare))


def test_largest_cells_fill_the_tip() -> None:
    """`largest` scales until the next step would not fit, and never beyond twice."""
    setup = hardware.load_setup("ring-direct-drive")
    placed = layout.arrange(CODE, setup)
    scale = placed.cell_height_um / setup.recipe.cell_height_um
    field = layout.field_outline(placed, setup.recipe.field_margin_um)
    assert 1 < scale < 2
    assert placed.usable.contains(field)
    assert not placed.usable.contains(field.buffer(2.0))


def test_ring_teeth_stand_mirrored_where_the_format_says() -> None:
    """Slot by slot: a tooth counter-clockwise on the pin for each one clockwise on the primer."""
    teeth = shapely.union_all(ring.teeth(CODE, 400.0, 40.0, 6.0))
    slots = gear.encode_ring(CODE)
    angles = [radians(360 * (k + 0.5) / len(slots)) for k in range(len(slots))]
    seen = [teeth.contains(shapely.Point(-420 * sin(a), 420 * cos(a))) for a in angles]
    assert seen == [bool(slot) for slot in slots]


def test_a_ring_too_small_for_the_beam_is_refused() -> None:
    """Teeth closer than the beam is wide would merge."""
    with pytest.raises(DesignError, match=r"gaps of 6.8 um, the beam is 12 um wide"):
        ring.teeth(CODE, 100.0, 20.0, 6.0)


def test_the_data_matrix_reads_back_from_the_impression() -> None:
    """Sampled from the planned relief and mirrored as on the primer, another kernel reads it."""
    zxingcpp = pytest.importorskip("zxingcpp", reason="zxing-cpp is an extra of pinmark")
    setup = hardware.load_setup("breech-face-direct-drive")
    placed = layout.arrange(CODE, setup)
    design = relief.design(placed, setup)
    assert placed.usable.contains(design.field.envelope)
    x0, y0, x1, y1 = shapely.union_all(placed.marks).buffer(60).bounds
    x, y = np.meshgrid(np.arange(x1, x0, -4.0), np.arange(y1, y0, -4.0))
    stands = shapely.contains_xy(design.reachable, x.ravel(), y.ravel()).reshape(x.shape)
    image = np.where(stands, 0, 255).astype(np.uint8)
    assert [found.text for found in zxingcpp.read_barcodes(image)] == [CODE.text]


def test_draft_and_shoulder_shrink_the_passes() -> None:
    """Each pass lies within the one before; the field's edge moves in by depth / tan."""
    setup = hardware.load_setup("default")
    design = relief.design(layout.arrange(CODE, setup), setup)
    for above, below in zip(design.pass_regions, design.pass_regions[1:], strict=False):
        assert above.buffer(1e-6).contains(below)
    first, last = design.pass_regions[0].bounds, design.pass_regions[-1].bounds
    depth = setup.recipe.relief_um * (1 - 1 / setup.recipe.passes)
    assert last[0] - first[0] == pytest.approx(depth / np.tan(radians(60)), abs=0.06)


def test_contours_stay_inside_their_own_kerf() -> None:
    """Traced rings keep the gentler pulses' crater off the characters."""
    setup = hardware.load_setup("fine-direct-drive")
    design = relief.design(layout.arrange(CODE, setup), setup)
    assert 0 < design.contour_kerf_um < design.kerf_um
    path = toolpath.plan(design, setup)
    traced = (path.kind == MoveKind.BURN) & (path.speed_mm_s <= setup.recipe.contour_speed_mm_s)
    lines = shapely.linestrings(np.stack((path.xyz_um[:-1, :2], path.xyz_um[1:, :2]), 1)[traced])
    assert len(lines) > 1000
    near = shapely.distance(lines, design.characters).min()
    assert design.contour_kerf_um < near < design.contour_kerf_um + 0.5


def test_a_legal_plate_is_high_and_deep_enough() -> None:
    """Grooves follow the text, keep inside it, and reach the depth the law asks for."""
    setup = hardware.load_setup("frame-plate")
    region = plate.region(TEXT, "eu", setup)
    path = toolpath.plan_grooves(region, setup)
    burned = [m for m in read(gcode.render(path, setup).data) if m.s > 0]
    lines = shapely.linestrings([[m.start[:2], m.end[:2]] for m in burned])
    lines = shapely.transform(lines, lambda xy_mm: xy_mm * 1000.0)
    shapely.prepare(region)
    assert shapely.contains_properly(region, lines).all()
    assert crater.depth_um(setup) >= 76.2
    _, y0, _, y1 = region.bounds
    half_um = setup.recipe.stroke_um / 2 - crater.kerf_um(setup)
    assert y1 - y0 - 2 * half_um == pytest.approx(3 * 2475.0 + 1650.0, abs=0.1)


@pytest.mark.parametrize(
    ("figures", "text", "rule", "complaint"),
    [
        ({"cell_height_um": 1590.0}, TEXT, "eu", r"1590 um is below the 1600 um of Directive"),
        ({"relief_um": 70.0}, TEXT, "us", r"relief_um 70 um is below the 76.2 um of 27 CFR"),
        ({}, replace(TEXT, city=" "), "us", r"plate text has no city; 27 CFR 478.92"),
        ({}, replace(TEXT, make="Ä"), "us", r"character 'Ä' is not in the plate's font"),
        ({}, replace(TEXT, make="X" * 40), "us", r"the text is .* mm free"),
        ({"stroke_um": 50.0}, TEXT, "us", r"narrower than the track of one pulse"),
        ({}, TEXT, "mars", r"rule 'mars' is unknown; known rules: us, eu"),
    ],
)
def test_plates_the_law_would_not_accept_are_refused(
    figures: dict[str, float], text: plate.PlateText, rule: str, complaint: str
) -> None:
    """Height, depth, missing fields, unknown characters, too long a text."""
    setup = hardware.load_setup("frame-plate")
    setup = replace(setup, recipe=replace(setup.recipe, **figures))  # type: ignore[arg-type]
    with pytest.raises(DesignError, match=complaint):
        plate.region(text, rule, setup)


def test_a_tray_marks_every_pin_at_its_place() -> None:
    """One program, each pin's strokes inside its own pocket and in one block."""
    setup = hardware.load_setup("default")
    fixture = hardware.load_fixture("tray-3x4", setup)
    single = path_of(setup)
    whole, strokes = tray.arrange([single] * 3, fixture)
    assert [len(s) for s in strokes] == [single.stroke_count] * 3
    for number, (x, y) in enumerate(fixture.pocket_xy_mm[:3]):
        mine = np.isin(whole.stroke, strokes[number])
        assert whole.xyz_um[1:][mine, :2].mean(axis=0) == pytest.approx([x * 1e3, y * 1e3], abs=30)
    assert whole.burn_length_um == pytest.approx(3 * single.burn_length_um, rel=1e-6)


def test_a_tray_is_marked_where_its_fiducials_were_seen() -> None:
    """Turned by 90 degrees and shifted, pockets move along; a stretched tray is refused."""
    setup = hardware.load_setup("default")
    fixture = hardware.load_fixture("tray-3x4", setup)
    turned = tray.align(fixture, (2.0, 3.0), (2.0, 39.0))
    assert turned.pocket_xy_mm[0] == pytest.approx((2.0 - 6.0, 3.0 + 6.0))
    assert turned.pocket_turn_deg == pytest.approx(90.0)
    with pytest.raises(DesignError, match=r"\+100.0 um off their drawn distance"):
        tray.align(fixture, (0.0, 0.0), (36.1, 0.0))
    with pytest.raises(DesignError, match="has 12 pockets, 13 pieces"):
        tray.arrange([path_of(setup)] * 13, fixture)


@pytest.mark.parametrize("kind", coupons.KINDS)
@pytest.mark.parametrize("recipe", ["default", "default-direct-drive"])
def test_coupons_are_programs_of_their_own(kind: str, recipe: str) -> None:
    """Each coupon renders, reads back to its own burn length and stays on the table."""
    setup = hardware.load_setup(recipe)
    path = coupons.plan(kind, setup)
    moves = read(gcode.render(path, setup).data)
    burned = sum(float(np.linalg.norm(np.subtract(m.end, m.start))) for m in moves if m.s > 0)
    assert burned * 1e3 == pytest.approx(path.burn_length_um, rel=1e-6)
    assert np.ptp(path.xyz_um, axis=0)[:2].max() < 1e3 * min(setup.machine.travel_mm[:2])


def test_the_focus_ladder_passes_through_focus() -> None:
    """Tracks at both sides of focus and in it, as far as two Rayleigh ranges."""
    setup = hardware.load_setup("default")
    z = np.unique(coupons.plan("focus", setup).xyz_um[:, 2])
    assert z[0] == pytest.approx(-2 * setup.laser.rayleigh_range_um, abs=0.1)
    assert 0.0 in z


def test_an_unknown_coupon_lists_the_known() -> None:
    """The message is the manual."""
    with pytest.raises(DesignError, match="known coupons: power, offset, focus, squareness"):
        coupons.plan("tea", hardware.load_setup("default"))


def test_calibration_moves_burns_along_their_sense() -> None:
    """A beam late by 100 us at 10 mm/s is commanded 1 um early; a row offset is split in two."""
    setup = hardware.load_setup("default")
    path = path_of(setup)
    late = replace(setup.machine, laser_latency_us=100.0)
    shift = calibration.commanded_xyz_um(path, late) - path.xyz_um
    burn = (path.kind == MoveKind.BURN) & (path.speed_mm_s == 10.0)
    way = np.diff(path.xyz_um, axis=0)[burn]
    way /= np.linalg.norm(way, axis=1)[:, None]
    along = np.einsum("ij,ij->i", shift[:-1][burn], way)
    assert along == pytest.approx(-1.0, abs=0.11)
    uneven = replace(setup.machine, bidirectional_offset_um=2.0)
    shift = calibration.commanded_xyz_um(path, uneven) - path.xyz_um
    assert np.einsum("ij,ij->i", shift[1:][burn], way) == pytest.approx(1.0, abs=0.11)


def test_a_path_beyond_the_machines_travel_is_refused() -> None:
    """A tray wider than the table never becomes a program."""
    setup = hardware.load_setup("default")
    tight = replace(setup, machine=replace(setup.machine, travel_mm=(0.4, 40.0, 10.0)))
    with pytest.raises(ProgramError, match=r"mm long in x, grbl-avr-gantry travels 0.4 mm"):
        gcode.render(path_of(setup), tight)


def test_bad_outlines_are_refused() -> None:
    """A bow tie is no outline, and neither is nothing."""
    setup = hardware.load_setup("default")
    placed = layout.arrange(CODE, setup)
    bow_tie = MultiPolygon([Polygon([(0, 0), (50, 50), (50, 0), (0, 50)])])
    for outline, complaint in (
        (bow_tie, r"outline of 'Y' .* Self-intersection\[25 25\]"),
        (MultiPolygon(), "outline of 'Y' .* is empty"),
    ):
        spoiled = replace(placed, outlines=(outline, *placed.outlines[1:]))
        with pytest.raises(DesignError, match=complaint):
            relief.design(spoiled, setup)
    with pytest.raises(DesignError, match=r"region of pass 1 .* Self-intersection"):
        toolpath.plan_regions((bow_tie,), (), setup)


def test_a_slow_controller_gets_a_lower_feed_and_a_lower_power() -> None:
    """Where the controller cannot feed short moves, speed and energy fall together."""
    setup = hardware.load_setup("default")
    slow = replace(setup, machine=replace(setup.machine, block_rate_hz=60.0))
    path = path_of(slow)
    burn = path.kind == MoveKind.BURN
    assert path.speed_mm_s[burn].min() < 0.5 * setup.recipe.speed_mm_s
    order = np.argsort(path.speed_mm_s[burn])
    assert np.all(np.diff(path.power[burn][order]) >= -1e-12)
    program = gcode.render(path, slow)
    assert program.bottleneck in ("controller", "motion")


def test_the_link_is_named_when_it_is_the_bottleneck() -> None:
    """At 9,600 baud the bytes take longer than the motion."""
    setup = hardware.load_setup("default-direct-drive")
    thin = replace(setup, machine=replace(setup.machine, baud=9600))
    program = gcode.render(path_of(setup), thin)
    assert program.bottleneck == "link"
    assert program.estimated_time_s == pytest.approx(len(program.data) * 10 / 9600)
