"""How long a toolpath takes on a machine, and what holds it up.

In: a `Toolpath`, a `Machine`. Out: seconds. The motion itself is modelled in
`engraver.kinematics`, after grbl 1.1.
"""

from __future__ import annotations

import numpy as np

from engraver.kinematics import MotionProfile, plan_speeds
from engraver.profiles import Machine
from engraver.toolpath import MoveKind, Toolpath


def duration_s(toolpath: Toolpath, machine: Machine) -> float:
    """Return how many seconds ``machine`` takes for ``toolpath``."""
    return profile(toolpath, machine).duration_s


def profile(toolpath: Toolpath, machine: Machine) -> MotionProfile:
    """Plan the speeds of ``toolpath``: jumps run at the machine's limit."""
    jump = toolpath.kind == MoveKind.JUMP
    speed = np.where(jump, np.inf, toolpath.speed_mm_s)
    return plan_speeds(toolpath.xyz_um * 1e-3, speed, machine)
