"""Promises of the watched folder: whole files, the right mark, a receipt; the rest is kept."""

from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from engraver.heightmap import read_x3p, write_x3p
from engraver.record import MarkState
from station_api.labels import write_symbol
from station_api.people import Role
from station_api.records import now_us
from station_api.scan_folder.arrivals import PATIENCE_S, STILL_S
from station_api.service.line import Line
from station_api.service.scan_watcher import ScanWatcher
from station_api.service.service import Service
from tests.station_api.service.conftest import bearer
from tests.station_api.service.folder import Clock, come, marked, receipts, watching


def test_a_scan_named_for_its_mark_is_inspected_and_put_away(
    service: Service, watcher: ScanWatcher, folder: Path, clock: Clock, scans: dict[str, bytes]
) -> None:
    """By mark, serial, order or code in its name; the receipt says digest, mark, verdict, time."""
    mark_id = marked(service, "ZQ0041")
    (folder / "zq0041_0001.x3p").write_bytes(scans["ZQ0041"])
    assert come(watcher, clock) == 1
    [receipt] = receipts(folder, "inspected")
    assert (receipt["mark_id"], receipt["matched_by"]) == (mark_id, "name")
    assert (receipt["verdict"], receipt["outcome"]) == ("verified", "inspected")
    moved = folder / "inspected" / "zq0041_0001.x3p"
    assert hashlib.sha256(moved.read_bytes()).hexdigest() == receipt["sha256"]
    assert not (folder / "zq0041_0001.x3p").exists()
    assert service.records.get(mark_id).state is MarkState.VERIFIED
    last = service.records.history(mark_id)[-1]
    assert (last["actor"], last["position"]) == ("scan folder", receipt["position"])
    shutil.copyfile(moved, folder / "again.x3p")
    assert come(watcher, clock) == 1
    seen = receipts(folder, "inspected")[0]
    assert (seen["outcome"], seen["mark_id"]) == ("seen", mark_id)
    assert len(service.records.history(mark_id)) == 4


def test_half_a_file_is_waited_for(
    service: Service, watcher: ScanWatcher, folder: Path, clock: Clock, scans: dict[str, bytes]
) -> None:
    """Growing, then still without its end, then whole: only then it is read."""
    marked(service, "ZQ0041")
    whole, path = scans["ZQ0041"], folder / "ZQ0041.x3p"
    for part in (whole[:1000], whole[:50_000], whole[:-10]):
        path.write_bytes(part)
        assert watcher.look() == 0
        assert [one["lacks"] for one in watcher.state()["waiting"]] == ["still being written"]
        clock.now_s += STILL_S / 2
    clock.now_s += STILL_S
    assert watcher.look() == 0
    assert watcher.state()["waiting"][0]["lacks"] == "its end has not come yet"
    path.write_bytes(whole)
    assert come(watcher, clock) == 1
    assert receipts(folder, "inspected")[0]["verdict"] == "verified"


def test_a_bar_code_in_the_scan_names_its_mark(
    service: Service, watcher: ScanWatcher, folder: Path, clock: Clock, scans: dict[str, bytes]
) -> None:
    """Instruments put what was scanned before a measurement into the comment."""
    mark_id = marked(service, "ZQ0041", "WO-7")
    marked(service, "ZQ0042", "WO-8")
    surface = read_x3p(scans["ZQ0041"])
    data = write_x3p(surface, comment=write_symbol("WO-7", "ZQ0041"))
    (folder / "20270115-0001.x3p").write_bytes(data)
    assert come(watcher, clock) == 1
    [receipt] = receipts(folder, "inspected")
    assert (receipt["mark_id"], receipt["matched_by"]) == (mark_id, "bar code")
    (folder / "ZQ0042.x3p").write_bytes(data[:-1] + data[-1:])
    os.utime(folder / "ZQ0042.x3p")
    assert come(watcher, clock) == 1
    assert receipts(folder, "inspected")[-1]["outcome"] == "seen"


def test_without_a_name_the_surface_is_read(
    service: Service, watcher: ScanWatcher, folder: Path, clock: Clock, scans: dict[str, bytes]
) -> None:
    """The code on the pin finds its mark; a pin that waits for no scan is kept."""
    mark_id = marked(service, "ZQ0042")
    (folder / "scan.x3p").write_bytes(scans["ZQ0042"])
    (folder / "other.x3p").write_bytes(scans["ZQ0041"])
    marked(service, "ZQ0041")
    rejected = next(one for one in service.records.all_marks() if one.serial == "ZQ0041")
    service.records.conclude_inspection(rejected.mark_id, good=False, detail={"verdict": "bad"})
    assert come(watcher, clock) == 2
    [receipt] = receipts(folder, "inspected")
    assert (receipt["mark_id"], receipt["matched_by"]) == (mark_id, "read-back")
    assert service.records.get(mark_id).state is MarkState.VERIFIED
    [kept] = receipts(folder, "kept")
    assert (kept["file"], service.records.get(rejected.mark_id).state) == (
        "other.x3p",
        MarkState.REJECTED,
    )


def test_what_may_be_of_two_pins_is_judged_for_neither(
    service: Service, watcher: ScanWatcher, folder: Path, clock: Clock, scans: dict[str, bytes]
) -> None:
    """A name of two marks, and a name that the surface contradicts: kept, no mark is rejected."""
    first, second = marked(service, "ZQ0041"), marked(service, "ZQ0042", "WO-2")
    (folder / "ZQ0041 or ZQ0042.x3p").write_bytes(scans["ZQ0041"])
    assert come(watcher, clock) == 1
    (folder / f"{first}.x3p").write_bytes(scans["ZQ0042"])
    assert come(watcher, clock) == 1
    why = {one["file"]: one["why"] for one in receipts(folder, "kept")}
    assert "fits" in why["ZQ0041 or ZQ0042.x3p"]
    assert f"reads the code of {second}" in why[f"{first}.x3p"]
    assert {service.records.get(m).state for m in (first, second)} == {MarkState.MARKED}
    assert [one["outcome"] for one in watcher.state()["kept"]] == ["kept", "kept"]


def test_a_scan_older_than_its_mark_shows_the_blank(
    service: Service, watcher: ScanWatcher, folder: Path, clock: Clock, scans: dict[str, bytes]
) -> None:
    """A pin is not rejected for what it looked like before the laser."""
    mark_id = marked(service, "ZQ0041")
    path = folder / f"{mark_id}.x3p"
    path.write_bytes(scans["ZQ0041"])
    os.utime(path, (now_us() / 1e6 - 3600,) * 2)
    assert come(watcher, clock) == 1
    assert "older than the mark" in receipts(folder, "kept")[0]["why"]
    assert service.records.get(mark_id).state is MarkState.MARKED


def test_what_is_no_scan_is_kept_with_its_reason(
    service: Service, folder: Path, clock: Clock, line: Line, tmp_path: Path
) -> None:
    """Garbage, a zip of something else, a huge file, one that never ended; names of any kind."""
    watcher = watching(service, folder, clock, line, mb=1)
    mark_id = marked(service, "ZQ0041")
    (folder / "noise.x3p").write_bytes(os.urandom(5000))
    (folder / "empty.x3p").write_bytes(b"")
    with zipfile.ZipFile(folder / "ZQ0041 \u202e\nodd.x3p", "w") as archive:
        archive.writestr("readme.txt", "no scan")
    with (folder / "huge.x3p").open("wb") as huge:
        huge.truncate(3_000_000)
    (folder / "notes.txt").write_text("not looked at")
    (folder / ".hidden.x3p").write_bytes(b"PK")
    (folder / "link.x3p").symlink_to(tmp_path / "nowhere")
    assert come(watcher, clock) == 1
    clock.now_s += PATIENCE_S
    assert watcher.look() == 3
    kept = {one["file"]: one["why"] for one in receipts(folder, "kept")}
    assert "3 MB, at most 1 are read" in kept["huge.x3p"]
    assert "no complete zip" in kept["noise.x3p"] and "empty" in kept["empty.x3p"]
    assert all("\n" not in why and why for why in kept.values()) and len(kept) == 4
    assert watcher.state()["left_alone"] == ["notes.txt"]
    assert service.records.get(mark_id).state is MarkState.MARKED
    watcher.close()


def test_of_two_services_one_watches(
    service: Service,
    watcher: ScanWatcher,
    folder: Path,
    clock: Clock,
    line: Line,
    scans: dict[str, bytes],
) -> None:
    """The second says so and touches nothing; when the first is gone it takes over."""
    marked(service, "ZQ0041")
    assert watcher.look() == 0
    second = watching(service, folder, clock, line)
    (folder / "ZQ0041.x3p").write_bytes(scans["ZQ0041"])
    assert come(second, clock) == 0
    assert "another service" in second.said
    assert (folder / "ZQ0041.x3p").exists()
    watcher.close()
    assert come(second, clock) == 1
    assert second.said == ""
    second.close()


def test_a_crash_between_verdict_and_receipt_leaves_one_verdict(
    service: Service,
    watcher: ScanWatcher,
    folder: Path,
    clock: Clock,
    scans: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The file lies where it was; the next look finds its verdict in the log and puts it away."""
    mark_id = marked(service, "ZQ0041")
    (folder / "ZQ0041.x3p").write_bytes(scans["ZQ0041"])

    def full(path: Path, receipt: object) -> Path:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(watcher.shelves, "put", full)
        assert come(watcher, clock) == 0
    assert "No space left" in watcher.said
    assert (folder / "ZQ0041.x3p").exists()
    assert watcher.look() == 1
    [receipt] = receipts(folder, "inspected")
    assert (receipt["outcome"], receipt["mark_id"], receipt["verdict"]) == (
        "seen", mark_id, "verified",
    )  # fmt: skip
    assert len(service.records.history(mark_id)) == 4


def test_the_folder_is_shown_over_http(
    service: Service,
    watcher: ScanWatcher,
    folder: Path,
    clock: Clock,
    client: TestClient,
    tokens: dict[Role, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Waiting, kept, inspected; a station without a folder says that it has none."""
    operator = bearer(tokens[Role.OPERATOR])
    assert client.get("/v1/scan-folder", headers=operator).json()["folder"] is None
    monkeypatch.setattr(service, "watcher", watcher)
    (folder / "ZQ9999.x3p").write_bytes(b"PK half")
    watcher.look()
    shown = client.get("/v1/scan-folder", headers=operator).json()
    assert [one["file"] for one in shown["waiting"]] == ["ZQ9999.x3p"]
    clock.now_s += PATIENCE_S
    assert watcher.look() == 1
    assert client.get("/v1/floor", headers=operator).json()["kept_scans"][0]["file"] == "ZQ9999.x3p"
