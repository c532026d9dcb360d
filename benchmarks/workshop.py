"""Pins that are drawn, not burned: one design, from which sound and defective pins are made.

In: a code's index and a random generator. Out: scans with a floor's grain, an instrument's
noise and missing points, every true figure known. Drawn with the design's own surface
(`engraver.inspection.drawing.lowered`), so that what is tested is the inspection and not the
model of ablation.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

import hardware
from engraver import codes, layout, relief
from engraver.acceptance import DEFAULT
from engraver.heightmap import HeightMap
from engraver.inspection import drawing
from engraver.inspection.form import gaussian
from engraver.inspection.raster import Grid
from engraver.relief import ReliefDesign

SETUP = hardware.load_setup("default")
NOISE_UM, GRAIN_UM, MISSING = 0.1, 0.3, 0.1
GRAIN_SIGMA_UM = 1.5


def designed(index: int) -> ReliefDesign:
    return relief.design(layout.arrange(codes.encode_index(index), SETUP), SETUP)


class Workshop:
    """One design, drawn once."""

    def __init__(self, index: int, rng: np.random.Generator) -> None:
        self.design, self.rng = designed(index), rng
        self.grid = Grid.around((-330, -330, 330, 330), 1.0)
        self.relief_um = self.design.relief_um
        self.sound = self.lowered()

    def lowered(
        self,
        grid: Grid | None = None,
        without: int = -1,
        moved: tuple[int, float, float] = (-1, 0.0, 0.0),
        swapped: tuple[int, str] = (-1, ""),
        larger: tuple[str, float] = ("stroke_um", 0.0),
    ) -> np.ndarray:
        """Return the removed share with one thing changed."""
        here = self.design.layout
        standing = drawing.placed(here, here.code.text)
        if swapped[0] >= 0:
            standing[swapped[0]] = replace(standing[swapped[0]], symbol=swapped[1])
        if moved[0] >= 0:
            one = standing[moved[0]]
            at = (one.x_um + moved[1], one.y_um + moved[2])
            standing[moved[0]] = replace(one, x_um=at[0], y_um=at[1])
        if without >= 0:
            del standing[without]
        changed = replace(here, **{larger[0]: getattr(here, larger[0]) + larger[1]})
        return drawing.lowered(replace(self.design, layout=changed), standing, grid or self.grid)

    def shifted(self, dx: float, dy: float, grid: Grid | None = None) -> np.ndarray:
        """Return the whole mark moved."""
        grid = grid or self.grid
        return self.lowered(replace(grid, x0_um=grid.x0_um - dx, y0_um=grid.y0_um - dy))

    def pin(
        self, removed: np.ndarray, grid: Grid | None = None, grain_um: float = GRAIN_UM
    ) -> HeightMap:
        """Return a scan of a pin of the design's relief."""
        return self.scan(-self.relief_um * removed, grid, grain_um)

    def scan(
        self, z_um: np.ndarray, grid: Grid | None = None, grain_um: float = GRAIN_UM
    ) -> HeightMap:
        """Return a scan: grain on the floor, noise everywhere, a tenth not measured."""
        grid = grid or self.grid
        grain = ndimage.gaussian_filter(
            self.rng.standard_normal(z_um.shape), GRAIN_SIGMA_UM / grid.pitch_um
        )
        z = z_um + np.where(z_um < -1.0, grain_um * grain / grain.std(), 0.0)
        z = z + self.rng.normal(0.0, NOISE_UM, z.shape)
        z[self.rng.random(z.shape) < MISSING] = np.nan
        return HeightMap(z, (grid.pitch_um, grid.pitch_um), (grid.x0_um, grid.y0_um))


def grain_for_sq_um(sq_um: float) -> float:
    """Return the grain whose S-L surface has this Sq: the filters take a share of any grain."""
    plain = np.random.default_rng(5).standard_normal((1000, 1000))
    grain = ndimage.gaussian_filter(plain, GRAIN_SIGMA_UM)
    short = gaussian(grain / grain.std(), (1.0, 1.0), max(DEFAULT.s_filter_um, 3.0))
    passed = short - gaussian(short, (1.0, 1.0), DEFAULT.l_filter_um)
    return sq_um / float(passed.std())
