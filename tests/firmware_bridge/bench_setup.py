"""What the bridge's tests share: a machine, programs, and a laser that keeps count."""

from __future__ import annotations

import hashlib
from collections import defaultdict

import numpy as np

from engraver.profiles import Machine
from engraver.program import GcodeProgram
from engraver.record import MarkIntent
from firmware_bridge import preflight
from firmware_bridge.virtual.faults import Faults, parse_fault
from firmware_bridge.virtual.firmware import Firmware
from firmware_bridge.virtual.flavours import GRBL, Flavour
from firmware_bridge.virtual.motion import Executed
from firmware_bridge.virtual.wire import VirtualWire

MACHINE = Machine(
    "test-gantry", "grbl", (40.0, 40.0, 10.0), 10.0, 500.0, 2000.0, 30000.0, 300.0, 15, 0.01,
    115200, 128, 79, 1000,
)  # fmt: skip
HATCH_MM = 0.005


def make_program(strokes: int, length_mm: float = 0.5, modal: bool = False) -> GcodeProgram:
    """Return a hatch of parallel strokes; ``modal`` leaves out words that have not changed."""
    lines, stroke = ["(hatch)", "G21G90G94G17", "G54", "M5S0", "M4", "G0X0Y0Z0"], [-1] * 6
    for n in range(strokes):
        x = length_mm if n % 2 == 0 else 0.0
        burn = f"G1X{x:.4f}Y{n * HATCH_MM:.4f}F600S800"
        gap = f"G1Y{(n + 1) * HATCH_MM:.4f}S0"
        if modal:
            burn = burn if n == 0 else f"X{x:.4f}S800"
            gap = f"Y{(n + 1) * HATCH_MM:.4f}S0"
        lines += [burn, gap]
        stroke += [n, -1]
    lines += ["S0", "M5", "G0X0Y0", "G4P0", "M2"]
    stroke += [-1] * 5
    data = "".join(line + "\n" for line in lines).encode()
    digest = hashlib.sha256(data).hexdigest()
    return GcodeProgram(data, digest, np.array(stroke, np.int32), "grbl", 1000, 1.0)


def make_intent(program: GcodeProgram) -> MarkIntent:
    """Return an intent for ``program``."""
    return MarkIntent("m1", "o1", "A", "B", "C", "K", 0, "default", program.sha256, "0" * 64, 0)


class Tally:
    """What the laser really did: burned length by stroke of a `make_program` hatch, mm."""

    def __init__(self) -> None:
        self.burned_mm: dict[int, float] = defaultdict(float)

    def __call__(self, piece: Executed) -> None:
        """Count one executed piece."""
        if piece.laser and piece.s:
            length = piece.v_mm_s * piece.time_s + piece.a_mm_s2 * piece.time_s**2 / 2
            self.burned_mm[round(piece.block_end_mm[1] / HATCH_MM)] += length

    @property
    def total_mm(self) -> float:
        """All that was burned."""
        return sum(self.burned_mm.values())


def make_wire(
    *faults: str, machine: Machine = MACHINE, flavour: Flavour = GRBL, baud: int | None = 115200
) -> tuple[VirtualWire, Tally]:
    """Return a wire to a controller with ``faults``, and its laser's tally."""
    tally = Tally()
    firmware = Firmware(
        machine, tally, flavour=flavour, faults=Faults(parse_fault(text) for text in faults)
    )
    return VirtualWire(firmware, baud), tally


def check_clean(program: GcodeProgram, machine: Machine = MACHINE) -> preflight.CheckedProgram:
    """Vet ``program`` on a controller without faults."""
    wire, _ = make_wire(machine=machine)
    return preflight.check(program, wire, machine)
