"""Where a burn has to be commanded so that it lands where it was planned.

In: a `Toolpath` and the machine's calibration figures. Out: the vertices ``(m + 1, 3)`` to
command (um).

A beam that comes on a time t late burns a distance v t too far along; rows burned backwards
that lie b further along +row than rows burned forwards want forward rows moved by + b / 2 and
backward rows by - b / 2 along +row. Along the sense of travel both are one shift,
``b / 2 - v t``, of both ends of every burn. What lies between burns is gated and just joins.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engraver.profiles import Machine
from engraver.toolpath import GRID_UM, MoveKind, Toolpath


def commanded_xyz_um(toolpath: Toolpath, machine: Machine) -> NDArray[np.float64]:
    """Return the vertices to command; the planned ones where the machine needs no correction."""
    if machine.bidirectional_offset_um == 0 and machine.laser_latency_us == 0:
        return toolpath.xyz_um
    step = np.diff(toolpath.xyz_um, axis=0)
    unit = step / np.linalg.norm(step, axis=1)[:, None]
    late_um = toolpath.speed_mm_s * machine.laser_latency_us * 1e-3
    advance = np.where(
        toolpath.kind == MoveKind.BURN, machine.bidirectional_offset_um / 2 - late_um, 0.0
    )
    shift = np.zeros_like(toolpath.xyz_um)
    weight = np.zeros(len(shift))
    burn = toolpath.kind == MoveKind.BURN
    for side in (slice(0, -1), slice(1, None)):
        shift[side] += unit * advance[:, None]
        weight[side] += burn
    shift /= np.maximum(weight, 1)[:, None]
    return np.asarray(np.round((toolpath.xyz_um + shift) / GRID_UM) * GRID_UM)
