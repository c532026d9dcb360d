"""`pinmark config`: check, show and write the configuration.

In: the configuration file and the environment. Out: a line for each fault (exit 2), what is in
force and where it was set, or the text of a file to begin with; ``--json``: ``file``, ``faults``,
``settings``.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from station_api.cli import shell
from station_api.configuration.load import Reading, read_here
from station_api.configuration.secret_files import secret_faults
from station_api.configuration.writing import render_document, render_file, render_table
from station_api.named import named_faults

config_app = typer.Typer(help="The configuration of this station.", no_args_is_help=True)
FileOption = Annotated[
    Path | None, typer.Option("--file", help="this file in place of the one in force")
]


def register(app: typer.Typer) -> None:
    """Add the group to the command tree."""
    app.add_typer(config_app, name="config")


@config_app.command()
def check(file: FileOption = None, as_json: shell.JsonOption = False) -> int:
    """Check the file, the environment, and that what they name exists.

    Example: pinmark config check
    """
    reading = read_here(file)
    faults = [*reading.faults, *secret_faults(reading.settings)]
    if not reading.faults:
        faults += named_faults(reading.settings, _name(reading) or "the defaults")
    if as_json:
        shell.emit({"file": _name(reading), "faults": [asdict(fault) for fault in faults]})
    else:
        for fault in faults:
            shell.console.print(fault.line(), markup=False)
        count = f"{len(faults)} fault{'' if len(faults) == 1 else 's'}"
        word = count if faults else "in order"
        shell.console.print(f"{_name(reading) or 'no file, all defaults'}: {word}", markup=False)
    return shell.BAD_INPUT if faults else shell.DONE


@config_app.command()
def show(file: FileOption = None, as_json: shell.JsonOption = False) -> int:
    """Print what is in force and where each value was set. Example: pinmark config show."""
    reading = read_here(file)
    if as_json:
        settings = reading.settings.model_dump(mode="json")
        shell.emit({"file": _name(reading), "settings": settings})
    else:
        table = Table("key", "value", "set by")
        for row in render_table(reading):
            table.add_row(*(text.replace("[", r"\[") for text in row))
        shell.console.print(table)
    for fault in reading.faults:
        shell.progress_console.print(fault.line(), markup=False, soft_wrap=True)
    return shell.BAD_INPUT if reading.faults else shell.DONE


@config_app.command()
def example() -> None:
    """Print a file with every key. Example: pinmark config example > pinmark.toml."""
    print(render_file(), end="")


@config_app.command()
def document() -> None:
    """Print the document of all keys. Example: pinmark config document > configuration.md."""
    print(render_document(), end="")


def _name(reading: Reading) -> str | None:
    return str(reading.path) if reading.path is not None else None
