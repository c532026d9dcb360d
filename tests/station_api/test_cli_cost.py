"""`pinmark cost`: the planner's seconds, a station's assumptions, and the table in the document."""

from __future__ import annotations

import json

import pytest

from station_api.cli import shell
from station_api.cli.app import make_app
from tests.conftest import REPOSITORY


def run(*words: str) -> int:
    """Run the command in this process."""
    asked = ["cost", *words]
    return shell.run(make_app(asked), asked)


def test_the_document_has_the_commands_table(capsys: pytest.CaptureFixture[str]) -> None:
    """docs/cost.md was written by the command; one row is planned again here."""
    assert run("default", "--markdown") == 0
    head, rule, row = capsys.readouterr().out.splitlines()
    assert f"{head}\n{rule}\n" in (text := (REPOSITORY / "docs/cost.md").read_text())
    assert f"\n{row}\n" in text


def test_assumptions_are_a_stations_own(capsys: pytest.CaptureFixture[str]) -> None:
    """They come back with the figures; more handling costs the machine's rate."""
    assert run("default", "--handling-s", "380", "--json") == 0
    slow = json.loads(capsys.readouterr().out)
    assert slow["assumptions"]["handling_s"] == 380.0
    [one] = slow["recipes"]
    seconds = one["machine_s"] + one["check_s"] + 380.0
    assert one["station_s"] == pytest.approx(seconds, abs=1e-3)
    assert one["marking_usd"] == pytest.approx(seconds / 3600 * one["usd_per_hour"], abs=1e-3)
    assert one["promise"] == "above"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "nowhere"),
        (["frame-plate"], "pinmark plan --plate"),
        (["default", "--reject-share", "0.9"], "reject_share 0.9 must be from 0 to 0.5"),
        (["default", "--scan-s", "-1"], "scan_s -1 must be from 0 to 100000"),
    ],
)
def test_bad_input(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One line, exit code 2."""
    assert run(*words) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
