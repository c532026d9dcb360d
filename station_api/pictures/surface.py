"""Pictures of a pin: its height map, the read-back over it, its deviation from the design.

In: `HeightMap`, `Inspection`, `ReliefDesign` (um). Out: PNG files. Authority: none; colours
are perceptually even (viridis for heights, a diverging map for deviations), grey is
non-measured, the scale bar is in um and the mark is shown as a person sees the pin: mirrored.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib import patheffects
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from engraver.heightmap import HeightMap
from engraver.inspection import Inspection, deviation
from engraver.inspection.form import remove_form
from engraver.relief import ReliefDesign

MOST_PIXELS = 1600
_OUTLINED = [patheffects.withStroke(linewidth=2.5, foreground="black")]
_BAR_LENGTHS_UM = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)


def draw_pin(height_map: HeightMap, path: Path | str, title: str = "") -> None:
    """Draw heights above the unmarked face, with scale bar and colour bar."""
    figure, axes = _canvas(title)
    flat, _ = remove_form(height_map)
    _show_heights(figure, axes, height_map, flat)
    _save(figure, path)


def draw_read_back(
    height_map: HeightMap, inspection: Inspection, path: Path | str, title: str = ""
) -> None:
    """Draw the pin with a box and the symbol read in each cell; red where it is wrong."""
    verdict = inspection.verdict.value
    figure, axes = _canvas(title or f"read back {inspection.read_back}: {verdict}")
    flat, _ = remove_form(height_map)
    _show_heights(figure, axes, height_map, flat)
    for symbol in inspection.symbols:
        _label_cell(axes, inspection, symbol)
    _zoom(axes, height_map, inspection)
    _save(figure, path)


def draw_deviation(
    height_map: HeightMap, design: ReliefDesign, inspection: Inspection, path: Path | str
) -> None:
    """Draw measured minus designed heights over the mark, in the frame of the tip."""
    image, grid = deviation(height_map, design, inspection)
    figure, axes = _canvas("deviation from the design")
    limit = float(np.nanpercentile(np.abs(image), 99)) if np.isfinite(image).any() else 1.0
    shown = HeightMap(image, (grid.pitch_um, grid.pitch_um), (grid.x0_um, grid.y0_um))
    _show(figure, axes, shown, image, "RdBu_r", (-limit, limit), "measured - designed (µm)")
    _save(figure, path)


def _canvas(title: str) -> tuple[Figure, Any]:
    figure = Figure(figsize=(8.0, 7.0), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_title(title, fontsize=11)
    return figure, axes


def _show_heights(
    figure: Figure, axes: Any, height_map: HeightMap, flat: NDArray[np.float64]
) -> None:
    low, high = np.nanpercentile(flat, [0.5, 99.5])
    room = max(0.02 * (high - low), 0.1)
    limits = (float(low - room), float(high + room))
    _show(figure, axes, height_map, flat, "viridis", limits, "height above the face (µm)")


def _show(
    figure: Figure,
    axes: Any,
    height_map: HeightMap,
    image: NDArray[np.float64],
    colours: str,
    limits: tuple[float, float],
    label: str,
) -> None:
    """Show ``image`` in um, y upwards, non-measured points grey."""
    step = max(1, max(image.shape) // MOST_PIXELS)
    rows, columns = image.shape
    (dx, dy), (x0, y0) = height_map.pitch_xy_um, height_map.origin_xy_um
    extent = (x0 - dx / 2, x0 + dx * (columns - 0.5), y0 - dy / 2, y0 + dy * (rows - 0.5))
    palette = matplotlib.colormaps[colours].with_extremes(bad="0.6")
    shown = axes.imshow(
        image[::step, ::step],
        origin="lower",
        extent=extent,
        cmap=palette,
        vmin=limits[0],
        vmax=limits[1],
        interpolation="nearest",
    )
    figure.colorbar(shown, ax=axes, label=label, shrink=0.85)
    axes.set_xlabel("x (µm)")
    axes.set_ylabel("y (µm)")
    _scale_bar(axes, extent)


def _scale_bar(axes: Any, extent: tuple[float, float, float, float]) -> None:
    """Draw a bar of a round length, about a fifth of the picture."""
    width = extent[1] - extent[0]
    length = max((n for n in _BAR_LENGTHS_UM if n <= width / 4), default=width / 5)
    bar = Rectangle(
        (0.05, 0.04),
        length / width,
        0.012,
        transform=axes.transAxes,
        facecolor="white",
        edgecolor="black",
        label="scale bar",
    )
    axes.add_patch(bar)
    text = axes.text(
        0.05, 0.06, f"{length:g} µm", transform=axes.transAxes, color="white", fontsize=10
    )
    text.set_path_effects(_OUTLINED)


def _label_cell(axes: Any, inspection: Inspection, symbol: Any) -> None:
    """Draw a cell's box, and above its symbol what was read there."""
    half_width, half_height = symbol.width_um / 2, symbol.height_um / 2
    u = np.array([-1.0, 1.0, 1.0, -1.0, -1.0]) * half_width + symbol.centre_x_um
    v = np.array([-1.0, -1.0, 1.0, 1.0, -1.0]) * half_height + symbol.centre_y_um
    x, y = inspection.pose.to_scan(u, v)
    right = symbol.symbol == symbol.designed
    colour = "cyan" if right else "red"
    axes.plot(x, y, color=colour, linewidth=0.8)
    top = inspection.pose.to_scan(
        np.array([symbol.centre_x_um]), np.array([symbol.centre_y_um + half_height * 1.27])
    )
    label = symbol.symbol if right else f"{symbol.symbol} for {symbol.designed}"
    text = axes.text(
        float(top[0][0]), float(top[1][0]), label, color=colour, ha="center", va="center"
    )
    text.set_path_effects(_OUTLINED)


def _zoom(axes: Any, height_map: HeightMap, inspection: Inspection) -> None:
    """Show the mark and a margin, not all of the tip."""
    u = np.array([s.centre_x_um for s in inspection.symbols])
    v = np.array([s.centre_y_um for s in inspection.symbols])
    reach = float(np.hypot(np.ptp(u), np.ptp(v))) / 2 + 150.0
    x, y = inspection.pose.to_scan(np.array([0.0]), np.array([0.0]))
    rows, columns = height_map.z_um.shape
    (dx, dy), (x0, y0) = height_map.pitch_xy_um, height_map.origin_xy_um
    axes.set_xlim(max(x0, float(x[0]) - reach), min(x0 + dx * columns, float(x[0]) + reach))
    axes.set_ylim(max(y0, float(y[0]) - reach), min(y0 + dy * rows, float(y[0]) + reach))


def _save(figure: Figure, path: Path | str) -> None:
    figure.savefig(str(path), metadata={"Software": None})
