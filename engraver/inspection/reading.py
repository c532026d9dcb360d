"""Which symbol stands in each cell: patches of heights -> likelihoods of all 32.

In: heights above the face and a pose. Out: log-likelihoods ``(cells, 32)`` and the best
symbols. Authority: matched templates under Gaussian noise of unknown size: with a patch fitted
by level and height, ln L_k = -(n / 2) ln(1 - R_k^2), R_k the correlation with template k and
n the number of independent patches of ground, one for each stroke width squared.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engraver.inspection.expected import SYMBOLS, Templates
from engraver.inspection.registration import Field, Pose
from engraver.layout import MarkLayout

Floats = NDArray[np.float64]
LARGEST_R = 0.999  # no scan is so good that a perfect match should count without bound
LEAST_MEASURED = 0.3  # share of a cell's points below which it says nothing


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What stands in the cells, by position of the code.

    Parameters
    ----------
    symbols
        The likeliest symbol of each cell.
    log_likelihood
        ``(cells, 32)``, largest 0 in each row; all 0 where a cell says nothing.
    correlation
        ``(cells, 32)`` R of each template, at its best shift, -1 to 1.
    measured
        ``(cells,)`` share of measured points.
    """

    symbols: str
    log_likelihood: Floats
    correlation: Floats
    measured: Floats

    @property
    def quality(self) -> float:
        """Mean correlation of the likeliest symbols."""
        return float(self.correlation.max(axis=1).mean())


def read(
    field: Field, layout: MarkLayout, shapes: Templates, pose: Pose, *, moved: bool = True
) -> Reading:
    """Compare each cell with all templates, at small shifts or (``moved`` false) in place."""
    patches = cell_patches(field, layout, shapes, pose)
    step = shapes.grid.pitch_um
    bank = shapes.bank if moved else shapes.unmoved
    best = _correlations(patches, bank).reshape(len(patches), len(SYMBOLS), -1).max(axis=2)
    measured = np.isfinite(patches).mean(axis=(1, 2))
    best[measured < LEAST_MEASURED] = 0.0
    area = shapes.grid.rows * shapes.grid.columns * step**2
    n = area * measured / layout.stroke_um**2
    likelihood = -(n[:, None] / 2) * np.log(1 - np.clip(best, 0.0, LARGEST_R) ** 2)
    relative = likelihood - likelihood.max(axis=1, keepdims=True)
    symbols = "".join(SYMBOLS[k] for k in best.argmax(axis=1))
    return Reading(symbols, relative, best, measured)


def cell_patches(field: Field, layout: MarkLayout, shapes: Templates, pose: Pose) -> Floats:
    """Return ``(cells, rows, columns)`` heights on the templates' grid, NaN where unknown."""
    u, v = np.meshgrid(shapes.grid.x_um, shapes.grid.y_um)
    x = np.array([cell.centre_x_um for cell in layout.cells])[:, None, None] + u
    y = np.array([cell.centre_y_um for cell in layout.cells])[:, None, None] + v
    return field.sample(*pose.to_scan(x, y))


def _correlations(patches: Floats, bank: NDArray[np.float32]) -> Floats:
    """Return ``(cells, templates)`` correlation over the measured points of each patch."""
    flat = patches.reshape(len(patches), -1).astype(np.float32)
    known = np.isfinite(flat)
    weight = known.astype(np.float32)
    n = np.maximum(weight.sum(axis=1, keepdims=True), 1.0)
    mean = np.where(known, flat, 0).sum(axis=1, keepdims=True) / n
    h = np.where(known, flat - mean, 0)
    cross = h @ bank.T
    if known.all():  # the usual case on a pin: one sum for all cells
        total, square = bank.sum(axis=1)[None, :], np.einsum("ij,ij->i", bank, bank)[None, :]
    else:
        total, square = weight @ bank.T, weight @ (bank**2).T
    spread = (h**2).sum(axis=1, keepdims=True) * np.maximum(square - total**2 / n, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        r = cross / np.sqrt(spread)
    return np.where(np.isfinite(r), r, 0.0).astype(np.float64)
