"""The records in figures: transitions against a no-op endpoint, syncs, proofs, fsck, memory.

Run: make bench, or `python benchmarks/records.py [ENTRIES]` (default 1,000,000). Out: a table.
Ratios are measured side by side in one run; counts of fdatasync come from strace. The service
measured is a stand-in of two routes: one does nothing, one looks a machine key up by HMAC, keeps
an idempotency key and makes a durable transition with its log entry.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import http.client
import itertools
import os
import re
import resource
import secrets
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, HTTPException, Request

from engraver.record import MarkIntent
from station_api.records import Records, canonical
from station_api.records.database import open_database
from station_api.records.fsck import fsck
from station_api.records.ledger import read_nodes
from station_api.records.rows import identity
from station_api.records.tables import MARK_COLUMNS, TRANSITION_COLUMNS
from station_api.transparency import merkle

CLIENTS = 8
SECONDS = 4.0
KEY = b"k" * 32
HERE = Path(__file__).resolve()


def intent(n: int) -> MarkIntent:
    """Make the intent of firearm ``n``."""
    serial, code = f"ZQ{n:07d}", f"C{n:011d}"
    names = ("EXAMPLE ARMS", "MODEL 1", serial, code, n, "default", "a" * 64, "b" * 64)
    return MarkIntent("", f"WO-{n}", *names, 1_800_000_000_000_000)


# ---- the stand-in service


def serve(folder: str, port: str) -> None:
    """Run the two routes; a process of its own."""
    app, records, keys = FastAPI(), Records(Path(folder) / "station.db"), {lookup("machine key")}
    counter, thread = itertools.count(), ThreadPoolExecutor(1)
    waiting: list[tuple[Callable[[], Any], asyncio.Future[Any]]] = []
    busy = False

    async def together(call: Callable[[], Any]) -> Any:
        """Do what came in during the last commit in the next one, in one thread."""
        nonlocal busy
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        waiting.append((call, future))
        if not busy:
            busy = True
            while waiting:
                batch, waiting[:] = list(waiting), []
                calls = [one for one, _ in batch]
                answers = await loop.run_in_executor(thread, records.writer.run_all, calls)
                for (_, asked), answer in zip(batch, answers, strict=True):
                    asked.set_result(answer)
            busy = False
        return await future

    @app.post("/noop")
    async def noop() -> dict[str, str]:
        return {"state": "ok"}

    @app.post("/mark")
    async def mark(request: Request) -> dict[str, str]:
        if lookup(request.headers.get("authorization", "")) not in keys:
            raise HTTPException(401)
        key, wanted = request.headers["idempotency-key"], intent(next(counter))
        return {"mark": (await together(lambda: records.intend(wanted, key=key))).mark_id}

    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="error", access_log=False)


def lookup(key: str) -> bytes:
    """Return what a machine key is stored under."""
    return hmac.digest(KEY, key.encode(), hashlib.sha256)


@contextmanager
def service(folder: Path) -> Iterator[int]:
    """Run the service in ``folder``; yield its port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = int(listener.getsockname()[1])
    words = [sys.executable, str(HERE), "serve", str(folder), str(port)]
    process = subprocess.Popen(words, env={**os.environ, "PYTHONPATH": str(HERE.parents[1])})
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()


def rate(port: int, path: str, seconds: float) -> float:
    """Return answers a second that eight clients get from a route."""
    counts = [0] * CLIENTS
    end = time.monotonic() + seconds

    def ask(who: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        while time.monotonic() < end:
            key = secrets.token_hex(16)
            headers = {"Authorization": "machine key", "Idempotency-Key": key}
            connection.request("POST", path, headers=headers)
            answer = connection.getresponse()
            answer.read()
            counts[who] += answer.status == 200
        connection.close()

    run_threads(CLIENTS, ask)
    return sum(counts) / seconds


def run_threads(count: int, work: Callable[[int], None]) -> None:
    """Run ``work`` in ``count`` threads and wait for them."""
    threads = [threading.Thread(target=work, args=(n,)) for n in range(count)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()


def endpoint_ratio(parent: Path) -> tuple[float, float]:
    """Return (no-op, transition) answers a second, interleaved in one run."""
    with tempfile.TemporaryDirectory(dir=parent) as folder, service(Path(folder)) as port:
        rate(port, "/noop", 0.5)
        rate(port, "/mark", 0.5)
        rounds = [(rate(port, "/noop", SECONDS / 2), rate(port, "/mark", SECONDS / 2))]
        rounds += [(rate(port, "/noop", SECONDS / 2), rate(port, "/mark", SECONDS / 2))]
    return max(r[0] for r in rounds), max(r[1] for r in rounds)


# ---- syncs


def write_some(folder: str, clients: str, each: str) -> None:
    """Make transitions from several threads; a process of its own, under strace."""
    records = Records(Path(folder) / "station.db")

    def work(who: int) -> None:
        for n in range(int(each)):
            records.intend(intent(who * int(each) + n))

    run_threads(int(clients), work)


def syncs_per_transition(parent: Path, clients: int, count: int) -> float | None:
    """Count fdatasync and fsync calls by strace; ``None`` without strace."""
    if shutil.which("strace") is None:
        return None
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        open_database(Path(folder) / "station.db").close()
        trace = Path(folder) / "trace"
        words = [sys.executable, str(HERE), "write", folder, str(clients), str(count // clients)]
        subprocess.run(
            ["strace", "-f", "-o", str(trace), "-e", "trace=fdatasync,fsync", *words],
            env={**os.environ, "PYTHONPATH": str(HERE.parents[1])},
            check=True,
            capture_output=True,
        )
        called = re.findall(r"f(?:data)?sync\(", trace.read_text())
    return len(called) / count


# ---- a million entries


def build(path: Path, size: int) -> None:
    """Write a database of ``size`` entries as `Records` would, four a mark, quickly."""
    open_database(path).close()
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=OFF", "synchronous=OFF"):
        connection.execute(f"PRAGMA {pragma}")
    frontier = merkle.Frontier()
    for begin in range(0, size, 20_000):
        rows: dict[str, list[tuple[object, ...]]] = {
            name: [] for name in ("entries", "nodes", "transitions", "marks")
        }
        for position in range(begin, min(size, begin + 20_000)):
            mark, transition = history(position)
            record = canonical.encode({"mark": mark, "transition": transition, "v": 1})
            salt = secrets.token_bytes(32)
            committed = canonical.commitment(salt, record)
            leaf = merkle.leaf_hash(canonical.leaf_data("transition", position, committed))
            frontier, made = frontier.append(leaf)
            rows["entries"].append(("S1", position, "transition", salt, record))
            rows["nodes"] += [("S1", node.level, node.index, node.hash) for node in made]
            rows["transitions"].append(tuple(transition[name] for name in TRANSITION_COLUMNS))
            if position % 4 == 3 or position == size - 1:
                rows["marks"].append(tuple(mark[name] for name in MARK_COLUMNS))
        connection.execute("BEGIN")
        for table, found in rows.items():
            places = ",".join("?" * len(found[0]))
            connection.executemany(f"INSERT INTO {table} VALUES ({places})", found)
        connection.execute("COMMIT")
    connection.close()


STATES = ("intended", "marking", "marked", "verified")


def history(position: int) -> tuple[dict[str, object], dict[str, object]]:
    """Return mark and transition of entry ``position`` of a made-up plant."""
    number, step = position // 4, position % 4
    made = intent(number)
    mark: dict[str, object] = {name: getattr(made, name) for name in MarkIntent.__slots__}
    mark |= {
        "mark_id": f"M{number + 1:06d}",
        "station": "S1",
        "number": number + 1,
        "position": position,
        "state": STATES[step],
        "changed_at_us": 1_800_000_000_000_000 + position,
        "lineage": "first",
        "replaces": None,
        "fence": 0,
        "held_identity": identity(made.make, made.model, made.serial),
        "held_code": made.code,
    }
    detail = '{"elapsed_us":1000000,"lines_acknowledged":11597,"lines_sent":11597}'
    transition: dict[str, object] = {
        "station": "S1",
        "position": position,
        "mark_id": mark["mark_id"],
        "from_state": STATES[step - 1] if step else None,
        "to_state": STATES[step],
        "at_us": mark["changed_at_us"],
        "monotonic_us": position,
        "boot_id": "00000000-0000-0000-0000-000000000000",
        "clock": "system/synchronised",
        "drift_us": 0,
        "actor": "station",
        "approver": None,
        "reason": "program released to the controller",
        "detail": detail if step == 2 else "{}",
        "idempotency_key": None,
    }
    return mark, transition


def check(path: str) -> None:
    """Run fsck once and print seconds and peak memory; a process of its own."""
    database = open_database(Path(path))
    began = time.perf_counter()
    report = fsck(database)
    seconds = time.perf_counter() - began
    assert report.sound, report.findings[:3]
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def time_fsck(path: Path) -> tuple[float, float]:
    """Return seconds and peak MB of fsck in a fresh process."""
    settings = {**os.environ, "PYTHONPATH": str(HERE.parents[1])}
    words = [sys.executable, str(HERE), "check", str(path)]
    done = subprocess.run(words, env=settings, check=True, capture_output=True, text=True)
    seconds, megabytes = map(float, done.stdout.split())
    return seconds, megabytes


def time_proof(path: Path, size: int) -> float:
    """Return ms of one inclusion proof from stored nodes, the median of 200."""
    database = open_database(path)
    taken = []
    with database.reading.connect() as connection:
        for n in range(200):
            began = time.perf_counter()
            merkle.inclusion_proof(
                n * 7919 % size, size, lambda wanted: read_nodes(connection, "S1", wanted)
            )
            taken.append(time.perf_counter() - began)
    database.close()
    return sorted(taken)[100] * 1e3


def main(size: int = 1_000_000) -> None:
    """Measure everything and print it beside what was asked."""
    places = {"disk": Path(tempfile.gettempdir())}
    if Path("/dev/shm").is_dir():
        places["tmpfs"] = Path("/dev/shm")
    print("\nrecords")
    for name, parent in places.items():
        noop, transition = endpoint_ratio(parent)
        print(
            f"  transition / no-op endpoint, {CLIENTS} clients, {name:<6} "
            f"{transition / noop:6.2f}   ({transition:,.0f} of {noop:,.0f} a second; >= 0.70)"
        )
    for clients, limit in ((1, "<= 1.02"), (CLIENTS, "< 0.5")):
        found = syncs_per_transition(places["disk"], clients, 2000)
        said = "strace is missing" if found is None else f"{found:6.3f}"
        print(f"  fdatasync a transition, {clients} client(s)             {said}   ({limit})")
    with tempfile.TemporaryDirectory(dir=places.get("tmpfs", places["disk"])) as folder:
        small, large = Path(folder) / "small.db", Path(folder) / "large.db"
        build(small, size // 10)
        build(large, size)
        print(
            f"  proof at {size:,} entries                 {time_proof(large, size):6.2f} ms (< 1)"
        )
        _, few = time_fsck(small)
        seconds, many = time_fsck(large)
        print(f"  fsck, entries a second on one core     {size / seconds:9,.0f}   (> 100,000)")
        print(
            f"  fsck, peak memory at {size // 10:,} / {size:,}   {few:.0f} / {many:.0f} MB   (flat)"
        )


if __name__ == "__main__":
    command = {"serve": serve, "write": write_some, "check": check}
    if len(sys.argv) > 2:
        command[sys.argv[1]](*sys.argv[2:])
    else:
        main(*map(int, sys.argv[1:]))
