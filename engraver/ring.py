"""Draw the gear ring: the teeth of a code round its characters, which also say which way is up.

In: a `MarkCode` and radii (um). Out: teeth as polygons, mirrored like the characters: what
stands clockwise on the primer stands counter-clockwise on the pin. Authority: docs/formats/gear.md
for what the teeth mean (`engraver.gear`); the start mark at twelve o'clock is the fiducial.
"""

from __future__ import annotations

import numpy as np
from shapely.geometry import Polygon

from engraver.codes import MarkCode
from engraver.errors import DesignError
from engraver.gear import slot_count, tooth_arcs_deg

_STEP_DEG = 1.0  # chords of an arc: at 600 um radius their sagitta is 0.02 um


def teeth(
    code: MarkCode, inner_radius_um: float, tooth_um: float, beam_radius_um: float
) -> tuple[Polygon, ...]:
    """Draw the teeth of ``code``, ``tooth_um`` long from ``inner_radius_um`` outwards.

    Raises
    ------
    DesignError
        If the beam cannot clear the gap of one slot.
    """
    slots = slot_count(code.format)
    gap_um = inner_radius_um * 2 * np.pi / slots
    if gap_um < 2 * beam_radius_um:
        least = 2 * beam_radius_um * slots / (2 * np.pi)
        raise DesignError(
            f"a gear ring of {slots} slots at a radius of {inner_radius_um:.0f} um leaves gaps of "
            f"{gap_um:.1f} um, the beam is {2 * beam_radius_um:g} um wide; a radius of "
            f"{least:.0f} um fits"
        )
    return tuple(_tooth(*arc, inner_radius_um, tooth_um) for arc in tooth_arcs_deg(code))


def _tooth(start_deg: float, end_deg: float, inner_um: float, length_um: float) -> Polygon:
    """Return one tooth between two angles, counter-clockwise from twelve o'clock."""
    steps = max(int(np.ceil((end_deg - start_deg) / _STEP_DEG)), 1)
    sweep = np.radians(np.linspace(start_deg, end_deg, steps + 1))
    inner = np.column_stack((-np.sin(sweep), np.cos(sweep))) * inner_um
    outer = inner[::-1] * (inner_um + length_um) / inner_um
    return Polygon(np.concatenate((inner, outer)))
