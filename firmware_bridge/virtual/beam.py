"""The laser of the virtual station: executed motion in, pulses out.

Theory of operation
-------------------
The source fires at a fixed repetition rate on its own clock: pulse k at the instant k / f.
The controller's PWM scales its energy: S / s_max of the maximum; under M4 also by actual
over programmed speed, so that the dose on the path stays even where the axis slows down.
Pieces of motion are collected and turned into pulses many at a time.

Positions are um, energies uJ, times s. Authority: grbl 1.1 laser mode document.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from engraver.profiles import Laser
from firmware_bridge.virtual.motion import Executed

Pulses = tuple[NDArray[np.float64], NDArray[np.float64]]
PIECES_A_BATCH = 4000


class Beam:
    """Collects executed pieces with the laser on and fires their pulses in batches.

    Parameters
    ----------
    laser
        Its ``max_pulse_energy_uj`` belongs to S = ``s_max``.
    repetition_rate_khz
        Pulses a millisecond.
    s_max
        The controller's $30.
    target
        Called with positions ``(n, 3)`` in um and energies ``(n,)`` in uJ.
    """

    def __init__(
        self,
        laser: Laser,
        repetition_rate_khz: float,
        s_max: float,
        target: Callable[[NDArray[np.float64], NDArray[np.float64]], None],
    ) -> None:
        self._energy_uj = laser.max_pulse_energy_uj
        self._rate_hz = repetition_rate_khz * 1e3
        self.s_max = s_max
        self._target = target
        self._pieces: list[Executed] = []
        self.on_s = 0.0
        self.pulses = 0

    def __call__(self, piece: Executed) -> None:
        """Take one executed piece."""
        if not piece.laser or piece.s <= 0.0 or piece.time_s <= 0.0:
            return
        self.on_s += piece.time_s
        self._pieces.append(piece)
        if len(self._pieces) >= PIECES_A_BATCH:
            self.flush()

    def flush(self) -> None:
        """Fire the pulses of all pieces taken so far."""
        if not self._pieces:
            return
        xyz_um, energy_uj = fire(self._pieces, self._rate_hz, self._energy_uj, self.s_max)
        self._pieces = []
        self.pulses += len(energy_uj)
        if len(energy_uj):
            self._target(xyz_um, energy_uj)


def fire(pieces: list[Executed], rate_hz: float, energy_uj: float, s_max: float) -> Pulses:
    """Return positions ``(n, 3)`` um and energies ``(n,)`` uJ of the pulses during ``pieces``."""
    start_s = np.array([p.t_s for p in pieces])
    end_s = start_s + np.array([p.time_s for p in pieces])
    first = np.ceil(start_s * rate_hz).astype(np.int64)
    count = np.maximum(np.ceil(end_s * rate_hz).astype(np.int64) - first, 0)
    piece = np.repeat(np.arange(len(pieces)), count)
    within = np.arange(len(piece)) - np.repeat(np.cumsum(count) - count, count)
    t_s = (first[piece] + within) / rate_hz - start_s[piece]
    v, a = _column(pieces, "v_mm_s")[piece], _column(pieces, "a_mm_s2")[piece]
    way_mm = v * t_s + 0.5 * a * t_s**2
    begin_mm = np.array([p.start_mm for p in pieces])[piece]
    unit = np.array([p.unit for p in pieces])[piece]
    share = np.minimum(_column(pieces, "s") / s_max, 1.0)[piece]
    dynamic = np.array([p.laser == 4 for p in pieces])[piece]
    ratio = np.clip((v + a * t_s) / _column(pieces, "programmed_mm_s")[piece], 0.0, 1.0)
    energy = energy_uj * share * np.where(dynamic, ratio, 1.0)
    return (begin_mm + unit * way_mm[:, None]) * 1e3, energy


def _column(pieces: list[Executed], name: str) -> NDArray[np.float64]:
    return np.array([getattr(piece, name) for piece in pieces])
