"""`Toolpath` + `Setup` -> the height map the plan should leave, before the laser is on.

In: the planned polyline (um, mm/s). Out: `HeightMap` (um). Authority: the law of
`engraver.ablation.pulses`; pulses leave the laser at the recipe's repetition rate while the
axis runs at the planned speed of each move.
"""

from __future__ import annotations

import numpy as np

from engraver.ablation.pulses import PulseTrain, ablate, blank
from engraver.heightmap import HeightMap
from engraver.profiles import Setup
from engraver.toolpath import MoveKind, Toolpath


def predict(toolpath: Toolpath, setup: Setup, pitch_um: float = 1.0) -> HeightMap:
    """Return the tip as the planned pulses would leave it, on a grid of ``pitch_um``."""
    pulses = planned_pulses(toolpath, setup)
    return ablate(blank(setup.part, pitch_um), pulses, setup.laser, setup.material).height


def planned_pulses(toolpath: Toolpath, setup: Setup) -> PulseTrain:
    """Return where the pulses of a toolpath fall, and with what energy.

    The train runs on from stroke to stroke: the gate swallows pulses, it does not restart the
    laser's clock, so the first pulse of a stroke falls anywhere within one pitch.
    """
    burns = np.flatnonzero((toolpath.kind == MoveKind.BURN) & (toolpath.power > 0))
    start, end = toolpath.xyz_um[burns], toolpath.xyz_um[burns + 1]
    length_um = np.linalg.norm(end - start, axis=1)
    pulse_pitch_um = toolpath.speed_mm_s[burns] / setup.recipe.repetition_rate_khz
    fired = np.cumsum(length_um / pulse_pitch_um)
    number = np.arange(0.5, fired[-1] if len(fired) else 0.0)
    move = np.searchsorted(fired, number)
    before = np.concatenate([[0.0], fired])[move]
    share = (number - before) * pulse_pitch_um[move] / length_um[move]
    xyz = start[move] + share[:, None] * (end[move] - start[move])
    energy = toolpath.power[burns][move] * setup.laser.max_pulse_energy_uj
    return PulseTrain(xyz, energy)
