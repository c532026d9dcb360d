"""A program of G-code as a value: what `engraver.gcode` writes and the firmware bridge sends.

In: bytes and their map back to the toolpath. Out: `GcodeProgram`. It stands apart from its
author so that the process that owns a port need not load geometry.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class GcodeProgram:
    """A program and its map back to the toolpath.

    Parameters
    ----------
    data
        ASCII bytes, every line ended by LF.
    sha256
        Hex digest of ``data``.
    line_stroke
        ``(lines,)`` int32: stroke that a line burns, -1 where it burns none.
    dialect
        The controller dialect whose limits the lines keep.
    s_max
        The $30 for which S words were scaled.
    estimated_time_s
        Modelled machine seconds (`engraver.motion`).
    bottleneck
        What holds it up: "motion", "controller" or "link".
    """

    data: bytes
    sha256: str
    line_stroke: NDArray[np.int32]
    dialect: str
    s_max: int
    estimated_time_s: float
    bottleneck: str = "motion"

    def __post_init__(self) -> None:
        self.line_stroke.setflags(write=False)

    @property
    def lines(self) -> list[bytes]:
        """The lines without their LF."""
        return self.data.split(b"\n")[:-1]
