"""Promises of `pinmark encode` and `pinmark decode`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from station_api.cli import shell
from station_api.cli.app import make_app

app = make_app([])


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
        ["decode", "R8RPE1GV", "--second-place", "KK"],
        ["decode", "R8RPE1GV", "--format", "pin32-8+8", "--second-place", "KKKKKKKK"],
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever is wrong, standard error holds one line and no traceback."""
    assert shell.run(app, words) == 2
    error = capsys.readouterr().err
    assert error.startswith("pinmark: ") and error.count("\n") == 1


def run_lines(
    words: list[str], lines: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> tuple[int, list[dict[str, object]]]:
    """Run a batch command over lines and return exit code and objects."""
    file = tmp_path / "batch.jsonl"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    code = shell.run(app, [*words, "--batch", str(file)])
    return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_encode_batch_keeps_order_and_goes_on_after_errors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One object a line in, one out; a bad line is an error object in its place, exit code 2."""
    lines = [
        '{"index": 32768}',
        '{"make": "example arms", "model": "MODEL 1", "serial": "zq0001", "format": "pin32-8"}',
        "nonsense",
        "",
        '{"index": -1}',
        '{"index": 1, "colour": "red"}',
        '{"make": 5, "model": "MODEL 1", "serial": "ZQ0001"}',
        '{"index": "7"}',
        '{"index": ' + "9" * 5000 + "}",
        '{"index": 1}',
    ]
    code, answers = run_lines(["encode"], lines, tmp_path, capsys)
    assert code == 2
    assert [answer.get("index") for answer in answers] == [
        32768, 32769, None, None, None, None, None, None, None, 1
    ]  # fmt: skip
    assert answers[1]["format"] == "pin32-8"
    assert all("message" in a["error"] for a in answers[2:9])  # type: ignore[operator]


def test_decode_batch_marks_what_is_beyond_the_radius(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A code, a mark beyond the radius and both places of one firearm; exit code 1."""
    lines = [
        '{"code": "R8RPE1GVR8L1"}',
        '{"code": "R8RP?????8L1"}',
        '{"code": "????????", "second_place": "%s"}',
    ]
    assert shell.run(app, ["encode", "--index", "32768", "--json"]) == 0
    second = json.loads(capsys.readouterr().out)["second_place"]
    lines[2] = lines[2] % second
    code, answers = run_lines(["decode"], lines, tmp_path, capsys)
    assert code == 1
    assert [answer["index"] for answer in answers] == [32768, None, 32768]


def test_leads_are_labelled_and_never_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    """Six erasures give no code, but a lead that says what it assumes."""
    assert shell.run(app, ["decode", "R8RP??????L1", "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["code"] is None
    lead = next(h for h in answer["hypotheses"] if h["assumption"] == "the index is below 2^30")
    assert lead["firearm"]["serial"] == "ZQ0000"
    assert shell.run(app, ["decode", "R8RP??????L1"]) == 1
    assert "lead, if the index is below 2^30" in capsys.readouterr().out


def test_missing_files_are_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    """A batch file that is not there, and options beside a batch, are one line each."""
    assert shell.run(app, ["decode", "--batch", "/nowhere.jsonl"]) == 2
    assert shell.run(app, ["encode", "--batch", "x", "--index", "1"]) == 2
    assert capsys.readouterr().err.count("\n") == 2
