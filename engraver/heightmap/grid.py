"""`HeightMap`: a measured or predicted surface.

In and out: heights in um on a regular grid, NaN where nothing was measured. Authority:
ISO 25178 family for the words.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class HeightMap:
    """A surface on a regular grid.

    Parameters
    ----------
    z_um
        ``(rows, columns)`` float64, read-only; ``z_um[j, i]`` stands at
        ``x = origin_x + i * pitch_x``, ``y = origin_y + j * pitch_y``, y upwards, z towards
        the viewer. NaN marks a non-measured point.
    pitch_xy_um
        Increments in x and y.
    origin_xy_um
        Position of ``z_um[0, 0]``.
    """

    z_um: NDArray[np.float64]
    pitch_xy_um: tuple[float, float]
    origin_xy_um: tuple[float, float]

    def __post_init__(self) -> None:
        self.z_um.setflags(write=False)
