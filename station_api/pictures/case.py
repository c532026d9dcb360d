"""A case as a picture: the primer's heights, and over each cell what was read there.

In: `HeightMap` of a primer (um), where the symbols were looked for, what was read. Out: a PNG file.
Heights are shown with the dent and long waves taken off, as the reader saw them, viridis, grey for
points that were not measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib import patheffects
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from engraver.heightmap import HeightMap
from engraver.impressions.cases import inside_out

MARGIN_UM = 120.0
_OUTLINED: list[patheffects.AbstractPathEffect] = [
    patheffects.withStroke(linewidth=2.5, foreground="black")
]


def draw_case(
    height_map: HeightMap,
    cells_um: Sequence[Sequence[float]],
    text: str,
    likeliest: str,
    path: Path,
    title: str = "",
) -> None:
    """Draw a case; symbols that were read stand in white, the likeliest of the others in red.

    Parameters
    ----------
    cells_um
        ``(n, 2)`` middles of the cells on the scan.
    text, likeliest
        What was read, ``?`` where nothing was sure; the likeliest symbol at each place.
    """
    heights = -inside_out(height_map).z_um
    (dx, dy), (x0, y0) = height_map.pitch_xy_um, height_map.origin_xy_um
    rows, columns = heights.shape
    figure = Figure(figsize=(4.6, 4.2), dpi=130, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_title(title, fontsize=9)
    low, high = np.nanpercentile(heights, [1, 99])
    axes.imshow(
        heights,
        origin="lower",
        extent=(x0 - dx / 2, x0 + dx * (columns - 0.5), y0 - dy / 2, y0 + dy * (rows - 0.5)),
        cmap=matplotlib.colormaps["viridis"].with_extremes(bad="0.6"),
        vmin=float(low),
        vmax=float(high),
        interpolation="nearest",
    )
    middle = np.array(cells_um)
    above = label_offset_um(middle)
    for (x, y), read, guess in zip(middle + above, text, likeliest, strict=True):
        sure = read != "?"
        label = axes.text(
            x, y, read if sure else guess, color="white" if sure else "#ff6a5a", fontsize=9,
            ha="center", va="center", alpha=0.95,
        )  # fmt: skip
        label.set_path_effects(_OUTLINED)
    axes.set_xlim(middle[:, 0].min() - MARGIN_UM, middle[:, 0].max() + MARGIN_UM)
    axes.set_ylim(middle[:, 1].min() - MARGIN_UM, middle[:, 1].max() + MARGIN_UM)
    axes.tick_params(labelsize=7)
    axes.set_xlabel("µm", fontsize=7)
    figure.savefig(path, metadata={"Software": None})


def label_offset_um(middle: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return from the middle of a cell to its upper left corner, as the mark lies on the scan.

    The first step along a row says where right is; half a cell up is a right angle to it.
    """
    right = middle[1] - middle[0]
    up = np.array([-right[1], right[0]])
    return np.asarray(-0.38 * right + 0.5 * up)
