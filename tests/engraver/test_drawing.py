"""The expected surface: what is drawn symbol by symbol is what the passes leave together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely
from shapely import affinity

import hardware
from engraver import codes, layout, relief, toolpath
from engraver.ablation.predict import planned_pulses
from engraver.ablation.pulses import PulseTrain, ablate, blank
from engraver.inspection import drawing, expected
from engraver.inspection.raster import Grid, coverage, dig
from engraver.inspection.registration import Field
from engraver.profiles import Setup
from engraver.relief import ReliefDesign


def designed(setup: Setup, index: int = 163963) -> ReliefDesign:
    return relief.design(layout.arrange(codes.encode_index(index), setup), setup)


def drawn_together(design: ReliefDesign, grid: Grid) -> np.ndarray:
    """Return the removed share from the regions of all passes, nothing kept from before."""
    regions = [coverage(region, grid) for region in design.pass_regions]
    return dig(np.asarray(np.mean(regions, axis=0)), design.kerf_um, grid.pitch_um)


@pytest.mark.parametrize("recipe", ["default", "ring-direct-drive", "sphere-direct-drive"])
def test_symbols_drawn_one_by_one_are_those_drawn_together(recipe: str) -> None:
    """Field, symbols and gear ring put together give the image of the passes' own regions."""
    design = designed(hardware.load_setup(recipe))
    image = expected.surface(design)
    assert np.abs(image.removed - drawn_together(design, image.grid)).max() < 0.005


def test_symbols_too_near_to_be_drawn_apart_are_drawn_together() -> None:
    """Columns 6 um apart share the ground between them, which no symbol has for itself."""
    setup = hardware.load_setup("default")
    near = replace(setup, recipe=replace(setup.recipe, pitch_x_um=91.0))
    design = designed(near)
    image = expected.surface(design)
    assert np.abs(image.removed - drawn_together(design, image.grid)).max() < 0.005
    apart = expected.surface(designed(setup))
    assert image.removed.sum() < apart.removed.sum()


def test_another_code_is_drawn_with_its_gear_ring_left_as_it_is() -> None:
    """The surface of other symbols in the same layout differs within their cells alone."""
    design = designed(hardware.load_setup("ring-direct-drive"))
    text = design.layout.code.text
    image = expected.surface(design)
    other = expected.surface(design, "0" + text[1:] if text[0] != "0" else "1" + text[1:])
    changed = np.abs(image.removed - other.removed) > 1e-9
    cell = design.layout.cells[0]
    rows, columns = np.nonzero(changed)
    assert np.abs(image.grid.x_um[columns] - cell.centre_x_um).max() < design.layout.cell_width_um
    assert np.abs(image.grid.y_um[rows] - cell.centre_y_um).max() < design.layout.cell_height_um


def test_a_symbol_with_contours_is_as_expected() -> None:
    """Contours take the fillets of the walls off, and the expected surface knows it.

    One symbol of `fine-direct-drive`, burned by the planned pulses round it, stands within
    1 um (root mean square) of the surface that inspection expects; without the contours the
    expectation would be off by more than twice that.
    """
    setup = hardware.load_setup("fine-direct-drive")
    design = designed(setup)
    pulses = planned_pulses(toolpath.plan(design, setup), setup)
    cell = design.layout.cells[5]
    away = np.abs(pulses.xyz_um[:, :2] - (cell.centre_x_um, cell.centre_y_um))
    near = (away < (75.0, 90.0)).all(axis=1)
    train = PulseTrain(pulses.xyz_um[near], pulses.energy_uj[near])
    burned = ablate(blank(setup.part, 1.0), train, setup.laser, setup.material).height
    off = {}
    for name, seen in (("with", design), ("without", replace(design, contour_insets_um=()))):
        image = expected.surface(replace(seen, contour_pulses=None) if name == "without" else seen)
        x, y = np.meshgrid(image.grid.x_um, image.grid.y_um)
        inside = (np.abs(x - cell.centre_x_um) < 55.0) & (np.abs(y - cell.centre_y_um) < 70.0)
        field = Field(burned.z_um, burned.pitch_xy_um, burned.origin_xy_um)
        z = field.sample(x[inside], y[inside])
        off[name] = float(np.std(z + design.relief_um * image.removed[inside]))
    assert off["with"] < 1.0
    assert off["without"] > 2 * off["with"]


def test_a_symbol_moved_by_part_of_a_pixel_is_drawn_there() -> None:
    """0.4 um to the right: the same image, its centre of mass 0.4 um to the right."""
    design = designed(hardware.load_setup("default"))
    face, cut = drawing.Face.of(design.layout), drawing.cut_of(design)
    grid = Grid.around((-80.0, -90.0, 80.0, 90.0), 1.0)
    here = drawing.kept("K", face, cut, grid)
    field = np.ones_like(here)
    drawing._take_off(field, drawing.Placed("K", 0.4, 0.0), face, cut, grid)
    there = 1.0 - field
    shift = (there * grid.x_um).sum() / there.sum() - (here * grid.x_um).sum() / here.sum()
    assert shift == pytest.approx(0.4, abs=0.01)


def test_what_is_standing_is_mirrored_as_the_pin_carries_it() -> None:
    """The drawn outline of a symbol is the layout's own."""
    design = designed(hardware.load_setup("default"))
    face = drawing.Face.of(design.layout)
    for cell, own in zip(design.layout.cells, design.layout.outlines, strict=True):
        drawn = affinity.translate(
            drawing.outline(cell.symbol, face), cell.centre_x_um, cell.centre_y_um
        )
        assert shapely.symmetric_difference(drawn, own).area < 1e-6
