"""Symbols and fields -> how far a perfect machine lowers the ground, drawn once and kept.

In: the cells and the edges of a design (um). Out: images of the removed share, 0 on top of a
character, 1 on the floor of the field. Authority: the threshold law (`engraver.crater`): a
region filled with pulses is lowered by the region convolved with one crater.

Theory of operation
-------------------
That convolution is linear. While the ground that passes leave round one symbol does not touch
that of the next, the field lowered round a code is the field lowered as if it were empty, less
one small image for each symbol. The field is the same for every code of a recipe and there are
32 symbols, so both are drawn once. Rings traced with gentler pulses (contours) are lines in
place of regions, and add in the same way. Where symbols stand too near, all is drawn together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import pi, sqrt

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import affinity
from shapely.geometry import MultiPolygon
from shapely.geometry.base import BaseGeometry

from engraver import glyphs
from engraver.crater import Trace
from engraver.inspection.raster import Grid, coverage, crater_image, dig
from engraver.layout import MarkLayout, pattern_box
from engraver.relief import Inset, ReliefDesign

Floats = NDArray[np.float64]
PASSES_SEEN = 12
"""Passes, evenly spread, that stand for all: walls that lean draw the axis back pass by pass."""
LEVELS = 4  # craters of different fluence from which those of a contour on a slope are mixed


@dataclass(frozen=True, slots=True)
class Cut:
    """How the beam keeps from edges, pass by pass, and what its contours add.

    Up to `PASSES_SEEN` insets, evenly spread, stand for those of all ``passes``.
    ``contours_um`` goes with ``insets_um``, empty where nothing is traced.
    """

    kerf_um: float
    relief_um: float
    passes: int
    insets_um: tuple[Inset, ...]
    contours_um: tuple[Inset, ...]
    trace: Trace | None

    @property
    def reach_um(self) -> float:
        """How far from its outline a character is still to be seen in the ground."""
        return max(outer for _, outer in self.insets_um) + self.kerf_um


@dataclass(frozen=True, slots=True)
class Placed:
    """One symbol with its cell's centre in the frame of the tip."""

    symbol: str
    x_um: float
    y_um: float


@dataclass(frozen=True, slots=True)
class Face:
    """The size in which symbols are drawn."""

    height_um: float
    width_um: float
    stroke_um: float

    @classmethod
    def of(cls, layout: MarkLayout) -> Face:
        """Return the size of a layout's symbols."""
        return cls(layout.cell_height_um, layout.cell_width_um, layout.stroke_um)


def cut_of(design: ReliefDesign) -> Cut:
    """Return how the passes of a design keep from edges."""
    return Cut(
        design.kerf_um,
        design.relief_um,
        len(design.insets_um),
        _spread(design.insets_um),
        _spread(design.contour_insets_um),
        design.contour_pulses,
    )


def _spread(insets: tuple[Inset, ...]) -> tuple[Inset, ...]:
    if not insets:
        return ()
    chosen = np.unique(np.linspace(0, len(insets) - 1, PASSES_SEEN).round().astype(int))
    return tuple((round(insets[k][0], 3), round(insets[k][1], 3)) for k in chosen.tolist())


def placed(layout: MarkLayout, symbols: str) -> list[Placed]:
    """Return ``symbols`` in the cells of ``layout``."""
    cells = zip(layout.cells, symbols, strict=True)
    return [Placed(symbol, cell.centre_x_um, cell.centre_y_um) for cell, symbol in cells]


def outline(symbol: str, face: Face) -> MultiPolygon:
    """Return a symbol round the origin, mirrored as the pin carries it."""
    return _outline(symbol, face)


@lru_cache(maxsize=256)
def _outline(symbol: str, face: Face) -> MultiPolygon:
    shape = glyphs.outline(symbol, face.height_um, face.width_um, face.stroke_um)
    mirrored = affinity.scale(shape, xfact=-1.0, origin=(0, 0))
    return mirrored if isinstance(mirrored, MultiPolygon) else MultiPolygon([mirrored])


def lowered(design: ReliefDesign, standing: Sequence[Placed], grid: Grid) -> Floats:
    """Return the removed share with ``standing`` (and the design's ring or matrix) left over."""
    cut, face = cut_of(design), Face.of(design.layout)
    marks = MultiPolygon(design.layout.marks)
    if not _stand_apart(design, cut, standing):
        drawn = [
            affinity.translate(outline(one.symbol, face), one.x_um, one.y_um) for one in standing
        ]
        return _lowered_together(design.whole, shapely.union_all([marks, *drawn]), cut, grid)
    image = _empty_field(design.whole, marks, cut, grid).copy()
    for one in standing:
        _take_off(image, one, face, cut, grid)
    return np.maximum(image, 0.0)


def empty_field(whole: MultiPolygon, cut: Cut, grid: Grid) -> Floats:
    """Return the removed share of the field as if nothing stood in it; read-only."""
    return _empty_field(whole, MultiPolygon(), cut, grid)


def _stand_apart(design: ReliefDesign, cut: Cut, standing: Sequence[Placed]) -> bool:
    """Tell whether no pass's ground round one symbol touches another's, or an edge."""
    inner = max(inset for inset, _ in cut.insets_um)
    outer = max(inset for _, inset in cut.insets_um)
    layout = design.layout
    boxes = shapely.box(
        *np.array(
            [
                (
                    one.x_um - layout.cell_width_um / 2 - outer,
                    one.y_um - layout.cell_height_um / 2 - outer,
                    one.x_um + layout.cell_width_um / 2 + outer,
                    one.y_um + layout.cell_height_um / 2 + outer,
                )
                for one in standing
            ]
        )
        .reshape(-1, 4)
        .T
    )
    tree = shapely.STRtree(boxes)
    if tree.query(boxes, predicate="intersects").shape[1] > len(boxes):
        return False
    open_ground = _inside(design.whole, inner)
    if layout.marks:
        reach = pattern_box(layout).buffer(2 * outer)
        if reach.intersects(MultiPolygon(layout.marks)):
            return False
    return bool(shapely.contains(open_ground, boxes).all())


@lru_cache(maxsize=8)
def _inside(whole: MultiPolygon, inset_um: float) -> BaseGeometry:
    shape: BaseGeometry = whole.buffer(-inset_um)
    shapely.prepare(shape)
    return shape


def _lowered_together(whole: MultiPolygon, standing: BaseGeometry, cut: Cut, grid: Grid) -> Floats:
    def region(inset: Inset, grown: float = 0.0) -> Floats:
        kept = standing.buffer(inset[1] - grown) if not standing.is_empty else standing
        return coverage(whole.buffer(-(inset[0] - grown)).difference(kept), grid)

    return _worn([region(i) for i in cut.insets_um], _bands(region, cut, grid), cut, grid.pitch_um)


@lru_cache(maxsize=4)
def _empty_field(whole: MultiPolygon, marks: MultiPolygon, cut: Cut, grid: Grid) -> Floats:
    image = _lowered_together(whole, marks, cut, grid)
    image.setflags(write=False)
    return image


def _take_off(image: Floats, one: Placed, face: Face, cut: Cut, grid: Grid) -> None:
    """Take off ``image`` what one symbol keeps from being lowered."""
    column, row = (one.x_um - grid.x0_um) / grid.pitch_um, (one.y_um - grid.y0_um) / grid.pitch_um
    i, j = int(np.floor(column + 0.5)), int(np.floor(row + 0.5))
    stamp = _stamp(one.symbol, face, cut, grid.pitch_um, round(column - i, 6), round(row - j, 6))
    half_rows, half_columns = stamp.shape[0] // 2, stamp.shape[1] // 2
    top, left = max(j - half_rows, 0), max(i - half_columns, 0)
    bottom = min(j + half_rows + 1, grid.rows)
    right = min(i + half_columns + 1, grid.columns)
    if bottom <= top or right <= left:
        return
    across = slice(left - i + half_columns, right - i + half_columns)
    image[top:bottom, left:right] -= stamp[top - j + half_rows : bottom - j + half_rows, across]


def _stamp(
    symbol: str, face: Face, cut: Cut, pitch_um: float, off_x: float, off_y: float
) -> Floats:
    """Return what a symbol keeps, the image's middle ``off`` pixels from the symbol's."""
    reach = cut.reach_um + 2 * pitch_um
    half_columns = int(np.ceil((face.width_um / 2 + reach) / pitch_um))
    half_rows = int(np.ceil((face.height_um / 2 + reach) / pitch_um))
    grid = Grid(
        -(half_columns + off_x) * pitch_um,
        -(half_rows + off_y) * pitch_um,
        pitch_um,
        2 * half_columns + 1,
        2 * half_rows + 1,
    )
    return kept(symbol, face, cut, grid)


@lru_cache(maxsize=256)
def kept(symbol: str, face: Face, cut: Cut, grid: Grid) -> Floats:
    """Return the share of the ground that a symbol round the origin keeps from being lowered.

    Read-only: a symbol of the same size on the same grid is drawn once.
    """
    shape = outline(symbol, face)

    def region(inset: Inset, grown: float = 0.0) -> Floats:
        return 1.0 - coverage(shape.buffer(inset[1] - grown), grid)

    regions = [region(inset) for inset in cut.insets_um]
    image = 1.0 - _worn(regions, _bands(region, cut, grid), cut, grid.pitch_um)
    image.setflags(write=False)
    return image


def _bands(region: Callable[[Inset, float], Floats], cut: Cut, grid: Grid) -> list[Floats]:
    """Return the lines that contours trace, as images: length of line a square um."""
    half = grid.pitch_um / 2
    return [(region(i, half) - region(i, -half)) / grid.pitch_um for i in cut.contours_um]


def _worn(regions: list[Floats], bands: list[Floats], cut: Cut, pitch_um: float) -> Floats:
    """Return the removed share after all passes: craters over regions, and traces after each."""
    if cut.trace is None:
        return dig(np.asarray(np.mean(regions, axis=0), np.float64), cut.kerf_um, pitch_um)
    removed = np.zeros_like(regions[0])
    for region, band in zip(regions, bands, strict=True):
        removed += dig(region, cut.kerf_um, pitch_um) / len(regions)
        steep = _cosine(removed * cut.relief_um, cut.trace.beam_radius_um / 2, pitch_um)
        depth_um = _traced(band, steep, cut.trace, pitch_um) * cut.passes / len(regions)
        removed += depth_um / cut.relief_um
    return removed


def _cosine(z_um: Floats, reach_um: float, pitch_um: float) -> Floats:
    """Return the cosine of the slope as pulses feel it: over ``reach_um`` to either side."""
    reach = max(1, round(reach_um / pitch_um))
    wide = np.pad(z_um, reach, mode="edge")
    across = wide[reach:-reach, 2 * reach :] - wide[reach:-reach, : -2 * reach]
    along = wide[2 * reach :, reach:-reach] - wide[: -2 * reach, reach:-reach]
    return 1.0 / np.sqrt(1.0 + (across**2 + along**2) / (2 * reach * pitch_um) ** 2)


def _traced(band: Floats, cosine: Floats, trace: Trace, pitch_um: float) -> Floats:
    """Return the depth that one trace takes: on a slope fluence falls and pulses spread.

    The level ``ln(F / Fth)`` of each pulse is shared out between `LEVELS` craters.
    """
    level = np.maximum(trace.log_ratio + np.log(cosine), 0.0) / trace.log_ratio * LEVELS
    density = band * trace.pulses_per_um / cosine
    depth = np.zeros_like(band)
    for knot in range(1, LEVELS + 1):
        here = density * np.maximum(0.0, 1.0 - np.abs(level - knot))
        log_ratio = trace.log_ratio * knot / LEVELS
        radius = trace.beam_radius_um * sqrt(log_ratio / 2)
        volume = pi / 4 * trace.penetration_um * trace.beam_radius_um**2 * log_ratio**2
        depth += volume * crater_image(here, radius, pitch_um)
    return depth
