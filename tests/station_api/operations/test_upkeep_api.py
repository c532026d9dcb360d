"""The doctor, backups and the bundle over HTTP; who may ask is in test_roles.py."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from station_api.people import Role
from tests.station_api.service.conftest import bearer, client, is_problem, service, tokens

__all__ = ["client", "service", "tokens"]


def test_the_doctor_answers_over_http(client: TestClient, tokens: dict[Role, str]) -> None:
    """The same checks as in the terminal."""
    reply = client.get("/v1/doctor", headers=bearer(tokens[Role.ADMINISTRATOR]))
    found = reply.json()
    assert reply.status_code == 200
    assert {"versions", "clock", "log", "controller"} <= {c["name"] for c in found["checks"]}


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
