"""`pinmark people` and `pinmark keys`: who may come in, from the station's own console.

In: names, roles, secrets from a prompt or a file, never from the command line. Out: tables, or
JSON with ``people`` or ``keys``. The service must not be running: it is then the only writer.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from engraver.errors import InputError
from station_api.cli import shell
from station_api.people import Keys, People, Role
from station_api.people.keys import MachineKey, load_pepper
from station_api.people.people import Person
from station_api.records import utc_text
from station_api.station import open_station

people_app = typer.Typer(help="People who can sign in.", no_args_is_help=True)
keys_app = typer.Typer(help="Keys of machines.", no_args_is_help=True)

CONSOLE = "console"
"""Who the log names for what is done here: whoever has this machine and this folder."""

SecretOption = Annotated[
    Path | None, typer.Option("--secret-file", help="file with the secret; else it is asked for")
]


def register(app: typer.Typer) -> None:
    """Add the groups to the command tree."""
    app.add_typer(people_app, name="people")
    app.add_typer(keys_app, name="keys")


@people_app.command("list")
def list_people(as_json: shell.JsonOption = False) -> None:
    """List everybody who can sign in. Example: pinmark people list."""
    with open_station() as station:
        _show_people(People(station.records).all(), as_json)


@people_app.command()
def add(
    name: str,
    role: Annotated[Role, typer.Option(help="what they may do")],
    secret_file: SecretOption = None,
    as_json: shell.JsonOption = False,
) -> None:
    """Add a person. Example: pinmark people add "A. Smith" --role operator."""
    secret = _secret(secret_file)
    with _people() as people:
        _show_people([people.add(name, role, secret, CONSOLE)], as_json)


@people_app.command()
def disable(name: str, as_json: shell.JsonOption = False) -> None:
    """Keep a person from signing in. Example: pinmark people disable "A. Smith"."""
    with _people() as people:
        _show_people([people.disable(name, CONSOLE)], as_json)


@people_app.command()
def enable(name: str, as_json: shell.JsonOption = False) -> None:
    """Let a person in again, and end a lock-out. Example: pinmark people enable "A. Smith"."""
    with _people() as people:
        _show_people([people.enable(name, CONSOLE)], as_json)


@people_app.command()
def secret(name: str, secret_file: SecretOption = None, as_json: shell.JsonOption = False) -> None:
    """Give a person another PIN or password. Example: pinmark people secret "A. Smith"."""
    given = _secret(secret_file)
    with _people() as people:
        _show_people([people.set_secret(name, given, CONSOLE)], as_json)


@keys_app.command("list")
def list_keys(as_json: shell.JsonOption = False) -> None:
    """List machine keys, without the keys. Example: pinmark keys list."""
    with open_station() as station:
        _show_keys(Keys(station.records, load_pepper(station.home)).all(), as_json)


@keys_app.command()
def make(
    name: str,
    role: Annotated[Role, typer.Option(help="station, auditor or tracer")] = Role.STATION,
    days: Annotated[int, typer.Option(help="how long it is good for")] = 365,
    as_json: shell.JsonOption = False,
) -> None:
    """Make a key for a machine and print it, once. Example: pinmark keys make mes --days 90."""
    with open_station(to_mark=True) as station:
        keys = Keys(station.records, load_pepper(station.home))
        key, text = keys.make(name, role, CONSOLE, days)
    if as_json:
        shell.emit({"key": asdict(key), "text": text})
    else:
        shell.console.print(f"{text}\n(key {key.key_id}; it is not shown again)")


@keys_app.command()
def revoke(key_id: str, as_json: shell.JsonOption = False) -> None:
    """End a key. Example: pinmark keys revoke 0123456789ab."""
    with open_station(to_mark=True) as station:
        keys = Keys(station.records, load_pepper(station.home))
        _show_keys([keys.revoke(key_id, CONSOLE)], as_json)


@contextmanager
def _people() -> Iterator[People]:
    with open_station(to_mark=True) as station:
        yield People(station.records)


def _secret(file: Path | None) -> str:
    """Read a secret from a file or a prompt that does not show it."""
    if file is not None:
        try:
            return file.read_text("utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"secret file {file} cannot be read: {error}") from error
    if not sys.stdin.isatty():
        raise InputError("there is no terminal to ask for the secret; give --secret-file")
    typed: str = typer.prompt("PIN or password", hide_input=True, confirmation_prompt=True)
    return typed


def _show_people(people: list[Person], as_json: bool) -> None:
    if as_json:
        shell.emit({"people": [asdict(person) for person in people]})
        return
    table = Table("name", "role", "state", "changed (UTC)")
    for person in people:
        table.add_row(person.name, person.role, person.state, utc_text(person.changed_at_us))
    shell.console.print(table if people else "nobody yet; `pinmark serve` makes an administrator")


def _show_keys(keys: list[MachineKey], as_json: bool) -> None:
    if as_json:
        shell.emit({"keys": [asdict(key) for key in keys]})
        return
    table = Table("key", "machine", "role", "state", "good until (UTC)")
    for key in keys:
        table.add_row(key.key_id, key.name, key.role, key.state, utc_text(key.expires_at_us))
    shell.console.print(table if keys else "no keys yet")
