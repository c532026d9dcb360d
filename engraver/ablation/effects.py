"""What real pulses do beyond the plain law: noise, saturation of incubation, recast and burr.

In: pulses (um, uJ), removed depths (um), a seed. Out: disturbed pulses, melt laid down again.
Authority: Di Niso et al., Opt. Express 22, 12200 (2014) for incubation that saturates; recast
and burr are a model of volume kept, their figures the user's [general knowledge: a few per cent
of the removed volume with nanosecond pulses, next to nothing below 10 ps].
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Effects:
    """Options of `ablate`; the default is none of them.

    Parameters
    ----------
    seed
        Seeds the noise: equal seeds, equal marks.
    energy_noise
        Relative standard deviation of the pulse energy.
    pointing_um
        Standard deviation of the beam axis in x and in y.
    saturation_pulses
        Pulses after which the threshold falls no further.
    recast_share, recast_reach_um
        Share of the removed volume that is laid down again, and how far from where it came
        (standard deviation): about a beam radius makes a burr at the rims, several make recast.
    """

    seed: int = 0
    energy_noise: float = 0.0
    pointing_um: float = 0.0
    saturation_pulses: float = inf
    recast_share: float = 0.0
    recast_reach_um: float = 8.0

    def disturbed(self, xyz_um: Floats, energy_uj: Floats) -> tuple[Floats, Floats]:
        """Return positions and energies with the noise of source and pointing."""
        if self.energy_noise <= 0 and self.pointing_um <= 0:
            return xyz_um, energy_uj
        rng = np.random.default_rng(self.seed)
        energy = energy_uj * np.maximum(0.0, 1 + rng.normal(0.0, self.energy_noise, len(energy_uj)))
        moved = xyz_um.copy()
        moved[:, :2] += rng.normal(0.0, self.pointing_um, (len(energy_uj), 2))
        return moved, energy

    def recast(self, removed_um: Floats, pitch_um: Floats) -> Floats:
        """Return the height that melt adds after ``removed_um`` was taken; the volume is kept."""
        sigma = [self.recast_reach_um / float(p) for p in pitch_um[::-1]]
        spread = ndimage.gaussian_filter(removed_um, sigma, mode="nearest")
        return np.asarray(self.recast_share * spread, np.float64)


IDEAL = Effects()
"""The plain law."""
