"""The socket side: uvicorn, a patience for headers, TLS from files.

In: an application, a bound socket, certificate and key. Out: a server that runs until it is told to
stop. uvicorn waits for headers without end; here a request line and headers have fifteen
seconds from the connection, or from the first byte of a following request.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from engraver.errors import PortError
from station_api.service.tls import check_tls, refuse_in_the_clear

HEADERS_S = 15.0
KEEP_ALIVE_S = 15
MOST_CONNECTIONS = 256
LAST_WORDS_S = 10


class PatientProtocol(HttpToolsProtocol):
    """HTTP/1.1 that does not wait for headers for ever."""

    _headers_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first headers."""
        super().connection_made(transport)
        self._wait_for_headers()

    def data_received(self, data: bytes) -> None:
        """Begin to wait for the next headers if these are their first bytes."""
        if self.cycle is not None and self.cycle.response_complete:
            self._wait_for_headers()
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """Stop waiting."""
        self._stop_waiting()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait_for_headers(self) -> None:
        if self._headers_timer is None:
            loop = asyncio.get_running_loop()
            self._headers_timer = loop.call_later(HEADERS_S, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._headers_timer is not None:
            self._headers_timer.cancel()
            self._headers_timer = None


def make_server(
    app: FastAPI, certificate: Path | None = None, key: Path | None = None
) -> uvicorn.Server:
    """Return a server for an application.

    Raises
    ------
    InputError
        If certificate or key cannot be used.
    """
    check_tls(certificate, key)
    config = uvicorn.Config(
        app,
        http=PatientProtocol,
        loop="asyncio",  # under uvloop a client that hangs up in mid-answer is logged as a fault
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=LAST_WORDS_S,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )
    config.load()
    if config.ssl is not None:
        config.ssl.minimum_version = ssl.TLSVersion.TLSv1_2
    return _Server(config, app)


class _Server(uvicorn.Server):
    """A server that ends its event streams when it is told to stop, or it would wait for them."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop, as a signal asks."""
        if self._app.state.service is not None:
            self._app.state.service.live.close()
        super().handle_exit(sig, frame)


def listen(host: str, port: int, *, tls: bool, plain: bool) -> socket.socket:
    """Bind a TCP socket.

    Raises
    ------
    InputError
        If passwords would cross a network in the clear.
    PortError
        If the address is unknown or taken.
    """
    refuse_in_the_clear(host, tls=tls, plain=plain)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=128)
        # Inherited by what is accepted. asyncio sets it only on sockets whose protocol number is
        # given, which these have not; without it each answer waits 40 ms for a delayed ACK.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except OSError as error:
        # asyncio and socket.create_server write the address into the text of the error
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise PortError(
            f"{host}:{port} cannot be listened on ({why}); choose another --port"
        ) from error
