"""Polygons -> images of area coverage, for comparing designs with scans.

In: shapely polygons (um). Out: ``(rows, columns)`` float64, the share of each pixel that the
shape covers, 0 to 1. Authority: even-odd scan conversion with exact coverage along a row, the
accumulation buffer of font rasterisers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import fft
from shapely.geometry.base import BaseGeometry

Floats = NDArray[np.float64]
SUB_ROWS = 4  # sub-scanlines a pixel: coverage true to 1 % of a pixel on slanted edges


@dataclass(frozen=True, slots=True)
class Grid:
    """A square grid of pixel centres: ``x = x0 + i * pitch``, ``y = y0 + j * pitch``, um."""

    x0_um: float
    y0_um: float
    pitch_um: float
    columns: int
    rows: int

    @classmethod
    def around(
        cls, bounds: tuple[float, float, float, float], pitch_um: float, margin_um: float = 0.0
    ) -> Grid:
        """Return the grid that covers ``bounds`` and a margin, a pixel centre on the middle."""
        x0, y0, x1, y1 = bounds
        half_columns = int(np.ceil(((x1 - x0) / 2 + margin_um) / pitch_um))
        half_rows = int(np.ceil(((y1 - y0) / 2 + margin_um) / pitch_um))
        return cls(
            (x0 + x1) / 2 - half_columns * pitch_um,
            (y0 + y1) / 2 - half_rows * pitch_um,
            pitch_um,
            2 * half_columns + 1,
            2 * half_rows + 1,
        )

    @property
    def x_um(self) -> Floats:
        """Column centres."""
        return self.x0_um + self.pitch_um * np.arange(self.columns, dtype=np.float64)

    @property
    def y_um(self) -> Floats:
        """Row centres."""
        return self.y0_um + self.pitch_um * np.arange(self.rows, dtype=np.float64)


def coverage(shape: BaseGeometry, grid: Grid) -> Floats:
    """Return how much of each pixel of ``grid`` lies inside ``shape``.

    Examples
    --------
    >>> square = shapely.box(-1.0, -1.0, 1.5, 1.0)
    >>> coverage(square, Grid(-2.0, 0.0, 1.0, 5, 1)).tolist()
    [[0.0, 0.5, 1.0, 1.0, 0.0]]
    """
    starts, ends = _edges(shape, grid)
    row, x = _crossings(starts, ends, grid.rows * SUB_ROWS)
    order = np.lexsort((x, row))
    row, x = row[order], x[order]
    sign = np.where(np.arange(len(x)) % 2 == 0, 1.0, -1.0)
    x = np.clip(x, 0.0, grid.columns)
    pixel = np.floor(x).astype(np.int64)
    share = x - pixel
    width = grid.columns + 2
    flat = (row // SUB_ROWS) * width + pixel
    size = grid.rows * width
    steps = np.bincount(flat, sign * (1 - share), size) + np.bincount(flat + 1, sign * share, size)
    image = np.cumsum(steps.reshape(grid.rows, width), axis=1)[:, : grid.columns] / SUB_ROWS
    return np.clip(image, 0.0, 1.0)


def _edges(shape: BaseGeometry, grid: Grid) -> tuple[Floats, Floats]:
    """Return the start and end points of all ring edges, in sub-row pixel units."""
    rings = shapely.get_rings(shapely.get_parts(shape))
    points, ring = shapely.get_coordinates(rings, return_index=True)
    same = ring[1:] == ring[:-1]
    scaled = (points - (grid.x0_um, grid.y0_um)) / grid.pitch_um + 0.5
    scaled[:, 1] *= SUB_ROWS
    return scaled[:-1][same], scaled[1:][same]


def _crossings(starts: Floats, ends: Floats, sub_rows: int) -> tuple[NDArray[np.int64], Floats]:
    """Return sub-row and x of every crossing of an edge with a sub-row's middle."""
    low = np.clip(np.ceil(np.minimum(starts[:, 1], ends[:, 1]) - 0.5), 0, sub_rows).astype(int)
    high = np.clip(np.ceil(np.maximum(starts[:, 1], ends[:, 1]) - 0.5), 0, sub_rows).astype(int)
    count = high - low
    edge = np.repeat(np.arange(len(count)), count)
    first = np.cumsum(count) - count
    row = np.arange(count.sum()) - first[edge] + low[edge]
    rise = ends[edge, 1] - starts[edge, 1]
    along = (row + 0.5 - starts[edge, 1]) / rise
    return row, starts[edge, 0] + along * (ends[edge, 0] - starts[edge, 0])


def dig(region: Floats, radius_um: float, pitch_um: float) -> Floats:
    """Return how deep craters of ``radius_um`` over ``region`` lower each pixel, 1 = all the way.

    Pulses evenly spread over a region lower a point by the share of a crater's volume that is
    centred inside it: the region convolved with the paraboloid 1 - r^2 / radius^2.
    """
    return np.clip(crater_image(region, radius_um, pitch_um), 0.0, 1.0)


def crater_image(density: Floats, radius_um: float, pitch_um: float) -> Floats:
    """Return ``density`` convolved with one crater of unit volume; the margin is held outwards."""
    reach = max(1, int(np.ceil(radius_um / pitch_um)))
    offset = np.arange(-reach, reach + 1) * pitch_um
    kernel = np.maximum(0.0, 1 - (offset[:, None] ** 2 + offset[None, :] ** 2) / radius_um**2)
    kernel /= kernel.sum()
    size = [fft.next_fast_len(n + 2 * reach, real=True) for n in density.shape]
    edge = np.pad(density, reach, mode="edge")
    product = fft.rfft2(edge, size) * fft.rfft2(kernel, size)
    image = fft.irfft2(product, size)[2 * reach :, 2 * reach :]
    rows, columns = density.shape
    return np.asarray(image[:rows, :columns], np.float64)
