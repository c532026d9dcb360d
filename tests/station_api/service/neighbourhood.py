"""Stations that watch one another, each a real service on a free port; and witnesses that lie."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from station_api.app import make_app
from station_api.configuration.model import WitnessesKeys
from station_api.log_key import log_origin, log_signer, witness_signer
from station_api.neighbours import Neighbour
from station_api.records import Records
from station_api.service import server
from station_api.service.service import Service, make_service
from tests.conftest import wait_until

WAIT_S = 60.0


@dataclass(frozen=True, slots=True)
class House:
    """One station: its name, folder, and the port its service listens on."""

    name: str
    home: Path
    port: int

    @property
    def url(self) -> str:
        """Where it takes checkpoints."""
        return f"http://127.0.0.1:{self.port}/v1/log"

    def neighbour(self) -> Neighbour:
        """It as a witness."""
        return Neighbour(self.url, witness_signer(self.home, self.name).verifier())

    def line(self) -> str:
        """The line of a configuration that names it."""
        return f"{self.url} {self.neighbour().key.text()}"

    def watch(self, others: Sequence[House]) -> None:
        """Take the logs of others for watched ones."""
        folder = self.home / "neighbours"
        folder.mkdir(parents=True, exist_ok=True)
        for other in others:
            key = log_signer(other.home, log_origin(other.name)).verifier()
            (folder / f"{other.name}.pub").write_text(key.text() + "\n")


@contextmanager
def open_house(house: House, neighbours: Sequence[str]) -> Iterator[Service]:
    """Serve one station with these witnesses."""
    records = Records(house.home / "station.db", house.name)
    keys = WitnessesKeys(neighbours=tuple(neighbours), every_s=1)
    service = make_service(house.home, records, witnesses=keys)
    listener = server.listen("127.0.0.1", house.port, tls=False, plain=False)
    made = server.make_server(make_app(service))
    thread = threading.Thread(target=made.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        wait_until(lambda: made.started or not thread.is_alive(), WAIT_S)
        yield service
    finally:
        made.should_exit = True
        thread.join()
        listener.close()
        records.close()


@contextmanager
def open_all(houses: Sequence[House]) -> Iterator[list[Service]]:
    """Serve stations of which each is a witness of every other."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(open_house(one, [h.line() for h in houses if h is not one]))
            for one in houses
        ]


class Liar(BaseHTTPRequestHandler):
    """A witness that says what a test wants it to."""

    answer: Callable[[bytes], tuple[int, bytes]]

    def do_POST(self) -> None:
        """Answer."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status, said = type(self).answer(body)
        self.send_response(status)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *words: object) -> None:
        """Say nothing."""


@contextmanager
def liar(answer: Callable[[bytes], tuple[int, bytes]]) -> Iterator[str]:
    """Serve a witness that answers so; yield its address."""
    handler = type("Told", (Liar,), {"answer": staticmethod(answer)})
    with HTTPServer(("127.0.0.1", 0), handler) as served:
        yield from _served(served)


@contextmanager
def silent(waiting: threading.Event, leave: threading.Event) -> Iterator[str]:
    """Serve a witness that takes a request and says nothing until it is told to leave."""

    class Mute(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(1)
            waiting.set()
            leave.wait(WAIT_S)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mute) as served:
        yield from _served(served)


def _served(served: socketserver.BaseServer) -> Iterator[str]:
    thread = threading.Thread(target=served.serve_forever, args=[0.05])
    thread.start()
    try:
        yield f"http://127.0.0.1:{served.server_address[1]}/v1/log"
    finally:
        served.shutdown()
        thread.join()
