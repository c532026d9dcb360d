"""The doctor, backups and the bundle over HTTP; who may ask is in test_roles.py."""

from __future__ import annotations

import io
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from station_api.doctor import Check
from station_api.people import Role
from station_api.service.service import Service
from tests.conftest import wait_until
from tests.station_api.service.conftest import bearer, client, is_problem, service, tokens

__all__ = ["client", "service", "tokens"]


def test_the_doctor_answers_over_http(client: TestClient, tokens: dict[Role, str]) -> None:
    """The same checks as in the terminal."""
    reply = client.get("/v1/doctor", headers=bearer(tokens[Role.ADMINISTRATOR]))
    found = reply.json()
    assert reply.status_code == 200
    assert {"versions", "clock", "log", "controller"} <= {c["name"] for c in found["checks"]}


def test_the_controller_is_left_alone_if_it_is_not_to_be_asked(
    client: TestClient, service: Service, tokens: dict[Role, str]
) -> None:
    """Screens that look every half minute make nobody wait who starts a pin."""
    service.runner.port = "/dev/nowhere"
    headers = bearer(tokens[Role.ADMINISTRATOR])
    for asked, said in (("false", "not asked this time"), ("true", "/dev/nowhere")):
        found = client.get(f"/v1/doctor?ask_controller={asked}", headers=headers).json()
        port = next(check for check in found["checks"] if check["name"] == "port")
        assert said in port["found"]


def test_many_who_ask_the_doctor_at_once_cost_two_looks(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waits gets what was found by the first look begun since."""
    looks: list[list[Check]] = []
    begun, go_on = threading.Event(), threading.Event()

    def look(_asked: bool) -> list[Check]:
        looks.append([])
        begun.set()
        assert go_on.wait(60)
        return looks[-1]

    class Turn:
        """A lock that counts who came to it."""

        came, lock = 0, threading.Lock()

        def __enter__(self) -> None:
            Turn.came += 1
            self.lock.acquire()

        def __exit__(self, *_: object) -> None:
            self.lock.release()

    monkeypatch.setattr(service.upkeep, "_look", look)
    monkeypatch.setattr(service.upkeep, "_turn", Turn())
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(service.upkeep.checks)
        assert begun.wait(60)
        others = [pool.submit(service.upkeep.checks) for _ in range(7)]
        wait_until(lambda: Turn.came == 8, 60)
        go_on.set()
        assert first.result() is looks[0]
        assert all(job.result() is looks[1] for job in others)
    assert len(looks) == 2
    assert service.upkeep.checks() is looks[2]


def test_a_backup_is_taken_listed_and_noticed(
    client: TestClient, tokens: dict[Role, str], tmp_path: Path, monkeypatch: Any
) -> None:
    """Without a folder it is refused with a remedy; with one the doctor sees the backup."""
    headers = bearer(tokens[Role.ADMINISTRATOR])
    refused = client.post("/v1/backups", headers=headers)
    assert is_problem(refused, 422) and "set [backup] folder" in refused.json()["detail"]
    assert client.get("/v1/backups", headers=headers).json() == {"backups": []}
    monkeypatch.setenv("PINMARK_BACKUP_FOLDER", str(tmp_path / "backups"))
    made = client.post("/v1/backups", headers=headers)
    assert made.status_code == 201
    listed = client.get("/v1/backups", headers=headers).json()["backups"]
    assert [one["name"] for one in listed] == [made.json()["file"]]
    checks = client.get("/v1/doctor", headers=headers).json()["checks"]
    backup = next(check for check in checks if check["name"] == "backup")
    assert backup["found"].startswith("the newest is 0.0 h old")


def test_the_bundle_comes_as_a_zip(client: TestClient, tokens: dict[Role, str]) -> None:
    """And holds no token of a session."""
    reply = client.get("/v1/support-bundle", headers=bearer(tokens[Role.ADMINISTRATOR]))
    assert reply.headers["content-type"] == "application/zip"
    bundle = zipfile.ZipFile(io.BytesIO(reply.content))
    text = b"".join(bundle.read(name) for name in bundle.namelist()).decode()
    assert not any(token in text for token in tokens.values())
