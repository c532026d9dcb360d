"""What pulses leave of a surface: `Surface`, `PulseTrain`, `Laser`, `Material` -> `Surface`.

In: laser pulses in the order they were fired (um, uJ). Out: heights in um and the number of
pulses each point has taken. Authority: Lickschat et al., "Ablation of steel using picosecond
and femtosecond double pulses", 2020, for the law below; Y. Jee et al., J. Opt. Soc. Am. B 5,
648 (1988) for incubation; J. M. Liu, Opt. Lett. 7, 196 (1982) for the crater's diameter.

Theory of operation
-------------------
One pulse of energy E in a Gaussian beam of 1/e2 radius w has the peak fluence
F0 = 2 E / (pi w^2) and digs a paraboloid

    depth(r) = delta * (ln(F0 / Fth(N)) - 2 r^2 / w^2)        where positive,

with the penetration depth delta and the threshold Fth(N) = Fth(1) N^(S - 1) of a spot that
has taken N pulses, this one counted. Out of focus w^2 = w0^2 (1 + (dz / zR)^2); on a slope
theta the fluence falls by cos(theta) and the depth, measured along z, grows by 1 / cos(theta).

A mark has millions of pulses, so nothing here loops over pulses. Pulses are taken in batches,
short enough that neither the depth nor the incubation changes much inside one. In a batch
each pulse gets its own L = ln(F0 / Fth) and w from the surface under its axis; both are
shared out linearly between the neighbouring knots of a coarse (L, ln w) table, the pulses
are splatted on the grid (bilinear weights, volume kept) and each knot's density image is
convolved with that knot's crater by FFT.

        pulses --> batch --> L, w per pulse --> density per knot --FFT--> removed depth
          ^                     ^                                              |
          '------ next batch ---'--------- heights, pulse counts <-------------'

The count N of a point is the sum of exp(-2 r^2 / w^2) over pulses: N itself under a beam at
rest, the usual effective number under a moving one. Inside a batch the mean of ln N over the
pulses still to come is taken, (lnG(N0 + dN + 1) - lnG(N0 + 1)) / dN: one long batch counts as many
short ones do. Slopes are those before a batch: rms 1.4 um at walls of `fine-direct-drive` by it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import ceil, log, pi, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.special import gammaln

from engraver import surface as face
from engraver.ablation.effects import IDEAL, Effects
from engraver.heightmap import HeightMap
from engraver.profiles import Laser, Material, Part

Floats = NDArray[np.float64]

LOG_STEP = 0.125  # knots of L; the crater is linear in L but for its rim
WIDTH_STEP = 0.04  # knots of ln w
DEPTH_PER_BATCH_RAYLEIGH = 1 / 16  # w changes by less than 1 % at zR / 4 from focus
COUNT_PER_BATCH = 64  # pulses a spot may take before incubation is looked at again
LONGEST_BATCH = 1 << 19
LOOK_EVERY = 4096  # pulses after which the depth of a batch is looked at anew
FIRST_LOOK = 256  # pulses looked at first for a batch's end
_NOTHING_UM = 1e-5  # float32 FFT noise on a removal of some um


@dataclass(frozen=True, slots=True, eq=False)
class PulseTrain:
    """Pulses in the order they were fired; arrays are read-only.

    Parameters
    ----------
    xyz_um
        ``(n, 3)`` position of the beam axis in the tip frame and height of the focus.
    energy_uj
        ``(n,)`` energy of each pulse.
    """

    xyz_um: Floats
    energy_uj: Floats

    def __post_init__(self) -> None:
        self.xyz_um.setflags(write=False)
        self.energy_uj.setflags(write=False)

    def __len__(self) -> int:
        return len(self.energy_uj)


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """A surface in the making: heights, and how many pulses each point has taken.

    ``pulses_per_point`` has the shape of ``height.z_um`` and is read-only.
    """

    height: HeightMap
    pulses_per_point: Floats

    def __post_init__(self) -> None:
        self.pulses_per_point.setflags(write=False)


def blank(part: Part, pitch_um: float) -> Surface:
    """Return the unmarked tip of ``part``: its apex at z = 0, NaN outside the rim.

    The grid of ``pitch_um`` has a point on the apex and reaches just past the rim.

    Examples
    --------
    >>> tip = blank(Part("flat", "flat", 100.0, 10.0, "steel"), 1.0)
    >>> tip.height.z_um.shape, float(tip.height.z_um[50, 50])
    ((101, 101), 0.0)
    """
    half = [ceil(size / 2 / pitch_um) for size in face.size_um(part)]
    x, y = np.meshgrid(*(np.arange(-n, n + 1) * pitch_um for n in half))
    a, b = (size / 2 for size in face.size_um(part))
    off = np.maximum(abs(x) / a, abs(y) / b) if part.shape == "plate" else np.hypot(x / a, y / b)
    z = np.zeros_like(x)
    if not face.is_flat(part):
        z = face.height_um(part, np.stack([x.ravel(), y.ravel()], axis=1)).reshape(x.shape)
    z = np.where(off <= 1.0, z, np.nan)
    corner = (-half[0] * pitch_um, -half[1] * pitch_um)
    return Surface(HeightMap(z, (pitch_um, pitch_um), corner), np.zeros_like(z))


def peak_fluence_j_cm2(energy_uj: float, beam_radius_um: float) -> float:
    """Return F0 = 2 E / (pi w^2).

    Examples
    --------
    >>> round(peak_fluence_j_cm2(1.0, 5.0), 4)
    2.5465
    """
    return 2 * energy_uj * 1e2 / (pi * beam_radius_um**2)


def crater_radius_um(energy_uj: float, laser: Laser, material: Material) -> float:
    """Return where the first pulse in focus stops ablating: r^2 = w^2 / 2 ln(F0 / Fth)."""
    ratio = peak_fluence_j_cm2(energy_uj, laser.beam_radius_um) / material.ablation_threshold_j_cm2
    return laser.beam_radius_um * sqrt(max(0.0, log(ratio)) / 2) if ratio > 0 else 0.0


def ablate(
    surface: Surface,
    pulses: PulseTrain,
    laser: Laser,
    material: Material,
    effects: Effects = IDEAL,
) -> Surface:
    """Fire ``pulses`` at ``surface`` and return what is left; the input is not changed.

    Pulses whose axis misses the grid or falls on a non-measured point remove nothing.
    ``effects`` adds what the plain law leaves out: noise, saturation, recast.
    """
    bench = _Bench(surface, laser, material, effects)
    pulses = PulseTrain(*effects.disturbed(pulses.xyz_um, pulses.energy_uj))
    order = bench.landing(pulses)
    xyz, energy = pulses.xyz_um[order], pulses.energy_uj[order]
    start = looked = 0
    while start < len(energy):
        window = slice(start, start + LONGEST_BATCH)
        if start >= looked:
            # all that is to come is looked at anew only now and then: it costs a pass over it
            limit, looked = bench.most_a_square(xyz[window], energy[window]), start + LOOK_EVERY
        stop = start + bench.batch_length(xyz[window], limit)
        bench.fire(xyz[start:stop], energy[start:stop])
        start = stop
    return bench.surface()


class _Bench:
    """The surface being worked on: private copies of its arrays, and the law."""

    def __init__(
        self, surface: Surface, laser: Laser, material: Material, effects: Effects
    ) -> None:
        self.effects = effects
        self.map = surface.height
        self.z = surface.height.z_um.copy()
        self.count = surface.pulses_per_point.astype(np.float64)
        self.laser, self.material = laser, material
        self.pitch = np.array(surface.height.pitch_xy_um)
        self.origin = np.array(surface.height.origin_xy_um)

    def surface(self) -> Surface:
        """Return what stands now."""
        return Surface(HeightMap(self.z, self.map.pitch_xy_um, self.map.origin_xy_um), self.count)

    def landing(self, pulses: PulseTrain) -> NDArray[np.intp]:
        """Return the indices of pulses that hit a measured point with energy."""
        column, row = self._nearest(pulses.xyz_um)
        rows, columns = self.z.shape
        inside = (column >= 0) & (row >= 0) & (column < columns) & (row < rows)
        inside &= pulses.energy_uj > 0
        hit = np.flatnonzero(inside)
        return hit[np.isfinite(self.z[row[hit], column[hit]])]

    def _nearest(self, xyz: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        cell = np.rint((xyz[:, :2] - self.origin) / self.pitch).astype(np.intp)
        return cell[:, 0], cell[:, 1]

    def most_a_square(self, xyz: Floats, energy: Floats) -> int:
        """Return how many of these pulses a square of side w / 2 may take in one batch."""
        under = self._count_under(xyz)
        level = self._log_ratio(energy, self._width_um(xyz), xyz, under + 1)
        top = max(float(level.max()), 1e-3)
        # n pulses in a square of side w / 2 lower it by n pi delta L^2, or n delta L at rest
        depth_um = self.material.penetration_depth_nm * 1e-3 * max(top, pi * top**2)
        budget_um = self.laser.rayleigh_range_um * DEPTH_PER_BATCH_RAYLEIGH
        limit = min(budget_um / depth_um, COUNT_PER_BATCH + float(under.max()))
        return max(1, int(limit))

    def batch_length(self, xyz: Floats, limit: int) -> int:
        """Return how many pulses may fire before a square has taken ``limit`` of them."""
        ahead = FIRST_LOOK
        while True:  # no more pulses are looked at than it takes
            square = np.floor(xyz[:ahead, :2] / (self.laser.beam_radius_um / 2)).astype(np.int64)
            square -= square.min(axis=0)
            cell = square[:, 0] * (square[:, 1].max() + 1) + square[:, 1]
            length = _longest_prefix(cell, limit)
            if length < min(ahead, len(xyz)) or ahead >= len(xyz):
                return length
            ahead *= 4

    def fire(self, xyz: Floats, energy: Floats) -> None:
        """Fire one batch."""
        width = self._width_um(xyz)
        grid = _Window.round(self, xyz, 3 * float(width.max()))
        width_knots = _share(np.log(width), WIDTH_STEP)
        extra = grid.convolve(
            (_gaussian(np.exp(knot * WIDTH_STEP)), grid.splat(at, weight))
            for knot, at, weight in width_knots
        )
        before = self._count_under(xyz)
        grown = np.maximum(grid.sample(extra), 1.0)
        mean_log_n = (gammaln(before + grown + 1) - gammaln(before + 1)) / grown
        level = self._log_ratio(energy, width, xyz, np.exp(np.maximum(mean_log_n, 0.0)))
        removed = grid.convolve(self._craters(grid, level, width_knots, self._cosine(xyz)))
        removed[removed < _NOTHING_UM] = 0.0
        self.z[grid.rows, grid.columns] -= removed
        if self.effects.recast_share > 0:
            self.z[grid.rows, grid.columns] += self.effects.recast(removed, self.pitch)
        self.count[grid.rows, grid.columns] += np.maximum(extra, 0.0)

    def _craters(self, grid: _Window, level: Floats, width_knots: _Knots, cosine: Floats) -> _Pairs:
        """Yield a crater kernel and its density image for each knot of (L, ln w)."""
        alive = level > 0
        for width_knot, at, weight in width_knots:
            hot = alive[at]
            at, weight = at[hot], weight[hot] / cosine[at[hot]]
            width = float(np.exp(width_knot * WIDTH_STEP))
            for knot, inner, share in _share(level[at], LOG_STEP):
                if knot > 0:
                    density = grid.splat(at[inner], weight[inner] * share)
                    yield self._crater(knot * LOG_STEP, width), density

    def _crater(self, level: float, width: float) -> _Kernel:
        delta_um = self.material.penetration_depth_nm * 1e-3
        reach = width * sqrt(level / 2)
        return reach, lambda r2: delta_um * np.maximum(0.0, level - 2 * r2 / width**2)

    def _under(self, xyz: Floats) -> Floats:
        column, row = self._nearest(xyz)
        return self.z[row, column]

    def _count_under(self, xyz: Floats) -> Floats:
        column, row = self._nearest(xyz)
        return self.count[row, column]

    def _width_um(self, xyz: Floats) -> Floats:
        defocus = (xyz[:, 2] - self._under(xyz)) / self.laser.rayleigh_range_um
        return self.laser.beam_radius_um * np.sqrt(1 + defocus**2)

    def _log_ratio(self, energy: Floats, width: Floats, xyz: Floats, n: Floats) -> Floats:
        fluence = 2e2 * energy / (pi * width**2) * self._cosine(xyz)
        material = self.material
        n = np.minimum(n, self.effects.saturation_pulses)
        threshold = material.ablation_threshold_j_cm2 * n ** (material.incubation_coefficient - 1)
        return np.log(fluence / threshold)

    def _cosine(self, xyz: Floats) -> Floats:
        """Cosine of the slope under each axis, over half a beam radius to either side."""
        column, row = self._nearest(xyz)
        square = np.zeros(len(xyz))
        for axis, step_um in enumerate(self.pitch):
            reach = max(1, round(self.laser.beam_radius_um / 2 / step_um))
            ahead, behind = [row, column], [row, column]
            at = 1 - axis
            ahead[at] = np.minimum(ahead[at] + reach, self.z.shape[at] - 1)
            behind[at] = np.maximum(behind[at] - reach, 0)
            rise = self.z[ahead[0], ahead[1]] - self.z[behind[0], behind[1]]
            slope = rise / ((ahead[at] - behind[at]) * step_um)
            square += np.where(np.isfinite(slope), slope, 0.0) ** 2
        return 1 / np.sqrt(1 + square)


_Value = Callable[[Floats], Floats]
_Kernel = tuple[float, _Value]
"""Reach of a kernel in um, and its value at a squared distance in um2."""

_Pairs = Iterator[tuple[_Kernel, Floats]]
_Knots = list[tuple[int, NDArray[np.intp], Floats]]
"""Knot number, indices of the pulses that share in it, and their shares."""


def _gaussian(width: float) -> _Kernel:
    return 2 * width, lambda r2: np.exp(-2 * r2 / width**2)


def _share(value: Floats, step: float) -> _Knots:
    """Share each value out between its two neighbouring knots, linearly."""
    below = np.floor(value / step).astype(np.intp)
    upper = value / step - below
    knots = []
    for knot in np.unique(np.concatenate([below, below + 1])).tolist():
        share = np.where(below == knot, 1 - upper, np.where(below + 1 == knot, upper, 0.0))
        at = np.flatnonzero(share > 0)
        if at.size:
            knots.append((knot, at, share[at]))
    return knots


def _longest_prefix(cell: NDArray[np.int64], limit: int) -> int:
    """Return how many leading entries keep every cell's count at ``limit`` or below."""
    order = np.argsort(cell, kind="stable")
    first = np.flatnonzero(np.diff(cell[order], prepend=-1))
    rank = np.arange(len(cell)) - np.repeat(first, np.diff(first, append=len(cell)))
    return int(order[rank >= limit].min(initial=len(cell)))


@dataclass(frozen=True, slots=True, eq=False)
class _Window:
    """The part of the grid a batch can reach, and where its pulses fall in it."""

    rows: slice
    columns: slice
    corner: NDArray[np.int64]
    weight: Floats
    pitch: Floats
    padding: tuple[int, int]

    @classmethod
    def round(cls, bench: _Bench, xyz: Floats, reach_um: float) -> _Window:
        """Return the window ``reach_um`` round all pulses, with their bilinear weights."""
        position = (xyz[:, :2] - bench.origin) / bench.pitch
        pad = np.ceil(reach_um / bench.pitch).astype(int)
        size = np.array(bench.z.shape[::-1])
        low = np.maximum(np.floor(position.min(axis=0)).astype(int) - pad, 0)
        high = np.minimum(np.ceil(position.max(axis=0)).astype(int) + pad + 1, size)
        rows, columns = slice(low[1], high[1]), slice(low[0], high[0])
        width, height = (high - low).tolist()
        at = np.clip(position - low, 0, np.array([width, height]) - 1 - 1e-9)
        cell = np.floor(at).astype(np.int64)
        u, v = (at - cell).T
        corner = cell[:, 1] * width + cell[:, 0]
        corners = np.stack([corner, corner + 1, corner + width, corner + width + 1])
        weight = np.stack([(1 - u) * (1 - v), u * (1 - v), (1 - u) * v, u * v])
        return cls(rows, columns, corners, weight, bench.pitch, (int(pad[1]), int(pad[0])))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the window."""
        return (self.rows.stop - self.rows.start, self.columns.stop - self.columns.start)

    def splat(self, at: NDArray[np.intp], weight: Floats) -> Floats:
        """Return the density image of pulses ``at``, each counted ``weight`` times."""
        flat = np.zeros(self.shape[0] * self.shape[1])
        for corner, share in zip(self.corner, self.weight, strict=True):
            flat += np.bincount(corner[at], share[at] * weight, len(flat))
        return flat.reshape(self.shape)

    def sample(self, image: Floats) -> Floats:
        """Return ``image`` under each pulse, bilinearly."""
        flat = image.ravel()
        total: Floats = (flat[self.corner] * self.weight).sum(axis=0)
        return total

    def convolve(self, pairs: Iterable[tuple[_Kernel, Floats]]) -> Floats:
        """Return the sum of each density convolved with its kernel."""
        size = tuple(
            fft.next_fast_len(n + pad, real=True)
            for n, pad in zip(self.shape, self.padding, strict=True)
        )
        spectrum = np.zeros((size[0], size[1] // 2 + 1), np.complex64)
        for (reach, value), density in pairs:
            kernel = self._kernel(size, reach, value)
            spectrum += fft.rfft2(density.astype(np.float32), size) * fft.rfft2(kernel)
        image = fft.irfft2(spectrum, size)[: self.shape[0], : self.shape[1]]
        return np.asarray(image, np.float64)

    def _kernel(self, size: tuple[int, ...], reach: float, value: _Value) -> NDArray[np.float32]:
        """Return a kernel image whose centre is at [0, 0], wrapped round."""
        image = np.zeros(size, np.float32)
        y, x = (
            np.arange(-min(n, pad), min(n, pad) + 1)
            for n, pad in zip(
                np.ceil(reach / self.pitch[::-1]).astype(int), self.padding, strict=True
            )
        )
        r2 = (y[:, None] * self.pitch[1]) ** 2 + (x[None, :] * self.pitch[0]) ** 2
        image[np.ix_(y, x)] = np.where(r2 <= reach**2, value(r2), 0.0)
        return image
