"""`pinmark serve`: the service of this station. `pinmark openapi`: its description.

In: an address, perhaps an engraver's port and a certificate. Out: HTTP under /v1 until it is
stopped. The first start makes an administrator and prints the way in, once.
"""

from __future__ import annotations

import json
import os
import signal
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from station_api.cli import shell
from station_api.cli.sample import furnishing, refuse_strangers, sample_engraver, ways_in
from station_api.configuration import Settings, settings
from station_api.home import HOME_VARIABLE
from station_api.log_key import write_durably
from station_api.logs import set_up as set_up_logging
from station_api.logs import under_journal
from station_api.people import People
from station_api.people.people import FIRST_ADMINISTRATOR
from station_api.station import Station, open_station


def register(app: typer.Typer) -> None:
    """Add the commands to the command tree."""
    app.command()(serve)
    app.command()(openapi)


def serve(
    host: Annotated[
        str | None, typer.Option(help="address to listen on; else \\[service] host")
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="TCP port, 0: a free one; else as set")
    ] = None,
    engraver: Annotated[
        str | None, typer.Option(help="serial device of the controller, to mark from the service")
    ] = None,
    panel: Annotated[
        str | None, typer.Option(help="profile of the contacts and lamps; else the machine's")
    ] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="certificate chain, PEM")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="its key, PEM")] = None,
    plain: Annotated[bool, typer.Option(help="no TLS on a network: a proxy encrypts")] = False,
    docs: Annotated[bool, typer.Option(help="serve /docs and /openapi.json")] = False,
    scans: Annotated[
        Path | None, typer.Option(help="folder that the instrument writes its scans to")
    ] = None,
    sample: Annotated[
        Path | None,
        typer.Option(help="folder of a sample station: virtual engraver, people, orders"),
    ] = None,
) -> None:
    """Serve this station over HTTP; what no option says, the configuration says.

    Example: pinmark serve --port 8080; or, to try it out: pinmark serve --sample /tmp/sample
    """
    if sample is not None:
        os.environ[HOME_VARIABLE] = str(sample.resolve() / "station")
    keys = settings()
    if tls_cert is None and tls_key is None:
        tls_cert, tls_key = keys.service.tls_cert, keys.service.tls_key
    wanted = Wanted(
        host=keys.service.host if host is None else host,
        port=keys.service.port if port is None else port,
        engraver=engraver or keys.engraver.port,
        panel=panel or keys.engraver.panel,
        tls_cert=tls_cert,
        tls_key=tls_key,
        plain=plain or keys.service.plain,
        docs=docs or keys.service.docs,
        scans=scans,
        sample=sample,
    )
    run(wanted, keys)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to serve, and where: the options, and from the configuration what none of them says."""

    host: str
    port: int
    engraver: str | None
    panel: str | None
    tls_cert: Path | None
    tls_key: Path | None
    plain: bool
    docs: bool
    scans: Path | None
    sample: Path | None


def run(wanted: Wanted, keys: Settings) -> None:
    """Serve until a signal says to stop."""
    # the web framework costs every other command a second of start-up
    from station_api.app import make_app
    from station_api.interlocks import panel_of
    from station_api.service.memory import (
        give_back_what_is_freed,
        look_for_no_garbage_in_what_stands,
    )
    from station_api.service.plant_link import link_to_plant
    from station_api.service.server import listen, make_server
    from station_api.service.service import make_service
    from station_api.service.tls import check_tls

    give_back_what_is_freed()
    set_up_logging(keys.logging)
    end_in_order()
    check_tls(wanted.tls_cert, wanted.tls_key)
    tls, engraver, scans = wanted.tls_cert is not None, wanted.engraver, wanted.scans
    with ExitStack() as stack:
        listener = listen(wanted.host, wanted.port, tls=tls, plain=wanted.plain)
        stack.enter_context(listener)
        station = stack.enter_context(open_station(to_mark=True))
        if wanted.sample is not None:
            refuse_strangers(wanted.host)
            scans = wanted.sample / "engraver"
            engraver = stack.enter_context(sample_engraver(scans))
        service = make_service(
            station.home,
            station.records,
            engraver,
            panel=wanted.panel or panel_of(keys.engraver.recipe),
            instrument=scans,
            scanners=keys.scanner,
            folder=keys.scans,
            witnesses=keys.witnesses,
        )
        service.plant = link_to_plant(station.records, keys)
        app = make_app(service, docs=wanted.docs, tls=tls)
        server = make_server(app, wanted.tls_cert, wanted.tls_key)
        where = f"{'https' if tls else 'http'}://{wanted.host}:{listener.getsockname()[1]}"
        say_where(station, service.people, where, sample=wanted.sample is not None)
        if wanted.sample is not None:
            stack.enter_context(furnishing(station.records, service.people))
        look_for_no_garbage_in_what_stands()
        server.run(sockets=[listener])


def say_where(station: Station, people: People, where: str, *, sample: bool) -> None:
    """Say where the service is, how to get in, and what is wrong with the station."""
    from station_api.doctor.gate import troubles

    shell.progress_console.print(
        f"station {station.home}: pages on {where}/, API on {where}/v1", soft_wrap=True
    )
    if sample:
        shell.progress_console.print(ways_in(), highlight=False, soft_wrap=True)
    else:
        say_the_way_in(people, where, station.home)
    for trouble in troubles(station.records, station.home):
        shell.progress_console.print(f"[bold]{trouble}[/]", soft_wrap=True)


def end_in_order() -> None:
    """Let a SIGTERM end this process as the end of the command would, and nothing be left running.

    The server gives the signal on when it has shut down; by default that would end the process
    at once, with the sample's engraver still at work and the station unclosed.
    """

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, leave)


def say_the_way_in(people: People, where: str, home: Path) -> None:
    """Print the first administrator's password at the first start, and how to sign in.

    Under systemd it goes into a file for its owner alone: a journal keeps what it is told.
    """
    password = people.welcome()
    if password is None:
        shell.progress_console.print(f"sign in at {where}/ or POST {where}/v1/session")
        return
    if under_journal():
        note = home / "first-sign-in"
        write_durably(note, f"{FIRST_ADMINISTRATOR} {password}\n", 0o600)
        shell.progress_console.print(
            f"first start: name and password to sign in once: {note}", soft_wrap=True
        )
        return
    body = json.dumps({"name": FIRST_ADMINISTRATOR, "secret": password})
    shell.progress_console.print(
        f"first start: sign in once as [bold]{FIRST_ADMINISTRATOR}[/] with [bold]{password}[/]\n"
        f"  at {where}/, which asks for a password of your own, or\n"
        f"  curl -d '{body}' -H 'Content-Type: application/json' {where}/v1/session\n"
        "then set a password of your own at PUT /v1/session/secret; this is not shown again",
        soft_wrap=True,
    )


def openapi() -> None:
    """Print the OpenAPI 3.1 description of the service. Example: pinmark openapi > api.json."""
    from station_api.app import describe, make_app

    print(json.dumps(describe(make_app(None)), indent=1))
