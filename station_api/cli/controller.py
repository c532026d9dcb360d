"""`pinmark controller`: an engineer's hand on the controller, laser off.

In: a port and a recipe, whose machine the controller should be. Out: what it says, settings
compared and written, homing, jogs, a frame, a console.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from engraver.errors import InputError
from engraver.profiles import Machine
from firmware_bridge import commanding
from firmware_bridge.link import Link
from firmware_bridge.port import open_port
from firmware_bridge.preflight import differing_settings, required_settings
from firmware_bridge.program_map import program_of, read_program
from firmware_bridge.protocol import Alarm, Banner, Error, Event, Message, Ok, Setting, Status
from hardware.load import load_setup
from station_api.cli import shell

app = typer.Typer(help="Talk to a controller outside a job; the laser stays off.")
PortOption = Annotated[str, typer.Option("--port", help="Device or URL of the controller.")]
RecipeOption = Annotated[str, typer.Option(help="Recipe whose machine the controller is.")]
FIRING = ("M3", "M4", "M03", "M04")


def register(parent: typer.Typer) -> None:
    """Add `pinmark controller`."""
    parent.add_typer(app, name="controller")


def _machine(recipe: str) -> Machine:
    return load_setup(recipe).machine


def _place(link: Link, status: Status) -> dict[str, Any]:
    work = link.work_place(status)
    return {
        "state": status.state,
        "machine_mm": list(status.mpos_mm) if status.mpos_mm else None,
        "work_mm": list(work) if work else None,
    }


def _show(fields: dict[str, Any], as_json: bool) -> None:
    if as_json:
        shell.emit(fields)
        return
    for name, value in fields.items():
        shell.console.print(f"{name:16} {value}")


@app.command(epilog="Example: pinmark controller info --port /dev/ttyUSB0")
def info(
    port: PortOption, recipe: RecipeOption = "default", as_json: shell.JsonOption = False
) -> None:
    """Say which controller answers, its buffers and where it stands."""
    with open_port(port, _machine(recipe).baud) as opened:
        link = Link(opened)
        found, _ = commanding.introduce(link)
        sizes = {"rx_bytes": found.rx_bytes, "planner_blocks": found.planner_blocks}
        who = {"dialect": found.dialect.name, "version": found.version, "options": found.options}
        _show(who | sizes | _place(link, link.full_status()), as_json)


@app.command(epilog="Example: pinmark controller settings --port /dev/ttyUSB0")
def settings(
    port: PortOption, recipe: RecipeOption = "default", as_json: shell.JsonOption = False
) -> None:
    """Compare the controller's settings with the machine profile."""
    machine = _machine(recipe)
    with open_port(port, machine.baud) as opened:
        link = Link(opened)
        link.greet()
        found = link.settings()
    differing = differing_settings(found, machine, machine.s_max)
    if as_json:
        rows = [{"setting": n, "controller": has, "wanted": w} for n, has, w in differing]
        shell.emit({"settings": {str(n): v for n, v in found.items()}, "differing": rows})
        return
    wanted = required_settings(machine, machine.s_max)
    wrong = {n for n, _, _ in differing}
    table = Table("setting", "controller", machine.name)
    for number, value in found.items():
        mark = "  differs" if number in wrong else ""
        table.add_row(f"${number}", value, f"{wanted[number]:g}{mark}" if number in wanted else "")
    shell.console.print(table)


@app.command(epilog="Example: pinmark controller configure --port /dev/ttyUSB0")
def configure(
    port: PortOption, recipe: RecipeOption = "default", as_json: shell.JsonOption = False
) -> None:
    """Write the machine profile's settings to the controller, one at a time."""
    machine = _machine(recipe)
    with open_port(port, machine.baud) as opened:
        changed = commanding.configure(Link(opened), machine)
    rows = [{"setting": n, "was": was, "is": now} for n, was, now in changed]
    if as_json:
        shell.emit({"changed": rows})
        return
    for row in rows:
        shell.console.print(f"${row['setting']}: {row['was']} -> {row['is']:g}")
    shell.console.print(f"{len(rows)} settings written; the controller matches {machine.name}")


@app.command(epilog="Example: pinmark controller home --port /dev/ttyUSB0")
def home(
    port: PortOption, recipe: RecipeOption = "default", as_json: shell.JsonOption = False
) -> None:
    """Run the homing cycle."""
    with open_port(port, _machine(recipe).baud) as opened:
        link = Link(opened)
        _show(_place(link, commanding.home(link)), as_json)


@app.command(epilog="Example: pinmark controller jog --port /dev/ttyUSB0 --x 1.5 --feed 300")
def jog(
    port: PortOption,
    x: Annotated[float | None, typer.Option(help="mm")] = None,
    y: Annotated[float | None, typer.Option(help="mm")] = None,
    z: Annotated[float | None, typer.Option(help="mm")] = None,
    feed: Annotated[float, typer.Option(help="mm/min")] = 300.0,
    to: Annotated[bool, typer.Option("--to", help="Go to the place instead of by it.")] = False,
    recipe: RecipeOption = "default",
    as_json: shell.JsonOption = False,
) -> None:
    """Move the axes, laser off, and wait for the end; Ctrl-C and SIGTERM stop them short."""
    machine = _machine(recipe)
    target = {axis: v for axis, v in zip("XYZ", (x, y, z), strict=True) if v is not None}
    with open_port(port, machine.baud) as opened:
        link = Link(opened)
        link.greet()
        _show(_place(link, commanding.jog(link, machine, target, feed, not to)), as_json)


@app.command(epilog="Example: pinmark controller frame pin.gcode --port /dev/ttyUSB0")
def frame(
    file: Annotated[Path, typer.Argument(help="A program.")],
    port: PortOption,
    feed: Annotated[float, typer.Option(help="mm/min")] = 300.0,
    recipe: RecipeOption = "default",
    as_json: shell.JsonOption = False,
) -> None:
    """Trace the box round what a program burns, laser off."""
    machine = _machine(recipe)
    found = read_program(program_of(read_bytes(file), machine), machine)
    with open_port(port, machine.baud) as opened:
        link = Link(opened)
        link.greet()
        box = commanding.frame(link, machine, found, feed)
    names = ("left_mm", "bottom_mm", "right_mm", "top_mm")
    _show(dict(zip(names, box, strict=True)), as_json)


def read_bytes(file: Path) -> bytes:
    """Read a program file; InputError where it cannot be read."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}; name another file") from error


@app.command(epilog="Example: echo '$G' | pinmark controller console --port /dev/ttyUSB0")
def console(
    port: PortOption, recipe: RecipeOption = "default", as_json: shell.JsonOption = False
) -> None:
    """Send lines from the keyboard (or a pipe) and print the answers; `?`, `!`, `~` act at once."""
    with open_port(port, _machine(recipe).baud) as opened:
        link = Link(opened)
        link.greet()
        for line in sys.stdin:
            _converse(link, line.strip(), as_json)


def _converse(link: Link, line: str, as_json: bool) -> None:
    if any(word in line.upper().replace(" ", "") for word in FIRING):
        raise InputError(f"{line!r} could fire the laser; that is for `pinmark mark` alone")
    if line == "?":
        events: list[Event] = [link.status()]
    elif line in ("!", "~"):
        link.port.write(line.encode())
        return
    else:
        events = link.ask(line)
    for event in events:
        text = _words(event)
        shell.emit({"answer": text}) if as_json else shell.console.print(text, markup=False)


def _words(event: Event) -> str:
    """Return an event as the controller wrote it, or nearly so."""
    if isinstance(event, Ok):
        return "ok"
    if isinstance(event, Message):
        return f"[{event.kind}:{event.text}]"
    if isinstance(event, Setting):
        return f"${event.number}={event.value}"
    if isinstance(event, Status):
        return f"{event.state} {event.mpos_mm or event.wpos_mm}"
    return event.text if isinstance(event, Error | Alarm | Banner) else str(event)
