"""The trace desk over HTTP in figures: a real service process, a real socket, N marks on record.

Run: make bench, or `python benchmarks/trace_service.py [MARKS [FOLDER]]` (default 1,000,000; the
figures of docs/trace.md are of 10,000,000: 20 minutes, 12 GB; a FOLDER is kept and filled once).
Out: a table: making and opening the whole index with its checks against the log, catching up after
each of a row of marks, searches over HTTP beside a request that searches nothing, the service's own
CPU time a search, which other work on the machine disturbs less, and its memory.

The records are filled by one statement a table: real codes of pin32-10, real leaves and tree, one
entry a mark (`verified` at once, where a station writes four). What a search reads is what it would
read of a station's own rows; `pinmark log fsck` would rightly call this history too short.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from engraver.batch import pack_indices
from engraver.codes import FORMATS
from engraver.reading import ALPHABET
from engraver.record import MarkIntent, MarkState
from station_api.people import Role
from station_api.people.keys import Keys, load_pepper
from station_api.records import Records, canonical
from station_api.records.rows import identity
from station_api.records.tables import entries, marks, nodes, transitions
from station_api.trace.index import TraceIndex
from station_api.trace.packing import unpack_texts
from station_api.transparency import merkle

FORMAT = FORMATS["pin32-10"]
FIRST = 32768
CHUNK = 100_000
PATTERNS = 50
MARKS_ADDED = 50
SHA = "a" * 64
MAKE, MODEL = "EXAMPLE ARMS", "MODEL 1"
AT_US = 1_800_000_000_000_000


def main(count: int, kept: Path | None = None) -> None:
    """Fill a station, look at its index, serve it, ask it; a kept folder is filled once."""
    with tempfile.TemporaryDirectory(prefix="pinmark-trace-") as made:
        home = kept or Path(made)
        os.environ["PINMARK_HOME"] = str(home)
        filled = home / "filled.json"
        if not filled.exists():
            home.mkdir(exist_ok=True)
            records = Records(home / "station.db")
            token = Keys(records, load_pepper(home)).make("bench", Role.TRACER, "benchmark")[1]
            records.close()
            began = time.perf_counter()
            said = {"texts": fill(home / "station.db", count), "token": token, "next": count}
            filled.write_text(json.dumps(said))
            print(f"\n{count:,} marks written in {time.perf_counter() - began:.0f} s", flush=True)
        said = json.loads(filled.read_text())
        filled.write_text(json.dumps({**said, "next": said["next"] + MARKS_ADDED}))
        look_at_index(home, said["next"])
        with serving() as (port, pid):
            ask(port, said["token"], said["texts"], pid)


# ---- the records


def fill(path: Path, count: int) -> list[str]:
    """Write marks, their entries and the tree over them; return some of the codes."""
    connection = sqlite3.connect(path, isolation_level=None)
    for said in ("journal_mode=off", "synchronous=off", "cache_size=-2000000"):
        connection.execute(f"pragma {said}")
    connection.execute("drop index marks_code")
    (begin,) = connection.execute("select count(*) from entries").fetchone()
    connection.execute("begin")
    level = [row[0] for row in connection.execute("select hash from nodes where level=0")]
    kept: list[str] = []
    for start in range(0, count, CHUNK):
        indices = np.arange(FIRST + start, FIRST + min(start + CHUNK, count), dtype=np.int64)
        codes = unpack_texts(pack_indices(indices, FORMAT.name).astype(np.uint64), FORMAT.n)
        kept += codes[:: max(1, len(codes) * PATTERNS // count)][:PATTERNS]
        level += write_chunk(connection, start, begin + start, codes)
    write_tree(connection, level, begin)
    connection.execute("create index marks_code on marks (code)")
    connection.execute("commit")
    connection.execute("pragma journal_mode=wal")
    connection.close()
    return kept


def write_chunk(
    connection: sqlite3.Connection, start: int, position: int, codes: list[str]
) -> list[bytes]:
    """Write some marks with an entry each; return the hashes of their leaves."""
    wide: dict[str, list[tuple[Any, ...]]] = {"marks": [], "transitions": [], "entries": []}
    leaves = []
    for at, code in enumerate(codes):
        number, place = start + at + 1, position + at
        mark_id, serial = f"M{number:06d}", f"Z{number:08d}"
        salt = hashlib.sha256(b"%d" % number).digest()
        record = b'{"mark":{"code":"%s","mark_id":"%s"},"v":1}' % (code.encode(), mark_id.encode())
        committed = canonical.commitment(salt, record)
        leaves.append(merkle.leaf_hash(canonical.leaf_data("transition", place, committed)))
        wide["entries"].append(("S1", place, "transition", salt, record))
        wide["marks"].append((
            mark_id, "S1", number, place, f"WO-{number}", MAKE, MODEL, serial, code,
            FIRST + start + at, "default", SHA, SHA, AT_US, "verified", AT_US, "first", None, 0,
            identity(MAKE, MODEL, serial), code,
        ))  # fmt: skip
        wide["transitions"].append((
            "S1", place, mark_id, None, "verified", AT_US, 0, "boot", "system", 0, "benchmark",
            None, "", "{}", None,
        ))  # fmt: skip
    for table in (entries, marks, transitions):
        holes = ",".join("?" * len(table.columns))
        connection.executemany(f"insert into {table.name} values ({holes})", wide[table.name])
    return leaves


def write_tree(connection: sqlite3.Connection, level: list[bytes], begin: int) -> None:
    """Write every complete subtree that is not there yet."""
    height = 0
    insert = f"insert or ignore into {nodes.name} values ('S1',?,?,?)"
    while level:
        first = begin >> height
        rows = ((height, place, level[place]) for place in range(first, len(level)))
        connection.executemany(insert, rows)
        pairs = zip(level[::2], level[1::2], strict=False)
        level = [merkle.node_hash(left, right) for left, right in pairs]
        height += 1


# ---- the index


def look_at_index(home: Path, count: int) -> None:
    """Make the index, open it again with all its checks, and follow the log mark by mark."""
    records = Records(home / "station.db")
    took_s, index = timed(lambda: opened(home, records))
    print(f"{'index made from the records':>44} {took_s:10.1f} s; {index.rebuilt}")
    again = [timed(lambda: opened(home, records))[0] for _ in range(10)]
    line("whole index opened, checked against the log", again)
    marking, following = [], []
    index = opened(home, records)
    blank = MarkIntent("", "WO", MAKE, MODEL, "", "", 0, "default", SHA, SHA, AT_US)
    for n in range(MARKS_ADDED):
        number = FIRST + count + n
        (code,) = unpack_texts(pack_indices(np.array([number]), FORMAT.name).astype(np.uint64), 10)
        new = replace(
            blank, serial=f"N{number:09d}", code=code, code_index=number, order_id=f"N{number}"
        )
        marking.append(timed(lambda new=new: records.intend(new))[0])
        following.append(timed(index.catch_up)[0])
        assert code in index.state.find_texts(FORMAT.name, choices_of(code))
    for row in records.in_states({MarkState.INTENDED}):
        records.decide(row.mark_id, MarkState.CANCELLED, "benchmark", "nothing was burned")
    line("a mark's own transaction (ink before fire)", marking)
    line("the index brought up to that mark", following)
    records.close()


def opened(home: Path, records: Records) -> TraceIndex:
    """Open the index and compare what it says with the log."""
    index = TraceIndex(home / "trace", records.database)
    index.catch_up()
    return index


def choices_of(code: str) -> list[frozenset[int]]:
    """Return the one symbol that each place allows."""
    return [frozenset({ALPHABET.index(symbol)}) for symbol in code]


# ---- the service


@contextmanager
def serving() -> Iterator[tuple[int, int]]:
    """Run `pinmark serve` as a process of its own until the block ends; give port and pid."""
    began = time.perf_counter()
    words = [sys.executable, "-m", "station_api", "serve", "--port", "0"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        for said in process.stdout or ():
            if found := re.search(r"API on http://[^:]+:(\d+)/", said):
                print(f"{'service started':>44} {time.perf_counter() - began:10.1f} s")
                yield int(found[1]), process.pid
                return
        raise SystemExit("the service did not start")
    finally:
        process.terminate()
        process.wait(60)


def ask(port: int, token: str, texts: list[str], pid: int) -> None:
    """Put searches to the service over one connection, as a client would, and time them."""
    link = http.client.HTTPConnection("127.0.0.1", port)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    print(f"{'load of this machine':>44} {os.getloadavg()[0]:10.1f} on {os.cpu_count()} cores")

    def post(path: str, body: dict[str, Any]) -> dict[str, Any]:
        link.request("POST", f"/v1/trace/{path}", json.dumps(body), headers)
        reply = link.getresponse()
        text = reply.read()
        if reply.status not in (200, 201):
            raise SystemExit(f"{body}: {reply.status} {text[:400]!r}")
        return dict(json.loads(text))

    named = {"agency": "A", "person": "P", "contact": "C", "authority": "18 U.S.C. 923(g)(7)"}
    request_id = post("requests", named)["request_id"]
    print(f"{'memory of the idle service':>44} {memory(pid)}")

    def get() -> bytes:
        link.request("GET", f"/v1/trace/requests/{request_id}", headers=headers)
        return link.getresponse().read()

    line("a request shown, nothing searched", [timed(get)[0] for _ in range(PATTERNS)])
    rng = np.random.default_rng(8)
    for what, questions in kinds_of_question(texts, rng).items():
        times, found, began_s = [], [], cpu_s(pid)
        for asked in questions:
            body = {"request_id": request_id, "rows": 5, **asked}
            took_s, answer = timed(lambda body=body: post("search", body))
            times.append(took_s)
            found.append(answer["found"])
        spent_ms = (cpu_s(pid) - began_s) / len(questions) * 1e3
        line(what, times, f"; {spent_ms:.1f} ms CPU; {np.median(found):,.0f} found")
    print(f"{'memory of the service after the searches':>44} {memory(pid)}")


def kinds_of_question(texts: list[str], rng: np.random.Generator) -> dict[str, list[Any]]:
    """Return questions of each kind."""

    def holes(text: str, known: Any) -> str:
        return "".join(c if at in known else "?" for at, c in enumerate(text))

    def unsure(text: str) -> str:
        return "".join(f"[{c}{'0' if c != '0' else 'D'}{'7' if c != '7' else 'T'}]" for c in text)

    def cases(text: str) -> dict[str, Any]:
        reads = [holes(text, rng.choice(FORMAT.n, 7, replace=False)) for _ in "AB"]
        casings = [{"reads": [{"text": read}]} for read in reads]
        return {"format": FORMAT.name, "casings": casings}

    picked = [texts[n] for n in rng.permutation(len(texts))[:PATTERNS]]
    three = [holes(t, rng.choice(np.arange(1, FORMAT.n), 3, replace=False)) for t in picked]
    wrong = [("Z" if t[0] != "Z" else "Y") + t[1:] for t in picked[:10]]
    serials = [f"Z{n:08d}" for n in rng.integers(1, len(texts), 10)]
    return {
        "three known of ten, no prefix": [{"pattern": p, "misread": 0} for p in three],
        "a whole code": [{"pattern": t} for t in picked],
        "a whole code, one symbol misread": [{"pattern": t} for t in wrong],
        "a set of three at each of ten": [
            {"pattern": unsure(t), "misread": 0} for t in picked[:20]
        ],
        "five in a row, place not known": [
            {"pattern": t[3:8], "fragment": True} for t in picked[:10]
        ],
        "a whole serial": [{"serial": serial} for serial in serials],
        "a serial, its last sign unknown": [{"serial": s[:-1] + "?"} for s in serials[:3]],
        "reads of two cases, 7 of 10 each": [{"reads": cases(t)} for t in picked[:3]],
    }


def cpu_s(pid: int) -> float:
    """Return the CPU time that a process has used, in s."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> str:
    """Return what a process keeps resident: of its own, and of mapped files."""
    said = Path(f"/proc/{pid}/status").read_text()
    own, files, peak = (
        int(re.search(rf"{name}:\s+(\d+)", said)[1]) / 1e3  # type: ignore[index]
        for name in ("RssAnon", "RssFile", "VmHWM")
    )
    return f"{own + files:6.0f} MB, of them {files:.0f} mapped files; peak {peak:.0f} MB"


def timed(work: Any) -> tuple[float, Any]:
    """Return how long a piece of work took, in s, and what it gave."""
    began = time.perf_counter()
    given = work()
    return time.perf_counter() - began, given


def line(what: str, times: list[float], more: str = "") -> None:
    """Print the median and the worst of some times."""
    ms = np.array(times) * 1e3
    print(f"{what:>44} {np.median(ms):10.2f} ms median, {ms.max():.1f} worst{more}", flush=True)


if __name__ == "__main__":
    given = sys.argv[1:]
    main(int(given[0]) if given else 1_000_000, Path(given[1]) if given[1:] else None)
