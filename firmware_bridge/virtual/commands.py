"""The ``$`` commands of the virtual controller.

In: a line that begins with ``$``. Out: reports, settings, locks and jogs. Authority: grbl
1.1h system.c and its command document.
"""

from __future__ import annotations

import re

from firmware_bridge.virtual import reports
from firmware_bridge.virtual.execution import plan_line
from firmware_bridge.virtual.firmware import Firmware
from firmware_bridge.virtual.parser import Refusal, parse
from firmware_bridge.virtual.settings import format_setting, settings_for
from firmware_bridge.virtual.state import Job, State, Waits

HELP = "[HLP:$$ $# $G $I $N $x=val $Nx=line $J=line $SLP $C $X $H ~ ! ? ctrl-x]"
_SETTING = re.compile(r"\$(\d+)=([-+]?[0-9.]+)$")
_STARTUP = re.compile(r"\$N([01])=(.*)$")
FLOAT_BYTES = 5


def run_system(firmware: Firmware, line: str) -> Job:
    """Execute one ``$`` command."""
    word = line.upper().replace(" ", "")
    if word.startswith("$J="):
        yield from _jog(firmware, word[3:])
        return
    if _report(firmware, word):
        return
    if word == "$C":
        _toggle_check(firmware)
    elif word == "$X":
        _unlock(firmware)
    elif firmware.state not in (State.IDLE, State.ALARM):
        raise Refusal(8)
    elif word == "$H":
        yield from _home(firmware)
    elif word == "$SLP":
        firmware.state = State.SLEEP
        firmware.say("[MSG:Sleeping]")
    else:
        yield Waits.STILL
        _write(firmware, word, line)


def _report(firmware: Firmware, word: str) -> bool:
    lines = {
        "$": lambda: [HELP],
        "$$": lambda: [format_setting(*item) for item in sorted(firmware.memory.settings.items())],
        "$#": lambda: reports.parameters(firmware),
        "$G": lambda: [reports.parser_state(firmware)],
        "$I": lambda: reports.build_info(firmware),
        "$N": lambda: [f"$N{n}={text}" for n, text in enumerate(firmware.memory.startup)],
    }.get(word)
    if lines is None:
        return False
    if word not in ("$", "$G", "$C") and firmware.state not in (State.IDLE, State.ALARM):
        raise Refusal(8)
    for line in lines():
        firmware.say(line)
    return True


def _toggle_check(firmware: Firmware) -> None:
    if firmware.state is State.CHECK:
        firmware.say("[MSG:Disabled]")
        firmware.ask_reset()
    elif firmware.state is State.IDLE:
        firmware.state = State.CHECK
        firmware.say("[MSG:Enabled]")
        firmware.on_check()
    else:
        raise Refusal(8)


def _unlock(firmware: Firmware) -> None:
    if firmware.state is State.ALARM:
        firmware.say("[MSG:Caution: Unlocked]")
        firmware.state = State.IDLE
        firmware.target_mm = firmware.motion.place_mm


def _home(firmware: Firmware) -> Job:
    if not firmware.memory.settings[22]:
        raise Refusal(5)
    firmware.state = State.HOME
    slow = firmware.memory.settings[25] / 60.0
    longest = max(firmware.memory.settings[130 + axis] for axis in range(3))
    yield firmware.now_s + longest / slow
    firmware.motion.place_mm = firmware.target_mm = (0.0, 0.0, 0.0)
    firmware.state = State.IDLE


def _jog(firmware: Firmware, line: str) -> Job:
    if firmware.state not in (State.IDLE, State.JOG):
        raise Refusal(8 if firmware.state is not State.ALARM else 9)
    instruction = parse(b"G1" + line.encode("latin-1"), firmware.modal)
    if "F" not in instruction.values:
        raise Refusal(22)
    before, spindle = firmware.modal, firmware.modal.spindle
    if spindle != 5 and firmware.memory.settings[32] == 0:
        raise Refusal(16)
    from firmware_bridge.virtual.execution import _target

    firmware.modal = instruction.modal
    target = _target(firmware, instruction)
    feed = instruction.values["F"] / 60.0
    firmware.modal = before
    yield from plan_line(firmware, target, feed, False, is_jog=True)


def _write(firmware: Firmware, word: str, line: str) -> None:
    if setting := _SETTING.match(word):
        _set(firmware, int(setting[1]), float(setting[2]))
    elif startup := _STARTUP.match(line):
        firmware.memory.startup[int(startup[1])] = startup[2]
        firmware.write_memory(len(startup[2]) + 1)
    elif word.startswith("$I="):
        firmware.memory.build_note = line.split("=", 1)[1]
        firmware.write_memory(len(line))
    elif word in ("$RST=$", "$RST=#", "$RST=*"):
        _restore(firmware, word[-1])
    else:
        raise Refusal(3)


def _set(firmware: Firmware, number: int, value: float) -> None:
    if number not in firmware.memory.settings:
        raise Refusal(3)
    if value < 0:
        raise Refusal(4)
    if number == 20 and value and not firmware.memory.settings[22]:
        raise Refusal(10)
    firmware.memory.settings[number] = value
    firmware.planner.obey(firmware.memory.settings)
    firmware.write_memory(FLOAT_BYTES)


def _restore(firmware: Firmware, what: str) -> None:
    if what in "$*":
        firmware.memory.settings = settings_for(firmware.machine)
        firmware.planner.obey(firmware.memory.settings)
    if what in "#*":
        firmware.memory.systems_mm = [[0.0] * 3 for _ in range(6)]
    firmware.say("[MSG:Restoring defaults]")
    firmware.write_memory(200)
    firmware.ask_reset()
