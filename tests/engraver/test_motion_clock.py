"""engraver/motion against the virtual engraver, which plans block by block from the bytes."""

from __future__ import annotations

from collections import deque

import pytest

import hardware
from engraver import codes, gcode, layout, motion, relief, toolpath
from engraver.profiles import Setup
from engraver.program import GcodeProgram
from engraver.toolpath import Toolpath
from firmware_bridge.virtual.firmware import Firmware

SLICE_S = 1e-3
RECIPES = ("default", "default-direct-drive", "sphere-direct-drive")


def planned(setup: Setup) -> tuple[Toolpath, GcodeProgram]:
    """Walk from a code to a program."""
    design = relief.design(layout.arrange(codes.encode_index(163963), setup), setup)
    path = toolpath.plan(design, setup)
    return path, gcode.render(path, setup)


def run(program: GcodeProgram, firmware: Firmware) -> None:
    """Feed a program as fast as the receiver takes it, counting characters, on its own clock."""
    waiting = deque(line + b"\n" for line in program.lines)
    sent: deque[int] = deque()
    firmware.transmit()
    while waiting or not firmware.counters.programs:
        while waiting and sum(sent) + len(waiting[0]) <= firmware.machine.rx_bytes:
            sent.append(len(waiting[0]))
            firmware.receive(waiting.popleft())
        firmware.advance(firmware.now_s + SLICE_S)
        for _ in range(firmware.transmit().count(b"ok")):
            sent.popleft()


@pytest.mark.parametrize("name", RECIPES)
def test_the_model_agrees_with_the_virtual_engravers_clock(name: str) -> None:
    """Modelled seconds are within 2 % of what the virtual controller needs for the bytes."""
    setup = hardware.load_setup(name)
    path, program = planned(setup)
    firmware = Firmware(setup.machine)
    run(program, firmware)
    assert firmware.last_program_s == pytest.approx(
        motion.duration_s(path, setup.machine), rel=0.02
    )
