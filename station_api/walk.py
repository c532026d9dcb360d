"""The dry half of the walk: work order -> program, with the laser nowhere near.

In: `WorkOrder`, `Registry`. Out: `PlannedMark`, everything a mark needs and all it was made
from. The prediction is a gate: a mark predicted illegible is refused before the laser is on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Protocol

from engraver import ablation, codes, gcode, inspection, layout, relief, toolpath
from engraver.codes import MarkCode
from engraver.errors import DesignError
from engraver.orders import WorkOrder
from engraver.profiles import Setup
from engraver.program import GcodeProgram
from engraver.registry import Registry
from engraver.relief import ReliefDesign
from engraver.toolpath import Toolpath
from firmware_bridge.streamer import Progress
from station_api.profiles import load_setup


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the walk: its name, what came out of it in a few words, wall seconds."""

    name: str
    result: str
    seconds: float


class Watcher(Protocol):
    """Somebody who is told how the walk goes."""

    def begun(self, name: str) -> None:
        """Hear that a step has begun."""

    def progressed(self, done: int, total: int) -> None:
        """Hear how far the step is, where it can be counted."""

    def streamed(self, now: Progress) -> None:
        """Hear where the run stands: lines, strokes, place, the controller's state."""

    def planned(self, planned: PlannedMark) -> None:
        """Hear what will be burned."""

    def intended(self, mark_id: str) -> None:
        """Hear under which number the records hold the mark."""

    def ended(self, step: Step) -> None:
        """Hear what a step came to."""


class Nobody:
    """A `Watcher` that takes no notice."""

    def begun(self, name: str) -> None:
        """Take no notice."""

    def progressed(self, done: int, total: int) -> None:
        """Take no notice."""

    def streamed(self, now: Progress) -> None:
        """Take no notice."""

    def planned(self, planned: PlannedMark) -> None:
        """Take no notice."""

    def intended(self, mark_id: str) -> None:
        """Take no notice."""

    def ended(self, step: Step) -> None:
        """Take no notice."""


@dataclass(frozen=True, slots=True, eq=False)
class PlannedMark:
    """A mark ready to be checked by a controller."""

    code: MarkCode
    setup: Setup
    design: ReliefDesign
    toolpath: Toolpath
    program: GcodeProgram


Planner = Callable[[MarkCode, Setup, Watcher], PlannedMark]
"""Walks from a code to a program: `plan_code`, or a process that does."""


@contextmanager
def timed(name: str, watcher: Watcher) -> Iterator[list[str]]:
    """Time a block; what the block appends to the yielded list is the step's result."""
    said: list[str] = []
    watcher.begun(name)
    begun = perf_counter()
    yield said
    watcher.ended(Step(name, " ".join(said), perf_counter() - begun))


def encode_order(
    order: WorkOrder, registry: Registry, shelf: Path | None = None
) -> tuple[MarkCode, Setup]:
    """Give the code of an order and the setup its recipe names."""
    setup = load_setup(order.recipe, shelf)
    return codes.encode(order, registry, setup.recipe.code_format), setup


def plan_code(code: MarkCode, setup: Setup, watcher: Watcher) -> PlannedMark:
    """Walk from a code to a program.

    Raises
    ------
    DesignError
        If the mark does not fit part, beam or machine, or would not be legible.
    """
    with timed("layout", watcher) as said:
        placed = layout.arrange(code, setup)
        said.append(f"{len(placed.cells)} symbols, mirrored")
    with timed("relief", watcher) as said:
        design = relief.design(placed, setup)
        said.append(f"{design.field.area / 1e6:.4f} mm2 to lower by {design.relief_um:.0f} um")
    with timed("toolpath", watcher) as said:
        path = toolpath.plan(design, setup)
        said.append(f"{path.stroke_count} strokes, {path.burn_length_um / 1e3:.1f} mm laser on")
    with timed("prediction", watcher) as said:
        predicted = ablation.predict(path, setup)
        foreseen = inspection.inspect(design, predicted, form_kind=inspection.form_of(setup.part))
        said.append(f"reads {foreseen.read_back}, {foreseen.verdict}")
    if foreseen.read_back != code.text:
        raise DesignError(
            f"recipe {setup.recipe.name}: code {code.text} would be read as "
            f"{foreseen.read_back}; correct the recipe before a pin is spent"
        )
    with timed("G-code", watcher) as said:
        program = gcode.render(path, setup)
        said.append(f"{len(program.data)} bytes, sha256 {program.sha256[:12]}")
    return PlannedMark(code, setup, design, path, program)
