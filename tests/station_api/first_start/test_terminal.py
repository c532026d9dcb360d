"""Promises of the first start in a terminal: checked at once, resumed, never overwritten."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from station_api.cli import shell
from station_api.cli.app import make_app
from station_api.key_backup import noted_backup
from station_api.people import People, Role
from station_api.records import Records

PASSWORD = "correct horse battery"


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of somebody who has nothing yet, and a stick."""
    (tmp_path / "stick").mkdir()
    monkeypatch.setenv("PINMARK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PINMARK_CONFIG", str(tmp_path / "pinmark.toml"))
    monkeypatch.delenv("PINMARK_STATION", raising=False)
    return tmp_path


@pytest.fixture
def run(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `pinmark` with what somebody types."""

    def go(*words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        capsys.readouterr()
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        code = shell.run(make_app(list(words)), list(words))
        printed = capsys.readouterr()
        return subprocess.CompletedProcess(words, code, printed.out, printed.err)

    return go


def steps(run: Run) -> dict[str, str]:
    found: dict[str, Any] = json.loads(run("setup", "--json").stdout)
    return {one["step"]: one["state"] for one in found["steps"]}


def lines(*answers: str) -> str:
    return "".join(f"{one}\n" for one in answers)


def test_from_nothing_to_the_first_mark(place: Path, run: Run) -> None:
    """Every answer in one go, wrong ones told at once; then everything is there and sound."""
    assert set(steps(run).values()) == {"open"}
    assert not (place / "home" / "station.db").exists()
    done = run("setup", typed=lines(
            "no blanks in it please", "LINE-3",
            "Example Arms, Inc.", "9-99", "", "",
            "Example Arms, Inc.", "9-77-067-07-6A-12345", "1 Example Road, Reno NV", "",
            "A. Smith", "short", "short", "A. Smith", PASSWORD, PASSWORD[:-1],
            "A. Smith", PASSWORD, PASSWORD,
            str(place / "nowhere"), str(place / "stick"),
            "no-such-recipe", "virtual", "default", "/dev/not-there", "", "",
            "Example Arms", "Model 9", "((", "Example Arms", "Model 9", "ZQ9999",
        ),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    for said in ("federal firearms licence reads", "differ", "is no folder", "no-such-recipe",
                 "/dev/not-there is not there", "own disk"):  # fmt: skip
        assert said in done.stdout, said
    assert PASSWORD not in done.stdout + (place / "pinmark.toml").read_text()
    assert set(steps(run).values()) == {"done"}
    assert run("config", "check").returncode == 0
    records = Records(place / "home" / "station.db", "LINE-3")
    assert [one.role for one in People(records).all()] == [Role.ADMINISTRATOR]
    assert records.all_marks() == []  # the first mark was a trial
    records.close()
    kept = place / "stick" / "pinmark-LINE-3-log.key"
    assert kept.read_text() == (place / "home" / "log.key").read_text()
    assert kept.stat().st_mode & 0o077 == 0
    noted = noted_backup(place / "home")
    assert noted is not None and noted.where == str(kept)
    trial = json.loads((place / "home" / "first-mark" / "done.json").read_text())
    assert (trial["good"], trial["serial"], trial["read_back"]) == (True, "T00001", trial["code"])
    assert (trial["next_serial"], trial["next_code"]) == ("ZQ0000", "R8RPE1GVR8L1")
    before = {file: file.read_bytes() for file in (place / "pinmark.toml", kept)}
    again = run("setup", typed=lines("OTHER"))
    assert again.returncode == 0 and "station: LINE-3" in again.stdout
    assert {file: file.read_bytes() for file in before} == before


def test_broken_off_and_taken_up_again(place: Path, run: Run) -> None:
    """The end of what is typed breaks it off; what was answered stays, the next start goes on."""
    broken = run("setup", typed=lines("S9", "later", "A. Smith"))
    assert broken.returncode == 130
    found = steps(run)
    assert (found["station"], found["licence"], found["administrator"]) == (
        "done", "skipped", "open",
    )  # fmt: skip
    more = run("setup", typed=lines("later", "A. Smith", PASSWORD, PASSWORD, "later"))
    assert more.returncode == 130 and "name of the station" not in more.stdout
    found = steps(run)
    assert (found["administrator"], found["key"]) == ("done", "skipped")


def test_one_wrong_answer_asks_for_that_one(place: Path, run: Run) -> None:
    """What was not refused stands in brackets and is taken by Enter; words say what is allowed."""
    done = run("setup", typed=lines("S 9", "S9", "Ex Arms", "", "1 Road", "12", "", "", "", "", ""))
    assert "it should be 1 to 32 letters" in done.stdout and "pattern" not in done.stdout
    assert "it should be 6 to 12 digits" in done.stdout and "[Ex Arms]" in done.stdout
    assert "licence Ex Arms" in done.stdout or steps(run)["licence"] == "done"
    text = (place / "pinmark.toml").read_text()
    assert 'licensee = "Ex Arms"' in text and 'premises = "1 Road"' in text
    assert "password, 12 characters or more" in done.stdout


def test_what_is_set_is_never_overwritten(place: Path, run: Run) -> None:
    """A file of the plant's own keeps its comments and its values; what is missing is added."""
    file = place / "pinmark.toml"
    file.write_text(
        '# ours\n[station]\nname = "PLANT-7"  # as on the door\n\n[service]\nport = 8443\n'
    )
    assert steps(run)["station"] == "done"
    run("setup", typed=lines("Example Arms, Inc.", "", "", ""))
    text = file.read_text()
    assert '# ours\n[station]\nname = "PLANT-7"  # as on the door\n' in text
    assert 'licensee = "Example Arms, Inc."' in text and "port = 8443" in text
    assert run("config", "check").returncode == 0
