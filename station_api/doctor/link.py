"""The controller at the other end of the line: is the port there and free, and who answers?

In: a port's name and a recipe. Out: checks. Opening a port resets some boards, so the controller is
asked only while nobody marks; its answers are compared with the machine profile of the recipe.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from engraver.errors import PinmarkError
from firmware_bridge import commanding
from firmware_bridge.link import Link
from firmware_bridge.port import open_port
from firmware_bridge.preflight import differing_settings
from station_api.doctor.check import Check, fault, ok, skipped
from station_api.profiles import load_setup

NOT_HERE = "set [engraver] port; a name under /dev/serial/by-id stays when ports are renumbered"


def port(url: str | None) -> Iterator[Check]:
    """Say whether the port is there, ours to open, and who else has it open."""
    if url is None:
        yield skipped("port", "no engraver is configured; the service marks nothing", NOT_HERE)
        return
    if "://" in url:
        yield ok("port", f"{url}, over the network")
        return
    if not os.path.lexists(url):
        remedy = "plug the controller in, switch it on, or name another port in [engraver]"
        yield fault("port", f"{url} does not exist", remedy)
    elif not os.access(url, os.R_OK | os.W_OK):
        remedy = "add the station's user to the group of the device: adduser pinmark dialout"
        yield fault("port", f"{url} may not be opened by this user", remedy)
    elif others := holders(Path(url)):
        remedy = "close that program (only one may have the port), then look again"
        yield fault("port", f"{url} is open in {', '.join(others)}", remedy)
    else:
        yield ok("port", f"{url} is there and free")


def holders(device: Path) -> list[str]:
    """Return the other processes that have a device open, as far as this user may see them."""
    wanted = device.resolve()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        if process.name == str(os.getpid()):
            continue
        try:
            open_files = [one.readlink() for one in (process / "fd").iterdir()]
            if wanted in open_files:
                name = (process / "comm").read_text().strip()
                found.append(f"process {process.name} ({name})")
        except OSError:
            continue
    return sorted(found)


def controller(url: str | None, recipe: str) -> Iterator[Check]:
    """Ask the controller who it is and compare its settings with the machine profile."""
    if url is None:
        yield skipped("controller", "no engraver is configured", NOT_HERE)
        return
    try:
        machine = load_setup(recipe).machine
        with open_port(url, machine.baud) as opened:
            line = Link(opened)
            found, status = commanding.introduce(line)
            settings = line.settings()
    except PinmarkError as error:
        yield fault("controller", str(error), "see docs/runbook.md, `controller does not answer`")
        return
    differing = differing_settings(settings, machine, machine.s_max)
    who = f"{found.dialect.name} {found.version}, {status.state}"
    if found.dialect.name.lower() != machine.dialect.lower():
        remedy = f"name a recipe of this machine in [engraver] recipe; {recipe} is {machine.name}'s"
        yield fault("controller", f"{who}; profile {machine.name} is {machine.dialect}", remedy)
    elif differing:
        shown = ", ".join(f"${n} is {has}, wanted {wanted:g}" for n, has, wanted in differing)
        remedy = f"compare with profile {machine.name}, then `pinmark controller configure`"
        yield fault("controller", f"{who}; {shown}", remedy)
    else:
        yield ok("controller", f"{who}; every setting as in profile {machine.name}")
