"""Vets a program before the laser can be on: `GcodeProgram` -> `CheckedProgram`.

In: a program, an open port, the machine it is for. Out: the only thing `streamer.run` takes.
Grbl keeps executing buffered lines after an error, so every line is first run through the
controller's own check mode, after our own reading of it and a comparison of its settings with
the machine profile. Nothing moves and the laser stays off.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from engraver.errors import PortError, ProgramError
from engraver.profiles import Machine
from engraver.program import GcodeProgram
from firmware_bridge.dialects import Controller, identify
from firmware_bridge.link import PATIENCE_S, Link
from firmware_bridge.port import Port
from firmware_bridge.program_map import ProgramMap, read_program
from firmware_bridge.protocol import Alarm, Banner, Error, Event, Ok, Status
from firmware_bridge.sender import Sender

_SEAL = object()
SETTING_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class CheckedProgram:
    """A program that this controller accepted line by line; made by `check` alone."""

    program: GcodeProgram
    machine: Machine
    controller: Controller
    map: ProgramMap
    remarks: tuple[str, ...]
    seal: object = field(repr=False)

    def __post_init__(self) -> None:
        if self.seal is not _SEAL:
            raise ProgramError("a CheckedProgram is made by preflight.check alone")


def check(
    program: GcodeProgram,
    port: Port,
    machine: Machine,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> CheckedProgram:
    """Read ``program``, compare the controller with ``machine``, run it in check mode.

    Raises
    ------
    ProgramError
        If a line cannot be read, contradicts the plan, or is refused by the controller.
    PortError
        If there is no answer, a stranger answers, it is locked, or its settings differ.
    """
    if hashlib.sha256(program.data).hexdigest() != program.sha256:
        raise ProgramError("the program's bytes differ from their digest; render it again")
    found = read_program(program, machine)
    link = Link(port)
    status = link.greet()
    _require_idle(port, status)
    controller = _identify(link, status, machine)
    compare_settings(port.name, link.settings(), machine, program.s_max)
    _run_checked(link, program, controller, on_progress)
    return CheckedProgram(program, machine, controller, found, _remarks(found, machine), _SEAL)


def _identify(link: Link, idle: Status, machine: Machine) -> Controller:
    """Return who answers, its receiver no larger than the machine profile allows."""
    found = identify(link.build_info(), idle, link.port.name)
    if found.dialect.name != machine.dialect:
        raise PortError(
            f"{link.port.name}: {machine.name} is a {machine.dialect} machine, the controller is "
            f"{found.dialect.name} {found.version}; use the right port or another recipe"
        )
    return replace(found, rx_bytes=min(found.rx_bytes, machine.rx_bytes))


def _require_idle(port: Port, status: Status) -> None:
    if status.state == "Alarm":
        raise PortError(
            f"{port.name}: the controller is locked (Alarm); see what stopped it, then home it "
            "or send $X in `pinmark controller console`"
        )
    if status.state != "Idle":
        raise PortError(f"{port.name}: the controller is in {status.state}, not Idle; wait for it")


def required_settings(machine: Machine, s_max: int) -> dict[int, float]:
    """Return the settings a program for ``machine`` relies on, in grbl's units."""
    wanted: dict[int, float] = {10: 3, 30: s_max, 32: 1}
    for axis in range(3):
        wanted[100 + axis] = machine.steps_per_mm
        wanted[110 + axis] = machine.axis_speeds_mm_s[axis] * 60
        wanted[120 + axis] = machine.axis_accelerations_mm_s2[axis]
        wanted[130 + axis] = machine.travel_mm[axis]
    return wanted


def differing_settings(
    settings: dict[int, str], machine: Machine, s_max: int
) -> list[tuple[int, str, float]]:
    """Return (number, value on the controller, value wanted) of each setting that differs."""
    differing = []
    for number, wanted in required_settings(machine, s_max).items():
        text = settings.get(number, "missing")
        try:
            value = float(text)
        except ValueError:
            differing.append((number, text, wanted))
            continue
        same = int(value) & int(wanted) == int(wanted) if number == 10 else None
        if same is None:
            same = abs(value - wanted) <= SETTING_TOLERANCE * max(1.0, abs(wanted))
        if not same:
            differing.append((number, text, wanted))
    return differing


def compare_settings(name: str, settings: dict[int, str], machine: Machine, s_max: int) -> None:
    """Raise PortError naming every setting that differs from the machine profile."""
    differing = differing_settings(settings, machine, s_max)
    if differing:
        shown = ", ".join(f"${n}={has} (wanted {wanted:g})" for n, has, wanted in differing)
        raise PortError(
            f"{name}: the controller is not set up for {machine.name}: {shown}; "
            "`pinmark controller configure` writes the profile's values"
        )


def _run_checked(
    link: Link,
    program: GcodeProgram,
    controller: Controller,
    on_progress: Callable[[int, int], None],
) -> None:
    link.command("$C")
    try:
        _stream_checked(link, program, controller, on_progress)
    finally:
        leave_check_mode(link)


def leave_check_mode(link: Link) -> None:
    """Return to Idle by a soft reset, which also ends check mode in any state."""
    link.reset()
    if link.status().state == "Check":
        link.command("$C")
        link.await_banner()


def _stream_checked(
    link: Link,
    program: GcodeProgram,
    controller: Controller,
    on_progress: Callable[[int, int], None],
) -> None:
    lines = program.lines
    sender = Sender(lines, controller.rx_bytes)
    heard_s = link.port.now_s()
    while not sender.done:
        data = sender.next_bytes()
        if data:
            link.port.write(data)
        events = link.events(PATIENCE_S)
        if events:
            heard_s = link.port.now_s()
        elif link.port.now_s() - heard_s > PATIENCE_S:
            raise PortError(
                f"{link.port.name}: no answer within {PATIENCE_S:g} s in check mode, "
                f"{sender.outstanding} lines unanswered; check the cable"
            )
        for event in events:
            _take_checked(sender, event, program, controller)
        on_progress(sender.acknowledged, len(lines))


def _take_checked(
    sender: Sender, event: Event, program: GcodeProgram, controller: Controller
) -> None:
    if isinstance(event, Ok):
        if not sender.acknowledge():
            raise PortError("the controller acknowledges more lines than were sent")
    elif isinstance(event, Error):
        line = sender.acknowledged
        raise ProgramError(
            f"program line {line + 1} ({program.lines[line].decode()}) is refused in check "
            f"mode: {controller.dialect.explain_error(event.code, event.text)}; nothing was marked"
        )
    elif isinstance(event, Alarm | Banner):
        raise PortError(f"the controller left check mode: {event.text}; check power and cable")


def _remarks(found: ProgramMap, machine: Machine) -> tuple[str, ...]:
    """Say where segments are too short for the controller to keep the feed."""
    moves = found.burns & np.isfinite(found.feed_mm_min)
    served_mm_min = found.length_mm * machine.block_rate_hz * 60
    slow = moves & (served_mm_min < found.feed_mm_min * (1 - 1e-6))
    if not slow.any():
        return ()
    return (
        f"{int(slow.sum())} burning lines are shorter than {machine.name} can serve at their "
        f"feed ({machine.block_rate_hz:g} blocks/s): M4 power may fall there",
    )
