"""Promises of the page of a first start: its way in is printed once, nothing is taken blindly."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from station_api.first_start import begin
from station_api.first_start.page import MOST_TRIES, FirstStart, make_page_app
from tests.station_api.service.conftest import is_problem


@pytest.fixture
def first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FirstStart:
    monkeypatch.setenv("PINMARK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PINMARK_CONFIG", str(tmp_path / "pinmark.toml"))
    begin()
    return FirstStart()


def client(first: FirstStart) -> TestClient:
    return TestClient(make_page_app(first), raise_server_exceptions=False)


def inside(first: FirstStart) -> TestClient:
    opened = client(first)
    way_in = {"name": "setup", "secret": first.password}
    assert opened.post("/v1/session", json=way_in).status_code == 200
    return opened


def test_ten_wrong_passwords_close_the_page_for_good(first: FirstStart) -> None:
    """The printed one no longer opens it either; whoever is in stays in."""
    opened = inside(first)
    stranger = client(first)
    for _ in range(MOST_TRIES):
        wrong = {"name": "setup", "secret": "é wrong"}
        assert is_problem(stranger.post("/v1/session", json=wrong), 401)
    right = {"name": "setup", "secret": first.password}
    assert is_problem(stranger.post("/v1/session", json=right), 429)
    assert is_problem(stranger.get("/v1/setup"), 401)
    assert is_problem(stranger.post("/v1/setup/station", json={"answers": {"name": "X"}}), 401)
    assert is_problem(stranger.post("/v1/setup-end"), 401)
    assert opened.get("/v1/setup").status_code == 200


def test_answers_are_checked_one_step_at_a_time(first: FirstStart) -> None:
    """Unknown steps, steps that are done, steps that cannot wait, steps before their time."""
    opened = inside(first)

    def answer(step: str, **answers: str) -> object:
        return opened.post(f"/v1/setup/{step}", json={"answers": answers})

    assert is_problem(answer("nonsense"), 404)
    assert is_problem(answer("administrator", name="A. Smith", password="x", again="x"), 409)
    assert is_problem(answer("key", folder="/tmp"), 409)
    assert is_problem(answer("station", name="two words"), 422)
    assert is_problem(answer("mark"), 200) is False
    first.wait()
    assert "model" in opened.get("/v1/setup").json()["problem"]
    assert is_problem(opened.post("/v1/setup/station/skip"), 422)
    assert opened.post("/v1/setup/licence/skip").status_code == 200
    assert opened.post("/v1/setup/station", json={"answers": {"name": "S7"}}).status_code == 200
    assert is_problem(answer("station", name="S8"), 409)
    assert is_problem(answer("station", name="S" * 600), 422)
    assert is_problem(opened.get("/v1/setup-picture/plan"), 404)
    states = {one["step"]: one["state"] for one in opened.get("/v1/setup").json()["steps"]}
    assert (states["station"], states["licence"], states["mark"]) == ("done", "skipped", "open")
