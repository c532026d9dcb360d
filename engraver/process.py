"""Speed and power of every move: what the machine can feed, what the face and the law ask for.

In: way-points (um) and a `Setup`. Out: speeds (mm/s), shares of full pulse energy, run-ups (um).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter1d

from engraver import crater, kinematics, surface
from engraver.profiles import Setup
from engraver.strokes import RunUp

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_SPEED_STEPS = 20
"""Lowered feeds go in twentieths, so that few lines need an F word."""


def run_up(setup: Setup, angle_deg: float) -> RunUp:
    """Return how far rows at ``angle_deg`` need to run up to the recipe's least burning speed."""
    least = setup.recipe.least_speed_share * setup.recipe.speed_mm_s
    acceleration = kinematics.row_acceleration_mm_s2(setup.machine, angle_deg)
    corner = kinematics.corner_speed_mm_s(setup.machine, angle_deg)
    to_um = 1e3 / (2 * acceleration)
    return RunUp(max(least**2 - corner**2, 0.0) * to_um, least**2 * to_um)


def speeds_mm_s(xyz_um: Floats, jump: Flags, contour: Flags, setup: Setup) -> Floats:
    """Return the speed of each move: the recipe's, or what the controller can feed.

    The planner's buffer holds N blocks; where N of them would be done before the controller
    has executed N at ``block_rate_hz`` it would run dry, the axes would slow down and M4 would
    take the power away: there the feed is lowered first.
    """
    machine, recipe = setup.machine, setup.recipe
    speed = np.where(contour, recipe.contour_speed_mm_s, recipe.speed_mm_s)
    free = np.where(jump, np.inf, speed)
    total = np.cumsum(kinematics.plan_speeds(xyz_um * 1e-3, free, machine).time_s)
    n = min(machine.planner_blocks, len(total))
    window = total[n - 1 :] - np.concatenate(([0.0], total[:-n]))
    share = np.minimum(window * machine.block_rate_hz / n, 1.0)
    slowest = minimum_filter1d(np.pad(share, (0, n - 1), mode="edge"), n, origin=(n - 1) // 2)
    steps = np.maximum(np.floor(slowest * _SPEED_STEPS), 1.0) / _SPEED_STEPS
    return np.asarray(speed * steps, dtype=np.float64)


def powers(xyz_um: Floats, speed_mm_s: Floats, contour: Flags, setup: Setup) -> Floats:
    """Return the share of full pulse energy of each move.

    Where the feed had to be lowered the energy falls so that a pass keeps its depth; where the
    face leans it rises by 1 / cos, as the face gets only cos of the fluence.
    """
    recipe = setup.recipe
    energy = np.zeros(len(speed_mm_s))
    for these, full_mm_s, energy_uj in (
        (~contour, recipe.speed_mm_s, recipe.pulse_energy_uj),
        (contour, recipe.contour_speed_mm_s, recipe.contour_energy_uj),
    ):
        speeds, where = np.unique(speed_mm_s[these], return_inverse=True)
        shares = [speed / full_mm_s for speed in speeds.tolist()]
        at_speed = [crater.energy_at_speed_uj(setup, energy_uj, share) for share in shares]
        energy[these] = np.array(at_speed)[where]
    middle = (xyz_um[:-1, :2] + xyz_um[1:, :2]) / 2
    return np.asarray(
        energy / surface.cosine(setup.part, middle) / setup.laser.max_pulse_energy_uj,
        dtype=np.float64,
    )
