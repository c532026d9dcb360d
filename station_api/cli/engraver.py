"""`pinmark engraver`: a virtual controller with a virtual pin behind a port.

In: a path or a TCP port, a recipe, a folder, faults. Out: a device that speaks the dialect of
the recipe's machine byte for byte; ``pin.x3p`` and ``engraver.json`` in the folder after every
program and on leaving (SIGINT, SIGTERM).
"""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from engraver.errors import InputError
from firmware_bridge.virtual.faults import Faults, parse_fault
from firmware_bridge.virtual.firmware import Firmware
from firmware_bridge.virtual.serving import Server
from firmware_bridge.virtual.sockets import Rfc2217Channel, SocketChannel
from firmware_bridge.virtual.station import VirtualStation
from firmware_bridge.virtual.terminal import Terminal
from station_api.cli import shell
from station_api.profiles import load_setup

EXAMPLE = "pinmark engraver --pty /tmp/pin --out /tmp/pin.d --speed max --fault ack-lost@500"


def register(app: typer.Typer) -> None:
    """Add `pinmark engraver`."""
    app.command("engraver", epilog=f"Example: {EXAMPLE}")(engraver)


def engraver(
    out: Annotated[Path, typer.Option(help="Folder for pin.x3p and engraver.json.")],
    pty: Annotated[
        Path | None, typer.Option(help="Becomes a link to a pseudo-terminal's device.")
    ] = None,
    tcp: Annotated[int | None, typer.Option(help="Listen on this TCP port; 0 picks one.")] = None,
    rfc2217: Annotated[
        int | None, typer.Option(help="The same as a Telnet serial port (RFC 2217).")
    ] = None,
    recipe: Annotated[str, typer.Option(help="Recipe whose station to play.")] = "default",
    speed: Annotated[
        str, typer.Option(help="Machine seconds a second, or 'max': as quick as the host.")
    ] = "1",
    paced: Annotated[
        bool, typer.Option(help="Let bytes take their ten bits at the machine's baud rate.")
    ] = False,
    fault: Annotated[
        list[str] | None,
        typer.Option(help="KIND@LINE, such as ack-lost@500; an unknown KIND lists all."),
    ] = None,
    fresh_pins: Annotated[
        bool, typer.Option(help="Put a blank pin in before each program, as a shift does.")
    ] = False,
    as_json: shell.JsonOption = False,
) -> None:
    """Play the controller, the laser and the pin of a station, until interrupted."""
    factor = parse_speed(speed)
    faults = Faults(parse_fault(text) for text in fault or ())
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    setup = load_setup(recipe)
    station = VirtualStation(setup, out, eager=factor is None, faults=faults, fresh_pins=fresh_pins)
    baud = setup.machine.baud if paced else None
    server, url = make_server(station.firmware, pty, tcp, rfc2217, factor, baud)
    with server:
        _say_ready(url, recipe, as_json)
        while not stop.wait(0.2) and server.failure is None:
            pass
    if server.failure is not None:
        raise server.failure
    station.close()


def make_server(
    firmware: Firmware,
    pty: Path | None,
    tcp: int | None,
    rfc2217: int | None,
    speed: float | None,
    baud: int | None,
) -> tuple[Server, str]:
    """Return a server behind the one channel that was asked for, and its URL."""
    if sum(choice is not None for choice in (pty, tcp, rfc2217)) != 1:
        raise InputError("give one of --pty PATH, --tcp PORT, --rfc2217 PORT")
    if pty is not None:
        return Terminal(firmware, pty, speed, baud), str(pty)
    if tcp is not None:
        channel = SocketChannel(tcp)
    else:
        channel = Rfc2217Channel(rfc2217 or 0)
    return Server(firmware, channel, speed, baud), channel.url


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


def _say_ready(url: str, recipe: str, as_json: bool) -> None:
    if as_json:
        shell.emit({"pty": url, "port": url, "recipe": recipe, "state": "ready"})
    else:
        shell.console.print(f"virtual engraver ({recipe}) on {url}; stop it with Ctrl-C")
