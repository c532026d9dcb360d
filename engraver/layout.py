"""Place the symbols of a code on a tip: `MarkCode` + `Setup` -> `MarkLayout`.

The mark is mirrored here, once, and nowhere else: everything downstream is in the frame
``tip_xy_um`` of a person looking at the pin: origin at the tip's centre, x right, y up.
Reading order (left to right, top to bottom) is that of the impression on the primer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import hypot, radians, sin

import shapely
from shapely import affinity
from shapely.geometry import MultiPolygon, Point, Polygon, box

from engraver import glyphs, matrix, ring, surface
from engraver.codes import MarkCode
from engraver.errors import DesignError
from engraver.profiles import Recipe, Setup

LARGEST_SCALE = 2.0
"""Cells twice the recipe's are larger than any published microstamp and only cost time."""

_SCALED = ("cell_height_um", "cell_width_um", "stroke_um", "pitch_x_um", "pitch_y_um")


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
    """Symbols placed on the tip, mirrored; ``outlines[i]`` belongs to ``cells[i]``.

    ``marks`` stand besides the symbols: the teeth of a gear ring (then the field is round),
    the modules of a Data Matrix.
    """

    code: MarkCode
    cells: tuple[Cell, ...]
    outlines: tuple[MultiPolygon, ...]
    cell_height_um: float
    cell_width_um: float
    stroke_um: float
    tip: Polygon
    usable: Polygon
    marks: tuple[Polygon, ...] = ()
    round_field: bool = False


def arrange(code: MarkCode, setup: Setup) -> MarkLayout:
    """Place the symbols of ``code`` in rows on the recipe's part, mirrored.

    Raises
    ------
    DesignError
        If the pattern does not fit the usable face (says the smallest that would), or the
        symbols touch each other.
    """
    _refuse_touching_cells(setup.recipe)
    if setup.recipe.cell_fit == "largest":
        setup = replace(setup, recipe=_largest_cells(code, setup))
    layout = _placed(code, setup)
    _refuse_small_tip(layout, setup)
    return layout


def _placed(code: MarkCode, setup: Setup) -> MarkLayout:
    recipe = setup.recipe
    cells = tuple(_cell(code, position, recipe) for position in range(code.format.n))
    bare = MarkLayout(
        code=code,
        cells=cells,
        outlines=tuple(_outline(cell, recipe) for cell in cells),
        cell_height_um=recipe.cell_height_um,
        cell_width_um=recipe.cell_width_um,
        stroke_um=recipe.stroke_um,
        tip=surface.outline(setup.part),
        usable=surface.usable(setup.part),
    )
    gap = recipe.pitch_x_um - recipe.cell_width_um
    x, y, *_ = pattern_box(bare).bounds
    marks: list[Polygon] = []
    if recipe.gear_ring == "outside":
        marks += ring.teeth(code, hypot(x, y) + gap, gap, setup.laser.beam_radius_um)
    if recipe.data_matrix == "below":
        marks += matrix.standing(code, recipe.stroke_um, y - gap)
    return replace(bare, marks=tuple(marks), round_field=recipe.gear_ring == "outside")


def field_outline(layout: MarkLayout, margin_um: float) -> Polygon:
    """Return the rounded outline of the pattern, the same for every code of a format."""
    inner: Polygon = pattern_box(layout)
    if layout.marks and not layout.round_field:
        inner = box(*shapely.union_all([inner, *layout.marks]).bounds)
    elif layout.marks:
        reach = max(hypot(*point) for tooth in layout.marks for point in tooth.exterior.coords)
        inner = Point(0, 0).buffer(reach, quad_segs=64)
    return inner.buffer(margin_um, quad_segs=16)


def _largest_cells(code: MarkCode, setup: Setup) -> Recipe:
    """Scale the recipe's cells, stroke and pitches to the largest whose field the part holds."""
    fits, fails = 0.0, LARGEST_SCALE
    best = setup.recipe
    while fails - fits > 1e-3:
        scale = (fits + fails) / 2
        recipe = replace(
            setup.recipe,
            **{key: round(getattr(setup.recipe, key) * scale, 1) for key in _SCALED},
        )
        trial = replace(setup, recipe=recipe)
        if _holds(_placed(code, trial), trial):
            fits, best = scale, recipe
        else:
            fails = scale
    return best


def _holds(layout: MarkLayout, setup: Setup) -> bool:
    field = field_outline(layout, setup.recipe.field_margin_um)
    return bool(layout.usable.contains(field))


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
    """Refuse a face whose usable part does not hold the pattern and its margin."""
    part = setup.part
    if layout.usable.is_empty:
        raise DesignError(
            f"part {part.name} has no usable field: edge_margin_um {part.edge_margin_um:g} um and "
            f"slope_limit_deg {part.slope_limit_deg:g} leave nothing of its face; lower them"
        )
    if _holds(layout, setup):
        return
    x, y = (abs(v) for v in pattern_box(layout).bounds[:2])
    outline = field_outline(layout, setup.recipe.field_margin_um)
    reach = max(hypot(*point) for point in outline.exterior.coords)
    name = f"{layout.code.format.name} with its margin"
    steepest = max(surface.slope_deg(part, *corner) for corner in ((x, y), (x, 0.0), (0.0, y)))
    if steepest > part.slope_limit_deg:
        raise DesignError(
            f"{name} does not fit part {part.name}: its corners lie where the face leans by "
            f"{steepest:.0f} degrees, slope_limit_deg is {part.slope_limit_deg:g}; use smaller "
            f"cells, a shorter code or a tip of a radius above "
            f"{reach / sin(radians(part.slope_limit_deg)):.0f} um"
        )
    raise DesignError(
        f"{name} does not fit part {part.name}: tip {part.tip_diameter_um:g} um across, "
        f"{2 * (reach + part.edge_margin_um):.0f} um is the smallest that fits; use a larger tip, "
        f"smaller cells or a shorter code"
    )
