"""Promises of the first start in a terminal: checked at once, resumed, never overwritten."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from station_api.key_backup import noted_backup
from station_api.people import People, Role
from station_api.records import Records
from tests.conftest import REPOSITORY

PASSWORD = "correct horse battery"
LONG_S = 300


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "stick").mkdir()
    return tmp_path


def run(place: Path, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    """Run `pinmark` as somebody who has nothing yet, with what they type."""
    variables = {name: text for name, text in os.environ.items() if "PINMARK" not in name}
    variables |= {
        "PINMARK_HOME": str(place / "home"),
        "PINMARK_CONFIG": str(place / "pinmark.toml"),
        "COLUMNS": "200",
    }
    command = [sys.executable, "-m", "station_api", *words]
    return subprocess.run(
        command, input=typed, env=variables, cwd=REPOSITORY, capture_output=True, text=True,
        timeout=LONG_S, check=False,
    )  # fmt: skip


def steps(place: Path) -> dict[str, str]:
    found: dict[str, Any] = json.loads(run(place, "setup", "--json").stdout)
    return {one["step"]: one["state"] for one in found["steps"]}


def lines(*answers: str) -> str:
    return "".join(f"{one}\n" for one in answers)


def test_from_nothing_to_the_first_mark(place: Path) -> None:
    """Every answer in one go, wrong ones told at once; then everything is there and sound."""
    assert set(steps(place).values()) == {"open"}
    assert not (place / "home" / "station.db").exists()
    done = run(
        place, "setup", typed=lines(
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
    assert set(steps(place).values()) == {"done"}
    assert run(place, "config", "check").returncode == 0
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
    again = run(place, "setup", typed=lines("OTHER"))
    assert again.returncode == 0 and "station: LINE-3" in again.stdout
    assert {file: file.read_bytes() for file in before} == before


def test_broken_off_and_taken_up_again(place: Path) -> None:
    """The end of what is typed breaks it off; what was answered stays, the next start goes on."""
    broken = run(place, "setup", typed=lines("S9", "later", "A. Smith"))
    assert broken.returncode == 130
    found = steps(place)
    assert (found["station"], found["licence"], found["administrator"]) == (
        "done", "skipped", "open",
    )  # fmt: skip
    more = run(place, "setup", typed=lines("later", "A. Smith", PASSWORD, PASSWORD, "later"))
    assert more.returncode == 130 and "name of the station" not in more.stdout
    found = steps(place)
    assert (found["administrator"], found["key"]) == ("done", "skipped")


def test_what_is_set_is_never_overwritten(place: Path) -> None:
    """A file of the plant's own keeps its comments and its values; what is missing is added."""
    file = place / "pinmark.toml"
    file.write_text(
        '# ours\n[station]\nname = "PLANT-7"  # as on the door\n\n[service]\nport = 8443\n'
    )
    assert steps(place)["station"] == "done"
    run(place, "setup", typed=lines("Example Arms, Inc.", "", "", ""))
    text = file.read_text()
    assert '# ours\n[station]\nname = "PLANT-7"  # as on the door\n' in text
    assert 'licensee = "Example Arms, Inc."' in text and "port = 8443" in text
    assert run(place, "config", "check").returncode == 0
