"""The job every toolpath figure of this project is measured on.

DejaVu Sans Mono Bold, "8K4R" over "Q7M2", cap height 150 um, column pitch 160 um, row pitch
230 um, mirrored, on a disc of 1.4 mm; the disc less the glyphs is lowered; kerf 6 um inwards,
hatch pitch 5 um, 10 passes, each turned by 67 degrees.
"""

from __future__ import annotations

import numpy as np
import shapely
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath
from shapely import affinity
from shapely.geometry import MultiPolygon, Point, Polygon
from shapely.geometry.base import BaseGeometry

ROWS = ("8K4R", "Q7M2")
CAP_HEIGHT_UM, COLUMN_UM, ROW_UM = 150.0, 160.0, 230.0
DISC_UM, KERF_UM, PITCH_UM, PASSES, TURN_DEG = 1400.0, 6.0, 5.0, 10, 67.0


def glyph(symbol: str) -> BaseGeometry:
    """Return a glyph, cap height 1, its box centred on the origin."""
    font = FontProperties(family="DejaVu Sans Mono", weight="bold")
    cap = TextPath((0, 0), "H", size=100, prop=font).get_extents().height
    rings = TextPath((0, 0), symbol, size=100 / cap, prop=font).to_polygons(closed_only=True)
    shape: BaseGeometry = Polygon()
    for ring in rings:
        shape = shape.symmetric_difference(Polygon(ring))
    x0, _, x1, _ = shape.bounds
    return affinity.translate(shape, -(x0 + x1) / 2, -0.5)


def region() -> MultiPolygon:
    """Return where the beam's axis may be, kerf taken off: 1.4069 mm2."""
    characters = []
    for row, text in enumerate(ROWS):
        for column, symbol in enumerate(text):
            shape = affinity.scale(glyph(symbol), -CAP_HEIGHT_UM, CAP_HEIGHT_UM, origin=(0, 0))
            x = -(column - (len(text) - 1) / 2) * COLUMN_UM
            y = -(row - (len(ROWS) - 1) / 2) * ROW_UM
            characters.append(affinity.translate(shape, x, y))
    disc = Point(0, 0).buffer(DISC_UM / 2, quad_segs=64)
    ground = disc.difference(shapely.union_all(characters)).buffer(-KERF_UM)
    return MultiPolygon([p for p in shapely.get_parts(ground) if isinstance(p, Polygon)])


def angles_deg() -> np.ndarray:
    """Return the hatch angle of every pass."""
    return (TURN_DEG * np.arange(PASSES)) % 180.0
