"""`pinmark serve`: the read-only HTTP service of this station."""

from __future__ import annotations

import socket
from typing import Annotated

import typer

from engraver.errors import PortError
from station_api.cli import shell
from station_api.home import station_home


def register(app: typer.Typer) -> None:
    """Add the command to the command tree."""
    app.command()(serve)


def serve(
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="TCP port; 0 takes a free one")
    ] = 8080,
) -> None:
    """Serve this station's records over HTTP. Example: pinmark serve --port 8080."""
    import uvicorn  # the web framework costs every other command a second of start-up

    from station_api.app import make_app

    home = station_home()
    listener = listen(host, port)
    where = f"http://{host}:{listener.getsockname()[1]}"
    shell.progress_console.print(
        f"records of {home} on {where}/v1/marks, documents on {where}/docs"
    )
    server = uvicorn.Server(uvicorn.Config(make_app(), log_level="warning"))
    server.run(sockets=[listener])


def listen(host: str, port: int) -> socket.socket:
    """Bind a TCP socket.

    Raises
    ------
    PortError
        If the address is unknown or taken.
    """
    try:
        return socket.create_server((host, port))
    except OSError as error:
        raise PortError(
            f"{host}:{port} cannot be listened on ({error.strerror}); choose another --port"
        ) from error
