"""A disk that is full when a run has ended: what became of the pin waits for room."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from fastapi.testclient import TestClient

from engraver.errors import FullDiskError
from engraver.record import MarkState
from hardware.load import load_setup
from station_api.app import make_app
from station_api.people import Role
from station_api.people.secrets import Hasher
from station_api.records import Records
from station_api.service import runner
from station_api.service.service import Service, make_service
from tests.conftest import wait_until
from tests.faults.floor import Floor, order, short_plan
from tests.faults.week_station import PlaceIfDrawn
from tests.station_api.service.conftest import PASSWORD, QUICK, bearer


@contextmanager
def station(home: Path, records: Records) -> Iterator[tuple[Service, TestClient]]:
    """A service whose engraver is a virtual wire."""
    floor = Floor(load_setup("default").machine)
    service = make_service(home, records, "virtual", hasher=Hasher(QUICK))
    with (
        mock.patch.object(service.runner, "_plan", short_plan()),
        mock.patch.object(service.runner, "_open_stream", floor.open_stream),
        mock.patch.object(runner, "Place", PlaceIfDrawn),
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


def test_whoever_is_told_of_the_end_may_ask_for_the_next(home: Path) -> None:
    """The thread that marks tells of the end; a pin that is asked for at that moment is begun."""
    home.mkdir()
    records = Records(home / "station.db")
    with station(home, records) as (service, client):
        caller = service.people.add("operator one", Role.OPERATOR, PASSWORD, "test").caller()
        by = bearer(service.sessions.open(caller))
        tell, begun = service.live.tell, list[str]()

        def told(event: str = "changed", **said: Any) -> None:
            tell(event, **said)
            if said.get("state") == "done" and not begun:
                begun.append(service.runner.start(order(2), caller).job_id)

        with mock.patch.object(service.live, "tell", told):
            start_one(client, 1, by)
            wait_until(lambda: bool(begun), 60)
            wait_until(lambda: service.runner.get(begun[0]).state == "done", 60)
        service.runner.wait()
    assert {one.state for one in records.all_marks()} == {MarkState.MARKED}
    assert len(records.all_marks()) == 2
    records.close()
