"""What the station's hands and eyes are: contacts of the interlock chain, scanners of bar codes.

In: the configuration, or how the running service sees them. Out: `Check` values. A contact that is
open is no fault, a line that cannot be read is one: it counts as open and the laser stays off.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from engraver.errors import PinmarkError
from hardware.panel import WORDS, ChainState, Input, open_panel
from station_api.configuration import Settings
from station_api.doctor.check import Check, fault, ok, skipped
from station_api.interlocks import LEVEL_WORDS, panel_folder, panel_of
from station_api.profiles import load_panel

UNREADABLE = LEVEL_WORDS[None]
REMEDY = "look at its wire, its fuse and its line in panels/*.toml; the laser stays off until then"


def interlocks(
    home: Path, settings: Settings, shown: Mapping[str, Any] | None, taken: str
) -> Iterator[Check]:
    """Read every contact; ``shown`` is how a running service sees them, if there is one."""
    name = "interlocks"
    if shown is None:
        keys = settings.engraver
        profile = load_panel(keys.panel or panel_of(keys.recipe))
        if profile.wiring == "none":
            yield skipped(name, "no panel: hardware alone guards the laser", "see SAFETY.md")
            return
        if taken and profile.wiring != "virtual":
            yield skipped(name, taken, "look at the administrator's page, or when it has ended")
            return
        try:
            levels = _read(home, profile)
        except PinmarkError as error:
            yield fault(name, f"panel {profile.name}: {error}", REMEDY)
            return
        shown = {"panel": profile.name, "state": "", "cause": "", "inputs": levels}
    if shown["state"] == "unwatched":
        yield skipped(name, shown["cause"], "see SAFETY.md")
        return
    inputs: Mapping[str, str] = shown["inputs"]
    dead = [WORDS[Input(one)] for one, level in inputs.items() if level == UNREADABLE]
    listed = ", ".join(f"{WORDS[Input(one)]} {level}" for one, level in inputs.items())
    if dead:
        yield fault(name, f"panel {shown['panel']}: {', '.join(dead)} cannot be read", REMEDY)
    elif shown["state"] == ChainState.FAULT:
        yield fault(
            name, f"panel {shown['panel']}: {shown['cause']}", "see SAFETY.md, then reset it"
        )
    else:
        yield ok(name, f"panel {shown['panel']}: {listed}")


def _read(home: Path, profile: Any) -> dict[str, str]:
    opened = open_panel(profile, panel_folder(home))
    assert opened is not None
    levels = opened.read()
    if profile.wiring != "virtual":
        opened.close()  # of a virtual one it would put out what a service has lit
    return {one.value: LEVEL_WORDS[level] for one, level in levels.items()}


def scanners(settings: Settings, states: Sequence[Mapping[str, Any]] | None) -> Iterator[Check]:
    """Say how each scanner stands; ``states`` are those of a running service, if there is one."""
    name = "scanner"
    keys = settings.scanner
    remedy = "plug it in, or correct [scanner]; the service's user needs its group (dialout, input)"
    if states is not None:
        for one in states:
            if one["state"] == "reading":
                yield ok(name, f"{one['name']} at {one['device']}, {one['scans']} scans")
            else:
                yield fault(name, f"{one['name']}: {one['said']}", remedy)
    else:
        for kind, device in (("serial", keys.serial), ("HID", keys.hid)):
            if device is None:
                continue
            if not device.exists():
                yield fault(name, f"{kind}: {device} is not there: unplugged", remedy)
            elif not os.access(device, os.R_OK):
                yield fault(name, f"{kind}: {device} may not be read by this user", remedy)
            else:
                yield ok(name, f"{kind} at {device}")
    if keys.serial is None and keys.hid is None and not states:
        yield skipped(name, "none of the station's own", "a keyboard wedge at a page needs nothing")
