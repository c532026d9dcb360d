"""`pinmark engraver`: a virtual controller with a virtual pin behind a pseudo-terminal.

In: a path, a recipe, a folder. Out: a device that speaks grbl 1.1h; ``pin.x3p`` and
``engraver.json`` in the folder after every program and on leaving (SIGINT, SIGTERM).
"""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from engraver.errors import InputError
from firmware_bridge.virtual.station import VirtualStation
from firmware_bridge.virtual.terminal import Terminal
from hardware.load import load_setup
from station_api.cli import shell

EXAMPLE = """
    pinmark engraver --pty /tmp/pin --out /tmp/pin.d --speed max
"""


def register(app: typer.Typer) -> None:
    """Add `pinmark engraver`."""
    app.command("engraver", epilog=f"Example: {EXAMPLE.strip()}")(engraver)


def engraver(
    pty: Annotated[Path, typer.Option(help="Becomes a link to the terminal's device.")],
    out: Annotated[Path, typer.Option(help="Folder for pin.x3p and engraver.json.")],
    recipe: Annotated[str, typer.Option(help="Recipe whose station to play.")] = "default",
    speed: Annotated[
        str, typer.Option(help="Machine seconds a second, or 'max': as quick as the host.")
    ] = "1",
    as_json: shell.JsonOption = False,
) -> None:
    """Play the controller, the laser and the pin of a station, until interrupted."""
    factor = parse_speed(speed)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    station = VirtualStation(load_setup(recipe), out, eager=factor is None)
    with Terminal(station.firmware, pty, factor) as terminal:
        _say_ready(pty, recipe, as_json)
        while not stop.wait(0.2) and terminal.failure is None:
            pass
    if terminal.failure is not None:
        raise terminal.failure
    station.close()


def parse_speed(text: str) -> float | None:
    """Read ``--speed``: a positive number, or ``max`` (None)."""
    if text == "max":
        return None
    try:
        factor = float(text)
    except ValueError:
        factor = 0.0
    if not 0.0 < factor <= 1e4:
        raise InputError(f"--speed {text!r} is no speed; give a number from 0 to 10000, or max")
    return factor


def _say_ready(pty: Path, recipe: str, as_json: bool) -> None:
    if as_json:
        shell.emit({"pty": str(pty), "recipe": recipe, "state": "ready"})
    else:
        shell.console.print(f"virtual engraver ({recipe}) on {pty}; stop it with Ctrl-C")
