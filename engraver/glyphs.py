"""The micro-font: one stroke skeleton for each of the 32 symbols of Pin32.

In: a symbol and the height, width and stroke of its cell (um). Out: the outline a person
reads on the primer (unmirrored, y up, centred on the origin), and what a round beam does to
it. Authority: docs/formats/font.md, which says how the shapes were found and what they cost
and gain; the drawings are docs/formats/glyphs.svg.

Theory of operation
-------------------
Every glyph is one pen of constant width led along a skeleton. Skeletons are written on a
grid 40 units wide and 60 high::

    60 +-------+     "0,60 40,60r18 40,26r18 0,26"  is the bowl of a P: a polyline whose
       |       |     vertices stand at x,y; r18 cuts a corner 18 units before and after the
     0 +-------+     vertex and joins both points by an arc tangent to the sides. A z at the
       0      40     end closes the line; a semicolon lifts the pen.

The grid is stretched onto the cell less one stroke, then the pen (a disc) is led along it, so
that the outer edges touch the cell: ``total height = skeleton height + stroke``. The arcs are
rational quadratic curves with the weight of a circle (cos of half the turn), which any
stretching keeps smooth and tangent.

Glyphs stand; the beam takes away what is round them. A round beam of radius r reaches every
point of the ground that some disc of radius r inside the ground covers (the *opening* of the
ground, which is the *closing* of the glyph, Serra 1982), so that a counter narrower than 2 r
stays filled and a gap narrower than 2 r turns a bay into a counter. Both show as a changed
number of parts or holes: that is the test of `survives`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import ceil, isfinite

import numpy as np
from numpy.typing import NDArray
from shapely import affinity
from shapely.geometry import LineString, MultiLineString, MultiPolygon, Polygon

from engraver.codes import ALPHABET
from engraver.errors import CodeError, DesignError

SYMBOLS = ALPHABET
"""The symbols that have a glyph, in the order of their values."""

GRID_WIDTH, GRID_HEIGHT = 40.0, 60.0
"""The grid skeletons are written on; x to the right, y up, the origin at the lower left."""

PATHS = {
    "0": "4,0r16 36,0r16 36,60r16 4,60r16 z",
    "1": "6,46 20,60 20,0",
    "2": "0,46 0,60r14 40,60r17 40,34r9 0,0 40,0",
    "3": "0,60 40,60r15 40,30r15 10,30; 10,30 40,30r15 40,0r15 0,0",
    "4": "40,13 0,13 32,60 32,0",
    "5": "40,60 0,60 0,34 40,34r17 40,0r17 0,0",
    "6": "40,60 0,60r24 0,0r17 40,0r17 40,34r17 0,34",
    "7": "0,60 40,60 14,0",
    "8": "0,0r16 40,0r16 40,32r16 0,32r16 z; 4,32r14 36,32r14 36,60r14 4,60r14 z",
    "9": "0,0 40,0r24 40,60r17 0,60r17 0,26r17 40,26",
    "A": "0,0 12,60 28,60 40,0; 4,20 36,20",
    "C": "40,44 40,60r18 0,60r20 0,0r20 40,0r18 40,16",
    "D": "0,0 40,0r24 40,60r24 0,60 z",
    "E": "40,60 0,60 0,0 40,0; 0,30 32,30",
    "F": "40,60 0,60 0,0; 0,28 32,28",
    "G": "40,49 40,60r11 0,60r20 0,0r20 40,0 40,25 25,25",
    "H": "0,0 0,60; 40,0 40,60; 0,30 40,30",
    "J": "10,60 40,60 40,0r20 0,0r20 0,18",
    "K": "0,0 0,60; 40,60 0,24; 10,33 40,0",
    "L": "0,60 0,0 40,0",
    "M": "0,0 0,60 20,26 40,60 40,0",
    "N": "0,0 0,60 40,0 40,60",
    "P": "0,0 0,60 40,60r16 40,27r16 0,27",
    "Q": "0,0r20 40,0r20 40,60r20 0,60r20 z; 22,20 40,0",
    "R": "0,0 0,60 40,60r15 40,28r15 0,28; 16,28 40,0",
    "T": "0,60 40,60; 20,60 20,0",
    "U": "0,60 0,0r20 40,0r20 40,60",
    "V": "0,60 20,0 40,60",
    "W": "0,60 8,0 20,36 32,0 40,60",
    "X": "0,0 40,60; 0,60 40,0",
    "Y": "0,60 20,30 40,60; 20,30 20,0",
    "Z": "0,60 40,60 0,0 40,0; 8,30 32,30",
}
"""One skeleton a symbol; the notation is told at the top of this file."""

_ARC_STEP_RAD = np.pi / 32  # chords of an arc; at 120 um height their sagitta is below 0.05 um
_PEN_SEGMENTS = 16  # segments to a quarter of the pen's disc: 0.1 % of its radius
_THIN = 1e-3  # a pen so thin, as a share of the width, that it closes nothing


@dataclass(frozen=True, slots=True)
class _Vertex:
    x: float
    y: float
    cut: float


def _parse_stroke(text: str) -> tuple[list[_Vertex], bool]:
    """Return the vertices of one pen stroke and whether it is closed."""
    words = text.split()
    closed = words[-1] == "z"
    vertices = []
    for word in words[: len(words) - closed]:
        place, _, cut = word.partition("r")
        x, y = place.split(",")
        vertices.append(_Vertex(float(x), float(y), float(cut or 0)))
    return vertices, closed


def _corner(before: _Vertex, at: _Vertex, after: _Vertex) -> NDArray[np.float64]:
    """Return ``(m, 2)`` points of the arc that rounds one corner, or the corner itself."""
    p = np.array([at.x, at.y])
    if not at.cut:
        return p[None, :]
    back = np.array([before.x, before.y]) - p
    on = np.array([after.x, after.y]) - p
    back /= np.hypot(*back)
    on /= np.hypot(*on)
    turn = np.pi - np.arccos(np.clip(back @ on, -1.0, 1.0))
    t = np.linspace(0.0, 1.0, ceil(turn / _ARC_STEP_RAD) + 1)[:, None]
    weight = np.cos(turn / 2)
    share = np.hstack([(1 - t) ** 2, 2 * weight * t * (1 - t), t**2])
    points = np.vstack([p + at.cut * back, p, p + at.cut * on])
    return np.asarray(share @ points / share.sum(axis=1, keepdims=True))


def trace(path: str) -> tuple[NDArray[np.float64], ...]:
    """Flatten one path in the notation of this file to polylines on the grid.

    Returns
    -------
    tuple of ``(m, 2)`` float64 arrays, one a stroke; a closed stroke repeats its first point.
    """
    lines = []
    for text in path.split(";"):
        vertices, closed = _parse_stroke(text)
        n = len(vertices)
        bits = []
        for i, at in enumerate(vertices):
            free_end = not closed and i in (0, n - 1)
            near = at if free_end else vertices[i - 1]
            far = at if free_end else vertices[(i + 1) % n]
            bits.append(_corner(near, at, far))
        line = np.vstack([*bits, bits[0][:1]] if closed else bits)
        lines.append(line)
    return tuple(lines)


@cache
def skeleton(symbol: str) -> tuple[NDArray[np.float64], ...]:
    """Return the strokes of a symbol in unit coordinates, read-only.

    Unit coordinates run from -0.5 to 0.5 over the skeleton's box in x and in y; the box of a
    narrow symbol is narrower but as high, and centred.

    Returns
    -------
    tuple of ``(m, 2)`` float64 arrays, one a stroke.

    Raises
    ------
    CodeError
        If the symbol is not engraved.
    """
    if symbol not in PATHS:
        raise CodeError(
            f"symbol {symbol!r} has no glyph; the engraved symbols are {SYMBOLS}, "
            "and B, I, O, S are read as 8, 1, 0, 5"
        )
    lines = trace(PATHS[symbol])
    points = np.vstack(lines)
    centre = (points.min(axis=0) + points.max(axis=0)) / 2
    unit = tuple((line - centre) / (GRID_WIDTH, GRID_HEIGHT) for line in lines)
    for line in unit:
        line.setflags(write=False)
    return unit


def is_full_width(symbol: str) -> bool:
    """Tell whether the symbol fills the width of its cell.

    Examples
    --------
    >>> is_full_width("H"), is_full_width("1")
    (True, False)
    """
    return bool(np.isclose(np.ptp(np.vstack(skeleton(symbol))[:, 0]), 1.0))


def _draw(
    symbol: str, height_um: float, width_um: float, stroke_um: float
) -> Polygon | MultiPolygon:
    """Lead the pen along the skeleton and set the outer edges on the cell exactly."""
    lines = skeleton(symbol)
    size = np.array([width_um - stroke_um, height_um - stroke_um])
    pen = MultiLineString([LineString(line * size) for line in lines])
    drawn = pen.buffer(stroke_um / 2, quad_segs=_PEN_SEGMENTS)
    x0, y0, x1, y1 = drawn.bounds
    spans = np.ptp(np.vstack(lines), axis=0) * size + stroke_um
    moved = affinity.translate(drawn, -(x0 + x1) / 2, -(y0 + y1) / 2)
    # the polygonal disc falls short of a round cap by up to 0.1 % of its radius
    return affinity.scale(moved, spans[0] / (x1 - x0), spans[1] / (y1 - y0), origin=(0, 0))


def topology(shape: Polygon | MultiPolygon) -> tuple[int, int]:
    """Return the number of parts and of holes of a shape."""
    parts = shape.geoms if isinstance(shape, MultiPolygon) else [shape]
    return len(parts), sum(len(part.interiors) for part in parts)


@cache
def drawn_topology(symbol: str) -> tuple[int, int]:
    """Return parts and holes of a symbol as it is meant: drawn with a very thin pen.

    Examples
    --------
    >>> drawn_topology("8"), drawn_topology("C")
    ((1, 2), (1, 0))
    """
    return topology(_draw(symbol, GRID_HEIGHT, GRID_WIDTH, _THIN * GRID_WIDTH))


def largest_stroke_um(symbol: str, height_um: float, width_um: float) -> float:
    """Return the thickest stroke (um) that leaves the symbol's counters and gaps open."""
    fits, fails = 0.0, min(height_um, width_um)
    while fails - fits > 1e-3 * fails:
        middle = (fits + fails) / 2
        same = topology(_draw(symbol, height_um, width_um, middle)) == drawn_topology(symbol)
        fits, fails = (middle, fails) if same else (fits, middle)
    return fits


def outline(
    symbol: str, height_um: float, width_um: float, stroke_um: float
) -> Polygon | MultiPolygon:
    """Draw a symbol as it is read on the primer.

    Parameters
    ----------
    symbol
        One of `SYMBOLS`.
    height_um, width_um
        The cell: the outline is as high as the cell and, unless the symbol is narrow
        (`is_full_width`), as wide, the outer edges of the stroke included.
    stroke_um
        The width of the pen.

    Returns
    -------
    The shape, um, unmirrored, y up, its box centred on (0, 0).

    Raises
    ------
    CodeError
        If the symbol is not engraved.
    DesignError
        If a length is not positive, or the stroke closes a counter or a gap; the message
        says the largest stroke that fits.

    Examples
    --------
    >>> shape = outline("H", 120.0, 85.0, 17.0)
    >>> [round(float(v), 6) for v in shape.bounds]
    [-42.5, -60.0, 42.5, 60.0]
    """
    for name, value in (("height", height_um), ("width", width_um), ("stroke", stroke_um)):
        if not (isfinite(value) and value > 0):
            raise DesignError(f"glyph {name} {value} um must be a positive, finite length")
    meant = drawn_topology(symbol)
    if stroke_um < min(height_um, width_um):
        shape = _draw(symbol, height_um, width_um, stroke_um)
        if topology(shape) == meant:
            return shape
    most = np.floor(largest_stroke_um(symbol, height_um, width_um) * 10) / 10
    raise DesignError(
        f"stroke {stroke_um:g} um closes the counters of {symbol!r} in a cell of "
        f"{height_um:g} x {width_um:g} um; at most {most:.1f} um fits: thin it or enlarge the cell"
    )


def closed_by_beam(shape: Polygon | MultiPolygon, beam_radius_um: float) -> Polygon | MultiPolygon:
    """Return what stands when a round beam has taken all it can reach round ``shape``."""
    grown = shape.buffer(beam_radius_um, quad_segs=_PEN_SEGMENTS)
    return grown.buffer(-beam_radius_um, quad_segs=_PEN_SEGMENTS)


def survives(
    symbol: str, height_um: float, width_um: float, stroke_um: float, beam_radius_um: float
) -> bool:
    """Tell whether a round beam leaves the symbol its parts and holes.

    Parameters
    ----------
    beam_radius_um
        Radius of the disc one pulse takes away (for a design: the 1/e2 beam radius).
    """
    shape = outline(symbol, height_um, width_um, stroke_um)
    if not (isfinite(beam_radius_um) and beam_radius_um >= 0):
        raise DesignError(f"beam radius {beam_radius_um} um must be zero or more, and finite")
    return topology(closed_by_beam(shape, beam_radius_um)) == topology(shape)
