"""The promises of the micro-font; authority: docs/formats/font.md."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Point, Polygon, box

from engraver import glyphs
from engraver.codes import ALPHABET
from engraver.errors import CodeError, DesignError

ROOT = Path(__file__).parents[2]
CELL = (120.0, 85.0, 17.0)


@pytest.mark.parametrize("symbol", ALPHABET)
def test_outline_fills_its_cell(symbol: str) -> None:
    """Every glyph is as high as its cell, centred, one piece, and never wider than the cell."""
    shape = glyphs.outline(symbol, *CELL)
    x0, y0, x1, y1 = shape.bounds
    assert (y0, y1) == pytest.approx((-60.0, 60.0))
    assert x0 == pytest.approx(-x1)
    assert x1 <= 42.5 + 1e-9
    assert (x1 == pytest.approx(42.5)) == glyphs.is_full_width(symbol)
    assert shape.is_valid
    assert isinstance(shape, Polygon)


@pytest.mark.parametrize("symbol", ALPHABET)
def test_a_beam_of_ten_micrometres_loses_no_topology(symbol: str) -> None:
    """At 120 x 85 um and a stroke of 17 um no counter or bay fills and no mouth closes."""
    assert glyphs.survives(symbol, *CELL, 10.0)
    assert glyphs.smallest_clearance_um(symbol, *CELL) > 20.0


@pytest.mark.parametrize("symbol", ALPHABET)
@pytest.mark.parametrize("stroke_um", [15.0, 20.0])
def test_the_usual_strokes_fit(symbol: str, stroke_um: float) -> None:
    """Strokes of 15 and 20 um fit the usual cells, 110 x 80 to 130 x 90 um."""
    for height_um, width_um in ((110.0, 80.0), (120.0, 85.0), (130.0, 90.0)):
        assert glyphs.largest_stroke_um(symbol, height_um, width_um) >= stroke_um


def test_the_pen_is_a_disc_of_the_stroke_led_along_the_skeleton() -> None:
    """An L has the area of its two legs, a round cap at each end and a round outer corner."""
    w, h, s = 85.0 - 17.0, 120.0 - 17.0, 17.0
    caps_and_corner = np.pi * s**2 / 4 * (1 / 2 + 1 / 2 + 1 / 4)
    legs = s * (w + h) - (s / 2) ** 2  # they overlap in the square inside the corner
    assert glyphs.outline("L", *CELL).area == pytest.approx(legs + caps_and_corner, rel=1e-3)
    assert not glyphs.outline("L", *CELL).contains(Point(42.4, -59.9)), "ends are round"


def test_arcs_are_circles_where_the_grid_is_square() -> None:
    """A corner of r20 with both sides on the grid is a quarter circle of radius 20."""
    (line,) = glyphs.trace("0,0 40,0r20 40,60")
    arc = line[1:-1]
    assert np.hypot(arc[:, 0] - 20, arc[:, 1] - 20) == pytest.approx(np.full(len(arc), 20.0))


@pytest.mark.parametrize("symbol", ALPHABET)
def test_every_path_is_sound(symbol: str) -> None:
    """Cuts fit their sides, free ends are not cut, and the grid is filled from 0 to 60."""
    for text in glyphs.PATHS[symbol].split(";"):
        vertices, closed = glyphs._parse_stroke(text)
        n = len(vertices)
        if not closed:
            assert vertices[0].cut == vertices[-1].cut == 0
        for i in range(n if closed else n - 1):
            a, b = vertices[i], vertices[(i + 1) % n]
            assert np.hypot(a.x - b.x, a.y - b.y) >= a.cut + b.cut > -1
    points = np.vstack(glyphs.trace(glyphs.PATHS[symbol]))
    assert (points[:, 1].min(), points[:, 1].max()) == pytest.approx((0.0, 60.0))
    assert points[:, 0].min() > -1e-9
    assert points[:, 0].max() < 40 + 1e-9


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(ALPHABET),
    st.floats(40.0, 300.0),
    st.floats(30.0, 200.0),
    st.floats(2.0, 60.0),
)
def test_any_cell_is_filled_exactly_or_refused(
    symbol: str, height_um: float, width_um: float, stroke_um: float
) -> None:
    """Whatever the cell, the outline has its exact height and its skeleton's shape, or none."""
    try:
        shape = glyphs.outline(symbol, height_um, width_um, stroke_um)
    except DesignError as refusal:
        most = float(re.search(r"at most ([\d.]+) um", str(refusal))[1])  # type: ignore[index]
        assert most < stroke_um
        return
    assert shape.bounds[3] - shape.bounds[1] == pytest.approx(height_um)
    assert glyphs.topology(shape) == glyphs.drawn_topology(symbol)
    assert (
        box(-width_um / 2, -height_um / 2, width_um / 2, height_um / 2).buffer(1e-6).contains(shape)
    )


def test_counters_are_those_of_the_letters() -> None:
    """0 4 6 9 A D P Q R have the holes people expect (an open 4 has none), 8 has two."""
    holes = {s: glyphs.drawn_topology(s)[1] for s in ALPHABET}
    assert holes.pop("8") == 2
    assert holes.pop("4") in (0, 1)
    assert {s for s, n in holes.items() if n == 1} == set("069ADPQR")
    assert {s for s, n in holes.items() if n == 0} == set(holes) - set("069ADPQR")


def test_a_wide_beam_fills_what_a_narrow_one_leaves() -> None:
    """`smallest_clearance_um` is the very diameter at which `survives` turns."""
    clearance = glyphs.smallest_clearance_um("8", *CELL)
    assert glyphs.survives("8", *CELL, clearance / 2 - 0.05)
    assert not glyphs.survives("8", *CELL, clearance / 2 + 0.05)
    assert not glyphs.survives("E", *CELL, 60.0), "an E whose bays are filled is lost, hole or not"


def test_unknown_symbols_are_refused() -> None:
    """B, I, O, S and strangers have no glyph; the message lists the engraved symbols."""
    for symbol in ("B", "I", "O", "S", "a", "", "12", "?"):
        with pytest.raises(CodeError, match=ALPHABET):
            glyphs.outline(symbol, *CELL)


def test_too_thick_a_stroke_names_the_largest_that_fits() -> None:
    """The stroke the refusal names does fit, and a little more does not."""
    for symbol in ALPHABET:
        most = np.floor(glyphs.largest_stroke_um(symbol, 120.0, 85.0) * 10) / 10
        glyphs.outline(symbol, 120.0, 85.0, most)
        with pytest.raises(DesignError, match=f"at most {most:.1f} um fits|positive"):
            glyphs.outline(symbol, 120.0, 85.0, most + 0.3)


@pytest.mark.parametrize(
    "cell", [(0.0, 85.0, 17.0), (120.0, -1.0, 17.0), (120.0, 85.0, float("nan"))]
)
def test_meaningless_lengths_are_refused(cell: tuple[float, float, float]) -> None:
    """Zero, negative and not-a-number lengths are named."""
    with pytest.raises(DesignError, match="must be a positive, finite length"):
        glyphs.outline("A", *cell)
    with pytest.raises(DesignError, match="beam radius"):
        glyphs.survives("A", *CELL, -1.0)


def test_skeletons_are_frozen() -> None:
    """Nobody can bend a glyph for everybody else."""
    for symbol in ALPHABET:
        for line in glyphs.skeleton(symbol):
            assert not line.flags.writeable
            assert np.abs(line).max() <= 0.5 + 1e-12


def test_the_drawing_in_the_docs_is_the_font() -> None:
    """docs/formats/glyphs.svg is what scripts/draw_glyphs.py writes."""
    command = [sys.executable, "scripts/draw_glyphs.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_paths_in_the_docs_are_the_font() -> None:
    """The table of docs/formats/font.md lists every symbol's value and path."""
    text = (ROOT / "docs" / "formats" / "font.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| (.) \| `([^`]+)` \|", text, flags=re.MULTILINE)
    assert rows == [(str(v), s, glyphs.PATHS[s]) for v, s in enumerate(ALPHABET)]
