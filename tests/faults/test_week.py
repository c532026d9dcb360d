"""A week of shifts by the service, in virtual time: nothing grows but the records."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from fastapi.testclient import TestClient

from engraver.errors import FullDiskError
from engraver.record import MarkState
from hardware.load import load_setup
from station_api.app import make_app
from station_api.log import issue_checkpoint
from station_api.log_key import log_origin, log_signer
from station_api.people import Role
from station_api.people.secrets import Hasher
from station_api.records import Records
from station_api.records.fsck import fsck
from station_api.service import runner
from station_api.service.service import Service, make_service
from tests.conftest import wait_until
from tests.faults.floor import Floor, short_plan
from tests.station_api.service.conftest import PASSWORD, QUICK, bearer

PINS = int(os.environ.get("PINMARK_SOAK_WEEK", "24"))
"""`make soak` sets 2,800: seven shifts of 400."""

WARM_PINS = 700
"""From here on what is bounded has reached its bound: jobs remembered, caches of statements."""

ALLOWED = {"descriptors": 16, "threads": 8, "objects": 5_000, "rss_kb": 48_000}
"""Growth allowed between the second and the last quarter. The pool keeps up to eight readers of two
files each, the loop up to so many idle threads; SQLite's page cache, 32 MiB by configuration, fills
with the database. What leaks once a pin exceeds each of them in a week, and the first two in a
tenth of it."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What the process holds after so many pins."""

    pins: int
    rss_kb: int
    objects: int
    descriptors: int
    threads: int


def sample(pins: int) -> Sample:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    rss_kb = pages * os.sysconf("SC_PAGE_SIZE") // 1024
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    return Sample(pins, rss_kb, len(gc.get_objects()), descriptors, threading.active_count())


class Nowhere:
    """The place of a stroke in a plan that was not drawn."""

    def __init__(self, _planned: object) -> None: ...

    def of(self, _now: object) -> dict[str, object]:
        """Nowhere."""
        return {}


@contextmanager
def station(home: Path, records: Records) -> Iterator[tuple[Service, TestClient]]:
    """A service whose engraver is a virtual wire."""
    floor = Floor(load_setup("default").machine)
    service = make_service(home, records, "virtual", hasher=Hasher(QUICK))
    with (
        short_plan(),
        mock.patch.object(service.runner, "_open_stream", floor.open_stream),
        mock.patch.object(runner, "Place", Nowhere),
        TestClient(make_app(service)) as client,
    ):
        yield service, client
    service.close()


def start_one(client: TestClient, n: int, by: dict[str, str]) -> str:
    """Ask for one pin; return the job."""
    order = {
        "order": f"WO-{n}", "make": "EXAMPLE ARMS", "model": "MODEL 1", "serial": f"ZQ{n:04d}",
    }  # fmt: skip
    reply = client.post("/v1/marks", json={"order": order}, headers=by)
    assert reply.status_code == 202, reply.text
    return str(reply.json()["job_id"])


def mark_one(service: Service, client: TestClient, n: int, by: dict[str, str]) -> None:
    """One pin as a client marks it: start, follow to the end, look at it, inspect."""
    job_id = start_one(client, n, by)
    service.runner.wait()
    job: Any = client.get(f"/v1/jobs/{job_id}", headers=by).json()
    assert job["state"] == "done", job
    service.records.conclude_inspection(job["mark_id"], True, {"grade": "A", "depth_um": 20.25})
    assert client.get(f"/v1/marks/{job['mark_id']}", headers=by).status_code == 200
    assert client.get("/v1/health").status_code == 200


def test_a_week_of_shifts(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Descriptors and threads are as many at the end as at the beginning, objects too."""
    home.mkdir()
    records = Records(home / "station.db")
    signer, samples = log_signer(home, log_origin(records.station)), []
    with station(home, records) as (service, client):
        person = service.people.add("operator one", Role.OPERATOR, PASSWORD, "test")
        for n in range(PINS):
            if n % 100 == 0:
                by = bearer(service.sessions.open(person.caller()))
                issue_checkpoint(records, [signer], home)
            mark_one(service, client, n, by)
            if (n + 1) % max(PINS // 28, 4) == 0:
                samples.append(sample(n + 1))
                with capsys.disabled():
                    if PINS >= WARM_PINS:
                        print(samples[-1], flush=True)
    assert {one.state for one in records.all_marks()} == {MarkState.VERIFIED}
    assert len(records.all_marks()) == PINS
    assert fsck(records.database).sound
    records.close()
    judge(samples)


def test_what_became_of_a_pin_waits_for_room(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service says `recording`, is not taken for hung, marks no other pin, and then is done."""
    home.mkdir()
    monkeypatch.setattr(runner, "AGAIN_S", 0.01)
    records, full, refused = Records(home / "station.db"), threading.Event(), threading.Event()
    full.set()
    real = Records.conclude_run

    def conclude_run(self: Records, *words: Any, **more: Any) -> MarkState:
        if full.is_set():
            refused.set()
            raise FullDiskError("the records cannot be written (the disk is full)")
        return real(self, *words, **more)

    monkeypatch.setattr(Records, "conclude_run", conclude_run)
    with station(home, records) as (service, client):
        person = service.people.add("operator one", Role.OPERATOR, PASSWORD, "test")
        by = bearer(service.sessions.open(person.caller()))
        job_id = start_one(client, 1, by)
        assert refused.wait(60)
        wait_until(lambda: service.runner.get(job_id).step == "recording", 60)
        job = service.runner.get(job_id)
        assert job.state == "running" and "the disk is full" in str(job.problem)
        assert not service.runner.hung()
        order = {"order": "WO-2", "make": "EXAMPLE ARMS", "model": "MODEL 1", "serial": "ZQ0002"}
        busy = client.post("/v1/marks", json={"order": order}, headers=by)
        assert busy.status_code == 409, busy.text
        full.clear()
        service.runner.wait()
        job = service.runner.get(job_id)
        assert (job.state, job.problem, job.mark_state) == ("done", None, "marked")
    records.close()


def judge(samples: list[Sample]) -> None:
    """Compare the last quarter with the second."""
    quarter = len(samples) // 4
    second, last = samples[quarter : 2 * quarter] or samples[:1], samples[-quarter or -1 :]
    for name, most in ALLOWED.items():
        before, after = (max(getattr(one, name) for one in part) for part in (second, last))
        if PINS >= 2 * WARM_PINS or name in ("descriptors", "threads"):
            assert after - before <= most, f"{name}: {before} -> {after}"
