"""Scanlines over a region: a polygon -> burn segments, all rows at once.

In: a region in ``tip_xy_um``, an angle, a pitch. Out: `Hatch`, segments in the frame ``uv_um``
of the hatch: u runs along the rows, v across; x = u cos t - v sin t, y = u sin t + v cos t.
Method: even-odd crossings of all edges with all rows in one pass of array arithmetic; an edge
owns its lower end and not its upper one, so a vertex on a row counts once.

Rows lie at ``v = (row + phase) * pitch`` from the tip's centre, whatever the region: the global
phase lock. Neighbouring polygons share their rows, and a row never shifts when a glyph changes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Polygon, box

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Hatch:
    """Burn segments of one pass, sorted by row and, within a row, by u.

    ``row`` is ``(n,)``; ``u_um`` is ``(n, 2)``, start and end with start < end.
    """

    row: Ints
    u_um: Floats
    angle_deg: float
    pitch_um: float
    phase: float

    @property
    def v_um(self) -> Floats:
        """Return ``(n,)``, the row's place across the hatch."""
        return np.asarray((self.row + self.phase) * self.pitch_um, dtype=np.float64)

    @property
    def length_um(self) -> float:
        """Return the length of all segments."""
        return float((self.u_um[:, 1] - self.u_um[:, 0]).sum())


def to_tip(u_um: Floats, v_um: Floats, angle_deg: float) -> Floats:
    """Turn hatch coordinates into ``(n, 2)`` points of ``tip_xy_um``."""
    cosine, sine = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    return np.column_stack((u_um * cosine - v_um * sine, u_um * sine + v_um * cosine))


def hatch(
    region: Polygon | MultiPolygon,
    angle_deg: float,
    pitch_um: float,
    phase: float = 0.0,
    shortest_um: float = 0.0,
) -> Hatch:
    """Fill ``region`` with rows ``pitch_um`` apart at ``angle_deg`` to the x axis.

    Parameters
    ----------
    phase
        Shift of all rows as a share of the pitch.
    shortest_um
        Segments shorter than this are left out: they hold no pulse.

    Examples
    --------
    >>> from shapely.geometry import box
    >>> ring = box(0, 0, 100, 10).difference(box(40, -1, 60, 20))
    >>> rows = hatch(ring, 0.0, 5.0, phase=0.5)
    >>> rows.row.tolist(), rows.u_um.tolist()
    ([0, 0, 1, 1], [[0.0, 40.0], [60.0, 100.0], [0.0, 40.0], [60.0, 100.0]])
    """
    start_uv, end_uv = _edges(region, angle_deg)
    row, u = _crossings(start_uv, end_uv, pitch_um, phase)
    order = np.lexsort((u, row))
    row, pairs = row[order][::2], u[order].reshape(-1, 2)
    keep = pairs[:, 1] - pairs[:, 0] > shortest_um
    return Hatch(row[keep], pairs[keep], angle_deg, pitch_um, phase)


def square(half_um: float) -> Polygon:
    """Return the upright square of side ``2 half_um`` round the origin."""
    return box(-half_um, -half_um, half_um, half_um)


def pass_angle_deg(turn_deg: float, pass_index: int) -> float:
    """Return the hatch angle of a pass, in [0, 180): rows have no sense of direction."""
    return (turn_deg * pass_index) % 180.0


def pass_phase(pass_index: int) -> float:
    """Return the shift of a pass as a share of the pitch, in [0, 1).

    Steps by the golden ratio: any run of passes spreads its rows evenly (Weyl's theorem; three
    gaps at most, by Steinhaus), so that rows of passes with like angles never pile up.
    """
    return (pass_index * 0.6180339887498949) % 1.0


def _edges(region: Polygon | MultiPolygon, angle_deg: float) -> tuple[Floats, Floats]:
    """Return starts and ends ``(m, 2)`` of all edges, in the frame of the hatch."""
    rings = shapely.get_rings(shapely.get_parts(region))
    points, ring = shapely.get_coordinates(rings, return_index=True)
    uv = to_tip(points[:, 0], points[:, 1], -angle_deg)
    same = ring[1:] == ring[:-1]
    return uv[:-1][same], uv[1:][same]


def _crossings(start: Floats, end: Floats, pitch: float, phase: float) -> tuple[Ints, Floats]:
    """Return row and u of every crossing of an edge with a row."""
    low = np.minimum(start[:, 1], end[:, 1])
    high = np.maximum(start[:, 1], end[:, 1])
    first = np.ceil(low / pitch - phase).astype(np.int64)
    count = np.ceil(high / pitch - phase).astype(np.int64) - first
    edge = np.repeat(np.arange(len(count)), count)
    within = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count)
    row = first[edge] + within
    (u0, v0), (u1, v1) = start[edge].T, end[edge].T
    return row, u0 + ((row + phase) * pitch - v0) * (u1 - u0) / (v1 - v0)
