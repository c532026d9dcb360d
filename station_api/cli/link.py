"""`pinmark link mqtt` and `pinmark link opcua`: tell a plant's systems what happens here.

In: a broker or an endpoint. Out: messages or an address space, until it is stopped. Both only read
the records, so they run beside `pinmark serve`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from engraver.errors import InputError
from station_api.cli import shell
from station_api.configuration import settings
from station_api.configuration.secret_files import read_secret
from station_api.home import station_home
from station_api.records import Records
from station_api.station import records_place, station_name

link_app = typer.Typer(help="Links to a plant's systems.", no_args_is_help=True)
PASSWORD_VARIABLE = "PINMARK_MQTT_PASSWORD"


def register(app: typer.Typer) -> None:
    """Add the group to the command tree."""
    app.add_typer(link_app, name="link")


@link_app.command()
def mqtt(
    broker: Annotated[str, typer.Argument(help="mqtt://host:1883 or mqtts://user@host:8883")],
    ca: Annotated[Path | None, typer.Option(help="file of the broker's authority, PEM")] = None,
) -> None:
    """Publish transitions to a broker. Example: pinmark link mqtt mqtt://localhost."""
    try:
        from station_api.links import mqtt as link
    except ImportError as error:
        raise InputError("MQTT is an extra; install pinmark[mqtt]") from error
    where = link.parse_broker(broker, _password(), ca)
    with _looking() as (home, records):
        shell.progress_console.print(f"transitions of {home} to {broker}")
        link.run(records, where, home, shell.progress_console.print)


def _password() -> str | None:
    """Return the broker's password: of the environment, or of the file that is configured."""
    file = settings().mqtt.password_file
    return os.environ.get(PASSWORD_VARIABLE) or (read_secret(file) if file else None)


@link_app.command()
def opcua(
    endpoint: Annotated[str, typer.Option(help="where to listen")] = "opc.tcp://127.0.0.1:4840",
    certificate: Annotated[Path | None, typer.Option(help="server's certificate, DER")] = None,
    key: Annotated[Path | None, typer.Option(help="its key, PEM, RSA")] = None,
    clients: Annotated[
        Path | None, typer.Option(help="folder of the certificates of clients that may read")
    ] = None,
) -> None:
    """Serve figures over OPC UA. Example: pinmark link opcua."""
    try:
        from station_api.links import opcua as link
        from station_api.links.opcua_security import read_clients, read_pair
    except ImportError as error:
        raise InputError("OPC UA is an extra; install pinmark[opcua]") from error
    if (certificate is None) != (key is None):
        raise InputError("encryption takes both; give --certificate and --key")
    pair = read_pair(certificate, key) if certificate and key else None
    known = read_clients(clients) if clients else None
    link.check_endpoint(endpoint, known=pair is not None and known is not None)

    async def serve(records: Records, home: Path) -> None:
        stop, ready = asyncio.Event(), asyncio.Event()
        serving = asyncio.create_task(
            link.serve(records, endpoint, stop, ready, pair=pair, clients=known)
        )
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait([serving, waiting], return_when=asyncio.FIRST_COMPLETED)
        if ready.is_set():
            shell.progress_console.print(f"figures of {home} on {endpoint}")
        waiting.cancel()
        await serving

    with _looking() as (home, records):
        asyncio.run(serve(records, home))


@contextmanager
def _looking() -> Iterator[tuple[Path, Records]]:
    """Open the records to read them; the station's lock stays with who marks."""
    home = station_home()
    place = records_place(home)
    if isinstance(place, Path) and not place.exists():
        raise InputError(f"{home} has no records yet; start `pinmark serve` there first")
    records = Records(place, station_name(), may_write=False)
    try:
        yield home, records
    finally:
        records.close()
