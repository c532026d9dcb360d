"""Which format a tip gets: the one that simulated cases identify by most often."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

import hardware
from engraver import choice, codes, gcode, layout
from engraver.errors import DesignError
from engraver.profiles import Setup


def fitted(tip_um: float, beam_radius_um: float = 6.0) -> Setup:
    """Return the default setup on a flat tip of another size, cells as large as it holds."""
    base = hardware.load_setup("default")
    return replace(
        base,
        part=replace(base.part, tip_diameter_um=tip_um),
        laser=replace(base.laser, beam_radius_um=beam_radius_um),
        recipe=replace(base.recipe, code_format=choice.AUTO, cell_fit="largest"),
    )


def test_more_symbols_on_a_large_tip_fewer_and_larger_ones_on_a_small_one() -> None:
    """1.5 mm get 12 symbols; on 0.56 mm these would be too small and 8 larger ones stand."""
    large, small = choice.choose(fitted(1500.0)), choice.choose(fitted(560.0, 3.0))
    assert large.format_name == "pin32-12"
    assert small.format_name == "pin32-8"
    eight, _, twelve = small.candidates
    assert eight.cell_height_um > twelve.cell_height_um
    assert eight.identified > twelve.identified


def test_what_is_settled_is_a_plain_setup() -> None:
    """The settled setup lays out like one that names the format, and has its very digest."""
    settled = choice.settled(fitted(1500.0))
    plain = choice.with_format(fitted(1500.0), settled.recipe.code_format)
    assert settled == plain
    assert gcode.setup_sha256(settled) == gcode.setup_sha256(plain)
    code = codes.encode_index(5, settled.recipe.code_format)
    assert layout.arrange(code, settled).cells == layout.arrange(code, plain).cells
    assert choice.settled(plain) is plain


def test_a_shipped_recipe_leaves_it_to_the_tip() -> None:
    """The file says auto; what is loaded names a format, whatever the index."""
    assert hardware.load("recipes", "fitted-direct-drive").code_format == choice.AUTO
    assert hardware.load_setup("fitted-direct-drive").recipe.code_format in codes.FORMATS


def test_a_tip_that_holds_no_format_is_refused_with_all_reasons() -> None:
    """One line names what each of the three lacks."""
    with pytest.raises(DesignError, match="no format fits its tip"):
        choice.choose(fitted(300.0))


@pytest.mark.parametrize("name", choice.FORMATS)
def test_smaller_cells_never_look_better_by_much(name: str) -> None:
    """The curve rises with the cell, within what so many trials leave open."""
    shares = [choice.identified(name, height) for height in (55, 70, 90, 120)]
    assert all(b >= a - 0.15 for a, b in pairwise(shares))
    assert choice.identified(name, 1.0) == shares[0]
