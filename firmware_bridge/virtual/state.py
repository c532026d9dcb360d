"""The parts of the virtual controller's state: machine states, what a line waits for, memory.

In and out: values that `firmware_bridge.virtual.firmware` keeps and its helpers change. Offsets
are mm. Authority: grbl 1.1 system.h; what EEPROM keeps from settings.h.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from enum import Enum


class State(Enum):
    """The machine states a status report can name."""

    IDLE = "Idle"
    RUN = "Run"
    HOLD = "Hold"
    JOG = "Jog"
    ALARM = "Alarm"
    DOOR = "Door"
    CHECK = "Check"
    HOME = "Home"
    SLEEP = "Sleep"


class Waits(Enum):
    """What a line can wait for."""

    SLOT = 1
    STILL = 2
    RESUMED = 3


Wait = Waits | float
"""What a line waits for; a float is an instant of the controller's clock."""
Job = Generator[Wait, None, None]


@dataclass(slots=True)
class Counters:
    """What an honest controller cannot tell but a virtual one can."""

    lines: int = 0
    job_lines: int = 0
    bytes: int = 0
    overflow: int = 0
    starved: int = 0
    late: int = 0
    programs: int = 0
    resets: int = 0


@dataclass(slots=True)
class Memory:
    """What survives a reset: settings and offsets (EEPROM)."""

    settings: dict[int, float]
    systems_mm: list[list[float]] = field(default_factory=lambda: [[0.0] * 3 for _ in range(6)])
    homes_mm: dict[int, list[float]] = field(default_factory=lambda: {28: [0.0] * 3, 30: [0.0] * 3})
    startup: list[str] = field(default_factory=lambda: ["", ""])
    build_note: str = ""
