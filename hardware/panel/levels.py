"""What a panel is: the inputs and lamps of a station, and the one small protocol behind them.

In: wires. Out: `Levels`, what each wired input is now. True is the safe state of a contact
(closed, key turned, button pressed for the start button), False the other, None a line that
could not be read, which counts as open.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import TracebackType
from typing import Protocol


class Input(StrEnum):
    """The contacts of a station."""

    DOOR_A = "door_a"
    DOOR_B = "door_b"
    KEY = "key"
    STOP = "stop"
    EXTRACTION = "extraction"
    START = "start"


class Output(StrEnum):
    """The lamps of the light tower, and the buzzer."""

    RED = "red"
    YELLOW = "yellow"
    GREEN = "green"
    BLUE = "blue"
    BUZZER = "buzzer"


CHAIN = (Input.DOOR_A, Input.DOOR_B, Input.KEY, Input.STOP, Input.EXTRACTION)
"""The inputs that stand in the interlock chain; the start button does not."""

Levels = Mapping[Input, bool | None]
"""The wired inputs alone: one that is not wired is not in it."""

WORDS = {
    Input.DOOR_A: "door channel A",
    Input.DOOR_B: "door channel B",
    Input.KEY: "key switch",
    Input.STOP: "emergency stop",
    Input.EXTRACTION: "extraction",
    Input.START: "start button",
}


class Panel(Protocol):
    """Inputs and lamps; every method is called by one thread, `close` last."""

    name: str
    wired: frozenset[Input]

    def read(self) -> Levels:
        """Return every wired input as it is now; never raises: what cannot be read is None."""

    def wait(self, timeout_s: float) -> None:
        """Return when an input may have changed, after ``timeout_s`` at the latest."""

    def show(self, lamps: Mapping[Output, bool]) -> None:
        """Switch lamps and buzzer; a lamp that is not wired, or fails, is left out."""

    def close(self) -> None:
        """Switch everything off and release the lines."""

    def __enter__(self) -> Panel:
        """Return itself."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
