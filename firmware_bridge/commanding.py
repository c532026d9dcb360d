"""What an engineer asks of a controller outside a job: info, settings, homing, jogs, a frame.

In: a `Link` to an idle controller. Out: values, or motion with the laser off. mm, mm/min.
Authority: grbl 1.1 documents (jogging, settings); EEPROM writes travel alone.
"""

from __future__ import annotations

import numpy as np

from engraver.errors import InputError, PortError
from engraver.profiles import Machine
from firmware_bridge.control import Control
from firmware_bridge.dialects import Controller, identify
from firmware_bridge.jogging import cancelled_on_failure, rest_of_jog
from firmware_bridge.link import Link
from firmware_bridge.preflight import differing_settings
from firmware_bridge.program_map import ProgramMap
from firmware_bridge.protocol import Status

HOMING_PATIENCE_S = 120.0
EEPROM_PAUSE_S = 0.1
LOOK_S = 0.1
SPARE_S = 5.0
"""What a jog may take beyond twice its way at its feed: ramps, a slow wire."""


def introduce(link: Link) -> tuple[Controller, Status]:
    """Greet the controller; return who it is and how it stands."""
    status = link.greet()
    return identify(link.build_info(), status, link.port.name), status


def configure(link: Link, machine: Machine) -> list[tuple[int, str, float]]:
    """Write every setting that differs from ``machine``; return what was changed.

    Raises
    ------
    PortError
        If the controller is busy, refuses a value or does not keep it.
    """
    status = link.greet()
    if status.state not in ("Idle", "Alarm"):
        raise PortError(f"{link.port.name}: the controller is in {status.state}; wait for Idle")
    changes = differing_settings(link.settings(), machine, machine.s_max)
    for number, _, wanted in changes:
        link.command(f"${number}={wanted:.3f}".rstrip("0").rstrip("."))
        link.pause(EEPROM_PAUSE_S)
    kept = differing_settings(link.settings(), machine, machine.s_max)
    if kept:
        shown = ", ".join(f"${n}={has} (wanted {wanted:g})" for n, has, wanted in kept)
        raise PortError(f"{link.port.name}: the controller does not keep {shown}")
    return changes


def home(link: Link) -> Status:
    """Run the homing cycle and return the state after it."""
    link.greet()
    link.command("$H", HOMING_PATIENCE_S)
    return link.full_status()


def jog(
    link: Link,
    machine: Machine,
    target_mm: dict[str, float],
    feed_mm_min: float,
    relative: bool = True,
    control: Control | None = None,
) -> Status:
    """Move by (or to) ``target_mm`` with the laser off; return the state at rest.

    SIGTERM, SIGHUP, Ctrl-C and any wish of ``control`` cancel the jog.

    Raises
    ------
    InputError
        If the way is longer than the machine, or the feed above its limit.
    PortError
        If the jog was refused or cancelled, or the controller went silent.
    """
    line = _jog_line(machine, target_mm, feed_mm_min, relative)
    asked = Control() if control is None else control
    with cancelled_on_failure(link, asked):
        link.command(line)
        return rest_of_jog(link, asked, _longest_jog_s(machine, feed_mm_min))


def _longest_jog_s(machine: Machine, feed_mm_min: float) -> float:
    """Return how long a jog across the whole machine may take, twice over."""
    speed_mm_s = min(feed_mm_min / 60, machine.z_max_speed_mm_s or machine.max_speed_mm_s)
    return 2 * float(np.linalg.norm(machine.travel_mm)) / speed_mm_s + SPARE_S


def _jog_line(
    machine: Machine, target_mm: dict[str, float], feed_mm_min: float, relative: bool
) -> str:
    """Return the jog command; InputError where the machine cannot do it."""
    limit = machine.max_speed_mm_s * 60
    if not 0 < feed_mm_min <= limit:
        raise InputError(f"feed {feed_mm_min:g} mm/min is outside 0 to {limit:g} of {machine.name}")
    for axis, travel in zip("XYZ", machine.travel_mm, strict=True):
        if abs(target_mm.get(axis, 0.0)) > travel:
            raise InputError(f"{axis}{target_mm[axis]:g} mm is beyond the {travel:g} mm of travel")
    if not target_mm:
        raise InputError("a jog needs at least one of --x, --y, --z in mm")
    words = "".join(f"{axis}{value:.4f}" for axis, value in target_mm.items())
    return f"$J=G21{'G91' if relative else 'G90'}{words}F{feed_mm_min:g}"


def rest(link: Link) -> Status:
    """Wait for the end of motion."""
    status = link.full_status()
    while status.state in ("Jog", "Run"):
        link.pause(LOOK_S)
        status = link.full_status()
    return status


def frame(link: Link, machine: Machine, found: ProgramMap, feed_mm_min: float) -> list[float]:
    """Trace the bounding box of what a program burns, laser off; return it in mm."""
    burns = np.flatnonzero(found.burns)
    if not len(burns):
        raise InputError("the program burns nothing: there is no frame to trace")
    points = np.vstack([found.end_mm[burns], found.end_mm[np.maximum(burns - 1, 0)]])[:, :2]
    (left, bottom), (right, top) = points.min(axis=0), points.max(axis=0)
    corners = ((left, bottom), (right, bottom), (right, top), (left, top), (left, bottom))
    for x, y in corners:
        jog(link, machine, {"X": float(x), "Y": float(y)}, feed_mm_min, relative=False)
    return [float(v) for v in (left, bottom, right, top)]
