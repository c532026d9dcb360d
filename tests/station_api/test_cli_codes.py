"""Promises of `pinmark encode` and `pinmark decode`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from station_api.cli import shell
from station_api.cli.app import app


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test an empty station home, so that the sample registry is used."""
    monkeypatch.setenv("PINMARK_HOME", str(tmp_path))
    return tmp_path


def test_one_firearm_has_one_code_however_it_is_typed(capsys: pytest.CaptureFixture[str]) -> None:
    """Lower case, full width and padding make no difference."""
    for serial in ("ZQ0042", " zq0042 ", "ＺＱ００４２"):
        words = ["encode", "--make", "Example Arms", "--model", "model 1", "--serial", serial]
        assert shell.run(app, [*words, "--json"]) == 0
    answers = set(capsys.readouterr().out.splitlines())
    assert len(answers) == 1
    assert json.loads(answers.pop())["index"] == 32768 + 42


def test_decode_names_the_firearm_and_every_correction(capsys: pytest.CaptureFixture[str]) -> None:
    """An erasure and an alias are listed; exit code 0."""
    assert shell.run(app, ["decode", "R8RP?1GVR8LI", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["firearm"] == {"make": "EXAMPLE ARMS", "model": "MODEL 1", "serial": "ZQ0000"}
    assert [c["kind"] for c in answer["corrections"]] == ["erasure", "alias"]


def test_a_reading_beyond_the_radius_is_a_bad_mark(capsys: pytest.CaptureFixture[str]) -> None:
    """Five erasures of four: exit code 1, no code, no exception."""
    assert shell.run(app, ["decode", "R8RP?????8L1", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["code"] is None


@pytest.mark.parametrize(
    "words",
    [
        ["encode"],
        ["encode", "--index", "-1"],
        ["encode", "--index", "1", "--make", "EXAMPLE ARMS"],
        ["encode", "--make", "NOBODY", "--model", "X", "--serial", "1"],
        ["encode", "--make", "EXAMPLE ARMS", "--model", "MODEL 1", "--serial", "ZZ1"],
        ["encode", "--index", "1", "--format", "pin64"],
        ["decode", "R8RPE1G"],
        ["decode", "R8RPE1G["],
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever is wrong, standard error holds one line and no traceback."""
    assert shell.run(app, words) == 2
    error = capsys.readouterr().err
    assert error.startswith("pinmark: ") and error.count("\n") == 1
