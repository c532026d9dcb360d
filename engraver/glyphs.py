"""The micro-font: one stroke skeleton for each of the 32 symbols of Pin32.

In: a symbol and the height, width and stroke of its cell (um). Out: the outline a person
reads on the primer (unmirrored, y up, centred on the origin), and what a round beam does to
it. Authority: docs/formats/font.md, which says how the shapes were found and what they cost
and gain; the drawings are docs/formats/glyphs.svg.

Theory of operation
-------------------
Every glyph is one pen of constant width led along a skeleton. Skeletons are written on a
grid 40 units wide and 60 high::

    60 +-------+     "0,60 40,60r16 40,26r16 0,26"  is the bowl of a P: a polyline whose
       |       |     vertices stand at x,y; r16 cuts a corner 16 units before and after the
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
number of parts or holes. A bay (a part of the skeleton's convex hull that its lines cut off,
such as the two of an H) can also fill without either; `survives` tests all three.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import ceil, inf, isfinite

import numpy as np
from numpy.typing import NDArray
from shapely import affinity, get_parts
from shapely.geometry import LineString, MultiLineString, MultiPolygon, Polygon

from engraver.codes import ALPHABET
from engraver.errors import CodeError, DesignError

SYMBOLS = ALPHABET
"""The symbols that have a glyph, in the order of their values."""

GRID_WIDTH, GRID_HEIGHT = 40.0, 60.0
"""The grid skeletons are written on; x to the right, y up, the origin at the lower left."""

PATHS = {
    "0": "8,0r9 32,0r9 32,60r9 8,60r9 z",
    "1": "10,46 20,60 20,0; 0,0 40,0",
    "2": "0,60 40,60r15 40,26r5 0,10r5 0,0 40,0",
    "3": "0,60 40,60 16,34 40,34r10 40,0r10 0,0",
    "4": "0,60 0,30 40,30; 36,30 36,0",
    "5": "40,60 0,60 0,36 40,36r18 40,0r18 0,0",
    "6": "40,60 0,30 0,0r15 40,0r15 40,30r15 0,30",
    "7": "0,60 40,60 32,0",
    "8": "0,0 40,0 40,26 0,26 z; 4,26r16 36,26r16 36,60r16 4,60r16 z",
    "9": "0,0 40,30 40,60r12 0,60r12 0,36r12 40,36",
    "A": "0,0 16,60 24,60 40,0; 3.2,12 36.8,12",
    "C": "40,60 0,60r30 0,0r30 40,0",
    "D": "0,0 14,0 40,20r3 40,40r3 14,60 0,60 z",
    "E": "40,60 0,60 0,0 40,0; 0,30 26,30",
    "F": "40,60 0,60 0,0; 0,18 40,18",
    "G": "40,60 0,60r28 0,0r28 40,0 40,23 24,23",
    "H": "0,0 0,60; 40,0 40,60; 0,23 40,23",
    "J": "40,60 40,0r10 0,0r10 0,12",
    "K": "0,0 0,60; 40,60 0,26 40,0",
    "L": "0,60 0,0 40,0",
    "M": "0,0 7,60 20,36 33,60 40,0",
    "N": "0,0 0,60 40,20; 40,0 40,60",
    "P": "0,0 0,60 40,60r4 40,36r4 0,36",
    "Q": "0,16r20 40,16r20 40,60r20 0,60r20 z; 14,30 24,0",
    "R": "0,0 0,60 40,60r12 40,36r12 0,36; 8,36 40,0",
    "T": "0,46 0,60 40,60 40,46; 20,60 20,0",
    "U": "0,60 0,0r20 40,0r20 40,60",
    "V": "0,60 17,0 23,0 40,60",
    "W": "0,60 6,0 20,28 34,0 40,60",
    "X": "0,0 20,34 40,0; 0,60 20,34 40,60",
    "Y": "0,60 0,38r2 40,38r2 40,60; 20,38 20,0",
    "Z": "0,60 40,60 0,0 40,0; 11,30 29,30",
}
"""One skeleton a symbol; the notation is told at the top of this file."""

_ARC_STEP_RAD = np.pi / 32  # chords of an arc; at 120 um height their sagitta is below 0.05 um
_PEN_SEGMENTS = 16  # segments to a quarter of the pen's disc: 0.1 % of its radius
_THIN = 1e-3  # a pen so thin, as a share of the width, that it closes nothing
_SMALLEST_BAY = 0.08  # of the skeleton's box: less is a nick of the outline, not a bay
_KEPT_OF_BAY = 0.15  # a bay of which less shows is filled


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
    >>> is_full_width("H"), is_full_width("0")
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


@cache
def _bays(symbol: str) -> tuple[Polygon, ...]:
    """Return the counters and bays of a skeleton in unit coordinates: its hull less its lines."""
    pen = MultiLineString([LineString(line) for line in skeleton(symbol)])
    ground = pen.convex_hull.difference(pen.buffer(_THIN))
    return tuple(
        bay for bay in get_parts(ground) if isinstance(bay, Polygon) and bay.area >= _SMALLEST_BAY
    )


def _open_bays(
    symbol: str,
    shape: Polygon | MultiPolygon,
    height_um: float,
    width_um: float,
    stroke_um: float,
) -> bool:
    """Tell whether ground still shows in each counter and bay of the symbol's skeleton."""
    for bay in _bays(symbol):
        there = affinity.scale(bay, width_um - stroke_um, height_um - stroke_um, origin=(0, 0))
        if there.difference(shape).area < _KEPT_OF_BAY * there.area:
            return False
    return True


def _stroke_fits(symbol: str, height_um: float, width_um: float, stroke_um: float) -> bool:
    if stroke_um >= min(height_um, width_um):
        return False
    shape = _draw(symbol, height_um, width_um, stroke_um)
    same = topology(shape) == drawn_topology(symbol)
    return same and _open_bays(symbol, shape, height_um, width_um, stroke_um)


def largest_stroke_um(symbol: str, height_um: float, width_um: float) -> float:
    """Return the thickest stroke (um) that leaves the symbol's counters and bays open."""
    fits, fails = 0.0, min(height_um, width_um)
    while fails - fits > 1e-3 * fails:
        middle = (fits + fails) / 2
        good = _stroke_fits(symbol, height_um, width_um, middle)
        fits, fails = (middle, fails) if good else (fits, middle)
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
        If a length is not positive, or the stroke closes a counter or a bay; the message
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
    if _stroke_fits(symbol, height_um, width_um, stroke_um):
        return _draw(symbol, height_um, width_um, stroke_um)
    most = np.floor(largest_stroke_um(symbol, height_um, width_um) * 10) / 10
    raise DesignError(
        f"stroke {stroke_um:g} um closes the counters or bays of {symbol!r} in a cell of "
        f"{height_um:g} x {width_um:g} um; at most {most:.1f} um fits: thin it or enlarge the cell"
    )


def drawable(symbol: str, height_um: float, width_um: float, stroke_um: float) -> bool:
    """Tell whether `outline` would draw a symbol in this size."""
    sizes = (height_um, width_um, stroke_um)
    return all(isfinite(size) and size > 0 for size in sizes) and _stroke_fits(symbol, *sizes)


def closed_by_beam(shape: Polygon | MultiPolygon, beam_radius_um: float) -> Polygon | MultiPolygon:
    """Return what stands when a round beam has taken all it can reach round ``shape``."""
    grown = shape.buffer(beam_radius_um, quad_segs=_PEN_SEGMENTS)
    return grown.buffer(-beam_radius_um, quad_segs=_PEN_SEGMENTS)


def survives(
    symbol: str, height_um: float, width_um: float, stroke_um: float, beam_radius_um: float
) -> bool:
    """Tell whether a round beam leaves the symbol its parts, its holes and its bays.

    Parameters
    ----------
    beam_radius_um
        Radius of the disc one pulse takes away (for a design: the 1/e2 beam radius).

    Raises
    ------
    CodeError, DesignError
        As `outline`; DesignError also if the radius is negative or not finite.

    Examples
    --------
    >>> survives("8", 120.0, 85.0, 17.0, 10.0), survives("8", 120.0, 85.0, 17.0, 30.0)
    (True, False)
    """
    shape = outline(symbol, height_um, width_um, stroke_um)
    if not (isfinite(beam_radius_um) and beam_radius_um >= 0):
        raise DesignError(
            f"beam radius {beam_radius_um} um must be zero or more, and finite; "
            "give the 1/e2 radius of the beam"
        )
    standing = closed_by_beam(shape, beam_radius_um)
    same = topology(standing) == topology(shape)
    return same and _open_bays(symbol, standing, height_um, width_um, stroke_um)


def smallest_clearance_um(
    symbol: str, height_um: float, width_um: float, stroke_um: float
) -> float:
    """Return the width of the symbol's narrowest counter, mouth or bay, um.

    It is the diameter of the smallest round beam that the symbol does not survive; infinity
    where there is none, for want of counters and bays (a bar).

    Examples
    --------
    >>> smallest_clearance_um("8", 120.0, 85.0, 17.0) > 20.0
    True
    """
    step = stroke_um / 8
    keeps = 0.0
    while survives(symbol, height_um, width_um, stroke_um, keeps + step):
        keeps += step
        if keeps > max(height_um, width_um) / 2:
            return inf
    loses = keeps + step
    while loses - keeps > 1e-3 * stroke_um:
        middle = (keeps + loses) / 2
        same = survives(symbol, height_um, width_um, stroke_um, middle)
        keeps, loses = (middle, loses) if same else (keeps, middle)
    return 2 * keeps
