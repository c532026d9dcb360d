"""The region to ablate: `MarkLayout` + `Setup` -> `ReliefDesign`.

Characters stay; the field round them is taken away. What the beam's path may touch is the
field moved inwards by the kerf, the radius of one pulse's crater.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import radians, tan

import numpy as np
import shapely
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from engraver import crater, glyphs, refusals
from engraver.errors import DesignError
from engraver.layout import MarkLayout, field_outline
from engraver.profiles import Setup

Inset = tuple[float, float]
"""How far the beam's axis keeps from the field's edge and from the characters, um."""

_SEGMENTS = 16  # to a quarter of a buffer's arcs: a 6 um kerf is then true to 0.01 um


@dataclass(frozen=True, slots=True, eq=False)
class ReliefDesign:
    """What shall stand and what shall go, frame ``tip_xy_um``.

    ``characters`` is what was drawn; ``reachable`` what a round beam can leave standing
    (the opened design: compare scans with this one); ``field`` the area to be lowered by
    ``relief_um``, ``whole`` the same with the characters' places filled in;
    ``pass_regions[k]`` where the beam's axis may be with the laser on in pass k (kerf, draft
    and shoulder taken off), ``insets_um[k]`` how far it keeps there from the field's edge and
    from the characters. ``contours[k]`` are the rings traced after pass k with gentler pulses,
    whose kerf is ``contour_kerf_um``, ``contour_pulses`` the pulses; empty where there are none.
    """

    layout: MarkLayout
    characters: MultiPolygon
    reachable: MultiPolygon
    field: MultiPolygon
    pass_regions: tuple[MultiPolygon, ...]
    kerf_um: float
    relief_um: float
    whole: MultiPolygon
    insets_um: tuple[Inset, ...]
    contours: tuple[MultiPolygon, ...] = ()
    contour_kerf_um: float = 0.0
    contour_insets_um: tuple[Inset, ...] = ()
    contour_pulses: crater.Trace | None = None


def design(layout: MarkLayout, setup: Setup) -> ReliefDesign:
    """Decide what is taken away so that the characters of ``layout`` stand.

    Raises
    ------
    DesignError
        If an outline is empty or crosses itself, the beam is too wide for a symbol, or laser,
        machine and recipe do not go together (see `engraver.refusals`).
    """
    refusals.refuse_text_recipe(setup)
    kerf = crater.kerf_um(setup)
    # a pulse below threshold has no crater: the beam itself then says whether it is too wide
    _refuse_wide_beam(layout, kerf or setup.laser.beam_radius_um)
    refusals.refuse_impossible_process(setup)
    for cell, outline in zip(layout.cells, layout.outlines, strict=True):
        what = f"outline of {cell.symbol!r} at position {cell.position}"
        refusals.refuse_bad_outline(outline, what, "mend the glyph")
    characters = as_multipolygon(shapely.union_all([*layout.outlines, *layout.marks]))
    field = _field(layout, setup)
    trace = crater.contour_kerf_um(setup)
    insets = _insets_um(kerf, setup)
    trace_insets = _insets_um(trace, setup) if trace else ()
    return ReliefDesign(
        layout=layout,
        characters=characters,
        reachable=as_multipolygon(glyphs.closed_by_beam(characters, trace or kerf)),
        field=as_multipolygon(field.difference(characters)),
        pass_regions=_pass_regions(field, characters, insets),
        kerf_um=kerf,
        relief_um=setup.recipe.relief_um,
        whole=as_multipolygon(shapely.union_all([field, characters])),
        insets_um=insets,
        contours=_pass_regions(field, characters, trace_insets),
        contour_kerf_um=trace,
        contour_insets_um=trace_insets,
        contour_pulses=crater.trace(setup),
    )


def _insets_um(kerf_um: float, setup: Setup) -> tuple[Inset, ...]:
    """Return how far the axis keeps from edges in each pass.

    Pass k starts at the depth of the k passes before it; there a wall that leans stands
    ``depth * tan(draft)`` further out than its top, the field's edge ``depth / tan(shoulder)``
    further in.
    """
    recipe = setup.recipe
    draft = tan(radians(recipe.draft_deg))
    shoulder = tan(radians(90.0 - recipe.shoulder_deg))
    step_um = recipe.relief_um / recipe.passes
    return tuple(
        (kerf_um + round(depth_um * shoulder, 1), kerf_um + round(depth_um * draft, 1))
        for depth_um in (step_um * np.arange(recipe.passes)).tolist()
    )


def _pass_regions(
    field: Polygon, characters: MultiPolygon, insets_um: tuple[Inset, ...]
) -> tuple[MultiPolygon, ...]:
    """Return where the axis may be in each pass; passes of equal insets share their region."""
    made: dict[Inset, MultiPolygon] = {}
    for inner_um, outer_um in insets_um:
        if (inner_um, outer_um) not in made:
            inner = field.buffer(-inner_um, quad_segs=_SEGMENTS)
            outer = characters.buffer(outer_um, quad_segs=_SEGMENTS)
            made[inner_um, outer_um] = as_multipolygon(inner.difference(outer))
    return tuple(made[inset] for inset in insets_um)


def as_multipolygon(shape: BaseGeometry) -> MultiPolygon:
    """Return the polygons of ``shape``; points and lines that geometry left over are dropped."""
    parts = shapely.get_parts(shape)
    return MultiPolygon([part for part in parts if isinstance(part, Polygon)])


def _field(layout: MarkLayout, setup: Setup) -> Polygon:
    """Return the area to be lowered, characters included."""
    if setup.recipe.field == "tip":
        return layout.usable
    return field_outline(layout, setup.recipe.field_margin_um)


def _refuse_wide_beam(layout: MarkLayout, radius_um: float) -> None:
    height, width, stroke = layout.cell_height_um, layout.cell_width_um, layout.stroke_um

    def survives(radius_um: float) -> bool:
        return all(glyphs.survives(s, height, width, stroke, radius_um) for s in symbols)

    symbols = sorted({cell.symbol for cell in layout.cells})
    if survives(radius_um):
        return
    lost = [s for s in symbols if not glyphs.survives(s, height, width, stroke, radius_um)]
    fits = next((r / 2 for r in range(int(2 * radius_um), 0, -1) if survives(r / 2)), 0.0)
    raise DesignError(
        f"the beam is too wide for the glyphs: a crater radius of {radius_um:.1f} um closes "
        f"{', '.join(lost)} in a cell of {height:g} x {width:g} um with a stroke of {stroke:g} um; "
        f"use at most {fits:g} um, a thinner stroke or a larger cell"
    )
