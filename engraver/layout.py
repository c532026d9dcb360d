"""Place the symbols of a code on a tip: `MarkCode` + `Setup` -> `MarkLayout`.

The mark is mirrored here, once, and nowhere else: everything downstream is in the frame
``tip_xy_um`` of a person looking at the pin: origin at the tip's centre, x right, y up.
Reading order (left to right, top to bottom) is that of the impression on the primer.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot

from shapely import affinity
from shapely.geometry import MultiPolygon, Point, Polygon, box

from engraver import glyphs
from engraver.codes import MarkCode
from engraver.errors import DesignError
from engraver.profiles import Part, Recipe, Setup

_TIP_SEGMENTS = 64  # to a quarter: the sagitta of a 1.5 mm disc is then below 0.1 um


@dataclass(frozen=True, slots=True)
class Cell:
    """One symbol's place. ``row`` and ``column`` count as read on the primer, from 0."""

    position: int
    symbol: str
    row: int
    column: int
    centre_x_um: float
    centre_y_um: float


@dataclass(frozen=True, slots=True, eq=False)
class MarkLayout:
    """Symbols placed on the tip, mirrored; ``outlines[i]`` belongs to ``cells[i]``."""

    code: MarkCode
    cells: tuple[Cell, ...]
    outlines: tuple[MultiPolygon, ...]
    cell_height_um: float
    cell_width_um: float
    stroke_um: float
    tip: Polygon
    usable: Polygon


def arrange(code: MarkCode, setup: Setup) -> MarkLayout:
    """Place the symbols of ``code`` in rows on the recipe's part, mirrored.

    Raises
    ------
    DesignError
        If the pattern does not fit the usable face (says the smallest that would), or the
        symbols touch each other.
    """
    recipe = setup.recipe
    _refuse_touching_cells(recipe)
    tip = tip_outline(setup.part)
    usable = tip.buffer(-setup.part.edge_margin_um, quad_segs=_TIP_SEGMENTS)
    cells = tuple(_cell(code, position, recipe) for position in range(code.format.n))
    layout = MarkLayout(
        code=code,
        cells=cells,
        outlines=tuple(_outline(cell, recipe) for cell in cells),
        cell_height_um=recipe.cell_height_um,
        cell_width_um=recipe.cell_width_um,
        stroke_um=recipe.stroke_um,
        tip=tip,
        usable=usable,
    )
    _refuse_small_tip(layout, setup)
    return layout


def tip_outline(part: Part) -> Polygon:
    """Return the face of ``part`` seen along the beam, centred on the origin."""
    return Point(0, 0).buffer(part.tip_diameter_um / 2, quad_segs=_TIP_SEGMENTS)


def pattern_box(layout: MarkLayout) -> Polygon:
    """Return the smallest upright rectangle that holds all cells, the same for every code."""
    x = [cell.centre_x_um for cell in layout.cells]
    y = [cell.centre_y_um for cell in layout.cells]
    half_width, half_height = layout.cell_width_um / 2, layout.cell_height_um / 2
    return box(min(x) - half_width, min(y) - half_height, max(x) + half_width, max(y) + half_height)


def _cell(code: MarkCode, position: int, recipe: Recipe) -> Cell:
    """Place one symbol. The minus sign of x is the mirror: the only one in pinmark."""
    rows, columns = code.format.rows, code.format.columns
    row, column = divmod(position, columns)
    return Cell(
        position=position,
        symbol=code.text[position],
        row=row,
        column=column,
        centre_x_um=-(column - (columns - 1) / 2) * recipe.pitch_x_um,
        centre_y_um=-(row - (rows - 1) / 2) * recipe.pitch_y_um,
    )


def _outline(cell: Cell, recipe: Recipe) -> MultiPolygon:
    """Draw a symbol in its cell, turned left to right as the pin carries it."""
    shape = glyphs.outline(
        cell.symbol, recipe.cell_height_um, recipe.cell_width_um, recipe.stroke_um
    )
    mirrored = affinity.scale(shape, xfact=-1.0, origin=(0, 0))
    placed = affinity.translate(mirrored, cell.centre_x_um, cell.centre_y_um)
    return placed if isinstance(placed, MultiPolygon) else MultiPolygon([placed])


def _refuse_touching_cells(recipe: Recipe) -> None:
    for axis, size, pitch in (
        ("x", recipe.cell_width_um, recipe.pitch_x_um),
        ("y", recipe.cell_height_um, recipe.pitch_y_um),
    ):
        if pitch <= size:
            raise DesignError(
                f"recipe {recipe.name}: pitch_{axis}_um {pitch:g} um leaves no gap between cells "
                f"of {size:g} um; use more than {size:g} um"
            )


def _refuse_small_tip(layout: MarkLayout, setup: Setup) -> None:
    """Refuse a tip whose usable face does not hold the pattern and its margin."""
    field = pattern_box(layout).buffer(setup.recipe.field_margin_um)
    if layout.usable.contains(field):
        return
    corner = hypot(*(abs(v) for v in pattern_box(layout).bounds[:2]))
    least = 2 * (corner + setup.recipe.field_margin_um + setup.part.edge_margin_um)
    raise DesignError(
        f"{layout.code.format.name} with its margin does not fit part {setup.part.name}: tip "
        f"{setup.part.tip_diameter_um:g} um across, {least:.0f} um is the smallest that fits; "
        f"use a larger tip, smaller cells or a shorter code"
    )
