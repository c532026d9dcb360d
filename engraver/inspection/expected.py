"""`ReliefDesign` -> the surface a perfect machine would leave, whole and symbol by symbol.

In: design (um). Out: images of the removed share, 0 on top of a character, 1 on the floor of
the field. Authority: the threshold law (`engraver.ablation`): a region filled with pulses is
lowered by the region convolved with one crater, so that walls lean out by the kerf.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon

from engraver import glyphs
from engraver.inspection import drawing
from engraver.inspection.drawing import Cut, Face, cut_of
from engraver.inspection.raster import Grid
from engraver.layout import MarkLayout
from engraver.relief import ReliefDesign

Floats = NDArray[np.float64]
SYMBOLS = glyphs.SYMBOLS
READ_MARGIN_UM = 8.0
"""How much ground round a cell is read: the walls' foot, but not the shoulder of the field."""
SHIFTS_UM = (-5.0, -2.5, 0.0, 2.5, 5.0)
"""How far a symbol may stand from its place and still be read, in x and in y."""
NOTHING = 1e-9  # what a Fourier transform leaves of 0: its square is slow to reckon with


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
    """A removed share on a grid in the tip frame, and the symbols that stand in it, if any."""

    grid: Grid
    removed: Floats
    symbols: str = ""

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
        combinations of `SHIFTS_UM` in y and x, symbol by symbol.
    """

    grid: Grid
    removed: Floats
    bank: NDArray[np.float32]

    def __post_init__(self) -> None:
        self.removed.setflags(write=False)
        self.bank.setflags(write=False)

    @property
    def unmoved(self) -> NDArray[np.float32]:
        """The rows of ``bank`` whose symbols stand in their place, ``(32, pixels)``."""
        shifts = len(SHIFTS_UM) ** 2
        return self.bank[shifts // 2 :: shifts]


def surface(design: ReliefDesign, symbols: str | None = None, pitch_um: float = 1.0) -> Expected:
    """Return what the design, or the same layout with other ``symbols``, would look like."""
    grid = Grid.around(design.field.bounds, pitch_um, 4 * design.kerf_um)
    text = symbols or design.layout.code.text
    standing = drawing.placed(design.layout, text)
    return Expected(grid, drawing.lowered(design, standing, grid), text)


def cell_size_um(layout: MarkLayout) -> tuple[float, float]:
    """Return width and height of the window of one symbol: the cell and half its gaps."""
    x = np.unique(np.round([cell.centre_x_um for cell in layout.cells], 3))
    y = np.unique(np.round([cell.centre_y_um for cell in layout.cells], 3))
    gap_x = float(np.diff(x).min()) if len(x) > 1 else layout.cell_width_um * 1.4
    gap_y = float(np.diff(y).min()) if len(y) > 1 else layout.cell_height_um * 1.25
    return gap_x, gap_y


def templates(design: ReliefDesign, pitch_um: float = 2.5) -> Templates:
    """Return the 32 mirrored symbols in one cell's window, centred on the cell."""
    face = Face.of(design.layout)
    window = _window(cell_size_um(design.layout), face)
    return _templates(*window, face, cut_of(design), pitch_um)


def _window(gaps: tuple[float, float], face: Face) -> tuple[float, float]:
    return (
        min(gaps[0], face.width_um + 2 * READ_MARGIN_UM),
        min(gaps[1], face.height_um + 2 * READ_MARGIN_UM),
    )


@lru_cache(maxsize=8)
def _templates(
    window_width: float, window_height: float, face: Face, cut: Cut, pitch: float
) -> Templates:
    half = (window_width / 2, window_height / 2)
    fine = pitch / 2
    coarse = Grid.around((-half[0], -half[1], half[0], half[1]), pitch)
    grid = Grid(coarse.x0_um, coarse.y0_um, fine, 2 * coarse.columns - 1, 2 * coarse.rows - 1)
    removed = np.stack([1.0 - drawing.kept(s, face, cut, grid)[::2, ::2] for s in SYMBOLS])
    removed[np.abs(removed) < NOTHING] = 0.0
    shifts = [round(shift / pitch) for shift in SHIFTS_UM]
    bank = [np.roll(removed, (j, i), axis=(1, 2)) for j in shifts for i in shifts]
    heights = -np.stack(bank, axis=1).reshape(len(SYMBOLS) * len(bank), -1)
    return Templates(coarse, removed, heights.astype(np.float32))


def anonymous(design: ReliefDesign, pitch_um: float) -> Expected:
    """Return the design with every symbol replaced by the mean of all 32: for finding the mark.

    The same object for all codes of a recipe.
    """
    centres = tuple((cell.centre_x_um, cell.centre_y_um) for cell in design.layout.cells)
    size = cell_size_um(design.layout)
    return _anonymous(design.whole, centres, size, Face.of(design.layout), cut_of(design), pitch_um)


@lru_cache(maxsize=8)
def _anonymous(
    whole: MultiPolygon,
    centres: tuple[tuple[float, float], ...],
    gaps: tuple[float, float],
    face: Face,
    cut: Cut,
    pitch_um: float,
) -> Expected:
    grid = Grid.around(whole.bounds, pitch_um, 4 * cut.kerf_um)
    removed = drawing.empty_field(whole, cut, grid).copy()
    mean = _templates(*_window(gaps, face), face, cut, pitch_um)
    image = mean.removed.mean(axis=0)
    image = (image + image[::-1, ::-1] + image[::-1] + image[:, ::-1]) / 4
    for x_um, y_um in centres:
        i = round((x_um + mean.grid.x0_um - grid.x0_um) / pitch_um)
        j = round((y_um + mean.grid.y0_um - grid.y0_um) / pitch_um)
        removed[j : j + mean.grid.rows, i : i + mean.grid.columns] *= image
    return Expected(grid, removed)
