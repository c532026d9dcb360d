"""A marking floor in virtual time: the whole use case, with a small program instead of a pin's.

In: a home, records, orders. Out: `mark_pin`, which is `station_api.marking.mark_order` with the
real streamer, journal and records on a virtual wire and controller; only the plan is short, for
what is tested is what becomes of a pin, not its geometry; and `Floor.burned_mm`, which knows what
the laser did whoever died.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engraver.codes import MarkCode
from engraver.errors import StorageError
from engraver.orders import WorkOrder
from engraver.profiles import Machine, Setup
from firmware_bridge.stream import LocalStream
from firmware_bridge.virtual.firmware import Firmware
from firmware_bridge.virtual.motion import Executed
from firmware_bridge.virtual.wire import VirtualWire
from station_api import marking
from station_api.interlocks import Arming
from station_api.records import Records
from station_api.registry_file import load_registry
from station_api.walk import PlannedMark, Planner, Step, Watcher
from tests.firmware_bridge.bench_setup import make_program
from tests.station_api.records.houses import INTENT

STROKES, LENGTH_MM = 60, 2.0
DARK_S = 30.0
"""How long a controller is watched after a run: longer than its buffers last."""


@dataclass(slots=True)
class Floor:
    """One controller; ``on_burn`` is told each piece that was burned, as it is burned."""

    machine: Machine
    on_burn: Callable[[], None] = lambda: None
    burned_mm: float = 0.0
    wire: VirtualWire = field(init=False)

    def __post_init__(self) -> None:
        self.wire = VirtualWire(Firmware(self.machine, self._burn), self.machine.baud)

    def _burn(self, piece: Executed) -> None:
        if piece.laser and piece.s:
            length = piece.v_mm_s * piece.time_s + piece.a_mm_s2 * piece.time_s**2 / 2
            self.burned_mm += length
            if length:
                self.on_burn()

    def stays_dark(self) -> bool:
        """Let time pass after a run; return whether nothing is burned any more."""
        before = self.burned_mm
        self.wire.firmware.advance(self.wire.now_s() + DARK_S)
        return self.burned_mm == before

    def open_stream(self, _url: str, _baud: int) -> LocalStream:
        """Return a stream to this controller."""
        return _FloorStream(self.wire)


class _FloorStream(LocalStream):
    def __init__(self, wire: VirtualWire) -> None:
        super().__init__("virtual", 0)
        self._port: Any = wire

    def __enter__(self) -> LocalStream:
        return self


class Quiet:
    """A watcher that tells nobody."""

    def planned(self, planned: PlannedMark) -> None: ...
    def intended(self, mark_id: str) -> None: ...
    def begun(self, name: str) -> None: ...
    def progressed(self, done: int, total: int) -> None: ...
    def streamed(self, now: Any) -> None: ...
    def ended(self, step: Step) -> None: ...


def order(n: int) -> WorkOrder:
    """The order of firearm number ``n``, of the sample registry."""
    return WorkOrder(f"WO-{n}", INTENT.make, INTENT.model, f"ZQ{n:04d}", "default")


def short_plan() -> Planner:
    """Return a planner to whom every code is one small hatch."""
    program = make_program(STROKES, LENGTH_MM)

    def plan(code: MarkCode, setup: Setup, _watcher: Watcher) -> PlannedMark:
        nothing: Any = None
        return PlannedMark(code, setup, nothing, nothing, program)

    return plan


def mark_pin(
    floor: Floor,
    records: Records,
    home: Path,
    n: int,
    on_refused: Callable[[StorageError], None] = marking.give_in,
    watcher: Watcher | None = None,
    port: str | None = None,
    arming: Arming | None = None,
) -> str:
    """Mark the pin of firearm ``n``; return the mark's id."""
    return marking.mark_order(
        order(n), load_registry(), records, port or "virtual", None, watcher or Quiet(),
        home=home, open_stream=floor.open_stream, on_refused=on_refused, arming=arming,
        plan=short_plan(),
    ).mark_id  # fmt: skip
