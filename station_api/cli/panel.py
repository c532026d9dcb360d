"""`pinmark panel`: the contacts of this station, and the virtual ones pressed by hand.

In: a panel's name, a contact. Out: what each contact is now, as text or JSON. It works beside a
running service for the virtual panel; a GPIO chip's lines belong to whoever has them open.
"""

from __future__ import annotations

from typing import Annotated

import typer

from engraver.errors import InputError
from hardware.panel import Input, Levels, PanelProfile, lamps, open_panel, press
from station_api.cli import shell
from station_api.configuration import settings
from station_api.home import station_home
from station_api.interlocks import LEVEL_WORDS, panel_folder, panel_of
from station_api.profiles import load_panel

NameOption = Annotated[
    str | None, typer.Option("--panel", help="panel profile; else the one of the configuration")
]
LEVELS = {"closed": True, "on": True, "open": False, "off": False}


def register(app: typer.Typer) -> None:
    """Add the commands to the command tree."""
    group = typer.Typer(help="The station's contacts and lamps.", no_args_is_help=True)
    group.command()(show)
    group.command("press")(press_contact)
    app.add_typer(group, name="panel")


def show(panel: NameOption = None, as_json: shell.JsonOption = False) -> None:
    """Read every contact once. Example: pinmark panel show --panel virtual."""
    profile = _profile(panel)
    folder = panel_folder(station_home())
    lit = [one.value for one, on in lamps(folder).items() if on]
    opened = open_panel(profile, folder)
    if opened is None:
        raise InputError(f"panel {profile.name} is wired to nothing; name one with --panel")
    if profile.wiring == "virtual":
        levels = opened.read()  # left open: closing would put out what a service has lit
    else:
        with opened:
            levels = opened.read()
    _say(profile, levels, lit if profile.wiring == "virtual" else [], as_json)


def press_contact(
    contact: Annotated[str, typer.Argument(help="door, door_a, door_b, key, stop, ... start")],
    level: Annotated[str, typer.Argument(help="closed or open; on and off are the same")] = "on",
    panel: NameOption = None,
    as_json: shell.JsonOption = False,
) -> None:
    """Set a contact of the virtual panel; `start` is pressed and comes back by itself.

    Example: pinmark panel press key on
    """
    profile = _profile(panel or "virtual")
    if profile.wiring != "virtual":
        raise InputError(f"panel {profile.name} is {profile.wiring}; press its own buttons")
    known = [one.value for one in Input]
    if contact not in ("door", *known) or level not in LEVELS:
        raise InputError(
            f"{contact} {level} is no contact and level; known: door, {', '.join(known)}; "
            f"{', '.join(LEVELS)}"
        )
    wanted = [Input.DOOR_A, Input.DOOR_B] if contact == "door" else [Input(contact)]
    folder = panel_folder(station_home())
    folder.mkdir(parents=True, exist_ok=True)
    _say(profile, press(folder, dict.fromkeys(wanted, LEVELS[level])), [], as_json)


def _profile(name: str | None) -> PanelProfile:
    keys = settings().engraver
    return load_panel(name or keys.panel or panel_of(keys.recipe))


def _say(profile: PanelProfile, levels: Levels, lit: list[str], as_json: bool) -> None:
    contacts = {one.value: LEVEL_WORDS[level] for one, level in levels.items()}
    if as_json:
        shell.emit({"panel": profile.name, "inputs": contacts, "lit": lit})
        return
    for name, word in contacts.items():
        shell.console.print(f"{name:<11} {word}")
    if lit:
        shell.console.print(f"{'lit':<11} {', '.join(lit)}")
