"""The doctor: each thing a station rests on is broken once, and is named with its remedy."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from engraver.errors import InputError
from station_api.configuration.load import read
from station_api.configuration.model import BackupKeys
from station_api.doctor import Check, Place, State, examine, kept, link, machine
from station_api.doctor.gate import refuse_wrong_clock
from station_api.log import issue_checkpoint
from station_api.log_key import log_origin, log_signer
from station_api.records import Records
from station_api.records.clock import Reading as ClockReading
from tests.conftest import engraver_process
from tests.station_api.records.houses import mark

NAMES = ["versions", "configuration", "sqlite", "clock", "disk", "permissions", "log key",
         "machine keys", "registry",
         "database", "log", "witnesses", "backup", "leftovers", "marks in doubt", "port",
         "controller", "interlocks", "scanner"]  # fmt: skip


@pytest.fixture
def records(home: Path) -> Any:
    home.mkdir()
    opened = Records(home / "station.db")
    yield opened
    opened.close()


def signed(records: Records, home: Path) -> str:
    """Sign where the log stands."""
    return issue_checkpoint(records, [log_signer(home, log_origin("S1"))], home)


def one(checks: Any) -> Check:
    """The only check of its kind."""
    (found,) = checks
    return found


def test_every_check_is_made_and_says_what_to_do(pinmark: Any, home: Path) -> None:
    """The same names in the same order; whatever is not in order carries a remedy."""
    done = pinmark("doctor", "--json")
    found = json.loads(done.stdout)
    assert [check["name"] for check in found["checks"]] == NAMES
    for check in found["checks"]:
        assert check["found"] and (check["remedy"] or check["state"] == "ok"), check
    assert found["state"] in ("ok", "warning") and done.returncode == 0
    assert "marks in doubt" in pinmark("doctor").stdout


def test_records_that_cannot_be_opened_are_a_fault_and_not_the_end(
    pinmark: Any, home: Path
) -> None:
    """A destroyed database leaves every other check standing; exit 1."""
    home.mkdir()
    (home / "station.db").write_bytes(b"no database" * 500)
    done = pinmark("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert done.returncode == 1 and list(checks) == NAMES
    assert checks["database"]["state"] == "fault"
    assert "station.db cannot be used" in checks["database"]["found"]
    assert checks["versions"]["state"] == "ok"


def test_a_configuration_with_a_slip_is_named(
    pinmark: Any, home: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    """The doctor works where every other command refuses."""
    file = tmp_path / "pinmark.toml"
    file.write_text("[service]\nprt = 1\n")
    monkeypatch.setenv("PINMARK_CONFIG", str(file))
    checks = json.loads(pinmark("doctor", "--json").stdout)["checks"]
    assert "did you mean [service] port?" in checks[1]["found"]


DAY_US = 86_400_000_000
NOW_US = 1_800_000_000_000_000


@pytest.mark.parametrize(
    ("wall_us", "newest_us", "said"),
    [
        (180_000_000, None, "1970-01-01 00:03:00 UTC: it was never set"),
        (NOW_US - DAY_US, NOW_US, "86400 s before the newest record"),
        (NOW_US + DAY_US, NOW_US, None),
        (NOW_US - 1_000_000, NOW_US, None),
    ],
)
def test_a_clock_that_cannot_be_true(wall_us: int, newest_us: int | None, said: str | None) -> None:
    """1970 and a clock before the newest record are faults; a second of steering is not."""
    found = machine.clock(newest_us, must_be_synchronised=False, wall_us=wall_us)
    assert (found.state is State.FAULT) == (said is not None)
    assert said is None or said in found.found


def test_nothing_is_marked_before_the_newest_record(home: Path) -> None:
    """A board that woke up in the past refuses a mark before anything is recorded."""
    home.mkdir()

    class Tomorrow:
        def read(self) -> ClockReading:
            now_us = time.time_ns() // 1_000 + DAY_US
            return ClockReading(now_us, 1, "boot", "system/synchronised", 0)

    records = Records(home / "station.db", clock=Tomorrow())
    refuse_wrong_clock(records)
    mark(records, 1)
    with pytest.raises(InputError, match="before the newest record; nothing is marked: set it"):
        refuse_wrong_clock(records)
    records.close()


def test_disk_and_permissions(home: Path) -> None:
    """Too little room, secrets others can read, a folder anybody can write."""
    home.mkdir(mode=0o700)
    assert one(machine.disk(home, None, 1)).state is State.OK
    full = one(machine.disk(home, None, 10**9))
    assert full.state is State.FAULT and "1000000000 MB are asked for" in full.found
    assert one(machine.permissions(home)).state is State.OK
    home.chmod(0o755)
    seen = one(machine.permissions(home))
    assert seen.state is State.WARNING and f"chmod o-rwx {home}" in seen.remedy
    (home / "log.key").write_text("x")
    (home / "log.key").chmod(0o640)
    home.chmod(0o777)
    found = one(machine.permissions(home)).found
    assert "others can read log.key (mode 640)" in found and "anybody can write" in found


def test_the_log_is_held_against_what_was_signed(records: Records, home: Path) -> None:
    """Unsigned, signed, a changed entry, records set back: each is said as what it is."""
    mark(records, 1)
    assert one(kept.log(records, home)).state is State.WARNING
    signed(records, home)
    early = home / "early.db"
    shutil.copy(home / "station.db", early)
    sqlite3.connect(home / "station.db").execute("PRAGMA wal_checkpoint")
    assert one(kept.log(records, home)).state is State.OK
    with sqlite3.connect(home / "station.db") as raw:
        raw.execute("UPDATE entries SET record = CAST(record || x'20' AS BLOB) WHERE position = 2")
    assert "entry 2 is not what was recorded" in one(kept.log(records, home)).found
    with sqlite3.connect(home / "station.db") as raw:
        raw.execute("DELETE FROM entries WHERE position = 2")
    assert "1 of 5 entries are missing" in one(kept.log(records, home)).found


def test_records_that_were_set_back_are_noticed(records: Records, home: Path) -> None:
    """The checkpoint outside the database knows of more entries than are here."""
    from tests.station_api.records.houses import intent

    mark(records, 1)
    signed(records, home)
    records.close()
    kept_db = (home / "station.db").read_bytes()
    later = Records(home / "station.db")
    later.intend(intent(2))
    signed(later, home)
    later.close()
    (home / "station.db").write_bytes(kept_db)
    back = Records(home / "station.db")
    assert "6 entries were signed and 5 are here" in one(kept.log(back, home)).found
    back.close()


def test_the_keys_backup_is_noted_by_its_fingerprint(pinmark: Any, home: Path) -> None:
    """A wrong fingerprint is refused; the right one satisfies the doctor; a rotation asks again."""
    assert "no backup of it was noted" in _check(pinmark, "log key", touch=True)["found"]
    wrong = pinmark("log", "key", "--backed-up", "safe", "--fingerprint", "00000000")
    assert wrong.returncode == 2 and "is not this key's" in wrong.stderr
    print_ = log_signer(home, log_origin("S1")).verifier().key_id.hex()
    assert pinmark("log", "key", "--backed-up", "safe", "--fingerprint", print_).returncode == 0
    assert _check(pinmark, "log key")["state"] == "ok"
    assert pinmark("log", "key", "--rotate").returncode == 0
    assert _check(pinmark, "log key")["state"] == "warning"


def _check(pinmark: Any, name: str, *, touch: bool = False) -> dict[str, str]:
    if touch:
        pinmark("log", "key")
    checks = json.loads(pinmark("doctor", "--json").stdout)["checks"]
    return next(check for check in checks if check["name"] == name)


def test_backups_grow_old(records: Records, tmp_path: Path) -> None:
    """None, an old one, one on the disk of the records."""
    folder = tmp_path / "backups"
    keys = BackupKeys(folder=folder)
    assert one(kept.backups(records, BackupKeys())).state is State.WARNING
    assert one(kept.backups(records, keys)).state is State.FAULT
    folder.mkdir()
    (folder / "pinmark-S1-0000000042-20270115T080000Z.db").touch()
    made = kept.newest_backup_us(folder, "S1")
    assert made == NOW_US
    old = one(kept.backups(records, keys, made + 27 * 3_600_000_000))
    assert old.state is State.FAULT and "27.0 h old" in old.found and "26 h" in old.found
    fresh = one(kept.backups(records, keys, made + 3_600_000_000))
    assert fresh.state is State.WARNING and "on the disk of the records" in fresh.found


def test_the_port_is_missing_busy_or_free(tmp_path: Path) -> None:
    """Each with what to do; a busy port names the process."""
    assert one(link.port(None)).state is State.SKIPPED
    assert "does not exist" in one(link.port(str(tmp_path / "none"))).found
    free = tmp_path / "free"
    free.touch()
    assert one(link.port(str(free))).state is State.OK
    child = os.fork()
    if child == 0:  # a process that holds the file open until it is told
        with free.open():
            (tmp_path / "held").touch()
            while not (tmp_path / "done").exists():
                time.sleep(0.01)
        os._exit(0)
    try:
        while not (tmp_path / "held").exists():
            time.sleep(0.01)
        assert f"process {child} (" in one(link.port(str(free))).found
    finally:
        (tmp_path / "done").touch()
        os.waitpid(child, 0)


def test_the_controller_is_held_against_its_profile(home: Path, tmp_path: Path) -> None:
    """The right machine is in order; another machine's recipe and a silent port are faults."""
    home.mkdir()
    with engraver_process(tmp_path / "engraver") as port:
        right = one(link.controller(str(port), "default"))
        assert right.state is State.OK and "every setting as in profile" in right.found
        (home / "profiles").mkdir()
        assert one(link.controller(str(port), "no-such-recipe")).state is State.FAULT
    gone = one(link.controller(str(port), "default"))
    assert gone.state is State.FAULT and gone.remedy


def test_a_check_that_breaks_is_a_fault_of_its_own(home: Path) -> None:
    """A folder that is not there does not stop the rest."""
    checks = examine(Place(home / "nowhere", read(None, {}), None, "no records"))
    assert [check.name for check in checks if check.name != "disk"] == [
        n for n in NAMES if n != "disk"
    ]
    broken = {check.name: check for check in checks}["permissions"]
    assert broken.state is State.FAULT
