"""Other people's ways to fill and order, each called as its own documentation says.

In: a region (um) and an angle. Out: segments ``(n, 2, 2)`` in um, in the order the peer gives.
A peer that is not installed raises ImportError; the caller says so in its table.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import shapely
from shapely import affinity
from shapely.geometry import MultiPolygon

Segments = np.ndarray
Fill = Callable[[MultiPolygon, float, float], Segments]


def rings(region: MultiPolygon) -> list[np.ndarray]:
    """Return the closed rings of a region."""
    return [shapely.get_coordinates(r) for r in shapely.get_rings(shapely.get_parts(region))]


def shapely_lines(region: MultiPolygon, angle_deg: float, pitch_um: float) -> Segments:
    """Shapely: clip a MultiLineString of all rows by the region, in one call."""
    turned = affinity.rotate(region, -angle_deg, origin=(0, 0))
    x0, y0, x1, y1 = turned.bounds
    y = np.arange(np.ceil(y0 / pitch_um), np.ceil(y1 / pitch_um)) * pitch_um
    ends = np.stack((np.full_like(y, x0 - 1), y, np.full_like(y, x1 + 1), y), axis=1)
    rows = shapely.multilinestrings(shapely.linestrings(ends.reshape(-1, 2, 2)))
    inside = affinity.rotate(shapely.intersection(rows, turned), angle_deg, origin=(0, 0))
    return np.array([shapely.get_coordinates(line) for line in inside.geoms])


def clipper2(region: MultiPolygon, angle_deg: float, pitch_um: float) -> Segments:
    """Clipper2 through pyclipr: open paths clipped by the rings."""
    import pyclipr

    engine = pyclipr.Clipper()
    engine.scaleFactor = 1000
    x0, y0, x1, y1 = region.bounds
    radius = np.hypot(x1 - x0, y1 - y0) / 2
    v = np.arange(-radius, radius, pitch_um)
    cosine, sine = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    ends = np.empty((len(v), 2, 2))
    for side, u in ((0, -radius), (1, radius)):
        ends[:, side] = np.column_stack((u * cosine - v * sine, u * sine + v * cosine))
    engine.addPaths(list(ends), pyclipr.Subject, True)
    engine.addPaths([ring[:-1] for ring in rings(region)], pyclipr.Clip)
    _, opened = engine.execute(
        pyclipr.Intersection, pyclipr.FillRule.EvenOdd, returnOpenPaths=True
    )[:2]
    return np.array([np.asarray(line)[[0, -1]] for line in opened])


def pyslm(region: MultiPolygon, angle_deg: float, pitch_um: float) -> Segments:
    """PySLM's Hatcher with alternating rows, no contours, no spot compensation."""
    import contextlib
    import io

    with contextlib.redirect_stdout(io.StringIO()):
        from pyslm import hatching

    hatcher = hatching.Hatcher()
    hatcher.hatchAngle, hatcher.hatchDistance = angle_deg, pitch_um
    hatcher.layerAngleIncrement = 0
    hatcher.numInnerContours = hatcher.numOuterContours = 0
    hatcher.spotCompensation = 0.0
    hatcher.hatchSortMethod = hatching.AlternateSort()
    layer = hatcher.hatch(rings(region))
    return np.concatenate([g.coords.reshape(-1, 2, 2) for g in layer.geometry])


def meerk40t_scanline(region: MultiPolygon, angle_deg: float, pitch_um: float) -> Segments:
    """MeerK40t's scanline fill, as its hatch effect calls it."""
    from meerk40t.fill.fills import scanline_fill

    return _meerk40t(scanline_fill, region, angle_deg, pitch_um)


def meerk40t_eulerian(region: MultiPolygon, angle_deg: float, pitch_um: float) -> Segments:
    """MeerK40t's eulerian fill."""
    from meerk40t.fill.fills import eulerian_fill

    return _meerk40t(eulerian_fill, region, angle_deg, pitch_um)


def _meerk40t(fill: Callable, region: MultiPolygon, angle_deg: float, pitch_um: float) -> Segments:
    outlines: list[complex | None] = []
    for ring in rings(region):
        outlines += [complex(x, y) for x, y in ring]
        outlines.append(None)
    settings = {"hatch_distance": str(pitch_um), "hatch_angle": float(-angle_deg)}
    points = fill(settings, outlines, None)
    segments, last = [], None
    for point in points:
        if last is not None and point is not None:
            segments.append((last, point))
        last = point
    return np.array(segments, dtype=float)


def meerk40t_geomstr(region: MultiPolygon, angle_deg: float, pitch_um: float) -> Segments:
    """MeerK40t's newer Geomstr.hatch."""
    from meerk40t.core.geomstr import Geomstr

    outline = Geomstr()
    for ring in rings(region):
        outline.polyline([complex(x, y) for x, y in ring])
        outline.end()
    filled = Geomstr.hatch(outline, angle=np.radians(-angle_deg), distance=pitch_um)
    start, end = filled.segments[: filled.index, 0], filled.segments[: filled.index, 4]
    kind = filled.segments[: filled.index, 2].real.astype(int) & 0xFF
    lines = np.stack((start, end), axis=1)[kind != 0x80]
    lines = lines[np.isfinite(lines.real).all(axis=1) & (lines[:, 0] != lines[:, 1])]
    return np.stack((lines.real, lines.imag), axis=2)


FILLS: dict[str, Fill] = {
    "Shapely, one MultiLineString": shapely_lines,
    "Clipper2 (pyclipr)": clipper2,
    "PySLM Hatcher": pyslm,
    "MeerK40t scanline_fill": meerk40t_scanline,
    "MeerK40t Geomstr.hatch": meerk40t_geomstr,
    "MeerK40t eulerian_fill": meerk40t_eulerian,
}


def vpype_linesort(segments: Segments) -> Segments:
    """Sort by vpype's linesort: greedy nearest, flipping allowed."""
    import vpype
    import vpype_cli

    lines = vpype.LineCollection([segment[:, 0] + 1j * segment[:, 1] for segment in segments])
    document = vpype.Document(lines)
    done = vpype_cli.execute("linesort", document)
    ends = np.array([[line[0], line[-1]] for line in done.layers[1]])
    return np.stack((ends.real, ends.imag), axis=2)


def meerk40t_travel(segments: Segments) -> Segments:
    """Sort by MeerK40t's short_travel_cutcode, its greedy order with 2-opt."""
    from meerk40t.core.cutcode.cutcode import CutCode
    from meerk40t.core.cutcode.linecut import LineCut
    from meerk40t.core.cutplan import short_travel_cutcode

    grid = np.rint(segments * 10).astype(int).tolist()  # it thinks in whole units
    cuts = CutCode([LineCut(tuple(a), tuple(b), settings={}) for a, b in grid])
    for cut in cuts:
        cut.burns_done = 0
    done = short_travel_cutcode(cuts)
    return np.array([[cut.start, cut.end] for cut in done.flat()], dtype=float) / 10


def row_snake(segments: Segments) -> Segments:
    """Leave the rows as filled, every other one reversed."""
    way = segments[:, 1] - segments[:, 0]
    unit = way[0] / np.hypot(*way[0])
    v = np.rint((segments @ np.array([-unit[1], unit[0]])).mean(axis=1) / 2.5)
    u = segments @ unit
    rows = [np.flatnonzero(v == value) for value in np.unique(v)]
    out = []
    for number, row in enumerate(rows):
        forward = np.sort(u[row], axis=1)
        order = np.argsort(forward[:, 0])
        sign = 1 if number % 2 == 0 else -1
        for index in row[order][::sign]:
            start_first = (u[index, 0] < u[index, 1]) == (sign > 0)
            out.append(segments[index] if start_first else segments[index][::-1])
    return np.array(out)


ORDERS: dict[str, Callable[[Segments], Segments]] = {
    "row snake": row_snake,
    "MeerK40t short_travel": meerk40t_travel,
    "vpype linesort": vpype_linesort,
}
