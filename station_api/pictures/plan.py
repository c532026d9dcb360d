"""A plan as a picture: `Toolpath` -> SVG text or a PNG file.

In: a toolpath and the shapes to show under it, frame ``tip_xy_um``. Out: passes in colours from
the first (dark) to the last (light), gated sweeps thin and grey, jumps dashed red, arrows for
the sense.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon

from engraver.toolpath import MoveKind, Toolpath

SIZE_PX = 1200
_COLOURS = mpl.colormaps["viridis"]


def svg(toolpath: Toolpath, shapes: MultiPolygon | None) -> str:
    """Draw the plan as an SVG document, 1 unit = 1 um, y up."""
    x0, y0, x1, y1 = _view(toolpath)
    pen = 1.6 * (x1 - x0) / SIZE_PX
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{x0:g} {-y1:g} {x1 - x0:g} {y1 - y0:g}" '
        f'width="{SIZE_PX}" height="{SIZE_PX}">',
        f'<g transform="scale(1,-1)" fill="none" stroke-width="{pen:.3g}">',
        f'<path fill="#d9b38c" fill-rule="evenodd" d="{_outline(shapes)}"/>' if shapes else "",
    ]
    last = int(toolpath.pass_index.max(initial=0))
    for index in range(last + 1):
        here = toolpath.pass_index == index
        colour = mpl.colors.to_hex(_COLOURS(index / max(last, 1)))
        for kind, style in (
            (MoveKind.BURN, f'stroke="{colour}"'),
            (MoveKind.GATED, f'stroke="#999" stroke-width="{pen / 3:.3g}"'),
            (MoveKind.JUMP, f'stroke="#d00" stroke-dasharray="{4 * pen:.3g}"'),
        ):
            moves = here & (toolpath.kind == kind)
            name = f"pass-{index} {kind.name.lower()}"
            parts.append(f'<path class="{name}" {style} d="{_moves(toolpath, moves)}"/>')
    return "\n".join([*parts, "</g>", "</svg>", ""])


def save_png(toolpath: Toolpath, shapes: MultiPolygon | None, path: Path) -> None:
    """Draw the plan to a PNG file: left the first pass with its senses, right all passes."""
    figure = Figure(figsize=(16, 8.4), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    first, every = figure.subplots(1, 2)
    _draw(first, toolpath, shapes, toolpath.pass_index == 0)
    _arrows(first, toolpath)
    first.set_title("pass 1: burn (dark), gated sweep (grey), jump (red)")
    _draw(every, toolpath, shapes, np.ones(len(toolpath.kind), dtype=bool))
    every.set_title(f"all {int(toolpath.pass_index.max(initial=0)) + 1} passes")
    figure.savefig(path)


def _draw(
    axes: mpl.axes.Axes, toolpath: Toolpath, shapes: MultiPolygon | None, show: NDArray[np.bool_]
) -> None:
    lines = np.stack((toolpath.xyz_um[:-1, :2], toolpath.xyz_um[1:, :2]), axis=1)
    last = max(int(toolpath.pass_index.max(initial=0)), 1)
    for polygon in shapes.geoms if shapes else ():
        axes.fill(*polygon.exterior.xy, color="#d9b38c", zorder=0)
        for hole in polygon.interiors:
            axes.fill(*hole.xy, color="white", zorder=0)
    for kind, width, order in ((MoveKind.GATED, 0.5, 1), (MoveKind.BURN, 0.6, 2)):
        moves = show & (toolpath.kind == kind)
        colours = _COLOURS(toolpath.pass_index[moves] / last) if kind is MoveKind.BURN else "#999"
        axes.add_collection(
            LineCollection(lines[moves], colors=colours, linewidths=width, zorder=order)
        )
    jumps = lines[show & (toolpath.kind == MoveKind.JUMP)]
    axes.add_collection(LineCollection(jumps, colors="#d00", linestyles="--", zorder=3))
    x0, y0, x1, y1 = _view(toolpath)
    axes.set(xlim=(x0, x1), ylim=(y0, y1), aspect="equal", xlabel="x / um", ylabel="y / um")


def _arrows(axes: mpl.axes.Axes, toolpath: Toolpath) -> None:
    """Show the sense of some burned rows of the first pass."""
    moves = np.flatnonzero((toolpath.pass_index == 0) & (toolpath.kind == MoveKind.BURN))
    for move in moves[:: max(len(moves) // 40, 1)].tolist():
        (xa, ya), (xb, yb) = toolpath.xyz_um[move, :2], toolpath.xyz_um[move + 1, :2]
        axes.annotate(
            "",
            xy=((xa + xb) / 2 + (xb - xa) * 0.05, (ya + yb) / 2 + (yb - ya) * 0.05),
            xytext=((xa + xb) / 2, (ya + yb) / 2),
            arrowprops={"arrowstyle": "-|>", "color": "#d00", "lw": 0.8},
        )


def _view(toolpath: Toolpath) -> tuple[float, float, float, float]:
    (x0, y0), (x1, y1) = toolpath.xyz_um[:, :2].min(axis=0), toolpath.xyz_um[:, :2].max(axis=0)
    half = float(max(x1 - x0, y1 - y0)) / 2 * 1.05 + 5
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    return x - half, y - half, x + half, y + half


def _outline(shape: MultiPolygon) -> str:
    rings = [ring for p in shape.geoms for ring in (p.exterior, *p.interiors)]
    return "".join("M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in r.coords) + "Z" for r in rings)


def _moves(toolpath: Toolpath, moves: NDArray[np.bool_]) -> str:
    """Write the chosen moves as one path; moves that follow each other share their vertex."""
    words, end = [], -2
    xy = toolpath.xyz_um[:, :2].tolist()
    for i in np.flatnonzero(moves).tolist():
        if i != end:
            words.append(f"M{xy[i][0]:.1f} {xy[i][1]:.1f}")
        words.append(f"L{xy[i + 1][0]:.1f} {xy[i + 1][1]:.1f}")
        end = i + 1
    return "".join(words)
