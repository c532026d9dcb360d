"""`pinmark doctor`: is everything in order? `pinmark support-bundle`: a zip for whoever helps.

In: the station's folder and configuration. Out: a line a check, or JSON with ``state`` and
``checks`` (``name``, ``state``, ``found``, ``remedy``). Exit 1 if anything is a fault; warnings
are exit 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import platformdirs
import typer
from rich.table import Table

from engraver.errors import InputError, PinmarkError
from station_api.cli import shell
from station_api.configuration import read_here
from station_api.doctor import Check, Place, State, examine, worst
from station_api.station import open_station
from station_api.support_bundle import BUNDLE_NAME, make_bundle

COLOURS = {State.OK: "green", State.SKIPPED: "cyan", State.WARNING: "yellow", State.FAULT: "red"}
SERVICE_HAS_IT = "not asked: a process of this station holds it"


def register(app: typer.Typer) -> None:
    """Add the command to the command tree."""
    app.command()(doctor)
    app.command("support-bundle")(support_bundle)


def doctor(
    engraver: Annotated[
        str | None, typer.Option(help="serial device; without it \\[engraver] port")
    ] = None,
    as_json: shell.JsonOption = False,
) -> int:
    """Look at everything this station rests on. Example: pinmark doctor --json."""
    with place_here(engraver) as place:
        checks = examine(place)
    if as_json:
        shell.emit({"state": worst(checks), "checks": [asdict(check) for check in checks]})
    else:
        show(checks)
    return shell.BAD_MARK if worst(checks) is State.FAULT else shell.DONE


@contextmanager
def place_here(engraver: str | None = None) -> Iterator[Place]:
    """Yield this station as it can be opened; without records if it cannot be."""
    reading = read_here()
    home = reading.settings.station.home or Path(platformdirs.user_data_dir("pinmark"))
    port = engraver or reading.settings.engraver.port
    with ExitStack() as stack:
        try:
            station = stack.enter_context(open_station(to_stay=True))
        except PinmarkError as error:
            yield Place(home, reading, None, str(error), port=port)
            return
        taken = "" if station.alone else SERVICE_HAS_IT
        yield Place(home, reading, station.records, port=port, port_taken=taken)


def show(checks: list[Check]) -> None:
    """Print checks as a table, what is wrong with its remedy."""
    table = Table("", "what", "found, and what to do", show_lines=False)
    for check in checks:
        said = check.found if not check.remedy else f"{check.found}\n-> {check.remedy}"
        colour = COLOURS[check.state]
        table.add_row(f"[{colour}]{check.state}[/]", check.name, said.replace("[", r"\["))
    shell.console.print(table)


def support_bundle(
    out: Annotated[Path, typer.Option(help="file to write")] = Path(BUNDLE_NAME),
    as_json: shell.JsonOption = False,
) -> None:
    """Write a zip for whoever helps, without secrets or serials.

    Example: pinmark support-bundle --out pinmark-support.zip
    """
    with place_here() as place:
        content = make_bundle(place, examine(place))
    try:
        out.write_bytes(content)
    except OSError as error:
        raise InputError(
            f"{out} cannot be written: {error.strerror}; give another --out"
        ) from error
    if as_json:
        shell.emit({"file": str(out), "bytes": len(content)})
    else:
        shell.console.print(f"{out}: {len(content)} bytes; read it before you send it")
