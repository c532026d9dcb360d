"""`pinmark backup`, `restore` and `export` as a person and a timer use them."""

from __future__ import annotations

import configparser
import hashlib
import json
import sqlite3
from pathlib import Path

import pytest

from station_api.cli import shell
from station_api.cli.app import GROUPS, make_app
from station_api.records import Records
from tests.conftest import REPOSITORY
from tests.station_api.records.houses import mark


def run(words: list[str]) -> int:
    return shell.run(make_app(words), words)


def test_a_station_is_lost_and_comes_back(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Backup, a new machine, restore with the checkpoint and the key: the same marks."""
    home.mkdir()
    records = Records(home / "station.db")
    mark(records, 1)
    records.close()
    kept = tmp_path / "kept"
    assert run(["backup", str(kept), "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert run(["export", str(tmp_path / "export"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"]["marks"] == 1
    monkeypatch.setenv("PINMARK_HOME", str(tmp_path / "new"))
    words = ["restore", made["file"], "--checkpoint", str(kept / "checkpoint")]
    words += ["--key", str(home / "log.pub"), "--json"]
    assert run(words) == 0
    assert json.loads(capsys.readouterr().out)["sizes"] == made["sizes"]
    assert run(words) == 2  # nothing is overwritten
    capsys.readouterr()
    assert run(["records", "--json"]) == 0
    assert [one["serial"] for one in json.loads(capsys.readouterr().out)["marks"]] == ["ZQ0001"]


def test_what_is_no_backup_is_not_restored(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty file, half of one, another database, a text; a checkpoint that is not there."""
    home.mkdir()
    records = Records(home / "station.db")
    mark(records, 1)
    records.close()
    assert run(["backup", str(tmp_path / "kept"), "--json"]) == 0
    whole = Path(json.loads(capsys.readouterr().out)["file"])
    monkeypatch.setenv("PINMARK_HOME", str(tmp_path / "new"))
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE marks (x)")
    connection.close()
    for name, data in (
        ("empty.db", b""),
        ("half.db", whole.read_bytes()[: whole.stat().st_size // 2]),
        ("another.db", other.read_bytes()),
        ("text.db", b"no database at all"),
    ):
        file = tmp_path / name
        file.write_bytes(data)
        assert run(["restore", str(file)]) == 2, name
        said = capsys.readouterr().err
        assert f"{file} is no whole backup" in said and f"{len(data)} bytes" in said
        left = {one.name for one in (tmp_path / "new").iterdir()}
        assert not any(name.startswith("station.db") for name in left), left
    assert run(["restore", str(whole), "--checkpoint", str(tmp_path / "none")]) == 2
    assert "none cannot be read" in capsys.readouterr().err
    assert run(["restore", str(whole)]) == 0


def test_what_releases_rest_on_is_lost_and_comes_back(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Evidence goes into the backup once, checked by its name, and comes back with a restore."""
    (home / "evidence").mkdir(parents=True)
    name = hashlib.sha256(b"a gauge study").hexdigest()
    (home / "evidence" / name).write_bytes(b"a gauge study")
    kept = tmp_path / "kept"
    assert run(["backup", str(kept), "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert (kept / "evidence" / name).read_bytes() == b"a gauge study"
    assert run(["backup", str(kept)]) == 0  # nothing is copied twice, nothing refused
    monkeypatch.setenv("PINMARK_HOME", str(tmp_path / "new"))
    capsys.readouterr()
    assert run(["restore", made["file"], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["evidence"] == 1
    assert (tmp_path / "new" / "evidence" / name).read_bytes() == b"a gauge study"
    monkeypatch.setenv("PINMARK_HOME", str(home))
    false = "0" * 64
    (home / "evidence" / false).write_bytes(b"something else")
    assert run(["backup", str(kept)]) == 2
    assert "is not what its name says" in capsys.readouterr().err
    assert not (kept / "evidence" / false).exists()


def test_the_timer_runs_the_command_that_exists() -> None:
    """The units we ship parse, are daily, and call a command of this program."""
    units = {}
    for end in ("service", "timer"):
        units[end] = configparser.ConfigParser(strict=False)
        units[end].optionxform = str  # type: ignore[method-assign, assignment]
        units[end].read(REPOSITORY / "packaging" / "systemd" / f"pinmark-backup.{end}")
    assert units["timer"]["Timer"]["OnCalendar"] == "daily"
    program, *words = units["service"]["Service"]["ExecStart"].split()
    assert program.endswith("/pinmark")
    assert words[0] in GROUPS
