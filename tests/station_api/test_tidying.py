"""After a crash: what was never finished goes, what may be evidence never does."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engraver.errors import StorageError
from station_api import tidying
from station_api.configuration import Settings
from station_api.configuration.model import BackupKeys, ScansKeys
from station_api.doctor.leftovers import leftovers
from station_api.people import Caller, Role
from station_api.records import Records
from station_api.service.scan_store import ScanStore
from station_api.tidying import UNFINISHED_S, UNRECORDED_S, What, find, tidy
from tests.station_api.records.houses import mark

ENGINEER = Caller("engineer one", Role.ENGINEER)
LATER_S = UNFINISHED_S + 3600.0
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def records(home: Path) -> Iterator[Records]:
    home.mkdir()
    opened = Records(home / "station.db")
    yield opened
    opened.close()


def age(path: Path, age_s: float, content: bytes = b"half") -> Path:
    """Leave a file that was last written so long ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (time.time() - age_s,) * 2)
    return path


ENTER = """
records.transact = die
received = home / "scans" / "b.received"
received.write_bytes(b"not recorded")
store = ScanStore(records, home, lambda _: (4, 4))
store.enter(received, "f" * 64, 4, 4, Caller("x", Role.ENGINEER))
"""


def killed(home: Path, work: str) -> None:
    """Do something in a process that is killed in the middle of it."""
    code = f"""
import os, pathlib, signal
from station_api.people import Caller, Role
from station_api.records import Records, backup
from station_api.service.scan_store import ScanStore
home = pathlib.Path({str(home)!r})
records = Records(home / "station.db")
def die(*_words, **_named): os.kill(os.getpid(), signal.SIGKILL)
{work}
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == -9, done.stderr


def test_a_crash_between_a_scan_and_its_row_loses_no_scan(
    records: Records, home: Path, pinmark: Run
) -> None:
    """Killed there: the doctor names it, tidying sets it aside, recorded ones stay."""
    store = ScanStore(records, home, lambda _: (4, 4))
    kept = store.keep(age(home / "scans" / "a.part", 0, b"recorded"), ENGINEER)
    records.close()
    killed(home, ENTER)
    lonely = home / "scans" / f"{'f' * 64}.x3p"
    assert lonely.exists()
    again = Records(home / "station.db")
    assert find(home, again, Settings()) == []  # its row may be on the way
    (found,) = find(home, again, Settings(), time.time() + UNRECORDED_S + 60)
    assert (found.what, found.path) == (What.SCAN, lonely)
    os.utime(lonely, (time.time() - LATER_S,) * 2)
    os.utime(store.path(kept.scan_id), (time.time() - LATER_S,) * 2)
    (said,) = leftovers(home, again, Settings())
    assert said.state.value == "warning" and "`pinmark tidy`" in said.remedy
    again.close()
    assert json.loads(pinmark("tidy", "--look", "--json").stdout)["files"][0]["place"] is None
    assert lonely.exists()
    (row,) = json.loads(pinmark("tidy", "--json").stdout)["files"]
    place = home / "scans" / "kept" / lonely.name
    assert row["place"] == str(place) and place.read_bytes() == b"not recorded"
    assert store.path(kept.scan_id).read_bytes() == b"recorded"
    assert "nothing lies about" in pinmark("tidy").stdout
    doctor = json.loads(pinmark("doctor", "--json").stdout)["checks"]
    (said_now,) = [one for one in doctor if one["name"] == "leftovers"]
    assert said_now["state"] == "ok" and "1 scans that no record names lie in" in said_now["found"]


def test_a_scan_that_lost_its_row_in_a_crash_gets_one_when_it_comes_again(
    records: Records, home: Path
) -> None:
    """A verdict never rests on a scan that the log does not know."""
    store = ScanStore(records, home, lambda _: (4, 4))
    data = b"not recorded"
    scan_id = hashlib.sha256(data).hexdigest()
    age(store.path(scan_id), 0, data)
    dropped = age(home / "dropped.x3p", 0, data)
    facts = lambda _path, _digest: {"columns": 4, "rows": 4}  # noqa: E731
    assert store.take(dropped, scan_id, facts, ENGINEER) == store.path(scan_id)
    assert store.get(scan_id).uploaded_by == ENGINEER.name
    size = records.size()
    store.take(dropped, scan_id, facts, ENGINEER)
    assert (records.size(), store.path(scan_id).read_bytes()) == (size, data)


def test_half_a_backup_goes_after_a_day_and_sound_ones_stay(records: Records, home: Path) -> None:
    """Killed while it is checked, a backup leaves a .partial; what is young is somebody's work."""
    folder, watched = home.parent / "backups", home.parent / "watched"
    keys = Settings(backup=BackupKeys(folder=folder), scans=ScansKeys(folder=watched))
    mark(records, 1)
    sound = age(folder / "pinmark-S1-0000000001-20270101T000000Z.db", 400 * UNFINISHED_S)
    unsound = age(folder / f"{sound.name}.unsound", 400 * UNFINISHED_S)
    strange = age(folder / "holiday.partial", 400 * UNFINISHED_S)
    records.close()
    work = f"backup.take_backup(records, pathlib.Path({str(folder)!r}))"
    killed(home, f"backup.check_backup = die\n{work}")
    (half,) = [one for one in folder.glob("*.partial") if one != strange]
    again = Records(home / "station.db")
    assert find(home, again, keys) == []
    os.utime(half, (time.time() - LATER_S,) * 2)
    wal = age(half.with_name(half.name + "-wal"), LATER_S)
    new = age(home / "log" / "checkpoint.new", LATER_S)
    copy = age(home / "station.db.partial", LATER_S)
    note = age(watched / "kept" / "a.x3p.receipt.json.new", LATER_S)
    theirs = age(watched / "b.x3p.new", LATER_S)  # the instrument's own, and none of ours
    assert {one.path for one in find(home, again, keys)} == {half, wal, new, copy, note}
    tidying.tidy_at_start(home, again, keys)
    assert not any(one.exists() for one in (half, wal, new, copy, note))
    assert theirs.exists() and sound.exists() and unsound.exists() and strange.exists()
    again.close()


def test_scans_set_aside_never_replace_one_another(records: Records, home: Path) -> None:
    """The same name twice, with other bytes: both stay."""
    name = f"{'e' * 64}.x3p"
    for content in (b"one", b"two"):
        age(home / "scans" / name, LATER_S, content)
        tidy(find(home, records, Settings()))
    aside = sorted((home / "scans" / "kept").iterdir())
    assert [one.read_bytes() for one in aside] == [b"two", b"one"]


def test_recorded_scans_without_a_file_are_said(records: Records, home: Path) -> None:
    """A restore brings rows and no scans: the doctor says how many are missing, and what to do."""
    store = ScanStore(records, home, lambda _: (4, 4))
    kept = store.keep(age(home / "scans" / "a.part", 0), ENGINEER)
    (said,) = leftovers(home, records, Settings())
    assert said.state.value == "ok"
    store.path(kept.scan_id).unlink()
    (said,) = leftovers(home, records, Settings())
    assert said.state.value == "warning" and "1 recorded scans have no file" in said.found


def test_a_clock_in_1970_finds_nothing_and_a_disk_that_refuses_stops_nothing(
    records: Records, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every file is from the future then; and a start goes on beside a read-only disk."""
    half = age(home / "station.db.partial", LATER_S)
    assert find(home, records, Settings(), 0.0) == []

    def refuse(_self: Path, missing_ok: bool = False) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(StorageError, match="read-only"):
        tidy(find(home, records, Settings()))
    tidying.tidy_at_start(home, records, Settings())
    monkeypatch.undo()
    assert half.exists()
