"""The records in figures: syncs a transition, proofs, fsck, memory of fsck and of the service.

Run: make bench, or `python benchmarks/records.py [ENTRIES]` (default 1,000,000). Out: a table.
Counts of fdatasync come from strace. Speed of fsck is entries by CPU seconds of its one thread,
which other work on the machine disturbs less than wall time. `benchmarks/api.py` has transitions
over HTTP.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from starlette.testclient import TestClient

from engraver.record import MarkIntent
from station_api import kept, log
from station_api.app import make_app
from station_api.log_key import log_origin, log_signer
from station_api.people import Role
from station_api.records import Records, canonical
from station_api.records.database import open_database
from station_api.records.ledger import read_nodes
from station_api.records.rows import identity
from station_api.records.tables import MARK_COLUMNS, TRANSITION_COLUMNS, column_names, orders
from station_api.service.service import make_service
from station_api.transparency import merkle

CLIENTS = 8
HERE = Path(__file__).resolve()


def intent(n: int) -> MarkIntent:
    """Make the intent of firearm ``n``."""
    serial, code = f"ZQ{n:07d}", f"C{n:011d}"
    names = ("EXAMPLE ARMS", "MODEL 1", serial, code, n, "default", "a" * 64, "b" * 64)
    return MarkIntent("", f"WO-{n}", *names, 1_800_000_000_000_000)


def run_threads(count: int, work: Callable[[int], None]) -> None:
    """Run ``work`` in ``count`` threads and wait for them."""
    threads = [threading.Thread(target=work, args=(n,)) for n in range(count)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()


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


def build(path: Path, size: int, kinds: str = "transition") -> None:
    """Write a database of ``size`` entries as `Records` and `Orders` would, quickly.

    ``kinds`` is what a pin leaves in the log, by first letters: four transitions ``t``, and at a
    station that is given orders, three versions ``o`` of its order.
    """
    open_database(path).close()
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=OFF", "synchronous=OFF"):
        connection.execute(f"PRAGMA {pragma}")
    frontier = merkle.Frontier()
    each = {"transition": "tttt", "station": "ootttto"}[kinds]
    for begin in range(0, size, 20_000):
        rows: dict[str, list[tuple[object, ...]]] = {
            name: [] for name in ("entries", "nodes", "transitions", "marks", "orders")
        }
        for position in range(begin, min(size, begin + 20_000)):
            number, step = divmod(position, len(each))
            kind, done = each[step], each[:step].count(each[step])
            last = done == each.count(kind) - 1 or position + len(each) - step >= size
            if kind == "o":
                row = order_version(number, done, position)
                record = canonical.encode({"order": row, "said": {}, "at_us": position, "v": 1})
                if last:
                    rows["orders"].append(tuple(row[name] for name in ORDER_COLUMNS))
            else:
                mark, transition = history(number, done, position)
                record = canonical.encode({"mark": mark, "transition": transition, "v": 1})
                rows["transitions"].append(tuple(transition[name] for name in TRANSITION_COLUMNS))
                if last:
                    rows["marks"].append(tuple(mark[name] for name in MARK_COLUMNS))
            salt, name = secrets.token_bytes(32), "order" if kind == "o" else "transition"
            committed = canonical.commitment(salt, record)
            leaf = merkle.leaf_hash(canonical.leaf_data(name, position, committed))
            frontier, made = frontier.append(leaf)
            rows["entries"].append(("S1", position, name, salt, record))
            rows["nodes"] += [("S1", node.level, node.index, node.hash) for node in made]
        insert(connection, rows)
    connection.close()


def insert(connection: sqlite3.Connection, rows: dict[str, list[tuple[object, ...]]]) -> None:
    """Insert rows of many tables in one transaction; a newer version of a row replaces it."""
    connection.execute("BEGIN")
    for table, found in rows.items():
        if found:
            places = ",".join("?" * len(found[0]))
            connection.executemany(f"INSERT OR REPLACE INTO {table} VALUES ({places})", found)
    connection.execute("COMMIT")


STATES = ("intended", "marking", "marked", "verified")


def order_version(number: int, step: int, position: int) -> dict[str, object]:
    """Return version ``step`` of an order: offered, claimed, done."""
    row: dict[str, object] = {name: getattr(intent(number), name) for name in ORDERED}
    row |= {"station": "S1", "position": position, "steady_until_us": 0, "fence": min(step, 1)}
    row |= {"state": ("open", "claimed", "done")[step], "holder": "S1" if step else None}
    row |= {"lease_until_us": 1_800_000_000_000_000 * min(step, 1), "boot_id": "0" * 36}
    return row | {"held_identity": identity("EXAMPLE ARMS", "MODEL 1", str(row["serial"]))}


ORDERED = ("order_id", "make", "model", "serial", "recipe")
ORDER_COLUMNS = column_names(orders)


def history(number: int, step: int, position: int) -> tuple[dict[str, object], dict[str, object]]:
    """Return mark ``number`` and its transition ``step``, which is entry ``position``."""
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
    """Do what `pinmark log fsck` does; print CPU seconds and peak MB; a process of its own."""
    records = Records(Path(path))
    began = time.process_time()  # one thread: what a core of its own would take
    report = kept.fsck(records)
    seconds = time.process_time() - began
    assert report.sound, report.findings[:3]
    records.close()
    print(seconds, memory_mb("VmHWM"))


def time_fsck(path: Path) -> tuple[float, float]:
    """Return CPU seconds and peak MB of fsck in a fresh process."""
    seconds, megabytes = map(float, run_self("check", str(path)).split())
    return seconds, megabytes


def run_self(*words: str) -> str:
    """Run a command of this file in a process of its own; return what it prints."""
    settings = {**os.environ, "PYTHONPATH": str(HERE.parents[1])}
    command = [sys.executable, str(HERE), *words]
    return subprocess.run(
        command, env=settings, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def prove(folder: str) -> None:
    """Print ms of a Merkle proof and of a whole proof file, medians and slowest of 1,000."""
    records = Records(Path(folder) / "station.db")
    signer = log_signer(Path(folder), log_origin(records.station))
    note = log.issue_checkpoint(records, [signer], Path(folder))
    size = records.size()
    bare, whole = [], []
    with records.database.reading.connect() as connection:
        for n in range(1000):
            position, began = n * 7919 % size, time.perf_counter()
            read = partial(read_nodes, connection, "S1")
            merkle.inclusion_proof(position, size, read)
            bare.append(time.perf_counter() - began)
    for n in range(1000):
        began = time.perf_counter()
        log.prove(records, n * 7919 % size, note).text()
        whole.append(time.perf_counter() - began)
    records.close()
    print(*(1e3 * one for kind in (bare, whole) for one in (statistics.median(kind), max(kind))))


def serve(folder: str) -> None:
    """Serve a station, ask it a thousand things, print its MB before and after."""
    home = Path(folder)
    records = Records(home / "station.db")
    service = make_service(home, records)
    name = f"Auditor {records.size()}"  # of this start
    auditor = service.people.add(name, Role.AUDITOR, "correct horse battery", "benchmark")
    signed = {"Authorization": f"Bearer {service.sessions.open(auditor.caller())}"}
    size, before = records.size(), 0.0
    with TestClient(make_app(service)) as client:
        for n in range(1001):
            place = n * 7919 % size
            for path in (
                f"/v1/log/proofs/{place}",
                f"/v1/marks/M{place // 4 + 1:06d}/history",
                "/v1/marks?limit=100",
                f"/v1/log/entries?after={place}&limit=100",
                "/v1/orders?limit=100",
                "/metrics" if n % 100 else "/v1/log/checkpoint",
            ):
                found = client.get(path, headers=signed)
                assert found.status_code in (200, 403, 404), (path, found.text)
            before = before or memory_mb("RssAnon")
        after = memory_mb("RssAnon")
    records.close()
    print(before, after)


def memory_mb(name: str) -> float:
    """Return a figure of this process's memory, MB: ``VmHWM`` (peak), ``RssAnon`` (no file's)."""
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def main(size: int = 1_000_000) -> None:
    """Measure everything and print it beside what was asked."""
    places = {"disk": Path(tempfile.gettempdir())}
    if Path("/dev/shm").is_dir():
        places["tmpfs"] = Path("/dev/shm")
    print("\nrecords")
    for name, parent in places.items():
        for clients, limit in ((1, "<= 1.02"), (CLIENTS, "< 0.5")):
            found = syncs_per_transition(parent, clients, 2000)
            said = "strace is missing" if found is None else f"{found:6.3f}"
            print(f"  fdatasync a transition, {clients} client(s), {name:<6} {said}   ({limit})")
    with tempfile.TemporaryDirectory(dir=places.get("tmpfs", places["disk"])) as folder:
        for kinds, said in (("transition", "transitions alone"), ("station", "orders between")):
            small, large = Path(folder) / f"{kinds}-small", Path(folder) / f"{kinds}-large"
            for home, entries in ((small, size // 10), (large, size)):
                home.mkdir()
                build(home / "station.db", entries, kinds)
            _, few = time_fsck(small / "station.db")
            seconds, many = time_fsck(large / "station.db")
            print(f"  log of {size:,} entries, {said}")
            print(
                f"    fsck, entries a CPU second, one thread   {size / seconds:9,.0f} (> 100,000)"
            )
            print(f"    fsck, peak MB at {size // 10:,} / {size:,}   {few:.0f} / {many:.0f} (flat)")
        bare, slowest, whole, longest = map(float, run_self("prove", str(large)).split())
        print(f"    Merkle proof, median / slowest of 1,000  {bare:.2f} / {slowest:.2f} ms (< 1)")
        print(f"    proof file, median / slowest of 1,000    {whole:.2f} / {longest:.2f} ms (< 1)")
        for home, entries in ((small, size // 10), (large, size)):
            run_self("serve", str(home))  # the first start makes the trace index
            begun, ended = map(float, run_self("serve", str(home)).split())
            said = f"{begun:.0f} / {ended:.0f} MB (flat)"
            print(f"    service at {entries:,}, after 6 / 6,000 requests    {said}")


if __name__ == "__main__":
    commands: dict[str, Callable[..., None]]
    commands = {"serve": serve, "write": write_some, "check": check, "prove": prove}
    if len(sys.argv) > 2:
        commands[sys.argv[1]](*sys.argv[2:])
    else:
        main(*map(int, sys.argv[1:]))
