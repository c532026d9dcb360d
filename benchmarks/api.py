"""The service at eight clients: a full transition beside an endpoint that does nothing.

In: nothing. Out: a table of requests a second and their ratio, on tmpfs and on disk, in one run.
A full transition is authenticated by a session, carries If-Match and an
Idempotency-Key, changes the mark, writes history, log entry and tree, and is answered after the
commit is on disk. The no-op endpoint stands behind it in the same router of the same
application, behind the same layers, takes the same path and the same body, and does nothing;
beside it stands one that also signs the caller in. Rounds of the three alternate, and the ratio
is the median of the ratios of each round. The last columns are the server's own CPU time
a request, which other work on the machine disturbs less, and durable commits a transition. On a
disk the rate is bounded by what an fdatasync takes there just now, which is said beside it. A disk
that answers within a quarter of a millisecond is waited for on the loop, one that stalls by a
thread (decision 175): where others write too, the rate on disk tells more of them than of us.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import selectors
import socket
import statistics
import tempfile
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

from station_api.people import Caller as Person
from station_api.people import Right
from station_api.service.bodies import Conclude
from station_api.service.callers import MarkId, allow

Caller = Annotated[Person, allow(Right.DECIDE_MARKS)]
CLIENTS = 8
ROUNDS = 12
EACH = 40
"""Requests of one client in one round."""

PASSWORD = "correct horse battery"


def serve(home: str, pipe: Any) -> None:
    """Prepare a station with marks in doubt and serve it."""
    os.environ["PINMARK_HOME"] = home
    from fastapi import FastAPI

    from station_api.app import make_app
    from station_api.configuration.model import LoggingKeys
    from station_api.logs import set_up
    from station_api.people import Role
    from station_api.records import Records
    from station_api.routes import marks
    from station_api.service.server import listen, make_server
    from station_api.service.service import make_service

    records = Records(Path(home) / "station.db")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    set_up(LoggingKeys(file=Path(home) / "log"))  # a line a transition, as `pinmark serve` writes
    versions = prepare(records, CLIENTS * EACH * ROUNDS)
    service = make_service(Path(home), records)  # it logs what comes from now on
    boss = service.people.add("A. Smith", Role.SUPERVISOR, PASSWORD, "benchmark")
    token = service.sessions.open(boss.caller())
    marks.router.add_api_route("/marks/{mark_id}/noop", noop, methods=["POST"])
    marks.router.add_api_route("/marks/{mark_id}/noop-caller", noop_caller, methods=["POST"])
    app: FastAPI = make_app(service)

    @app.get("/figures")
    async def figures() -> dict[str, float]:
        return {"commits": records.writer.commits, "cpu_s": time.process_time()}

    listener = listen("127.0.0.1", 0, tls=False, plain=False)
    server = make_server(app)
    pipe.send((listener.getsockname()[1], token, versions))
    threading.Thread(target=end_when_told, args=(pipe, server), daemon=True).start()
    server.run(sockets=[listener])
    records.close()


async def noop(mark_id: MarkId, body: Conclude) -> dict[str, str]:
    """Do nothing."""
    return {"state": body.state}


async def noop_caller(mark_id: MarkId, body: Conclude, by: Caller) -> dict[str, str]:
    """Sign the caller in, and do nothing."""
    return {"state": body.state}


def end_when_told(pipe: Any, server: Any) -> None:
    """Stop the server at the parent's word."""
    pipe.recv()
    server.should_exit = True


def prepare(records: Any, count: int) -> list[tuple[str, int]]:
    """Bring marks to ``unknown``, eight at a time; return each with its version."""
    from engraver.record import MarkIntent

    blank = MarkIntent("", "WO", "EXAMPLE ARMS", "MODEL 1", "", "", 0, "default", "", "", 0)
    made: list[tuple[str, int]] = []

    def work(first: int) -> None:
        for n in range(first, count, CLIENTS):
            intent = replace(blank, serial=f"ZQ{n:06d}", code=f"C{n:07d}", code_index=n)
            mark_id = records.intend(intent).mark_id
            records.begin(mark_id)
            records.give_up(mark_id, "benchmark")
            made.append((mark_id, records.history(mark_id)[-1]["position"]))

    in_threads(work)
    return made


def in_threads(work: Any) -> None:
    """Run ``work(n)`` in as many threads as there are clients."""
    threads = [threading.Thread(target=work, args=(n,)) for n in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def request(path: str, headers: str) -> bytes:
    """Return one request's bytes."""
    body = '{"state":"scrapped","reason":"half of it is missing"}'
    return (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"{headers}Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def rate(port: int, requests: list[bytes]) -> float:
    """Send requests over eight connections; return how many a second were answered by 200.

    Each client sends its next request when it has its answer. One thread serves all eight by
    `select`, so that what is measured is the server and not the clients' interpreter.
    """
    waiting = selectors.DefaultSelector()
    shares = [requests[client::CLIENTS] for client in range(CLIENTS)]
    links = [socket.create_connection(("127.0.0.1", port)) for _ in shares]
    begun = time.perf_counter()
    for link, share in zip(links, shares, strict=True):
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        rest = iter(share)
        link.sendall(next(rest))
        waiting.register(link, selectors.EVENT_READ, [rest, b""])
    answered = 0
    while answered < len(requests):
        for ready, _ in waiting.select():
            data = ready.data
            data[1] += ready.fileobj.recv(65536)  # type: ignore[union-attr]
            if not is_whole(data[1]):
                continue
            if not data[1].startswith(b"HTTP/1.1 200"):
                raise SystemExit(f"request {answered} failed: {data[1][:400]!r}")
            answered, data[1] = answered + 1, b""
            if (following := next(data[0], None)) is not None:
                ready.fileobj.sendall(following)  # type: ignore[union-attr]
    took = time.perf_counter() - begun
    for link in links:
        link.close()
    return len(requests) / took


def is_whole(answer: bytes) -> bool:
    """Return whether headers and as many bytes as they say have come."""
    headers, found, body = answer.partition(b"\r\n\r\n")
    if not found:
        return False
    return len(body) >= int(headers.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])


@dataclass
class Measured:
    """Rates a second, CPU microseconds a request, and durable commits, round by round."""

    rates: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    commits: float = 0.0


def measure(folder: str) -> tuple[Measured, Measured, Measured]:
    """Measure no-op, no-op with sign-in, and transition."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=serve, args=(folder, there), daemon=True)
    process.start()
    port, token, versions = here.recv()
    signed = f"Authorization: Bearer {token}\r\n"
    count = CLIENTS * EACH
    plain = [request("/v1/marks/M000001/noop", signed)] * count
    caller = [request("/v1/marks/M000001/noop-caller", signed)] * count
    found = Measured(), Measured(), Measured()
    rate(port, plain)
    for n in range(ROUNDS):
        full = [
            request(
                f"/v1/marks/{mark_id}/conclude",
                f'{signed}If-Match: "{version}"\r\nIdempotency-Key: {mark_id}\r\n',
            )
            for mark_id, version in versions[n * count : (n + 1) * count]
        ]
        for one, requests in zip(found, (plain, caller, full), strict=True):
            before = figures(port)
            one.rates.append(rate(port, requests))
            after = figures(port)
            one.cpu_us.append((after["cpu_s"] - before["cpu_s"]) / count * 1e6)
            one.commits += (after["commits"] - before["commits"]) / count / ROUNDS
    here.send("stop")
    process.join()
    return found


def sync_ms(folder: Path) -> float:
    """Return what an fdatasync of 40 KB takes here, ms, the median of 100 in an allocated file."""
    path, taken = folder / "syncs", []
    path.write_bytes(bytes(4 << 20))
    with path.open("r+b", buffering=0) as file:
        os.fsync(file.fileno())
        for n in range(100):
            file.seek(n * 40 * 1024)
            file.write(os.urandom(40 * 1024))
            begun = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - begun)
    path.unlink()
    return statistics.median(taken) * 1e3


def figures(port: int) -> dict[str, float]:
    """Return the server's durable commits and CPU seconds."""
    with socket.create_connection(("127.0.0.1", port)) as link:
        link.sendall(b"GET /figures HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = b""
        while piece := link.recv(65536):
            answer += piece
    found: dict[str, float] = json.loads(answer.partition(b"\r\n\r\n")[2])
    return found


def main() -> None:
    """Print the table."""
    print("a full transition over HTTP, 8 clients (session, If-Match, Idempotency-Key, tree)")
    names = ("no-op/s", "+ sign-in/s", "full/s", "ratio", "no-op us", "full us", "ratio", "commits")
    print(" " * 8 + "".join(f"{name:>12}" for name in names))
    places = {"tmpfs": "/dev/shm", "disk": str(Path.cwd())}
    middle = statistics.median
    for name, place in places.items():
        if not os.access(place, os.W_OK):
            print(f"{name:8}{place} cannot be written")
            continue
        with tempfile.TemporaryDirectory(dir=place, prefix=".bench-") as folder:
            took_ms = sync_ms(Path(folder))
            idle, caller, full = measure(folder)
        ratio = middle(b / a for a, b in zip(idle.rates, full.rates, strict=True))
        spared = middle(a / b for a, b in zip(idle.cpu_us, full.cpu_us, strict=True))
        print(
            f"{name:8}{middle(idle.rates):12.0f}{middle(caller.rates):12.0f}"
            f"{middle(full.rates):12.0f}{ratio:12.2f}{middle(idle.cpu_us):12.0f}"
            f"{middle(full.cpu_us):12.0f}{spared:12.2f}{full.commits:12.2f}"
        )
        print(f"{'':8}fdatasync of 40 KB just before: median {took_ms:.2f} ms")


if __name__ == "__main__":
    main()
