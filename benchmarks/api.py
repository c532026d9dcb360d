"""The service at eight clients: a full transition beside an endpoint that does nothing.

In: nothing. Out: a table of requests a second and their ratio, on tmpfs and on disk, in one run.
A full transition is authenticated by a session, carries If-Match and an
Idempotency-Key, changes the mark, writes history, log entry and tree, and is answered after the
commit is on disk. The no-op endpoint is in the same application, behind the same layers, and
takes the same body; beside it stands one that also signs the caller in and runs in a thread,
as every route that reads the database does. Rounds of the two alternate.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import statistics
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from station_api.people import Caller as Person
from station_api.people import Right
from station_api.service.bodies import Conclude
from station_api.service.callers import allow

Caller = Annotated[Person, allow(Right.DECIDE_MARKS)]
CLIENTS = 8
ROUNDS = 6
EACH = 40
"""Requests of one client in one round."""

PASSWORD = "correct horse battery"


def serve(home: str, pipe: Any) -> None:
    """Prepare a station with marks in doubt and serve it."""
    os.environ["PINMARK_HOME"] = home
    from fastapi import FastAPI

    from station_api.app import make_app
    from station_api.people import Role
    from station_api.records import Records
    from station_api.service.server import listen, make_server
    from station_api.service.service import make_service

    records = Records(Path(home) / "station.db")
    service = make_service(Path(home), records)
    boss = service.people.add("A. Smith", Role.SUPERVISOR, PASSWORD, "benchmark")
    token = service.sessions.open(boss.caller())
    versions = prepare(records, CLIENTS * EACH * ROUNDS)
    app: FastAPI = make_app(service)

    @app.post("/noop")
    async def noop(body: Conclude) -> dict[str, str]:
        return {"state": body.state}

    @app.post("/noop-thread")
    def noop_thread(body: Conclude, by: Caller) -> dict[str, str]:
        return {"state": body.state}

    @app.get("/commits")
    async def commits() -> dict[str, int]:
        return {"commits": records.writer.commits}

    listener = listen("127.0.0.1", 0, tls=False, plain=False)
    server = make_server(app)
    pipe.send((listener.getsockname()[1], token, versions))
    threading.Thread(target=end_when_told, args=(pipe, server), daemon=True).start()
    server.run(sockets=[listener])
    records.close()


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
    """Send requests over eight connections; return how many a second were answered by 200."""
    wrong: list[bytes] = []

    def work(client: int) -> None:
        with socket.create_connection(("127.0.0.1", port)) as link:
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for one in requests[client::CLIENTS]:
                link.sendall(one)
                answer = whole_answer(link)
                if not answer.startswith(b"HTTP/1.1 200"):
                    wrong.append(answer)

    begun = time.perf_counter()
    in_threads(work)
    took = time.perf_counter() - begun
    if wrong:
        raise SystemExit(f"{len(wrong)} of {len(requests)} failed: {wrong[0][:400]!r}")
    return len(requests) / took


def whole_answer(link: socket.socket) -> bytes:
    """Read one answer: headers, and as many bytes as they say."""
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += link.recv(65536)
    headers, _, body = answer.partition(b"\r\n\r\n")
    length = int(headers.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    while len(body) < length:
        body += link.recv(65536)
    return headers + body


def measure(folder: str) -> tuple[float, float, float, float]:
    """Return rates of no-op, threaded no-op, transition (medians), and commits a transition."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=serve, args=(folder, there), daemon=True)
    process.start()
    port, token, versions = here.recv()
    signed = f"Authorization: Bearer {token}\r\n"
    plain = [request("/noop", signed)] * (CLIENTS * EACH)
    rate(port, plain)
    before = commits(port)
    threaded = [request("/noop-thread", signed)] * (CLIENTS * EACH)
    idle, plainly, full = [], [], []
    for n in range(ROUNDS):
        batch = versions[n * CLIENTS * EACH : (n + 1) * CLIENTS * EACH]
        idle.append(rate(port, plain))
        plainly.append(rate(port, threaded))
        full.append(
            rate(
                port,
                [
                    request(
                        f"/v1/marks/{mark_id}/conclude",
                        f'{signed}If-Match: "{version}"\r\nIdempotency-Key: {mark_id}\r\n',
                    )
                    for mark_id, version in batch
                ],
            )
        )
    each = (commits(port) - before) / (ROUNDS * CLIENTS * EACH)
    here.send("stop")
    process.join()
    middle = statistics.median
    return middle(idle), middle(plainly), middle(full), each


def commits(port: int) -> int:
    """Return how many durable commits the server has made."""
    with socket.create_connection(("127.0.0.1", port)) as link:
        link.sendall(b"GET /commits HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = b""
        while piece := link.recv(65536):
            answer += piece
    return int(answer.rpartition(b":")[2].rstrip(b"}"))


def main() -> None:
    """Print the table."""
    print("a full transition over HTTP, 8 clients (session, If-Match, Idempotency-Key, tree)")
    print(
        f"{'':8}{'no-op/s':>10}{'+ sign-in/s':>14}{'full/s':>10}{'ratio':>8}"
        f"{'to sign-in':>14}{'commits each':>15}"
    )
    places = {"tmpfs": "/dev/shm", "disk": str(Path.cwd())}
    for name, place in places.items():
        if not os.access(place, os.W_OK):
            print(f"{name:8}{place} cannot be written")
            continue
        with tempfile.TemporaryDirectory(dir=place, prefix=".bench-") as folder:
            idle, threaded, full, each = measure(folder)
        print(
            f"{name:8}{idle:10.0f}{threaded:14.0f}{full:10.0f}{full / idle:8.2f}"
            f"{full / threaded:14.2f}{each:15.2f}"
        )


if __name__ == "__main__":
    main()
