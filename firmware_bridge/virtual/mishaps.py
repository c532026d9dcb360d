"""Where faults bite in the main loop of the virtual controller.

In: the firmware and the job line at hand (counted from 1; 0 in check mode). Out: what the
fault of that line does to the controller or to its answer. The kinds are told in
`firmware_bridge.virtual.faults`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from firmware_bridge.virtual.state import State

if TYPE_CHECKING:
    from firmware_bridge.virtual.firmware import Firmware

LIMIT_SWITCH = 1
GARBLED_OK = b"o\xeb\r\n"


def count_job_line(firmware: Firmware) -> int:
    """Return the number of the line about to run, 0 for one that check mode only reads."""
    if firmware.state is State.CHECK:
        return 0
    firmware.counters.job_lines += 1
    return firmware.counters.job_lines


def strike(firmware: Firmware, line: int) -> bool:
    """Let a fault strike before job line ``line``; True where the line is lost to it."""
    kind = firmware.faults.strike(
        line, "alarm", "reset", "power-cycle", "line-lost", "door", "hold", "unplug", "silent"
    )
    if kind == "alarm":
        firmware.alarm(LIMIT_SWITCH)
    elif kind == "reset":
        firmware.ask_reset()
    elif kind == "power-cycle":
        firmware.ask_power_cycle()
    elif kind in ("door", "hold"):
        firmware.stop_for(State.DOOR if kind == "door" else State.HOLD)
    elif kind == "unplug":
        firmware.faults.unplugged = True
    elif kind == "silent":
        firmware.faults.silent = True
    return kind in ("alarm", "reset", "power-cycle", "line-lost")


def acknowledge(firmware: Firmware, line: int) -> None:
    """Answer job line ``line`` with ok, or with what a fault makes of it."""
    kind = firmware.faults.strike(
        line, "ack-lost", "ack-doubled", "ack-garbled", "ack-newline-lost"
    )
    if kind == "ack-garbled":
        firmware.out += GARBLED_OK
    elif kind == "ack-newline-lost":
        firmware.out += b"ok"
    elif kind != "ack-lost":
        firmware.say("ok")
    if kind == "ack-doubled":
        firmware.say("ok")
