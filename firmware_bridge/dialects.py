"""The three dialects as tables, and how to tell them apart: build info -> `Controller`.

In: the answer to ``$I`` and an idle status report. Out: dialect, sizes, code tables. Nothing
is guessed: what fits no row is refused with what was seen. Authority: measurements on grbl
1.1h and grblHAL (an idle Bf of 1,023 beside 1,024 in ``$I``: the smaller counts), FluidNC's
source (no sizes in ``[OPT:]``, receiver capped at 256, lines over 254 cut silently).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from engraver.errors import PortError
from firmware_bridge.codes import (
    ALARMS,
    GRBL_ERRORS,
    GRBLHAL_ALARMS,
    GRBLHAL_ERRORS,
    Code,
    explain,
)
from firmware_bridge.protocol import Status


@dataclass(frozen=True, slots=True)
class Dialect:
    """What all controllers of one firmware have in common.

    ``rx_bytes`` and ``planner_blocks`` are what an unmodified build has; ``clears_latch`` is
    sent after an error so that the controller listens again (None: it does not latch).
    """

    name: str
    version: re.Pattern[str]
    rx_bytes: int
    line_characters: int
    planner_blocks: int
    errors: dict[int, Code]
    alarms: dict[int, Code]
    clears_latch: bytes | None
    eeprom_stalls: bool
    states: frozenset[str]

    def explain_error(self, code: int | None, text: str) -> str:
        """Return what an ``error:`` means; FluidNC may write words instead of a number."""
        return explain("error", code, self.errors) if code is not None else text

    def explain_alarm(self, code: int | None, text: str) -> str:
        """Return what an ``ALARM:`` means."""
        return explain("ALARM", code, self.alarms) if code is not None else text


_STATES = frozenset({"Idle", "Run", "Hold", "Jog", "Alarm", "Door", "Check", "Home", "Sleep"})
GRBL = Dialect(
    "grbl", re.compile(r"1\.1[a-z]\.\d{8}"), 128, 79, 15, GRBL_ERRORS, ALARMS, None, True, _STATES
)
GRBLHAL = Dialect(
    "grblHAL", re.compile(r"1\.1[a-z]\.\d{8}"), 1023, 256, 100, GRBLHAL_ERRORS, GRBLHAL_ALARMS,
    b"\n", False, _STATES | {"Tool"},
)  # fmt: skip
FLUIDNC = Dialect(
    "FluidNC", re.compile(r"\d+\.\d+ FluidNC v"), 256, 254, 15, GRBLHAL_ERRORS, GRBLHAL_ALARMS,
    None, False, _STATES,
)  # fmt: skip
DIALECTS = {dialect.name: dialect for dialect in (GRBL, GRBLHAL, FLUIDNC)}


@dataclass(frozen=True, slots=True)
class Controller:
    """One controller as it introduced itself; sizes are the smallest of all it said."""

    dialect: Dialect
    version: str
    options: str
    rx_bytes: int
    planner_blocks: int


def identify(info: dict[str, str], idle: Status, port_name: str) -> Controller:
    """Tell which controller answered ``$I`` with ``info`` and is idle with ``idle``.

    Raises
    ------
    PortError
        If it is none this bridge knows.
    """
    version = info.get("VER", "")
    dialect = _dialect(info, version)
    if dialect is None:
        seen = ", ".join(f"[{kind}:{text}]" for kind, text in info.items()) or "nothing"
        raise PortError(
            f"{port_name}: the controller says {seen}, which is none of "
            f"{', '.join(DIALECTS)}; use one of these firmwares"
        )
    blocks, count = _sizes(info.get("OPT", ""))
    if dialect is FLUIDNC:
        count = min(dialect.rx_bytes, count or dialect.rx_bytes)  # capped, whatever it says
    return Controller(
        dialect,
        version.rstrip(":"),
        info.get("OPT", ""),
        _least(dialect.rx_bytes, count, idle.free_bytes),
        _least(dialect.planner_blocks, blocks, idle.free_blocks),
    )


def _dialect(info: dict[str, str], version: str) -> Dialect | None:
    if FLUIDNC.version.match(version):
        return FLUIDNC
    if info.get("FIRMWARE") == "grblHAL" and GRBLHAL.version.match(version):
        return GRBLHAL
    if "FIRMWARE" not in info and GRBL.version.match(version):
        return GRBL
    return None


def _sizes(options: str) -> tuple[int | None, int | None]:
    numbers = [int(part) for part in options.split(",")[1:] if part.isdecimal()]
    return (numbers[0], numbers[1]) if len(numbers) >= 2 else (None, None)


def _least(usual: int, *said: int | None) -> int:
    """Return the least size the controller said; where it said none, the usual one."""
    known = [size for size in said if size]
    return min(known) if known else usual
