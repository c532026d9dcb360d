"""A whole virtual station: controller, laser and pin made from a `Setup`, results to a folder.

In: a setup and a folder. Out: a `Firmware` wired to a pin; after every program end and on
closing, ``pin.x3p`` and ``engraver.json`` in the folder, each written whole or not at all.
"""

from __future__ import annotations

import json
from pathlib import Path

from engraver.ablation import Surface
from engraver.heightmap import write_x3p
from engraver.profiles import Setup
from firmware_bridge.durable import replace_durably
from firmware_bridge.virtual.beam import Beam
from firmware_bridge.virtual.faults import Faults
from firmware_bridge.virtual.firmware import Firmware
from firmware_bridge.virtual.flavours import FLAVOURS
from firmware_bridge.virtual.pin import VirtualPin


class VirtualStation:
    """A controller, its laser and a pin; with ``fresh_pins`` a blank one before each program.

    ``firmware`` is sans-IO: a host (`firmware_bridge.virtual.terminal`) gives it bytes and time.
    """

    def __init__(
        self,
        setup: Setup,
        folder: Path | None = None,
        *,
        eager: bool = False,
        faults: Faults | None = None,
        fresh_pins: bool = False,
    ) -> None:
        self.folder = folder
        self.pin = VirtualPin(setup.part, setup.laser, setup.material)
        self.beam = Beam(
            setup.laser, setup.recipe.repetition_rate_khz, setup.machine.s_max, self.pin.fire
        )
        self.firmware = Firmware(
            setup.machine,
            self.beam,
            flavour=FLAVOURS[setup.machine.dialect],
            faults=faults,
            eager=eager,
            on_program_end=self.write_results,
            on_check=self._load_blank if fresh_pins else lambda: None,
        )
        self._pulses_on_last = 0
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def write_results(self) -> None:
        """Write the pin, then the counters: a reader that sees a new counter has its pin.

        The pin's thread does it once it has dug what was fired; the controller goes on.
        """
        if self.folder is None:
            return
        self.beam.flush()
        folder, text = self.folder, json.dumps(self.figures(), indent=1)

        def write(surface: Surface) -> None:
            replace_durably(folder / "pin.x3p", write_x3p(surface.height))
            replace_durably(folder / "engraver.json", text.encode())

        self.pin.then(write)

    def _load_blank(self) -> None:
        """Put in a blank pin, as the operator does, if the laser has hit the one that is there."""
        self.beam.flush()
        if self.beam.pulses > self._pulses_on_last:
            self._pulses_on_last = self.beam.pulses
            self.pin.load_blank()

    def figures(self) -> dict[str, float | int]:
        """Return what engraver.json holds."""
        counters = self.firmware.counters
        return {
            "programs": counters.programs,
            "machine_seconds": round(self.firmware.last_program_s, 6),
            "clock_seconds": round(self.firmware.now_s, 6),
            "laser_on_s": round(self.beam.on_s, 6),
            "pulses": self.beam.pulses,
            "lines": counters.lines,
            "bytes": counters.bytes,
            "overflow_bytes": counters.overflow,
            "starvations": counters.starved,
            "late_lines": counters.late,
            "resets": counters.resets,
        }

    def close(self) -> None:
        """Write the results a last time and end the pin's thread."""
        self.write_results()
        self.pin.close()
