"""The region to ablate: `MarkLayout` + `Setup` -> `ReliefDesign`.

Characters stay; the field round them is taken away. What the beam's path may touch is the
field moved inwards by the kerf, the radius of one pulse's crater.
"""

from __future__ import annotations

from dataclasses import dataclass

import shapely
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from engraver import crater, glyphs, refusals
from engraver.errors import DesignError
from engraver.layout import MarkLayout, pattern_box
from engraver.profiles import Setup

_SEGMENTS = 16  # to a quarter of a buffer's arcs: a 6 um kerf is then true to 0.01 um


@dataclass(frozen=True, slots=True, eq=False)
class ReliefDesign:
    """What shall stand and what shall go, frame ``tip_xy_um``.

    ``characters`` is what was drawn; ``reachable`` what a round beam can leave standing
    (the opened design: compare scans with this one); ``field`` the area to be lowered by
    ``relief_um``; ``pass_regions[k]`` where the beam's axis may be with the laser on in
    pass k (kerf and draft taken off).
    """

    layout: MarkLayout
    characters: MultiPolygon
    reachable: MultiPolygon
    field: MultiPolygon
    pass_regions: tuple[MultiPolygon, ...]
    kerf_um: float
    relief_um: float


def design(layout: MarkLayout, setup: Setup) -> ReliefDesign:
    """Decide what is taken away so that the characters of ``layout`` stand.

    Raises
    ------
    DesignError
        If the beam is too wide for a symbol, or laser, machine and recipe do not go together
        (see `engraver.refusals`).
    """
    refusals.refuse_impossible_process(setup)
    kerf = crater.kerf_um(setup)
    _refuse_wide_beam(layout, kerf)
    characters = as_multipolygon(shapely.union_all(layout.outlines))
    field = _field(layout, setup)
    ground = field.difference(characters)
    region = as_multipolygon(ground.buffer(-kerf, quad_segs=_SEGMENTS))
    return ReliefDesign(
        layout=layout,
        characters=characters,
        reachable=as_multipolygon(glyphs.closed_by_beam(characters, kerf)),
        field=as_multipolygon(ground),
        pass_regions=(region,) * setup.recipe.passes,
        kerf_um=kerf,
        relief_um=setup.recipe.relief_um,
    )


def as_multipolygon(shape: BaseGeometry) -> MultiPolygon:
    """Return the polygons of ``shape``; points and lines that geometry left over are dropped."""
    parts = shapely.get_parts(shape)
    return MultiPolygon([part for part in parts if isinstance(part, Polygon)])


def _field(layout: MarkLayout, setup: Setup) -> Polygon:
    """Return the area to be lowered, characters included."""
    if setup.recipe.field == "tip":
        return layout.usable
    return pattern_box(layout).buffer(setup.recipe.field_margin_um, quad_segs=_SEGMENTS)


def _refuse_wide_beam(layout: MarkLayout, kerf_um: float) -> None:
    height, width, stroke = layout.cell_height_um, layout.cell_width_um, layout.stroke_um
    for symbol in sorted({cell.symbol for cell in layout.cells}):
        if not glyphs.survives(symbol, height, width, stroke, kerf_um):
            raise DesignError(
                f"the crater radius {kerf_um:.1f} um closes the counters of {symbol!r} in a cell "
                f"of {height:g} x {width:g} um with a stroke of {stroke:g} um; use a finer beam, "
                f"a thinner stroke or a larger cell"
            )
