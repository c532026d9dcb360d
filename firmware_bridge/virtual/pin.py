"""The virtual pin: pulses in, a height map out.

In: pulses in the machine frame (um, uJ). Out: the surface they leave, as X3P bytes or a
`HeightMap`. The pin knows only what the wire told the controller. The laser digs in a thread
of its own, so that the controller's clock never waits for it.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from engraver import ablation
from engraver.profiles import Laser, Material, Part

OnSurface = Callable[[ablation.Surface], None]
PITCH_UM = 1.0
"""Grid of the pin: one um or finer, so that a 15 um stroke has enough points."""


class VirtualPin:
    """A pin under the laser.

    Parameters
    ----------
    part, laser, material
        What is hit by what.
    apex_um
        Machine position of the tip's apex.
    pitch_um
        Grid of the height map.
    """

    def __init__(
        self,
        part: Part,
        laser: Laser,
        material: Material,
        *,
        apex_um: tuple[float, float, float] = (0.0, 0.0, 0.0),
        pitch_um: float = PITCH_UM,
    ) -> None:
        self._laser, self._material = laser, material
        self._apex_um = np.array(apex_um)
        self._blank = self._surface = ablation.blank(part, pitch_um)
        self._failure: Exception | None = None
        self._batches: queue.SimpleQueue[ablation.PulseTrain | OnSurface | None]
        self._batches = queue.SimpleQueue()
        self._worker = threading.Thread(target=self._dig, name="pin", daemon=True)
        self._worker.start()

    def fire(self, xyz_um: NDArray[np.float64], energy_uj: NDArray[np.float64]) -> None:
        """Take pulses: positions ``(n, 3)`` um of the machine, energies ``(n,)`` uJ."""
        self._batches.put(ablation.PulseTrain(xyz_um - self._apex_um, energy_uj))

    def then(self, act: OnSurface) -> None:
        """Call ``act`` with the surface, in the pin's thread, after every pulse so far."""
        self._batches.put(act)

    def load_blank(self) -> None:
        """Take this pin away and put a blank one in its place, after every pulse so far."""
        self.then(lambda surface: setattr(self, "_surface", self._blank))

    def scan(self) -> ablation.Surface:
        """Return the surface after every pulse taken so far."""
        arrived = threading.Event()
        self.then(lambda surface: arrived.set())
        while not arrived.wait(1.0):
            self._require_health()
        self._require_health()
        return self._surface

    def close(self) -> None:
        """Finish what was begun and end the thread."""
        self._batches.put(None)
        self._worker.join()
        self._require_health()

    def _require_health(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _dig(self) -> None:
        try:
            while (work := self._batches.get()) is not None:
                if isinstance(work, ablation.PulseTrain):
                    self._surface = ablation.ablate(
                        self._surface, work, self._laser, self._material
                    )
                else:
                    work(self._surface)
        except Exception as error:  # handed to whoever scans or closes, never lost
            self._failure = error
