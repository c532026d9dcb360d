"""A week of shifts at `pinmark serve`, in virtual time: nothing grows but the records.

What is watched is the process of the service, as /proc tells of it, and each process it starts. Its
resident memory is anonymous memory (what was allocated), pages of files (programs, libraries, the
mapped trace index) and shared memory; a leak is anonymous. It is judged by its second
half: in the first, what is bounded reaches its bound (SQLite's page cache after some 900 pins, up
to eight readers of the records).
"""

from __future__ import annotations

import json
import os
import queue
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from engraver.record import MarkState
from station_api.people import People, Role
from station_api.records import Records
from station_api.records.fsck import fsck
from tests.conftest import REPOSITORY, engraver_process, wait_until
from tests.faults.week_station import WIRE
from tests.station_api.operations.test_logs import PASSWORD, answers, ask

PINS = int(os.environ.get("PINMARK_SOAK_WEEK", "24"))
"""`make soak` sets 2,800: seven shifts of 400."""

SHIFT, LOOKS, NAME = 400, 56, "supervisor one"
JUDGED_FROM = 2_000
"""A run of fewer pins is over before what is bounded has reached its bound."""

PATIENCE_S = 600.0
MOST_KB_A_PIN, MOST_KB = 1.0, 4_000
"""From sample to sample, and over the whole second half: two steps of 2 MB, as the interpreter's
allocator or another reader of the records takes at once (one was seen in 1,400 pins)."""

MOST_MORE = {"descriptors": 16, "threads": 8, "children": 1, "children_kb": 40_000}
"""The pool of the records keeps up to eight readers of two files each, the loop of the service idle
threads: what leaks once a pin exceeds either in a tenth of the week. The worker of the line ends
when nobody has asked for half a minute, so that it may be there or not."""


Ends = queue.Queue[dict[str, Any]]
"""How jobs ended, as the page hears of it."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What the service holds after so many pins, at rest; the children's memory is theirs."""

    pins: int
    anonymous_kb: int
    files_kb: int
    shared_kb: int
    descriptors: int
    threads: int
    children: int
    children_kb: int

    @property
    def rss_kb(self) -> int:
        """All that is resident."""
        return self.anonymous_kb + self.files_kb + self.shared_kb

    @classmethod
    def of(cls, pid: int, pins: int) -> Sample:
        """Look at a process."""
        kb = [in_kb(pid, kind) for kind in ("RssAnon", "RssFile", "RssShmem")]
        descriptors, threads = (
            len(list(Path(f"/proc/{pid}/{name}").iterdir())) for name in ("fd", "task")
        )
        theirs_kb = [in_kb(one, "VmRSS") for one in children(pid)]
        return cls(pins, *kb, descriptors, threads, len(theirs_kb), sum(theirs_kb))


def in_kb(pid: int, kind: str) -> int:
    """Return one figure of a process's status; 0 once it has ended."""
    with suppress(OSError):
        status = Path(f"/proc/{pid}/status").read_text()
        return sum(map(int, re.findall(rf"^{kind}:\s+(\d+)", status, re.M)))
    return 0


STREAM = b"firmware_bridge.child"


def children(pid: int, words: bytes = b"") -> list[int]:
    """Return the processes that a process started, with ``words`` in their command lines."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):  # a thread or child that has ended meanwhile
            for child in map(int, (task / "children").read_text().split()):
                if words in Path(f"/proc/{child}/cmdline").read_bytes():
                    found.append(child)
    return found


@contextmanager
def station(home: Path, engraver: Path | str = WIRE) -> Iterator[tuple[int, str]]:
    """A service with people; its process and its address."""
    home.mkdir(exist_ok=True)
    records = Records(home / "station.db")
    People(records).add(NAME, Role.SUPERVISOR, PASSWORD, "test")
    records.close()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["serve", "--port", str(port), "--engraver", str(engraver)]
    said = home.parent / "serve.err"
    with said.open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.week_station", *words],
            cwd=REPOSITORY, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        wait_until(lambda: answers(port) or process.poll() is not None, 60)
        assert process.poll() is None, said.read_text()
        yield process.pid, f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


@contextmanager
def signed_in(url: str) -> Iterator[tuple[str, Ends]]:
    """Work for a shift, with a page open that hears all that happens; sign out at its end."""
    token = str(ask(f"{url}/v1/session", "", {"name": NAME, "secret": PASSWORD})[1]["token"])
    bearer = {"Authorization": f"Bearer {token}"}
    ends: Ends = queue.Queue()
    asked = urllib.request.Request(f"{url}/v1/events", headers=bearer)
    with urllib.request.urlopen(asked, timeout=60) as stream:
        stream.readline()  # from here on it is told everything

        def hear() -> None:
            with suppress(OSError):
                for line in stream:
                    if b'"job_id"' in line and b'"state": "running"' not in line:
                        ends.put(json.loads(line.partition(b": ")[2]))

        page = threading.Thread(target=hear)
        page.start()
        yield token, ends
        left = urllib.request.Request(f"{url}/v1/session", headers=bearer, method="DELETE")
        assert urllib.request.urlopen(left, timeout=60).status == 204
        page.join()


def mark_one(pid: int, url: str, token: str, ends: Ends, n: int) -> int:
    """One pin as a client marks it: order, claim, start, hear of its end, look at it.

    Returns the most that a process of the port had resident, kB; 0 if there is none.
    """
    order = {
        "order": f"WO-{n}", "make": "EXAMPLE ARMS", "model": "MODEL 1", "serial": f"ZQ{n:04d}",
    }  # fmt: skip
    assert ask(f"{url}/v1/orders", token, order)[0] == 201
    assert ask(f"{url}/v1/claims", token, {"count": 1})[0] in (200, 201)
    code, job = ask(f"{url}/v1/marks", token, {"order_id": order["order"]})
    assert code == 202, job
    ended, port_kb, begun_s = None, 0, time.monotonic()
    while ended is None:
        port_kb = max(port_kb, *(in_kb(child, "VmHWM") for child in children(pid, STREAM)), 0)
        with suppress(queue.Empty):
            ended = ends.get(timeout=0.1)
        assert time.monotonic() < begun_s + PATIENCE_S, job
    assert (ended["job_id"], ended["state"]) == (job["job_id"], "done"), ended
    assert ask(f"{url}/v1/marks/{ended['mark_id']}", token)[0] == 200
    assert ask(f"{url}/v1/health")[0] == 200
    if n % 25 == 0:
        assert ask(f"{url}/v1/marks", token)[0] == 200
    return port_kb


def work(pid: int, url: str, pins: int, say: Any) -> tuple[list[Sample], list[int]]:
    """Mark so many pins in shifts; look at the service now and then, and at each port's process."""
    samples: list[Sample] = []
    ports_kb: list[int] = []
    for first in range(0, pins, SHIFT):
        with signed_in(url) as (token, ends):
            for n in range(first, min(first + SHIFT, pins)):
                ports_kb.append(mark_one(pid, url, token, ends, n))
                if (n + 1) % max(pins // LOOKS, 4) == 0:
                    samples.append(Sample.of(pid, n + 1))
                    say(samples[-1])
    return samples, ports_kb


def check_records(home: Path, pins: int) -> None:
    """All are there, once, and sound."""
    records = Records(home / "station.db")
    marks = records.all_marks()
    assert {one.state for one in marks} == {MarkState.VERIFIED} and len(marks) == pins
    assert fsck(records.database).sound
    records.close()


def test_a_week_of_shifts(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Memory, descriptors and threads are as many at the end as in the middle."""

    def say(told: object) -> None:
        if PINS >= SHIFT:
            with capsys.disabled():
                print(told, flush=True)

    with station(home) as (pid, url):
        samples, _ = work(pid, url, PINS, say)
    check_records(home, PINS)
    if PINS >= JUDGED_FROM:
        grown = f"{slope(samples):+.2f} kB a pin from sample to sample, {rise_kb(samples):+.0f} kB"
        say(f"resident memory of the second half: {grown} in all")
    judge(samples)


@pytest.mark.skipif(PINS < SHIFT, reason="`make soak` does it")
def test_a_shift_at_a_terminal(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the process that owns the port: it ends with its pin, and is no larger at the end."""

    def say(told: object) -> None:
        with capsys.disabled():
            print(told, flush=True)

    with (
        engraver_process(tmp_path / "engraver", "--speed", "max") as port,
        station(home, port) as (pid, url),
    ):
        samples, ports_kb = work(pid, url, SHIFT, say)
    check_records(home, SHIFT)
    judge(samples)
    half = SHIFT // 2
    say(f"port's process, kB: {max(ports_kb[:half])} at most, then {max(ports_kb[half:])}")
    assert 0 < max(ports_kb[half:]) <= max(ports_kb[:half]) + 2_000


def slope(samples: list[Sample]) -> float:
    """Return by how much resident memory usually grows in the second half, kB a pin.

    The median from one sample to the next: steps and peaks are no slope.
    """
    half = samples[len(samples) // 2 :]
    grown = [(b.rss_kb - a.rss_kb) / (b.pins - a.pins) for a, b in pairwise(half)]
    return median(grown)


def rise_kb(samples: list[Sample]) -> float:
    """Return by how much it rises over the second half, peaks left out."""
    half = [one.rss_kb for one in samples[len(samples) // 2 :]]
    return median(half[-5:]) - median(half[:5])


def judge(samples: list[Sample]) -> None:
    """Compare the second half with the first."""
    half = len(samples) // 2
    for name, most in MOST_MORE.items():
        before, after = (
            max(getattr(one, name) for one in part) for part in (samples[:half], samples[half:])
        )
        assert after - before <= most, f"{name}: {before} -> {after}"
    if samples[-1].pins >= JUDGED_FROM:
        assert slope(samples) <= MOST_KB_A_PIN, f"memory grows by {slope(samples):.2f} kB a pin"
        assert rise_kb(samples) <= MOST_KB, f"memory grows by {rise_kb(samples):.0f} kB"


def week(kb_a_pin: float = 0.0, step: int = 10**9, **more: float) -> list[Sample]:
    """A week in which memory grows by the pin and by 2 MB each ``step`` pins, and what is named."""
    return [
        Sample(
            n,
            150_000 + min(n, 900) * 7 + round(n * kb_a_pin) + n // step * 2_000,
            50_000 + 700 * (n % 400 == 0),
            0,
            *(20 + round(n * more.get(name, 0)) for name in ("descriptors", "threads")),
            1,
            200_000,
        )
        for n in range(50, 2_801, 50)
    ]


def test_what_leaks_is_found() -> None:
    """A leak of 2 kB a pin, of 2 MB in 300 pins, of a descriptor or thread in 50; not one step."""
    judge(week())
    judge(week(step=2_100))
    for leaking in (week(2.0), week(step=300), week(descriptors=0.02), week(threads=0.02)):
        with pytest.raises(AssertionError, match=r"grows|->"):
            judge(leaking)
