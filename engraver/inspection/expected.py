"""`ReliefDesign` -> the surface a perfect machine would leave, whole and symbol by symbol.

In: design (um). Out: images of the removed share, 0 on top of a character, 1 on the floor of
the field. Authority: the threshold law (`engraver.ablation`): a region filled with pulses is
lowered by the region convolved with one crater, so that walls lean out by the kerf.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import affinity
from shapely.geometry import MultiPolygon
from shapely.geometry.base import BaseGeometry

from engraver import glyphs
from engraver.inspection.raster import Grid, coverage, dig
from engraver.layout import MarkLayout
from engraver.relief import ReliefDesign

Floats = NDArray[np.float64]
SYMBOLS = glyphs.SYMBOLS
PASSES_SEEN = 4
READ_MARGIN_UM = 8.0
"""How much ground round a cell is read: the walls' foot, but not the shoulder of the field."""
SHIFTS_UM = (-5.0, -2.5, 0.0, 2.5, 5.0)
"""How far a symbol may stand from its place and still be read, in x and in y."""


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
    """A removed share on a grid in the tip frame."""

    grid: Grid
    removed: Floats

    def __post_init__(self) -> None:
        self.removed.setflags(write=False)


@dataclass(frozen=True, slots=True, eq=False)
class Templates:
    """All 32 symbols as a cell of this design would show them.

    Parameters
    ----------
    removed
        ``(32, rows, columns)`` removed share.
    bank
        ``(32 * shifts, rows * columns)`` float32: heights (the negative of ``removed``) at all
        combinations of `SHIFTS_UM` in y and x, symbol by symbol; with the sums of its rows
        and of their squares.
    """

    grid: Grid
    removed: Floats
    bank: NDArray[np.float32]
    bank_sum: NDArray[np.float32]
    bank_square: NDArray[np.float32]

    def __post_init__(self) -> None:
        self.removed.setflags(write=False)
        self.bank.setflags(write=False)


def filled_field(design: ReliefDesign) -> MultiPolygon:
    """Return the field with the characters' places filled in."""
    whole = shapely.union_all([design.field, design.characters])
    return MultiPolygon([part for part in shapely.get_parts(whole) if part.geom_type == "Polygon"])


def surface(design: ReliefDesign, symbols: str | None = None, pitch_um: float = 1.0) -> Expected:
    """Return what the design, or the same layout with other ``symbols``, would look like."""
    grid = Grid.around(design.field.bounds, pitch_um, 4 * design.kerf_um)
    if symbols is None or symbols == design.layout.code.text:
        region = np.mean([coverage(r, grid) for r in design.pass_regions], axis=0)
        return Expected(grid, dig(region, design.kerf_um, pitch_um))
    drawn = shapely.union_all(outlines(design.layout, symbols))
    return Expected(grid, lowered(design, drawn, grid))


def lowered(design: ReliefDesign, drawn: BaseGeometry, grid: Grid) -> Floats:
    """Return the removed share of this design's field with ``drawn`` left standing."""
    whole = filled_field(design)
    region = [
        coverage(whole.buffer(-inner).difference(drawn.buffer(outer)), grid)
        for inner, outer in insets_um(design)
    ]
    return dig(np.mean(region, axis=0), design.kerf_um, grid.pitch_um)


def field_alone(design: ReliefDesign, grid: Grid) -> Floats:
    """Return the removed share of the field as if no character stood in it."""
    whole = filled_field(design)
    region = [coverage(whole.buffer(-inner), grid) for inner, _ in insets_um(design)]
    return dig(np.mean(region, axis=0), design.kerf_um, grid.pitch_um)


def insets_um(design: ReliefDesign) -> tuple[tuple[float, float], ...]:
    """Return how far the beam's axis keeps from the field's edge and from the characters.

    A few passes, evenly spread, stand for all: walls that lean draw the axis back pass by pass.
    """
    passes = design.pass_regions
    chosen = np.unique(np.linspace(0, len(passes) - 1, PASSES_SEEN).round().astype(int))
    edge = filled_field(design).boundary
    characters = design.characters
    found = []
    for k in chosen.tolist():
        found.append((float(edge.distance(passes[k])), float(characters.distance(passes[k]))))
    return tuple(found)


def outlines(layout: MarkLayout, symbols: str) -> list[MultiPolygon]:
    """Return ``symbols`` drawn in the cells of ``layout``, mirrored as the pin carries them."""
    shapes = []
    for cell, symbol in zip(layout.cells, symbols, strict=True):
        shape = _glyph(symbol, layout.cell_height_um, layout.cell_width_um, layout.stroke_um)
        mirrored = affinity.scale(shape, xfact=-1.0, origin=(0, 0))
        shapes.append(affinity.translate(mirrored, cell.centre_x_um, cell.centre_y_um))
    return shapes


@lru_cache(maxsize=256)
def _glyph(symbol: str, height: float, width: float, stroke: float) -> MultiPolygon:
    shape = glyphs.outline(symbol, height, width, stroke)
    return shape if isinstance(shape, MultiPolygon) else MultiPolygon([shape])


def cell_size_um(layout: MarkLayout) -> tuple[float, float]:
    """Return width and height of the window of one symbol: the cell and half its gaps."""
    x = np.unique(np.round([cell.centre_x_um for cell in layout.cells], 3))
    y = np.unique(np.round([cell.centre_y_um for cell in layout.cells], 3))
    gap_x = float(np.diff(x).min()) if len(x) > 1 else layout.cell_width_um * 1.4
    gap_y = float(np.diff(y).min()) if len(y) > 1 else layout.cell_height_um * 1.25
    return gap_x, gap_y


def templates(design: ReliefDesign, pitch_um: float = 2.5) -> Templates:
    """Return the 32 mirrored symbols in one cell's window, centred on the cell."""
    layout = design.layout
    gap_x, gap_y = cell_size_um(layout)
    width = min(gap_x, layout.cell_width_um + 2 * READ_MARGIN_UM)
    height = min(gap_y, layout.cell_height_um + 2 * READ_MARGIN_UM)
    return _templates(
        width,
        height,
        layout.cell_height_um,
        layout.cell_width_um,
        layout.stroke_um,
        tuple(round(outer, 3) for _, outer in insets_um(design)),
        design.kerf_um,
        pitch_um,
    )


@lru_cache(maxsize=8)
def _templates(
    window_width: float,
    window_height: float,
    cell_height: float,
    cell_width: float,
    stroke: float,
    insets: tuple[float, ...],
    kerf: float,
    pitch: float,
) -> Templates:
    half = (window_width / 2, window_height / 2)
    fine = pitch / 2
    coarse = Grid.around((-half[0], -half[1], half[0], half[1]), pitch)
    grid = Grid(coarse.x0_um, coarse.y0_um, fine, 2 * coarse.columns - 1, 2 * coarse.rows - 1)
    images = []
    for symbol in SYMBOLS:
        glyph = _glyph(symbol, cell_height, cell_width, stroke)
        mirrored = affinity.scale(glyph, xfact=-1.0, origin=(0, 0))
        kept = np.mean([coverage(mirrored.buffer(inset), grid) for inset in insets], axis=0)
        region = np.asarray(1.0 - kept, np.float64)
        images.append(dig(region, kerf, fine)[::2, ::2])
    removed = np.stack(images)
    shifts = [round(shift / pitch) for shift in SHIFTS_UM]
    bank = [np.roll(removed, (j, i), axis=(1, 2)) for j in shifts for i in shifts]
    heights = -np.stack(bank, axis=1).reshape(len(SYMBOLS) * len(bank), -1)
    square = (heights**2).sum(axis=1).astype(np.float32)
    total = heights.sum(axis=1).astype(np.float32)
    return Templates(coarse, removed, heights.astype(np.float32), total, square)


def anonymous(design: ReliefDesign, pitch_um: float) -> Expected:
    """Return the design with every symbol replaced by the mean of all 32: for finding the mark."""
    grid = Grid.around(design.field.bounds, pitch_um, 4 * design.kerf_um)
    field = coverage(filled_field(design).buffer(-insets_um(design)[0][0]), grid)
    removed = dig(field, design.kerf_um, pitch_um)
    mean = templates(design, pitch_um)
    image = mean.removed.mean(axis=0)
    image = (image + image[::-1, ::-1] + image[::-1] + image[:, ::-1]) / 4
    for cell in design.layout.cells:
        i = round((cell.centre_x_um + mean.grid.x0_um - grid.x0_um) / pitch_um)
        j = round((cell.centre_y_um + mean.grid.y0_um - grid.y0_um) / pitch_um)
        removed[j : j + mean.grid.rows, i : i + mean.grid.columns] *= image
    return Expected(grid, removed)
