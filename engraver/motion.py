"""How long a toolpath takes on a machine, and what holds it up: motion, controller or link.

In: a `Toolpath`, a `Machine`, the size of its program. Out: seconds. The motion itself is
modelled in `engraver.kinematics`, after grbl 1.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engraver.kinematics import MotionProfile, plan_speeds
from engraver.profiles import Machine
from engraver.toolpath import MoveKind, Toolpath

BITS_PER_BYTE = 10
"""A start bit, eight bits, a stop bit: 8N1."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Seconds that the axes, the controller and the link each need for a program."""

    motion_s: float
    controller_s: float
    link_s: float

    @property
    def bottleneck(self) -> str:
        """The one that needs most."""
        needs = {"motion": self.motion_s, "controller": self.controller_s, "link": self.link_s}
        return max(needs, key=lambda name: needs[name])

    @property
    def duration_s(self) -> float:
        """The time of the slowest: all three work at once, ahead of each other by a buffer."""
        return max(self.motion_s, self.controller_s, self.link_s)


def budget(toolpath: Toolpath, machine: Machine, lines: int, size_bytes: int) -> Budget:
    """Return what a program of ``lines`` lines and ``size_bytes`` bytes needs on ``machine``."""
    return Budget(
        motion_s=duration_s(toolpath, machine),
        controller_s=lines / machine.block_rate_hz,
        link_s=size_bytes * BITS_PER_BYTE / machine.baud,
    )


def duration_s(toolpath: Toolpath, machine: Machine) -> float:
    """Return how many seconds ``machine`` takes for ``toolpath``."""
    return profile(toolpath, machine).duration_s


def profile(toolpath: Toolpath, machine: Machine) -> MotionProfile:
    """Plan the speeds of ``toolpath``: jumps run at the machine's limit."""
    jump = toolpath.kind == MoveKind.JUMP
    speed = np.where(jump, np.inf, toolpath.speed_mm_s)
    return plan_speeds(toolpath.xyz_um * 1e-3, speed, machine)
