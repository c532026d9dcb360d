"""Promises of `pinmark registry`: it only grows, and says so when two disagree."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from station_api.cli import shell
from station_api.cli.app import make_app

app = make_app([])


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a station home of its own."""
    monkeypatch.setenv("PINMARK_HOME", str(tmp_path / "home"))
    return tmp_path


def pinmark(*words: str) -> int:
    """Run the command and return its exit code."""
    return shell.run(app, ["registry", *words])


def add(model: str, template: str) -> int:
    """Allot a template to a model of ACME."""
    return pinmark("add", "--make", "Acme", "--model", model, "--template", template, "--json")


def test_added_blocks_follow_each_other_and_encode(capsys: pytest.CaptureFixture[str]) -> None:
    """The first own row is block 1, the next starts after it; a new serial encodes at once."""
    assert add("one", "A99999") == 0
    assert add("two", "K999") == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["first_block"], first["blocks"], first["last_serial"]) == (1, 80, "Z99999")
    assert (second["first_block"], second["blocks"], second["count"]) == (81, 1, 1000)
    words = ["encode", "--make", "acme", "--model", "TWO", "--serial", "k007", "--json"]
    assert shell.run(app, words) == 0
    assert json.loads(capsys.readouterr().out)["index"] == 81 * 32768 + 7


def test_lists_and_start_serials(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file of serials and a first serial make rows; blank lines do not count."""
    (home / "serials.txt").write_text("P-1\n\n p-2 \n", encoding="utf-8")
    names = ["--make", "Acme", "--model", "Old"]
    assert pinmark("add", *names, "--serials", str(home / "serials.txt"), "--json") == 0
    assert json.loads(capsys.readouterr().out)["last_serial"] == "P-2"
    words = ["--template", "Q9999", "--first-serial", "q5000", "--json"]
    assert pinmark("add", *names, *words) == 0
    assert json.loads(capsys.readouterr().out)["count"] == 5000


def test_rows_that_would_share_serials_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A second row for the same serials of a make and model is not added."""
    assert add("one", "K999") == 0
    assert add("one", "[KL]999") == 2
    assert "both claim a serial" in capsys.readouterr().err


def test_export_and_import_between_stations(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A fresh station takes a registry over; one that went its own way is told, not merged."""
    assert add("one", "K999") == 0
    for name in ("all.json", "all.csv"):
        assert pinmark("export", str(home / name)) == 0
    monkeypatch.setenv("PINMARK_HOME", str(home / "other"))
    assert pinmark("import", str(home / "all.csv")) == 0
    assert pinmark("check", str(home / "all.json"), "--json") == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["relation"] == "equal"
    assert add("two", "L999") == 0
    monkeypatch.setenv("PINMARK_HOME", str(home / "home"))
    assert add("three", "M999") == 0
    assert pinmark("export", str(home / "mine.json")) == 0
    monkeypatch.setenv("PINMARK_HOME", str(home / "other"))
    before = (home / "other" / "registry.json").read_bytes()
    capsys.readouterr()
    for command in ("check", "import"):
        assert pinmark(command, str(home / "mine.json")) == 2
        assert "disagree from row 2 on" in capsys.readouterr().err
    assert (home / "other" / "registry.json").read_bytes() == before


def test_a_noted_digest_proves_that_nothing_was_changed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A digest noted earlier stays in the chain as rows are added; a stranger is refused."""
    assert add("one", "K999") == 0
    assert pinmark("check", "--json") == 0
    digest = json.loads(capsys.readouterr().out.splitlines()[-1])["digest"]
    assert add("two", "L999") == 0
    assert pinmark("check", "--continues", digest) == 0
    assert pinmark("check", "--continues", "0" * 64) == 2


def test_list_and_show(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a registry of its own a station lists the sample; a free block is refused."""
    assert pinmark("list") == 0 and "EXAMPLE ARMS" in capsys.readouterr().out
    assert pinmark("list", "--json") == 0
    assert len(json.loads(capsys.readouterr().out)["rows"]) == 4
    assert pinmark("show", "3", "--json") == 0
    assert json.loads(capsys.readouterr().out)["template"] == "ZR99999"
    assert pinmark("show", "4000") == 2


def test_a_damaged_file_is_named(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A registry file that was edited by hand stops every command that needs it."""
    assert add("one", "K999") == 0
    file = home / "home" / "registry.json"
    file.write_text(file.read_text(encoding="utf-8").replace("K999", "L999"), encoding="utf-8")
    capsys.readouterr()
    assert shell.run(app, ["decode", "R8RPE1GV"]) == 2
    error = capsys.readouterr().err
    assert str(file) in error and "changed after export" in error
