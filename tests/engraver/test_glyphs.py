"""The promises of the micro-font; authority: docs/formats/font.md."""

from __future__ import annotations

import numpy as np
import pytest

from engraver import glyphs
from engraver.codes import ALPHABET
from engraver.errors import CodeError, DesignError


@pytest.mark.parametrize("symbol", ALPHABET)
def test_outline_fills_its_cell(symbol: str) -> None:
    """Every glyph is as high as its cell, centred, one piece, and never wider than the cell."""
    shape = glyphs.outline(symbol, 120.0, 85.0, 17.0)
    x0, y0, x1, y1 = shape.bounds
    assert (y0, y1) == pytest.approx((-60.0, 60.0))
    assert x0 == pytest.approx(-x1)
    assert x1 <= 42.5 + 1e-9
    if glyphs.is_full_width(symbol):
        assert x1 == pytest.approx(42.5)
    assert shape.is_valid
    assert glyphs.topology(shape)[0] == 1


@pytest.mark.parametrize("symbol", ALPHABET)
def test_a_beam_of_ten_micrometres_loses_no_topology(symbol: str) -> None:
    """At 120 x 85 um and a stroke of 17 um no counter fills and no gap closes."""
    assert glyphs.survives(symbol, 120.0, 85.0, 17.0, 10.0)


def test_unknown_symbols_are_refused() -> None:
    """B, I, O, S and strangers have no glyph; the message lists the engraved symbols."""
    for symbol in ("B", "I", "O", "S", "a", "", "12", "?"):
        with pytest.raises(CodeError, match=ALPHABET):
            glyphs.outline(symbol, 120.0, 85.0, 17.0)


def test_too_thick_a_stroke_names_the_largest_that_fits() -> None:
    """The stroke the refusal names does fit, and a little more does not."""
    with pytest.raises(DesignError, match="at most") as caught:
        glyphs.outline("8", 120.0, 85.0, 60.0)
    most = float(str(caught.value).split("at most ")[1].split(" um")[0])
    glyphs.outline("8", 120.0, 85.0, most)
    with pytest.raises(DesignError):
        glyphs.outline("8", 120.0, 85.0, most + 0.3)


def test_skeletons_are_frozen() -> None:
    """Nobody can bend a glyph for everybody else."""
    for line in glyphs.skeleton("Q"):
        assert not line.flags.writeable
        assert np.abs(line).max() <= 0.5
