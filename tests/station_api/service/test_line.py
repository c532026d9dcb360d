"""Promises of the line's worker: what it plans and judges is what this process would."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from engraver import ablation, codes
from engraver.errors import DesignError
from engraver.heightmap import write_x3p
from engraver.record import MarkState
from station_api.people import Role
from station_api.profiles import load_setup
from station_api.service import plans
from station_api.service.line import Line
from station_api.service.service import Service
from station_api.walk import Nobody, PlannedMark, Step, plan_code
from tests.station_api.service.conftest import bearer, is_problem
from tests.station_api.service.folder import SERIALS, marked

SETUP = load_setup("default")
CODE = codes.encode_index(SERIALS["ZQ0041"], SETUP.recipe.code_format)


@pytest.fixture(scope="module")
def line() -> Iterator[Line]:
    made = Line()
    yield made
    made.close()


@pytest.fixture(scope="module")
def here() -> PlannedMark:
    """The same pin, planned in this process."""
    return plan_code(CODE, SETUP, Nobody())


class Heard(Nobody):
    """What a watcher was told."""

    def __init__(self) -> None:
        self.begun_steps: list[str] = []
        self.results: list[str] = []

    def begun(self, name: str) -> None:
        self.begun_steps.append(name)

    def ended(self, step: Step) -> None:
        self.results.append(step.result)


def test_a_plan_of_the_worker_is_the_plan_of_this_process(line: Line, here: PlannedMark) -> None:
    """Program, lines, strokes and the picture for the page, byte for byte; one step is told."""
    heard = Heard()
    there = line.plan(CODE, SETUP, heard)
    assert there.program.data == here.program.data
    assert (there.program.line_stroke == here.program.line_stroke).all()
    assert plans.pack(there) == plans.pack(here)
    assert heard.begun_steps == ["planning"]
    strokes, lines = here.toolpath.stroke_count, len(here.program.lines)
    assert heard.results == [f"{strokes} strokes, {lines} lines"]
    with pytest.raises(DesignError, match="plate's text"):
        line.plan(CODE, load_setup("frame-plate"), Nobody())


def test_a_pin_is_inspected_by_the_worker(
    client: TestClient,
    service: Service,
    tokens: dict[Role, str],
    line: Line,
    here: PlannedMark,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not by the service; the same key again is answered from the log, another one is told."""
    monkeypatch.setattr(service, "line", line)
    monkeypatch.setattr("engraver.inspection.inspect", lambda *_, **__: os.abort())
    mark_id = marked(service, "ZQ0041")
    scan = write_x3p(ablation.predict(here.toolpath, SETUP))
    headers = bearer(tokens[Role.OPERATOR], Idempotency_Key="one")
    scan_id = client.post("/v1/scans", content=scan, headers=headers).json()["scan_id"]
    path, body = f"/v1/marks/{mark_id}/inspect", {"scan_id": scan_id}
    first = client.post(path, json=body, headers=headers)
    assert first.json()["mark"]["state"] == "verified", first.text
    again = client.post(path, json=body, headers=headers)
    assert (again.content, again.headers["Idempotent-Replayed"]) == (first.content, "true")
    other = client.post(path, json=body, headers=bearer(tokens[Role.OPERATOR]))
    assert is_problem(other, 409)
    assert "verified; only a mark that is marked" in other.json()["detail"]
    assert service.records.get(mark_id).state is MarkState.VERIFIED
    absent = client.post("/v1/marks/M999999/inspect", json=body, headers=headers)
    assert is_problem(absent, 404)
