"""Promises of the interlocks: what lets the laser begin, what ends it, and that all is recorded."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from engraver.errors import PortError, StorageError
from engraver.orders import WorkOrder
from engraver.record import MarkState
from firmware_bridge.control import Control
from hardware.panel import Input, Output, VirtualPanel, lamps, press
from station_api import kept
from station_api.app import make_app
from station_api.interlocks import Interlocks, panel_folder, require_panel
from station_api.panel_recorder import Recorder, changes_of
from station_api.people import Caller, Role
from station_api.people.secrets import Hasher
from station_api.profiles import load_panel
from station_api.records import Records
from station_api.service.runner import Job
from station_api.service.service import Service, make_service
from tests.conftest import engraver_process, wait_until
from tests.station_api.service.conftest import PASSWORD, QUICK, bearer, is_problem

OPERATOR = Caller("operator one", Role.OPERATOR)
ORDER = WorkOrder("WO-1", "EXAMPLE ARMS", "MODEL 1", "ZQ0042", "default")
WAIT_S = 120.0


@pytest.fixture
def service(home: Path) -> Iterator[Service]:
    """A service that watches the virtual panel."""
    home.mkdir()
    records = Records(home / "station.db")
    made = make_service(home, records, hasher=Hasher(QUICK), panel="virtual")
    yield made
    made.close()
    records.close()


def hand(service: Service, **contacts: bool) -> None:
    """Press contacts as another process would."""
    press(panel_folder(service.home), {Input(name): on for name, on in contacts.items()})


def state(service: Service) -> str:
    """Where the chain stands."""
    assert service.interlocks is not None
    return str(service.interlocks.snapshot()["state"])


def contact(service: Service, name: str) -> str:
    """How a contact stands."""
    assert service.interlocks is not None
    return str(service.interlocks.snapshot()["inputs"][name])


def recorded(service: Service) -> list[tuple[str, str, str]]:
    """Every change of the chain on record, oldest first."""
    assert service.interlocks is not None
    service.interlocks.recorder.flush()
    found = changes_of(service.records)[::-1]
    return [(one["from_state"], one["to_state"], one["cause"]) for one in found]


def until_waiting(service: Service, job: Job) -> None:
    """Wait until the program is vetted and start is asked for."""

    def waits() -> bool:
        now = service.runner.get(job.job_id)
        assert now.state == "running", now.problem
        return now.step == "start"

    wait_until(waits, WAIT_S)


def until_burning(service: Service, job: Job) -> None:
    """Turn the key, press start, wait until the laser is surely at work."""
    until_waiting(service, job)
    hand(service, key=True)
    wait_until(lambda: state(service) == "waiting for start", WAIT_S)
    hand(service, start=True)

    def burns() -> bool:
        now = service.runner.get(job.job_id)
        assert now.state == "running", now.problem
        return now.step == "marking" and now.done > 500

    wait_until(burns, WAIT_S)


def test_only_key_chain_and_button_let_it_begin(service: Service, tmp_path: Path) -> None:
    """Nothing is on record before the press; afterwards every step is, and the log holds them."""
    with engraver_process(tmp_path / "engraver", "--speed", "max") as pty:
        service.runner.port = str(pty)
        job = service.runner.start(ORDER, OPERATOR)
        until_waiting(service, job)
        hand(service, start=True)
        wait_until(lambda: "off" in str(service.interlocks.snapshot()["cause"]), WAIT_S)  # type: ignore[union-attr]
        assert (state(service), service.records.all_marks()) == ("open", [])
        hand(service, key=True)
        wait_until(lambda: state(service) == "waiting for start", WAIT_S)
        wait_until(lambda: lamps(panel_folder(service.home))[Output.GREEN], WAIT_S)
        assert service.records.all_marks() == []
        wait_until(lambda: contact(service, "start") == "open", WAIT_S)
        hand(service, start=True)
        service.runner.wait()
        ended = service.runner.get(job.job_id)
        assert (ended.state, ended.mark_state) == ("done", "marked"), ended.problem
        steps = [(before, after) for before, after, _ in recorded(service)]
    assert steps[-5:] == [
        ("open", "closed"),
        ("closed", "waiting for start"),
        ("waiting for start", "armed"),
        ("armed", "firing"),
        ("firing", "closed"),
    ]
    firing = next(one for one in changes_of(service.records) if one["to_state"] == "firing")
    assert firing["mark_id"] == ended.mark_id
    assert kept.check(service.records) == []


@pytest.mark.parametrize("opened", ["door_a", "stop", "dead"])
def test_whatever_opens_ends_the_mark_in_the_dark(
    opened: str, service: Service, tmp_path: Path
) -> None:
    """The pin is unknown between two strokes, the reason names the contact, the laser is off."""
    with engraver_process(tmp_path / "engraver", "--speed", "2") as pty:
        service.runner.port = str(pty)
        job = service.runner.start(ORDER, OPERATOR)
        until_burning(service, job)
        if opened == "dead":
            (panel_folder(service.home) / "panel.json").write_text("")
        else:
            hand(service, **{opened: False})
        service.runner.wait()
        problem = str(service.runner.get(job.job_id).problem)
        words = {
            "dead": "cannot be read",
            "door_a": "door channel A open",
            "stop": "emergency stop pressed",
        }
        assert words[opened] in problem
        assert "laser off" in problem
        [mark] = service.records.all_marks()
        assert mark.state is MarkState.UNKNOWN
        reason = service.records.history(mark.mark_id)[-1]["reason"]
        assert reason.startswith("interlocks: ") and words[opened] in reason
        assert ("firing", "open") in {(a, b) for a, b, _ in recorded(service)}
        at_work = [one for one in changes_of(service.records) if one["from_state"] == "firing"]
        assert at_work[0]["mark_id"] == mark.mark_id


def test_a_start_that_is_taken_back_leaves_nothing(service: Service, tmp_path: Path) -> None:
    """The service stops while a program waits for the button: no intent, and no long wait."""
    with engraver_process(tmp_path / "engraver", "--speed", "max") as pty:
        service.runner.port = str(pty)
        job = service.runner.start(ORDER, OPERATOR)
        until_waiting(service, job)
        service.runner.finish()
        assert "nothing was recorded" in str(service.runner.get(job.job_id).problem)
        assert service.records.all_marks() == []


@pytest.fixture
def chain(home: Path) -> Iterator[tuple[Interlocks, Records, Path]]:
    """Interlocks by themselves, the key turned, start asked for."""
    home.mkdir()
    records, folder = Records(home / "station.db"), home / "panel"
    press(home, {})
    profile = replace(load_panel("virtual"), start_patience_s=0.2, discrepancy_ms=100.0)
    panel = VirtualPanel(folder)
    press(folder, {Input.KEY: True})
    with Interlocks(panel, profile, Recorder(records, "virtual")) as made:
        wait_until(lambda: made.snapshot()["state"] == "closed", WAIT_S)
        yield made, records, folder
    records.close()


def arm(interlocks: Interlocks, folder: Path) -> None:
    """Let a program wait, and press."""
    waiting = threading.Thread(target=interlocks.await_start, args=(None, Control()))
    waiting.start()
    wait_until(lambda: interlocks.snapshot()["state"] == "waiting for start", WAIT_S)
    press(folder, {Input.START: True})
    waiting.join(WAIT_S)
    assert interlocks.snapshot()["state"] == "armed"


def test_nobody_at_the_button(chain: tuple[Interlocks, Records, Path]) -> None:
    """A program does not wait for ever, and says what was missing."""
    interlocks, _, folder = chain
    press(folder, {Input.EXTRACTION: False})
    with pytest.raises(PortError, match=r"nobody pressed start within 0\.2 s .*extraction"):
        interlocks.await_start(None, Control())  # type: ignore[arg-type]
    assert interlocks.snapshot()["state"] in ("open", "closed")


def test_opened_between_the_press_and_the_first_line(home: Path) -> None:
    """A chain that is not armed any more aborts the run before it begins."""
    home.mkdir()
    records, folder = Records(home / "station.db"), home / "panel"
    panel = VirtualPanel(folder)
    press(folder, {Input.KEY: True})
    with Interlocks(panel, load_panel("virtual"), Recorder(records, "virtual")) as interlocks:
        arm(interlocks, folder)
        press(folder, {Input.DOOR_A: False, Input.DOOR_B: False})
        wait_until(lambda: interlocks.snapshot()["state"] == "open", WAIT_S)
        control = Control()
        with interlocks.guard(control, "M000001") as guarded:
            assert control.stop_asked
        assert "door channel A" in guarded.broken
    records.close()


def test_a_full_disk_arms_nothing(
    chain: tuple[Interlocks, Records, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be recorded is kept, said, and written once there is room."""
    interlocks, records, folder = chain
    interlocks.recorder.flush()
    real, full = records.transact, threading.Event()
    full.set()

    def transact(work: Any) -> Any:
        if full.is_set():
            raise StorageError("the disk is full; make room and try again")
        return real(work)

    monkeypatch.setattr(records, "transact", transact)
    press(folder, {Input.STOP: False})
    wait_until(lambda: interlocks.recorder.failure != "", WAIT_S)
    with pytest.raises(StorageError, match="nothing is armed before they are"):
        interlocks.await_start(None, Control())  # type: ignore[arg-type]
    full.clear()
    wait_until(lambda: interlocks.recorder.failure == "", WAIT_S)
    interlocks.recorder.flush()
    causes = [one["cause"] for one in changes_of(records)]
    assert "emergency stop pressed" in causes
    assert kept.check(records) == []


def test_a_chattering_contact_does_not_fill_the_card(
    chain: tuple[Interlocks, Records, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixty changes a minute are written; the rest is counted in the next one."""
    interlocks, records, folder = chain
    monkeypatch.setattr("station_api.panel_recorder.MOST_A_MINUTE", 60)
    for level in [False, True] * 50:
        wanted = "closed" if level else "open"
        press(folder, {Input.KEY: level})
        wait_until(lambda w=wanted: interlocks.snapshot()["state"] == w, WAIT_S)  # type: ignore[misc]
    interlocks.recorder.flush()
    assert len(changes_of(records, limit=500)) == 60


def test_a_machine_of_another_panel_is_not_marked_on(home: Path) -> None:
    """The profile says which contacts guard the machine; others do not."""
    require_panel("none", None)
    with pytest.raises(PortError, match="watches none; start it with --panel gpio-two-channel"):
        require_panel("gpio-two-channel", None)


def test_the_panel_over_http(service: Service) -> None:
    """Seen, pressed, fault, refused reset, reset; each role what it may."""
    with TestClient(make_app(service), raise_server_exceptions=False) as client:
        people = [
            service.people.add(f"{role} 1", role, PASSWORD, "test")
            for role in (Role.OPERATOR, Role.SUPERVISOR)
        ]
        floor, chief = (bearer(service.sessions.open(one.caller())) for one in people)
        shown = client.get("/v1/panel", headers=floor).json()
        assert (shown["panel"], shown["state"]) == ("virtual", "open")
        assert shown["inputs"]["key"] == "open"

        def press_it(name: str, closed: bool) -> None:
            body = {"input": name, "closed": closed}
            assert client.post("/v1/panel/press", headers=floor, json=body).status_code == 200

        press_it("key", True)
        wait_until(lambda: state(service) == "closed", WAIT_S)
        assert is_problem(client.post("/v1/panel/reset", headers=chief), 409)
        press_it("door_b", False)
        wait_until(lambda: state(service) == "fault", WAIT_S)
        assert is_problem(client.post("/v1/panel/reset", headers=floor), 403)
        refused = client.post("/v1/panel/reset", headers=chief)
        assert is_problem(refused, 409)
        assert "open the door fully once" in refused.json()["detail"]
        press_it("door", False)
        wait_until(lambda: contact(service, "door_a") == "open", WAIT_S)
        press_it("door", True)
        wait_until(lambda: contact(service, "door_a") == "closed", WAIT_S)
        assert client.post("/v1/panel/reset", headers=chief).status_code == 200
        wait_until(lambda: state(service) == "closed", WAIT_S)
        assert service.interlocks is not None
        service.interlocks.recorder.flush()
        changes = client.get("/v1/panel/changes?limit=3", headers=floor).json()
        assert [one["to_state"] for one in changes["changes"]] == ["closed", "open", "fault"]
        assert "supervisor 1" in changes["changes"][1]["cause"]
        older = client.get(f"/v1/panel/changes?before={changes['next']}", headers=floor).json()
        assert all(one["position"] < changes["next"] for one in older["changes"])
