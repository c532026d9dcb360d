"""What the service costs a small board: memory, processor, disk, start, and the stream under load.

One run of four pins on one service, the virtual engraver at true speed in a process of its own:
the stream alone; with eight screens' event streams and requests; with those, inspections and
reports (PDF) without pause; with those and a scan that drops into the watched folder every three
seconds, nameless, so that its surface is read. Memory is VmRSS by process, and PSS, which counts a
shared page once, at its largest over the whole pin, planning included; the column "streaming" is
the sum of RSS while lines are streamed, as the processor is. Bytes to disk are /proc/PID/io over a
whole pin, from the order to the state `marked`, on a folder of a real disk (``--folder``; a tmpfs
counts none). Starvation is counted by the controller: its planner ran empty in the middle of a
program. On a machine that others use, `setsid python benchmarks/board.py --first` lets the session
of the service go before theirs, and the engraver, which stands for a controller of its own, be in
real time (takes root): the station is measured against itself.

    python benchmarks/board.py --folder /var/tmp
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SCREENS = 8
DROP_EVERY_S = 3.0
FIRST = -19
LINE_NICE = 5
"""How much nicer than the service the line's worker is; the bench's is nicer."""

ASK_EVERY_S = 2.0
"""A page asks anew when its stream tells it to; a pin tells of itself about as often."""
LOOK_S = 0.25
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
SECRET = "correct horse battery"
ORDER = {"make": "EXAMPLE ARMS", "model": "MODEL 1", "recipe": "default"}
CODES = ("WT37AHG3P1Y5", "20PD6NVWHGGC", "YY4JC8DYCFDP")
"""Codes that the report is set for, one after the other: the bench keeps answers."""

KINDS = {"firmware_bridge.child": "stream", "spawn_main": "bench", "resource_tracker": "tracker"}


@dataclass(slots=True)
class Used:
    """What the processes of the service took, by kind; the largest and the sum of what was seen."""

    rss_mb: dict[str, float] = field(default_factory=dict)
    now_mb: float = 0.0
    own_mb: float = 0.0
    pss_mb: float = 0.0
    written: dict[int, int] = field(default_factory=dict)
    cpu_s: dict[int, tuple[str, float]] = field(default_factory=dict)

    def look(self, root: int) -> None:
        """Look at the service and its children once."""
        rss: dict[str, float] = {}
        pss = 0.0
        for pid in family(root):
            with suppress(OSError, ValueError, IndexError):
                kind = kind_of(pid, root) if pid != root else "service"
                status = Path(f"/proc/{pid}/status").read_text()
                rss[kind] = rss.get(kind, 0) + kib(status, "VmRSS") / 1024
                pss += kib(Path(f"/proc/{pid}/smaps_rollup").read_text(), "Pss") / 1024
                self.written[pid] = int(re.findall(r"^write_bytes: (\d+)", io_of(pid), re.M)[0])
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                self.cpu_s[pid] = kind, (int(fields[11]) + int(fields[12])) * TICK_S
        for kind, mb in rss.items():
            self.rss_mb[kind] = max(mb, self.rss_mb.get(kind, 0))
        self.now_mb = sum(rss.values())
        self.own_mb = rss.get("service", 0) + rss.get("stream", 0)
        self.rss_mb["sum"] = max(self.now_mb, self.rss_mb.get("sum", 0))
        self.pss_mb = max(pss, self.pss_mb)


@dataclass(slots=True)
class Pin:
    """One measured pin."""

    name: str
    used: Used
    cpu_percent: dict[str, float]
    written_kb: dict[str, float]
    streamed_s: float
    streaming_mb: float
    own_mb: float
    starvations: int
    answered: int = 0
    inspected: int = 0
    dropped: dict[str, int] = field(default_factory=dict)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp"))
    parser.add_argument("--json", type=Path, help="write the figures there as well")
    parser.add_argument("--first", action="store_true", help="go before other users' processes")
    asked = parser.parse_args()
    if asked.first:
        os.nice(FIRST)
        with suppress(OSError):  # where sessions share the processor (sched_autogroup_enabled)
            Path("/proc/self/autogroup").write_text(str(FIRST))
    with tempfile.TemporaryDirectory(prefix="pinmark-board-", dir=asked.folder) as folder:
        made = measure(Path(folder), asked.first)
    show(made)
    if asked.json is not None:
        asked.json.write_text(json.dumps(made, indent=1))


def measure(folder: Path, first: bool = False) -> dict[str, Any]:
    """Run one service through four pins."""
    home, watched = folder / "home", folder / "profilometer"
    watched.mkdir()
    os.environ["PINMARK_SCANS_FOLDER"] = str(watched)
    os.environ["PINMARK_HOME"], os.environ["PINMARK_CONFIG"] = str(home), ""
    secret = folder / "secret"
    secret.write_text(SECRET)
    pinmark("people", "add", "E. Engineer", "--role", "engineer", "--secret-file", str(secret))
    with (
        engraver(folder / "engraver", first) as port,
        serving(port, folder) as (root, ready_s, address),
    ):
        who = {"name": "E. Engineer", "secret": SECRET}
        token = ask(address, "POST", "/v1/session", None, who)
        me = token[1]["token"]
        idle = Used()
        idle.look(root)
        start_cpu_s = sum(seconds for _, seconds in idle.cpu_s.values())
        pins = [mark(root, address, me, folder, "stream alone", "ZQ0101")]
        with screens(address, me) as answered:
            pins.append(mark(root, address, me, folder, f"{SCREENS} screens", "ZQ0102"))
            pins[-1].answered = answered()
            scan = scan_of(address, me, folder)
            with inspecting(address, me, scan) as inspected:
                name = f"{SCREENS} screens, inspecting"
                pins.append(mark(root, address, me, folder, name, "ZQ0103"))
                pins[-1].inspected = inspected()
                with dropping(folder, watched) as dropped:
                    name = f"{SCREENS} screens, inspecting, folder"
                    pins.append(mark(root, address, me, folder, name, "ZQ0104"))
                    pins[-1].inspected = inspected() - pins[-2].inspected
                    pins[-1].dropped = dropped()
        load = os.getloadavg()[0]
    return {
        "ready_s": ready_s, "start_cpu_s": start_cpu_s, "load": load,
        "idle_rss_mb": idle.rss_mb, "idle_pss_mb": idle.pss_mb,
        "pins": [
            {"name": p.name, "rss_mb": p.used.rss_mb, "pss_mb": p.used.pss_mb,
             "streaming_mb": p.streaming_mb, "own_mb": p.own_mb, "dropped": p.dropped,
             "cpu_percent": p.cpu_percent,
             "written_kb": p.written_kb, "streamed_s": p.streamed_s,
             "starvations": p.starvations, "answered": p.answered, "inspected": p.inspected}
            for p in pins
        ],
    }  # fmt: skip


def show(made: dict[str, Any]) -> None:
    """Print the table."""
    ready = f"{made['ready_s']:.1f} s, of which {made['start_cpu_s']:.1f} s of one core"
    print(f"start of the program to READY=1: {ready} (load of the machine {made['load']:.1f})")
    names = ("service", "stream", "line", "bench", "sum", "PSS")
    heads = [*names, "streaming", "of these service and stream"]
    print(f"{'RSS, MB, at most':32}" + "".join(f"{name:>10}" for name in heads))
    rows = [("idle", made["idle_rss_mb"], made["idle_pss_mb"], 0.0, 0.0)]
    rows += [
        (p["name"], p["rss_mb"], p["pss_mb"], p["streaming_mb"], p["own_mb"]) for p in made["pins"]
    ]
    for name, rss, pss, streaming, own in rows:
        cells = [rss.get(kind, 0) for kind in names[:-1]] + [pss, streaming, own]
        print(f"{name:32}" + "".join(f"{cell:10.0f}" for cell in cells))
    print(f"{'one pin':32}" + "".join(
        f"{name:>11}" for name in ("CPU svc %", "CPU stream", "CPU line", "CPU bench", "disk KB",
                                   "journal KB", "stream s", "starved", "answers", "inspected",
                                   "folder")))  # fmt: skip
    for p in made["pins"]:
        cpu, kb = p["cpu_percent"], p["written_kb"]
        cells = [cpu.get(kind, 0) for kind in ("service", "stream", "line", "bench")]
        cells += [kb.get("service", 0), kb.get("stream", 0), p["streamed_s"], p["starvations"]]
        cells += [p["answered"], p["inspected"], sum(p["dropped"].values())]
        print(f"{p['name']:32}" + "".join(f"{cell:11.0f}" for cell in cells))
    print(f"scans of the folder: {made['pins'][-1]['dropped']}")


def mark(root: int, address: str, me: str, folder: Path, name: str, serial: str) -> Pin:
    """Mark one pin and watch what it takes."""
    before, starved = Used(), starvations_of(folder)
    before.look(root)
    order = {"order": f"WO-{serial}", "serial": serial, **ORDER}
    status, job = ask(address, "POST", "/v1/marks", me, {"order": order})
    assert status == 202, job
    used, begun, ended, streaming_mb, own_mb = Used(), None, None, 0.0, 0.0
    while True:
        used.look(root)
        now = ask(address, "GET", f"/v1/jobs/{job['job_id']}", me)[1]
        streaming = now["step"] == "marking" and now["done"] > 0
        if begun is None and streaming:
            begun = time.monotonic(), dict(used.cpu_s)
        if streaming:
            streaming_mb = max(streaming_mb, used.now_mb)
            own_mb = max(own_mb, used.own_mb)
            ended = time.monotonic(), dict(used.cpu_s)
        if now["state"] != "running":
            assert now["mark_state"] == "marked", now
            break
        time.sleep(LOOK_S)
    used.look(root)
    assert begun is not None and ended is not None
    took_s = ended[0] - begun[0]
    cpu: dict[str, float] = {}
    for pid, (kind, seconds) in ended[1].items():
        since = begun[1].get(pid, (kind, 0.0))[1]
        cpu[kind] = cpu.get(kind, 0.0) + (seconds - since) / took_s * 100
    written: dict[str, float] = {}
    for pid, count in used.written.items():
        kind = used.cpu_s[pid][0] if pid in used.cpu_s else "service"
        written[kind] = written.get(kind, 0.0) + (count - before.written.get(pid, 0)) / 1e3
    wait_until(lambda: figure(folder, "programs") >= int(serial[-1]))
    starvations = int(starvations_of(folder) - starved)
    return Pin(name, used, cpu, written, took_s, streaming_mb, own_mb, starvations)


@contextmanager
def engraver(folder: Path, first: bool) -> Iterator[str]:
    """Run a virtual engraver at true speed; it stands for a controller with its own processor."""
    folder.mkdir()
    port = folder / "controller"
    words = ["engraver", "--pty", str(port), "--out", str(folder), "--speed", "1", "--fresh-pins"]
    process = subprocess.Popen(
        [sys.executable, "-m", "station_api", *words],
        preexec_fn=in_real_time if first else None,
    )
    try:
        wait_until(port.exists)
        yield str(port)
    finally:
        process.terminate()
        process.wait()


def in_real_time() -> None:
    """Have this process go before all that are not in real time."""
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(10))


@contextmanager
def serving(port: str, folder: Path) -> Iterator[tuple[int, float, str]]:
    """Run the service; yield its process id, the seconds to READY=1, its address."""
    address = free_address()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(folder / "notify"))
        words = ["serve", "--port", address.rpartition(":")[2], "--engraver", port]
        begun = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "station_api", *words],
            env=os.environ | {"NOTIFY_SOCKET": str(folder / "notify")},
            stderr=(folder / "serve.log").open("w"),
        )
        try:
            while b"READY=1" not in systemd.recv(4096):
                continue
            yield process.pid, time.monotonic() - begun, address
        finally:
            process.terminate()
            process.wait()


@contextmanager
def screens(address: str, me: str) -> Iterator[Callable[[], int]]:
    """Open event streams as pages do, each asking for what a page shows as time goes by."""
    over, count = threading.Event(), [0]

    def listen() -> None:
        link = http.client.HTTPConnection(address)
        link.request("GET", "/v1/events", headers={"Authorization": f"Bearer {me}"})
        with suppress(OSError, http.client.HTTPException):
            reply = link.getresponse()
            link.sock.settimeout(1.0) if link.sock else None
            while not over.is_set() and reply.read1(4096):
                continue

    def look() -> None:
        while not over.wait(ASK_EVERY_S):
            for path in ("/v1/floor", "/v1/marks?limit=10", "/v1/panel"):
                with suppress(OSError):
                    ask(address, "GET", path, me)
                    count[0] += 1

    threads = [threading.Thread(target=f, daemon=True) for f in (listen, look) * SCREENS]
    for thread in threads:
        thread.start()
    try:
        yield lambda: count[0]
    finally:
        over.set()


@contextmanager
def inspecting(address: str, me: str, scan: str) -> Iterator[Callable[[], int]]:
    """Inspect one scan again and again at the bench, every fifth time as a report."""
    over, count = threading.Event(), [0]

    def work() -> None:
        side = 100
        while not over.is_set():
            side += 1  # another side is another question: the bench keeps answers
            body: dict[str, object] = {"recipe": "default", "code": "WT37AHG3P1Y5"}
            path = f"/v1/scans/{scan}/maps"
            if side % 5:
                body["side"] = 100 + side % 300
            else:
                path, body["code"] = f"/v1/scans/{scan}/report", CODES[side // 5 % len(CODES)]
            status, _ = ask(address, "POST", path, me, body)
            count[0] += status == 200

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield lambda: count[0]
    finally:
        over.set()


@contextmanager
def dropping(folder: Path, watched: Path) -> Iterator[Callable[[], dict[str, int]]]:
    """Drop the last pin's scan into the watched folder again and again, each time other bytes.

    The first is found by its surface and inspected; the others are read too, and kept: their
    mark has its verdict, and others still wait.
    """
    [path] = (folder / "engraver").glob("*.x3p")
    data = path.read_bytes()
    assert data[-2:] == b"\0\0"  # a zip ends with the length of its comment
    over = threading.Event()

    def work() -> None:
        number = 0
        while not over.wait(DROP_EVERY_S):
            number += 1
            comment = f"drop {number:06d}".encode()
            half = watched / f"{number:06d}.part"
            half.write_bytes(data[:-2] + len(comment).to_bytes(2, "little") + comment)
            half.rename(watched / f"{number:06d}.x3p")

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield lambda: {
            name: sum(1 for _ in (watched / name).glob("*.receipt.json"))
            for name in ("inspected", "kept")
        }
    finally:
        over.set()
        thread.join()


def scan_of(address: str, me: str, folder: Path) -> str:
    """Give the virtual pin's scan to the service; return its id."""
    [path] = (folder / "engraver").glob("*.x3p")
    link = http.client.HTTPConnection(address)
    headers = {"Authorization": f"Bearer {me}", "Content-Type": "application/octet-stream"}
    link.request("POST", "/v1/scans", path.read_bytes(), headers)
    reply = link.getresponse()
    body = json.loads(reply.read())
    assert reply.status in (200, 201), body
    return str(body["scan_id"])


def ask(
    address: str, method: str, path: str, token: str | None, body: object = None
) -> tuple[int, Any]:
    """Ask the service; return the status and the JSON of the answer."""
    link = http.client.HTTPConnection(address, timeout=300)
    headers = {"Content-Type": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    link.request(method, path, None if body is None else json.dumps(body), headers)
    reply = link.getresponse()
    said = reply.read()
    as_json = "json" in (reply.getheader("Content-Type") or "")
    found = reply.status, json.loads(said) if as_json else said
    link.close()
    return found


def family(root: int) -> list[int]:
    """Return a process and all that descend from it."""
    found = [root]
    for pid in found:
        with suppress(OSError):
            for task in Path(f"/proc/{pid}/task").iterdir():
                found += [int(n) for n in (task / "children").read_text().split()]
    return found


def kind_of(pid: int, root: int) -> str:
    """Say what a child of the service is for; its two workers differ in how nice they are."""
    words = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    kind = next((kind for word, kind in KINDS.items() if word in words), "other")
    nicer = os.getpriority(os.PRIO_PROCESS, pid) - os.getpriority(os.PRIO_PROCESS, root)
    return "line" if kind == "bench" and nicer == LINE_NICE else kind


def io_of(pid: int) -> str:
    """Return what a process read and wrote."""
    return Path(f"/proc/{pid}/io").read_text()


def kib(text: str, name: str) -> int:
    """Return one figure of /proc, KiB."""
    return int(re.findall(rf"^{name}:\s+(\d+)", text, re.M)[0])


def figure(folder: Path, name: str) -> float:
    """Return one figure of the virtual engraver."""
    path = folder / "engraver" / "engraver.json"
    return float(json.loads(path.read_text())[name]) if path.exists() else 0.0


def starvations_of(folder: Path) -> float:
    """Return how often the planner ran empty: with a line at hand, and because none had come."""
    return figure(folder, "starvations") + figure(folder, "late_lines")


def free_address() -> str:
    """Return an address nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"


def pinmark(*words: str) -> None:
    """Run a command."""
    subprocess.run([sys.executable, "-m", "station_api", *words], check=True, capture_output=True)


def wait_until(true: Callable[[], bool]) -> None:
    """Wait for a condition."""
    give_up = time.monotonic() + 120
    while not true():
        if time.monotonic() > give_up:
            raise TimeoutError("the virtual engraver does not answer")
        time.sleep(0.05)


if __name__ == "__main__":
    main()
