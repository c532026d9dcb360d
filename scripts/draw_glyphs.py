"""Draw the 32 glyphs with their values: writes docs/formats/glyphs.svg.

In: `engraver.glyphs`. Out: an SVG as read on the primer, 8 glyphs a row, values 0 to 31, each
glyph in its cell of 120 x 85 um (one SVG unit is 1 um). Run ``python scripts/draw_glyphs.py``;
with ``--check`` it writes nothing and exits 1 if the file on disk is not what it would write.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from shapely.geometry import Polygon

from engraver import glyphs

TARGET = Path(__file__).parent.parent / "docs" / "formats" / "glyphs.svg"
HEIGHT_UM, WIDTH_UM, STROKE_UM = 120.0, 85.0, 17.0
COLUMNS, PITCH_X_UM, PITCH_Y_UM = 8, 150.0, 190.0
LEFT_UM, TOP_UM = 75.0, 90.0


def ring_path(shape: Polygon) -> str:
    """Return the rings of one part as SVG path data, y downwards, to 0.1 um."""
    rings = [shape.exterior, *shape.interiors]
    bits = []
    for ring in rings:
        places = np.asarray(ring.coords)[:-1] * (1, -1) + 0.0
        words = dict.fromkeys(f"{x:.1f},{y:.1f}" for x, y in places)  # drops equal neighbours
        bits.append("M" + " ".join(words) + "z")
    return "".join(bits)


def picture(value: int, symbol: str) -> str:
    """Return one labelled glyph in its cell."""
    x = LEFT_UM + value % COLUMNS * PITCH_X_UM
    y = TOP_UM + value // COLUMNS * PITCH_Y_UM
    shape = glyphs.outline(symbol, HEIGHT_UM, WIDTH_UM, STROKE_UM)
    parts = [shape] if isinstance(shape, Polygon) else list(shape.geoms)
    path = "".join(ring_path(part) for part in parts)
    return (
        f'<g transform="translate({x:g} {y:g})">'
        f'<rect class="cell" x="{-WIDTH_UM / 2:g}" y="{-HEIGHT_UM / 2:g}" '
        f'width="{WIDTH_UM:g}" height="{HEIGHT_UM:g}"/>'
        f'<path d="{path}"/>'
        f'<text y="{HEIGHT_UM / 2 + 32:g}">{symbol} = {value}</text></g>\n'
    )


def drawing() -> str:
    """Return the whole SVG."""
    rows = -(-len(glyphs.SYMBOLS) // COLUMNS)
    width = LEFT_UM * 2 + (COLUMNS - 1) * PITCH_X_UM
    height = TOP_UM + rows * PITCH_Y_UM - 80
    pictures = "".join(picture(v, s) for v, s in enumerate(glyphs.SYMBOLS))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}">\n'
        "<title>The 32 glyphs of pinmark's micro-font with their values</title>\n"
        "<style>text{font:22px monospace;text-anchor:middle}"
        ".cell{fill:none;stroke:#bbb;stroke-dasharray:3}path{fill-rule:evenodd}</style>\n"
        f'<rect width="{width:g}" height="{height:g}" fill="#fff"/>\n{pictures}</svg>\n'
    )


def main(arguments: list[str]) -> None:
    """Write the drawing, or compare it with the one on disk."""
    text = drawing()
    if arguments != ["--check"]:
        TARGET.write_text(text, encoding="utf-8")
        return
    if TARGET.read_text(encoding="utf-8") != text:
        sys.exit(f"{TARGET.name} is out of date; run: python scripts/draw_glyphs.py")


if __name__ == "__main__":
    main(sys.argv[1:])
