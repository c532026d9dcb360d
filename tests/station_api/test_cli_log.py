"""`pinmark log` and `pinmark records re-mark` as a person and an auditor use them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from station_api.cli import shell
from station_api.cli.app import make_app
from station_api.records import Records
from station_api.station import open_station
from tests.conftest import REPOSITORY
from tests.station_api.records.houses import mark

Say = Callable[..., tuple[int, str]]


@pytest.fixture
def say(home: Path, capsys: pytest.CaptureFixture[str]) -> Say:
    """Run `pinmark` in this process; return its exit code and what it printed."""
    home.mkdir(parents=True, exist_ok=True)

    def run(*words: str | Path) -> tuple[int, str]:
        said = [str(word) for word in words]
        code = shell.run(make_app(said), said)
        out, err = capsys.readouterr()
        return code, out + err

    return run


@pytest.fixture
def marked(home: Path) -> Path:
    """A station with two marks."""
    home.mkdir(parents=True, exist_ok=True)
    records = Records(home / "station.db")
    mark(records, 1)
    mark(records, 2, good=False)
    records.close()
    return home


def fields(say: Say, *words: str | Path) -> dict[str, Any]:
    code, said = say(*words, "--json")
    assert code == 0, said
    found: dict[str, Any] = json.loads(said)
    return found


def test_an_auditor_verifies_with_the_public_key_alone(
    marked: Path, say: Say, tmp_path: Path
) -> None:
    """Proof file and key go to another machine; there the record is verified and shown."""
    proof, key = tmp_path / "M000001.tlog-proof", tmp_path / "log.pub"
    assert say("log", "prove", "M000001", "--out", proof)[0] == 0
    key.write_text(fields(say, "log", "key")["key"])
    settings = {**os.environ, "PINMARK_HOME": "/nonexistent/elsewhere"}
    words = ["log", "verify", str(proof), "--key", str(key), "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "station_api", *words],
        cwd=REPOSITORY,
        env=settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["record"]["mark"]["serial"] == "ZQ0001"
    assert found["record"]["transition"]["to_state"] == "verified"
    assert found["signed_by"] == ["pinmark.local/S1"]


def test_a_damaged_proof_fails_with_exit_1(marked: Path, say: Say, tmp_path: Path) -> None:
    """A changed record, another place or a stranger's key: exit 1; nonsense: exit 2."""
    proof = tmp_path / "proof"
    say("log", "prove", "M000001", "--out", proof)
    key = fields(say, "log", "key")["key"]
    text = proof.read_text()
    proof.write_text(text.replace("\nindex 3\n", "\nindex 2\n"))
    code, said = say("log", "verify", proof, "--key", key)
    assert (code, "not in this log" in said) == (1, True), said
    stranger = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    proof.write_text(text)
    assert say("log", "verify", proof, "--key", stranger)[0] == 1
    assert say("log", "verify", proof)[0] == 2
    assert say("log", "verify", proof, "--key", key, "--origin", "another/log")[0] == 1
    proof.write_text("nonsense")
    assert say("log", "verify", proof, "--key", key)[0] == 2


def test_a_public_proof_shows_no_serial(marked: Path, say: Say, tmp_path: Path) -> None:
    """With --public the proof holds and opens nothing."""
    proof = tmp_path / "proof"
    say("log", "prove", "M000002", "--public", "--out", proof)
    assert "ZQ0002" not in proof.read_text()
    found = fields(say, "log", "verify", proof, "--key", fields(say, "log", "key")["key"])
    assert (found["record"], found["kind"]) == (None, "transition")


def test_a_rotation_is_signed_by_both_keys(marked: Path, say: Say, tmp_path: Path) -> None:
    """The new key is announced under the old one; proofs made before still verify by the old."""
    old = fields(say, "log", "key")["key"]
    before = tmp_path / "before"
    say("log", "prove", "M000001", "--out", before)
    new = fields(say, "log", "key", "--rotate")["key"]
    assert new != old
    turning = fields(say, "log", "checkpoint")["checkpoint"]
    assert turning.count("\N{EM DASH} pinmark.local/S1 ") == 2
    assert say("log", "verify", before, "--key", old)[0] == 0
    after = tmp_path / "after"
    records = Records(marked / "station.db")
    mark(records, 3)
    records.close()
    say("log", "prove", "M000003", "--out", after)
    assert say("log", "verify", after, "--key", old)[0] == 1
    assert say("log", "verify", after, "--key", new)[0] == 0
    assert fields(say, "log", "fsck")["sound"] is True
    assert (marked / "log.key").stat().st_mode & 0o077 == 0
    assert not (marked / "log.key.next").exists()


def test_what_is_no_checkpoint_of_this_log_is_not_passed_over(
    marked: Path, say: Say, tmp_path: Path
) -> None:
    """An auditor who gives the wrong file, or no key for the right one, is told; not "sound"."""
    kept = tmp_path / "kept"
    kept.write_text(say("log", "checkpoint")[1])
    proof, foreign = tmp_path / "m.proof", tmp_path / "foreign"
    say("log", "prove", "M000001", "--out", proof)
    foreign.write_text(kept.read_text().replace("pinmark.local/S1", "pinmark.local/S9"))
    garbage = tmp_path / "garbage"
    garbage.write_text("7\n")
    for wrong in (proof, foreign, garbage):
        code, said = say("log", "fsck", "--checkpoint", kept, "--checkpoint", wrong)
        assert code == 1, said
        assert "checkpoints (kept elsewhere, 2), column note: shows nothing" in said, said
        assert "1 findings" in said
    assert say("log", "fsck", "--checkpoint", kept)[0] == 0


def test_beside_the_service_it_is_the_service_that_signs_and_no_key_is_replaced(
    marked: Path, say: Say
) -> None:
    """A proof covers the newest entry although another process has the station."""
    with open_station(to_mark=True) as station:
        assert say("log", "checkpoint")[0] == 0
        newest = mark(station.records, 3)
        code, said = say("log", "prove", newest)
        assert code == 0 and said, said
        assert fields(say, "log", "checkpoint")["size"] == station.records.size()
        code, said = say("log", "key", "--rotate")
        assert code == 2 and "another process" in said
    assert fields(say, "log", "fsck")["sound"] is True


def test_the_key_may_come_from_the_environment(
    marked: Path, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key in the environment is used and never written; another log's key is refused."""
    from tests.station_api.records.houses import KEY

    monkeypatch.setenv("PINMARK_LOG_KEY", KEY.text())
    code, said = say("log", "checkpoint")
    assert code == 2 and "PINMARK_LOG_ORIGIN" in said and KEY.text() not in said
    monkeypatch.setenv("PINMARK_LOG_ORIGIN", KEY.name)
    assert fields(say, "log", "checkpoint")["origin"] == KEY.name
    assert not (marked / "log.key").exists()
    assert say("log", "key", "--rotate")[0] == 2


def test_fsck_names_what_was_changed_and_exits_1(marked: Path, say: Say) -> None:
    """From the command line too: table, row, column."""
    import sqlite3

    assert fields(say, "log", "fsck")["findings"] == []
    connection = sqlite3.connect(marked / "station.db")
    connection.execute("UPDATE marks SET serial = 'ZQ9999' WHERE mark_id = 'M000002'")
    connection.commit()
    connection.close()
    code, said = say("log", "fsck")
    assert code == 1
    assert "marks M000002, column serial: is 'ZQ9999', was recorded as 'ZQ0002'" in said


def test_a_re_mark_on_the_command_line_takes_two(marked: Path, say: Say) -> None:
    """One --by is refused, two different ones give the serial to a successor."""
    words = ["records", "re-mark", "M000002", "--reason", "burr", "--by", "A. Smith"]
    assert say(*words)[0] == 2
    assert say(*words, "--by", "a. smith")[0] == 2
    found = fields(say, *words, "--by", "B. Jones")
    assert found["mark"]["state"] == "re-mark"


def test_what_is_told_of_a_bad_word(marked: Path, say: Say, tmp_path: Path) -> None:
    """The line names the option and the value, the limit and what to do."""
    for words, said in (
        (("log", "prove", "99"), "has no entry 99, it has 9 from 0 on"),
        (("backup", tmp_path, "--keep-days", "0"), "'--keep-days'"),
        (("export", "/dev/null/x"), "(Not a directory); name another place"),
        (("backup", "/dev/null"), "(File exists); name another place"),
        (("trace", "WT37AHG3P1Y5", "--by", " "), "--by is empty; say who it is"),
        (("requests", "withdraw", "R1", "--reason", "x", "--by", "y" * 65), "at most 64"),
    ):
        code, told = say(*words)
        assert code == 2 and said in told, told
        assert told.count("\n") == 1, told
