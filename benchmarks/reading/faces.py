"""Fonts as outlines in one cell, so that all are read under the same conditions.

In: the name of a face. Out: one shapely outline a symbol, um, centred on (0, 0). Every face
is stretched so that each symbol is as high as the cell and the widest as wide; then its
weight is moved (outlines grown or shrunk) until the mean inked area is that of the micro-font.

Sources: DejaVu Sans Mono comes with matplotlib; OCR-B (Norbert Schwarz's drawing of ISO 1073-2)
and Hershey (A. V. Hershey, NBS, simplex roman) come from Debian's fonts-ocr-b and
hershey-fonts-data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath
from shapely import affinity
from shapely.geometry import LineString, MultiLineString, Polygon
from shapely.geometry.base import BaseGeometry

from engraver import glyphs

Outlines = Mapping[str, BaseGeometry]

INSTALL = "apt-get install fonts-ocr-b hershey-fonts-data"
OCR_B = Path("/usr/share/fonts/opentype/ocr-b/OCRB.otf")
HERSHEY = Path("/usr/share/hershey-fonts/rowmans.jhf")
DEJAVU = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
FONT_FILES = {
    "OCR-B": OCR_B,
    "DejaVu Sans Mono": DEJAVU / "DejaVuSansMono.ttf",
    "DejaVu Sans Mono Bold": DEJAVU / "DejaVuSansMono-Bold.ttf",
}
PEERS = (*FONT_FILES, "Hershey simplex")


@dataclass(frozen=True, slots=True)
class CellBox:
    """The cell all faces are drawn in, um."""

    height_um: float = 120.0
    width_um: float = 85.0
    stroke_um: float = 17.0


def micro_font(cell: CellBox) -> Outlines:
    """Return the micro-font in its cell."""
    return {
        s: glyphs.outline(s, cell.height_um, cell.width_um, cell.stroke_um) for s in glyphs.SYMBOLS
    }


def peer(name: str, cell: CellBox, ink_um2: float | None) -> Outlines:
    """Return a peer in ``cell``; its weight as designed, or moved to a mean area ``ink_um2``.

    Raises
    ------
    FileNotFoundError
        If the font is not installed; the message says how to install it.
    """
    shapes = _hershey(cell) if name == "Hershey simplex" else _outline_font(FONT_FILES[name])
    if ink_um2 is None:
        return fitted(shapes, cell, 0.0)
    low, high = -cell.stroke_um / 2, cell.stroke_um / 2
    for _ in range(20):
        grow = (low + high) / 2
        too_bold = mean_ink_um2(fitted(shapes, cell, grow)) > ink_um2
        low, high = (low, grow) if too_bold else (grow, high)
    return fitted(shapes, cell, (low + high) / 2)


def mean_ink_um2(outlines: Outlines) -> float:
    """Return the mean area of the symbols."""
    return float(np.mean([shape.area for shape in outlines.values()]))


def fitted(shapes: Outlines, cell: CellBox, grow_um: float) -> Outlines:
    """Stretch a face to fill the cell after its outlines are grown by ``grow_um``.

    Heights are stretched symbol by symbol, which forgives a face its descending Q; widths by
    one factor for the whole face.
    """
    widest = max(s.bounds[2] - s.bounds[0] for s in shapes.values())
    in_cell = {}
    for symbol, shape in shapes.items():
        x0, y0, x1, y1 = shape.bounds
        centred = affinity.translate(shape, -(x0 + x1) / 2, -(y0 + y1) / 2)
        scaled = affinity.scale(
            centred,
            (cell.width_um - 2 * grow_um) / widest,
            (cell.height_um - 2 * grow_um) / (y1 - y0),
            origin=(0, 0),
        )
        in_cell[symbol] = scaled.buffer(grow_um)
    return in_cell


def _installed(path: Path) -> Path:
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing; install it with: {INSTALL}")
    return path


def _outline_font(path: Path) -> Outlines:
    """Read the outlines of a TrueType or OpenType font; overlaps cancel as even-odd rings."""
    face = FontProperties(fname=_installed(path))
    shapes = {}
    for symbol in glyphs.SYMBOLS:
        rings = TextPath((0, 0), symbol, size=1000, prop=face).to_polygons(closed_only=True)
        shape: BaseGeometry = Polygon()
        for ring in rings:
            shape = shape.symmetric_difference(Polygon(ring).buffer(0))
        shapes[symbol] = shape
    return shapes


def _hershey(cell: CellBox) -> Outlines:
    """Draw the Hershey skeletons with the pen of the cell, fitted with the pen's width."""
    lines = _installed(HERSHEY).read_text(encoding="ascii").splitlines()
    pens = {}
    for symbol in glyphs.SYMBOLS:
        points = lines[ord(symbol) - 32][10:]  # after the glyph number, the count, both margins
        strokes = [
            [(ord(x) - 82, 82 - ord(y)) for x, y in zip(run[::2], run[1::2], strict=True)]
            for run in points.split(" R")
        ]
        pens[symbol] = MultiLineString([LineString(s) for s in strokes if len(s) > 1])
    bare = CellBox(cell.height_um - cell.stroke_um, cell.width_um - cell.stroke_um, 0.0)
    return {s: p.buffer(cell.stroke_um / 2) for s, p in _stretched(pens, bare).items()}


def _stretched(pens: Outlines, cell: CellBox) -> Outlines:
    widest = max(p.bounds[2] - p.bounds[0] for p in pens.values())
    stretched = {}
    for symbol, pen in pens.items():
        height = pen.bounds[3] - pen.bounds[1]
        stretched[symbol] = affinity.scale(pen, cell.width_um / widest, cell.height_um / height)
    return stretched
