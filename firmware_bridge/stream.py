"""One program at one port: opened, checked, run. The same whether here or in another process.

In: a port's URL and baud rate, then a program, then a durable intent. Out: a `RunReceipt`.
`LocalStream` works in the caller's thread; `firmware_bridge.apart.ApartStream` in a child
process. Whoever marks knows only the protocol `Stream`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol

from engraver.errors import ProgramError
from engraver.profiles import Machine
from engraver.program import GcodeProgram
from engraver.record import MarkIntent, RunReceipt
from firmware_bridge import preflight, streamer
from firmware_bridge.control import Control
from firmware_bridge.link import Link
from firmware_bridge.port import open_port
from firmware_bridge.preflight import CheckedProgram
from firmware_bridge.streamer import Progress

Counted = Callable[[int, int], None]
Told = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Glance:
    """What an idle controller says when asked: its state, and its input pins (``Pn:``)."""

    state: str
    pins: str


class Stream(Protocol):
    """Opens a port with ``with``; then `check`, `glance` as often as wanted, and `run` once."""

    def check(self, program: GcodeProgram, machine: Machine, on_progress: Counted) -> None:
        """Vet a program (`firmware_bridge.preflight.check`); the laser stays off."""

    def glance(self) -> Glance:
        """Ask the resting controller for its state and its pins."""

    def run(
        self,
        intent: MarkIntent,
        *,
        on_progress: Told,
        control: Control | None = None,
        journal: Path | None = None,
        door_ends: bool = False,
    ) -> RunReceipt:
        """Stream what was checked (`firmware_bridge.streamer.run`)."""

    def __enter__(self) -> Stream:
        """Open the port."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Release the port."""


OpenStream = Callable[[str, int], Stream]
"""Makes a stream of a port's URL and its baud rate."""


class LocalStream:
    """A `Stream` in the calling thread."""

    def __init__(self, url: str, baud: int) -> None:
        self._url, self._baud = url, baud
        self._checked: CheckedProgram | None = None

    def __enter__(self) -> LocalStream:
        self._port = open_port(self._url, self._baud)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._port.close()

    def check(self, program: GcodeProgram, machine: Machine, on_progress: Counted) -> None:
        """Vet a program; see `Stream`."""
        self._checked = preflight.check(program, self._port, machine, on_progress)

    def glance(self) -> Glance:
        """Ask the resting controller; see `Stream`."""
        status = Link(self._port).status()
        return Glance(status.state, status.pins or "")

    def run(
        self,
        intent: MarkIntent,
        *,
        on_progress: Told,
        control: Control | None = None,
        journal: Path | None = None,
        door_ends: bool = False,
    ) -> RunReceipt:
        """Stream what was checked, once; see `Stream`."""
        checked, self._checked = self._checked, None
        if checked is None:
            raise ProgramError(f"{self._url}: nothing was checked since the last run; check first")
        return streamer.run(
            checked,
            self._port,
            intent,
            on_progress=on_progress,
            control=control,
            journal=journal,
            door_ends=door_ends,
        )
