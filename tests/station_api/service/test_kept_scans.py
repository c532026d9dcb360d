"""Promises of kept scans: a person gives each to its mark, or discards it; none goes silently."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from engraver.heightmap import read_x3p, write_x3p
from engraver.record import MarkState
from station_api import kept
from station_api.people import Role
from station_api.scan_folder.arrivals import PATIENCE_S
from station_api.service.giving import Giving
from station_api.service.kept_scans import KeptScans
from station_api.service.line import Line
from station_api.service.scan_watcher import ScanWatcher
from station_api.service.service import Service
from tests.station_api.service.conftest import bearer, is_problem
from tests.station_api.service.folder import Clock, come, marked, receipts


class Desk:
    """The watched folder, and the routes of kept scans as people of several roles press them."""

    def __init__(
        self, service: Service, watcher: ScanWatcher, folder: Path, clock: Clock, client: TestClient
    ) -> None:
        self.records, self.watcher, self.folder = service.records, watcher, folder
        self._service, self._clock, self._client = service, clock, client
        self.scans: dict[str, bytes] = {}
        self.tokens: dict[Role, str] = {}

    def marked(self, serial: str, order: str = "WO-1") -> str:
        """Make a mark that waits for its scan; return its id."""
        return marked(self._service, serial, order)

    def come(self) -> int:
        """Let what lies in the folder come to rest; return how many scans were dealt with."""
        return come(self.watcher, self._clock)

    def keep(self, name: str, data: bytes) -> str:
        """Let a scan come that fits no mark; return its id."""
        (self.folder / name).write_bytes(data)
        self.watcher.look()
        self._clock.now_s += PATIENCE_S
        assert self.watcher.look() == 1
        scan_id = hashlib.sha256(data).hexdigest()
        assert scan_id in [one["sha256"] for one in self.receipts("kept")]
        return scan_id

    def receipts(self, place: str) -> list[dict[str, Any]]:
        """Return the receipts in one of the folders."""
        return receipts(self.folder, place)

    def read(self, scan_id: str, mark: str, role: Role = Role.OPERATOR) -> Any:
        path = f"/v1/kept-scans/{scan_id}/reading"
        return self._client.post(path, json={"mark": mark}, headers=bearer(self.tokens[role]))

    def give(
        self,
        scan_id: str,
        mark_id: str,
        role: Role = Role.OPERATOR,
        reason: str = "",
        version: str = "*",
        key: str = "one",
    ) -> Any:
        headers = bearer(self.tokens[role], If_Match=version, Idempotency_Key=key)
        body = {"mark_id": mark_id} | ({"reason": reason} if reason else {})
        return self._client.post(f"/v1/kept-scans/{scan_id}/give", json=body, headers=headers)

    def discard(self, scan_id: str, reason: str, role: Role = Role.SUPERVISOR) -> Any:
        headers = bearer(self.tokens[role], Idempotency_Key=f"discard-{scan_id[:8]}")
        path = f"/v1/kept-scans/{scan_id}/discard"
        return self._client.post(path, json={"reason": reason}, headers=headers)


@pytest.fixture
def desk(
    service: Service,
    watcher: ScanWatcher,
    folder: Path,
    clock: Clock,
    scans: dict[str, bytes],
    line: Line,
    client: TestClient,
    tokens: dict[Role, str],
    monkeypatch: pytest.MonkeyPatch,
) -> Desk:
    """The routes over the watched folder of these tests."""
    rows = KeptScans(service.records)
    giving = Giving(
        service.records, rows, watcher, service.scans, line, service.shelf.folder, service.live
    )
    monkeypatch.setattr(service, "watcher", watcher)
    monkeypatch.setattr(service, "giving", giving)
    watcher.look()
    desk = Desk(service, watcher, folder, clock, client)
    desk.scans, desk.tokens = scans, tokens
    return desk


def two_named(serial: str) -> str:
    """A name that fits two marks, so that its scan is kept."""
    return f"{serial} ZQ0041-ZQ0042.x3p"


def test_a_kept_scan_is_read_given_and_inspected(desk: Desk) -> None:
    """By serial: both codes are told, nothing is recorded; given, the mark has its verdict."""
    mark_id, _ = desk.marked("ZQ0041"), desk.marked("ZQ0042", "WO-2")
    scan_id = desk.keep(two_named("x"), desk.scans["ZQ0041"])
    reading = desk.read(scan_id, " zq0041 ").json()
    assert reading["read_back"] == reading["ordered"] == desk.records.get(mark_id).code
    assert (reading["mark_id"], reading["agrees"], reading["needs"]) == (mark_id, True, "nothing")
    assert desk.records.get(mark_id).state is MarkState.MARKED
    version = f'"{reading["version"]}"'
    given = desk.give(scan_id, mark_id, version=version)
    assert given.json()["mark"]["state"] == "verified", given.text
    again = desk.give(scan_id, mark_id, version=version)
    assert (again.content, again.headers["Idempotent-Replayed"]) == (given.content, "true")

    last = desk.records.history(mark_id)[-1]
    assert last["actor"] == "operator one"
    assert last["detail"]["scan_sha256"] == scan_id
    [receipt] = desk.receipts("inspected")
    assert (receipt["outcome"], receipt["mark_id"], receipt["by"], receipt["position"]) == (
        "given", mark_id, "operator one", last["position"],
    )  # fmt: skip
    assert (receipt["verdict"], "fits" in receipt["kept_for"]) == ("verified", True)
    assert desk.receipts("kept") == [] and list((desk.folder / "kept").iterdir()) == []
    moved = desk.folder / "inspected" / two_named("x")
    assert hashlib.sha256(moved.read_bytes()).hexdigest() == scan_id
    row = KeptScans(desk.records).find(scan_id)
    assert row is not None
    assert (row.state, row.mark_id, row.decided_by, row.inspected_at) == (
        "given", mark_id, "operator one", last["position"],
    )  # fmt: skip
    assert kept.check(desk.records) == []
    moved.rename(desk.folder / "once more.x3p")
    assert desk.come() == 1
    seen = [one for one in desk.receipts("inspected") if one["outcome"] == "seen"]
    assert [one["mark_id"] for one in seen] == [mark_id]


def test_another_pins_scan_becomes_nobodys_inspection(desk: Desk) -> None:
    """A scan that reads the code of M2 is refused for M1, by whomever, with whatever reason."""
    first, second = desk.marked("ZQ0041"), desk.marked("ZQ0042", "WO-2")
    scan_id = desk.keep(two_named("y"), desk.scans["ZQ0042"])
    reading = desk.read(scan_id, first).json()
    assert (reading["needs"], reading["reads_mark"]) == ("refused", second)
    assert second in reading["said"] and "exchanged" in reading["said"]
    refused = desk.give(scan_id, first, Role.ENGINEER, "I am sure")
    assert is_problem(refused, 409)
    assert desk.records.get(first).state is MarkState.MARKED
    assert len(desk.receipts("kept")) == 1
    assert desk.give(scan_id, second).json()["mark"]["state"] == "verified"


def test_a_scan_that_reads_no_code_takes_a_reason_and_the_right_to_decide(desk: Desk) -> None:
    """A blank rejects no pin by an operator's press; a supervisor's reason stands in the log."""
    mark_id = desk.marked("ZQ0041")
    surface = read_x3p(desk.scans["ZQ0041"])
    noise = surface.z_um * 0.0
    noise[::7, ::5] = 0.4
    blank = type(surface)(noise, surface.pitch_xy_um, surface.origin_xy_um)
    scan_id = desk.keep("blank.x3p", write_x3p(blank))
    reading = desk.read(scan_id, mark_id).json()
    assert (reading["agrees"], reading["needs"], reading["good"]) == (False, "reason", False)
    by_operator = desk.give(scan_id, mark_id, Role.OPERATOR, "it is empty")
    assert is_problem(by_operator, 403)
    assert "supervisor" in by_operator.json()["detail"]
    without = desk.give(scan_id, mark_id, Role.SUPERVISOR)
    assert is_problem(without, 422)
    assert desk.records.get(mark_id).state is MarkState.MARKED
    given = desk.give(scan_id, mark_id, Role.SUPERVISOR, "the laser was off", key="two")
    assert given.json()["mark"]["state"] == "rejected", given.text
    detail = desk.records.history(mark_id)[-1]["detail"]
    assert (detail["given_by"], detail["given_because"]) == ("supervisor one", "the laser was off")
    assert [one["why"] for one in desk.receipts("inspected")] == ["the laser was off"]


def test_a_scan_older_than_its_mark_takes_a_reason_and_one_kept_before_it_is_refused(
    desk: Desk,
) -> None:
    """An instrument's clock may be behind; a file that lay here before the mark shows another."""
    first = desk.marked("ZQ0041")
    path = desk.folder / "ZQ0041.x3p"
    path.write_bytes(desk.scans["ZQ0041"])
    os.utime(path, (1_600_000_000,) * 2)
    assert desk.come() == 1
    scan_id = hashlib.sha256(desk.scans["ZQ0041"]).hexdigest()
    reading = desk.read(scan_id, first).json()
    assert (reading["agrees"], reading["older"], reading["needs"]) == (True, True, "reason")
    assert is_problem(desk.give(scan_id, first), 403)
    early = desk.keep("early.x3p", desk.scans["ZQ0042"])
    second = desk.marked("ZQ0042", "WO-2")
    refused = desk.read(early, second)
    assert is_problem(refused, 409)
    assert "before" in refused.json()["detail"]
    given = desk.give(scan_id, first, Role.ENGINEER, "its clock is an hour behind", key="k")
    assert given.json()["mark"]["state"] == "verified"


def test_of_two_who_press_at_once_one_is_told_of_the_other(desk: Desk) -> None:
    """One verdict, one row; the second hears that the mark has moved on."""
    mark_id, _ = desk.marked("ZQ0041"), desk.marked("ZQ0042", "WO-2")
    scan_id = desk.keep(two_named("z"), desk.scans["ZQ0041"])
    version = f'"{desk.read(scan_id, mark_id).json()["version"]}"'
    replies: list[Any] = []

    def press(role: Role) -> None:
        replies.append(desk.give(scan_id, mark_id, role, version=version, key=str(role)))

    threads = [threading.Thread(target=press, args=(r,)) for r in (Role.OPERATOR, Role.ENGINEER)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    by_status = {reply.status_code: reply for reply in replies}
    assert 200 in by_status and len(by_status) == 2, [reply.text for reply in replies]
    [other] = [status for status in by_status if status != 200]
    assert other in (409, 412) and is_problem(by_status[other], other)
    assert len(desk.records.history(mark_id)) == 4
    late = desk.give(scan_id, mark_id, Role.SUPERVISOR, "me too", key="late")
    assert is_problem(late, 409)
    assert "was given to" in late.json()["detail"]
    assert is_problem(desk.give(scan_id, mark_id, version='"1"', key="old"), 409)


def test_what_is_gone_changed_or_of_no_mark_is_told_and_may_be_discarded(desk: Desk) -> None:
    """Another digest, no file, no such mark, one inspected before: nothing is recorded."""
    mark_id = desk.marked("ZQ0041")
    scan_id = desk.keep("a.x3p", desk.scans["ZQ0042"])
    for named, status in (("ZQ9999", 404), ("M000099", 404), ("\u2028", 404)):
        assert is_problem(desk.read(scan_id, named), status)
    assert is_problem(desk.read("0" * 64, mark_id), 404)
    file = desk.folder / "kept" / "a.x3p"
    file.write_bytes(desk.scans["ZQ0041"])
    changed = desk.give(scan_id, mark_id)
    assert is_problem(changed, 409)
    assert "other bytes" in changed.json()["detail"]
    file.unlink()
    gone = desk.give(scan_id, mark_id)
    assert is_problem(gone, 409)
    assert "not in kept any more" in gone.json()["detail"]
    assert desk.records.get(mark_id).state is MarkState.MARKED
    assert is_problem(desk.discard(scan_id, "nobody's", Role.OPERATOR), 403)
    assert desk.discard(scan_id, "its pin broke").json()["state"] == "discarded"
    assert desk.discard(scan_id, "its pin broke").headers["Idempotent-Replayed"] == "true"
    [note] = desk.receipts("discarded")
    assert (note["why"], note["by"]) == ("its pin broke", "supervisor one")
    assert desk.receipts("kept") == []
    desk.records.conclude_inspection(mark_id, good=True, detail={"verdict": "good"})
    other = desk.keep("b.x3p", b"no zip at all")
    over = desk.read(other, mark_id)
    assert is_problem(over, 409)
    assert "is verified; only a mark that is marked" in over.json()["detail"]
    assert kept.check(desk.records) == []


def test_a_discarded_scan_that_comes_again_is_kept_again(desk: Desk) -> None:
    """What a person ruled out is not inspected behind their back; nothing was deleted."""
    scan_id = desk.keep("ZQ0041.x3p", desk.scans["ZQ0041"])
    assert desk.discard(scan_id, "the wrong lot").status_code == 200
    lying = desk.folder / "discarded" / "ZQ0041.x3p"
    assert lying.read_bytes() == desk.scans["ZQ0041"]
    mark_id = desk.marked("ZQ0041")
    lying.rename(desk.folder / "ZQ0041.x3p")
    assert desk.watcher.look() == 1
    [receipt] = desk.receipts("kept")
    assert "the wrong lot" in receipt["why"]
    assert desk.records.get(mark_id).state is MarkState.MARKED
    assert is_problem(desk.give(scan_id, mark_id), 409)  # these bytes were here before the mark


def test_a_file_that_cannot_be_moved_is_moved_later(
    desk: Desk,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The verdict stands; the watcher says what is wrong, and moves it when it can."""
    mark_id, _ = desk.marked("ZQ0041"), desk.marked("ZQ0042", "WO-2")
    scan_id = desk.keep(two_named("w"), desk.scans["ZQ0041"])
    assert desk.watcher.shelves is not None

    def full(path: Path, receipt: object) -> Path:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(desk.watcher.shelves, "move_on", full)
        assert desk.give(scan_id, mark_id).json()["mark"]["state"] == "verified"
        desk.watcher.look()
        assert "cannot be moved on (No space left" in desk.watcher.said
    assert len(desk.receipts("kept")) == 1
    desk.watcher.look()
    assert (desk.watcher.said, desk.receipts("kept")) == ("", [])
    assert [one["outcome"] for one in desk.receipts("inspected")] == ["given"]


def test_a_scan_kept_before_there_were_rows_is_decided_on_too(desk: Desk) -> None:
    """Its receipt says since when it is there; one that says too little is left alone."""
    data = desk.scans["ZQ0041"]
    scan_id = hashlib.sha256(data).hexdigest()
    mark_id = desk.marked("ZQ0041")
    (desk.folder / "kept" / "old.x3p").write_bytes(data)
    note = {"file": "old.x3p", "outcome": "kept", "at": "2099-01-01T00:00:00+00:00",
            "station": "S1", "size_bytes": len(data), "sha256": scan_id,
            "why": "fits two"}  # fmt: skip
    (desk.folder / "kept" / "old.x3p.receipt.json").write_text(json.dumps(note))
    (desk.folder / "kept" / "odd.receipt.json").write_text(json.dumps({"sha256": scan_id}))
    assert desk.give(scan_id, mark_id).json()["mark"]["state"] == "verified"
    assert [one["kept_for"] for one in desk.receipts("inspected")] == ["fits two"]


def test_a_folder_of_another_service_and_none_at_all_are_told(
    service: Service, tokens: dict[Role, str], client: TestClient, desk: Desk
) -> None:
    """Only the service that watches the folder moves what lies there."""
    service.watcher.close()
    service.watcher._lock = None
    assert is_problem(desk.read("0" * 64, "M000001"), 409)
    service.watcher.shelves = None
    assert is_problem(desk.read("0" * 64, "M000001"), 404)
    machine = desk.give("0" * 64, "M000001", Role.STATION)
    assert is_problem(machine, 403)
