"""Executes G-code lines on the virtual controller.

In: a stripped line. Out: planner blocks, offsets, laser state; yields while it must wait.
mm and mm/min as on the wire, mm/s inside. Authority: grbl 1.1h gcode.c, motion_control.c,
and the laser mode document (M4 at rest is dark, M3 at rest stays on, a jump is dark, a change
of M3/M4/M5 waits for the end of motion, a lone S change under M3 does too).
"""

from __future__ import annotations

from dataclasses import replace
from math import inf, sqrt

from firmware_bridge.virtual.firmware import Firmware
from firmware_bridge.virtual.motion import overridden
from firmware_bridge.virtual.parser import Flow, Instruction, Modal, Refusal, parse
from firmware_bridge.virtual.planner import Block, Vector
from firmware_bridge.virtual.state import Job, State, Waits

RAPID, FEED = 0, 1
OFFSET_BYTES = 13
"""EEPROM bytes of one stored coordinate system: three floats and a checksum."""


def run_gcode(firmware: Firmware, line: bytes) -> Job:
    """Execute one line of G-code."""
    instruction = parse(line, firmware.modal)
    if firmware.state is State.CHECK:
        _run_checked(firmware, instruction)
        return
    before = firmware.modal
    if _must_be_still(before, instruction):
        yield Waits.STILL
    firmware.modal = instruction.modal
    _set_idle_beam(firmware)
    if instruction.action == 4.0:
        yield Waits.STILL
        yield firmware.now_s + instruction.values["P"]
    elif instruction.action:
        _run_action(firmware, instruction)
    if instruction.moves or instruction.action in (28.0, 30.0):
        yield from _move(firmware, instruction)
    if instruction.flow is not Flow.NONE:
        yield from _run_flow(firmware, instruction.flow)


def _run_checked(firmware: Firmware, instruction: Instruction) -> None:
    """Change the parser's state and nothing else, as check mode does."""
    firmware.modal = instruction.modal
    if instruction.moves:
        firmware.target_mm = _target(firmware, instruction)
    if instruction.flow is Flow.END:
        firmware.modal = _ended(firmware.modal)


def _must_be_still(before: Modal, instruction: Instruction) -> bool:
    after = instruction.modal
    if after.spindle != before.spindle or after.coolant != before.coolant:
        return True
    return after.spindle == 3 and after.s != before.s and not instruction.moves


def _set_idle_beam(firmware: Firmware) -> None:
    m = firmware.modal
    firmware.motion.idle_beam = (m.s, m.spindle if m.spindle != 5 and m.motion != RAPID else 0)


def _run_action(firmware: Firmware, instruction: Instruction) -> None:
    """Execute the non-modal commands that move nothing."""
    here = firmware.target_mm
    system = firmware.memory.systems_mm[firmware.modal.system]
    if instruction.action == 10.0:
        _set_system(firmware, instruction)
    elif instruction.action == 92.0:
        for axis, value in instruction.axes_mm.items():
            firmware.offset_mm[axis] = here[axis] - system[axis] - value
    elif instruction.action == 92.1:
        firmware.offset_mm = [0.0, 0.0, 0.0]
    elif instruction.action in (28.1, 30.1):
        firmware.memory.homes_mm[int(instruction.action)] = list(here)
        firmware.write_memory(OFFSET_BYTES)
    firmware.report_counts[0] = 0


def _set_system(firmware: Firmware, instruction: Instruction) -> None:
    chosen = int(instruction.values["P"])
    index = chosen - 1 if chosen else firmware.modal.system
    for axis, value in instruction.axes_mm.items():
        if instruction.values["L"] == 20.0:
            value = firmware.target_mm[axis] - firmware.offset_mm[axis] - value
        firmware.memory.systems_mm[index][axis] = value
    firmware.write_memory(OFFSET_BYTES)


def _target(firmware: Firmware, instruction: Instruction) -> Vector:
    """Return the machine position that the axis words ask for."""
    offset = firmware.system_mm()
    here = firmware.target_mm
    where = list(here)
    for axis, value in instruction.axes_mm.items():
        if instruction.action == 53.0:
            where[axis] = value
        elif firmware.modal.absolute:
            where[axis] = value + offset[axis]
        else:
            where[axis] = here[axis] + value
    return (where[0], where[1], where[2])


def _move(firmware: Firmware, instruction: Instruction) -> Job:
    m = firmware.modal
    if m.motion not in (RAPID, FEED):
        raise Refusal(20)
    target = _target(firmware, instruction)
    rapid = m.motion == RAPID
    if instruction.action in (28.0, 30.0):
        rapid = True
        home = firmware.memory.homes_mm[int(instruction.action)]
        yield from plan_line(firmware, target, inf, rapid)
        target = (home[0], home[1], home[2])
    yield from plan_line(firmware, target, m.feed_mm_min / 60.0, rapid)


def plan_line(
    firmware: Firmware, target: Vector, feed_mm_s: float, rapid: bool, *, is_jog: bool = False
) -> Job:
    """Queue a straight move to ``target`` (machine mm), waiting for a free slot."""
    firmware.target_mm = target
    if firmware.program_start_s is None:
        firmware.program_start_s = firmware.now_s
    yield from _spend_block_time(firmware)
    yield Waits.SLOT
    block = make_block(firmware, target, feed_mm_s, rapid)
    if block is None:
        return
    block.is_jog, block.line = is_jog, firmware.counters.job_lines
    if is_jog:
        block.laser = 0
    if firmware.motion.stopped and firmware.state is State.IDLE:
        firmware.set_off(State.JOG if is_jog else State.RUN)
    firmware.motion.push(block)


def _spend_block_time(firmware: Firmware) -> Job:
    """A short move costs the processor 1 / block rate, whatever the wire delivers.

    A report asked for meanwhile is given after it, with the line parsed and not yet planned.
    """
    firmware.busy_until_s = firmware.now_s + 1.0 / firmware.machine.block_rate_hz
    yield firmware.busy_until_s


def make_block(firmware: Firmware, target: Vector, feed_mm_s: float, rapid: bool) -> Block | None:
    """Return the planner block to ``target``; None if it is shorter than a step."""
    settings = firmware.memory.settings
    steps = tuple(round(target[axis] * settings[100 + axis]) for axis in range(3))
    last = firmware.planner.blocks[-1] if firmware.planner.blocks else None
    start = last.end_mm if last else firmware.motion.place_mm
    end = tuple(steps[axis] / settings[100 + axis] for axis in range(3))
    delta = [b - a for a, b in zip(start, end, strict=True)]
    length = sqrt(delta[0] ** 2 + delta[1] ** 2 + delta[2] ** 2)
    if length < 1e-9:
        return None
    unit = (delta[0] / length, delta[1] / length, delta[2] / length)
    limit, acceleration = inf, inf
    for axis, share in enumerate(unit):
        if share:
            limit = min(limit, settings[110 + axis] / 60.0 / abs(share))
            acceleration = min(acceleration, settings[120 + axis] / abs(share))
    m = firmware.modal
    laser = 0 if rapid or m.spindle == 5 else m.spindle
    block = Block(
        start, (end[0], end[1], end[2]), (steps[0], steps[1], steps[2]), unit, length, limit,
        limit if rapid else feed_mm_s, acceleration, m.s, laser, limit_mm_s=limit, rapid=rapid,
    )  # fmt: skip
    block.nominal_mm_s = overridden(block, firmware.overrides[0], firmware.overrides[1])
    return block


def _run_flow(firmware: Firmware, flow: Flow) -> Job:
    yield Waits.STILL
    if flow is Flow.PAUSE:
        firmware.state = State.HOLD
        yield Waits.RESUMED
        return
    firmware.modal = _ended(firmware.modal)
    _set_idle_beam(firmware)
    firmware.say("[MSG:Pgm End]")
    firmware.end_program()


def _ended(modal: Modal) -> Modal:
    """Return the modal state M2 and M30 leave: F and S stay."""
    return replace(
        modal, motion=1, plane=17, absolute=True, inverse_time=False, system=0, spindle=5, coolant=9
    )
