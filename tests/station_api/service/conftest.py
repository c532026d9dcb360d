"""A service in this process, and one of each role that can call it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from fastapi.testclient import TestClient

from engraver import ablation, codes, layout, relief, toolpath
from engraver.heightmap import write_x3p
from station_api.app import make_app
from station_api.people import MACHINE_ROLES, Caller, Role
from station_api.people.secrets import Hasher
from station_api.profiles import load_setup
from station_api.records import Records
from station_api.service.line import Line
from station_api.service.scan_watcher import ScanWatcher
from station_api.service.service import Service, make_service
from tests.station_api.service import recording
from tests.station_api.service.folder import SERIALS, Clock, watching

PASSWORD = "correct horse battery"
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""Argon2 at its least: the tests are about who comes in, not about what a guess costs."""


@pytest.fixture
def service(home: Path) -> Iterator[Service]:
    home.mkdir()
    records = Records(home / "station.db")
    made = make_service(home, records, hasher=Hasher(QUICK))
    yield made
    made.close()
    records.close()


@pytest.fixture
def client(service: Service) -> Iterator[TestClient]:
    app = make_app(service)
    with TestClient(app, raise_server_exceptions=False) as opened:
        if recording.IS_ASKED:
            opened.event_hooks = {"response": [recording.Examples(app.openapi()).look_at]}
        yield opened


@pytest.fixture
def tokens(service: Service) -> dict[Role, str]:
    """A bearer token for each role: sessions for people, keys for machines of role station."""
    found = {}
    for role in Role:
        if role is Role.STATION:
            found[role] = service.keys.make("mes", role, "test")[1]
        else:
            person = service.people.add(f"{role} one", role, PASSWORD, "test")
            found[role] = service.sessions.open(person.caller())
    assert MACHINE_ROLES
    return found


@pytest.fixture
def second(service: Service) -> str:
    """The token of another supervisor."""
    person = service.people.add("supervisor two", Role.SUPERVISOR, PASSWORD, "test")
    return service.sessions.open(person.caller())


def bearer(token: str, **more: str) -> dict[str, str]:
    """Return the headers of a caller; underscores in names become hyphens."""
    return {"Authorization": f"Bearer {token}"} | {
        name.replace("_", "-"): value for name, value in more.items()
    }


def is_problem(reply: Any, status: int) -> bool:
    """Tell whether a reply is an RFC 9457 problem of this status."""
    return (
        reply.status_code == status
        and reply.headers["content-type"] == "application/problem+json"
        and reply.json()["status"] == status
        and reply.json()["type"].startswith("urn:pinmark:problem:")
    )


ENGINEER = Caller("engineer one", Role.ENGINEER)


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """X3P files of two good pins, as an instrument would write them."""
    setup = load_setup("default")
    made = {}
    for serial, index in SERIALS.items():
        code = codes.encode_index(index, setup.recipe.code_format)
        path = toolpath.plan(relief.design(layout.arrange(code, setup), setup), setup)
        made[serial] = write_x3p(ablation.predict(path, setup))
    return made


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "profilometer"
    made.mkdir()
    return made


@pytest.fixture(scope="module")
def line() -> Iterator[Line]:
    """One worker for all: it takes a second to begin."""
    made = Line()
    yield made
    made.close()


@pytest.fixture
def watcher(service: Service, folder: Path, clock: Clock, line: Line) -> Iterator[ScanWatcher]:
    made = watching(service, folder, clock, line)
    yield made
    made.close()
