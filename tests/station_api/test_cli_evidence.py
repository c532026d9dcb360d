"""Promises of `pinmark evidence`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engraver import codes, gear
from station_api.cli import shell
from station_api.cli.app import make_app

app = make_app([])

INDEX = 32768 + 42
TEXT = codes.encode_index(INDEX).text
OTHER = codes.encode_index(32768 + 4711).text


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test an empty station home, so that the sample registry is used."""
    monkeypatch.setenv("PINMARK_HOME", str(tmp_path))


def answer(
    case: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> tuple[int, dict[str, Any]]:
    """Run the command on a case and return exit code and answer."""
    file = tmp_path / "reads.json"
    file.write_text(case if isinstance(case, str) else json.dumps(case), encoding="utf-8")
    code = shell.run(app, ["evidence", str(file), "--json"])
    return code, json.loads(capsys.readouterr().out)


def casing(*reads: dict[str, object], name: str = "A") -> dict[str, object]:
    """Return one casing of a case."""
    return {"name": name, "reads": list(reads)}


def test_texts_tables_and_rings_of_two_casings_are_joined(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three kinds of read on two casings identify the firearm, with all the answer rests on."""
    ring = "".join(map(str, gear.encode_ring(codes.encode_index(INDEX))))
    turned = ring[40:] + ring[:40]
    table = [{symbol: 0.9, "Z": 0.1} for symbol in TEXT[:4]] + [{}] * 8
    case = {
        "format": "pin32-12",
        "casings": [
            casing({"text": TEXT[:5] + "[0D]" + "??????"}, {"likelihoods": table}),
            casing({"ring": turned}, name="B"),
        ],
    }
    code, fields = answer(case, tmp_path, capsys)
    assert (code, fields["verdict"]) == (0, "identified")
    assert fields["candidates"][0]["firearm"]["serial"] == "ZQ0042"
    assert fields["issued"] == 32768 + 10000 + 100000 + 3
    assert fields["sources"]["probability_mixed"] < 0.05
    assert fields["hard"]["index"] == INDEX
    assert len(fields["confusion"]) == 32 and fields["prior_not_issued"] == 0.2


def test_two_firearms_are_not_called(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two casings of two firearms end in no call, exit code 1."""
    case = {"casings": [casing({"text": TEXT}), casing({"text": OTHER}, name="B")]}
    code, fields = answer(case, tmp_path, capsys)
    assert (code, fields["verdict"]) == (1, "no call")
    assert fields["sources"]["split"] == ["B"]


def test_both_places_and_a_narrower_registry(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A joint format takes the two places of a casing; make and model narrow the issued codes."""
    second = codes.encode_index(INDEX, "pin32-second").text
    case = {
        "format": "pin32-12+8",
        "issued": {"make": "example arms", "model": "model 1"},
        "casings": [casing({"text": TEXT[:3] + "?" * 9, "second_place": second[:5] + "???"})],
    }
    code, fields = answer(case, tmp_path, capsys)
    assert (code, fields["issued"]) == (0, 110000)
    assert fields["candidates"][0]["index"] == INDEX


def test_text_output_names_the_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For people the first line is the verdict, and the reasons follow."""
    file = tmp_path / "reads.json"
    file.write_text(json.dumps({"casings": [casing({"text": "R8" + "?" * 10})]}), encoding="utf-8")
    assert shell.run(app, ["evidence", str(file)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "no call" and "because" in lines[1]


@pytest.mark.parametrize(
    "case",
    [
        "{",
        [],
        {},
        {"casings": []},
        {"casings": [1]},
        {"casings": [casing()]},
        {"casings": [casing({"text": "R8"})]},
        {"casings": [casing({"text": TEXT, "ring": "1"})]},
        {"casings": [casing({"text": TEXT, "second_place": "KKKKKKKK"})]},
        {"casings": [casing({"ring": "101"})]},
        {"casings": [casing({"ring": "?" * 93})]},
        {"casings": [casing({"ring": "10x"})]},
        {"casings": [casing({"likelihoods": 5})]},
        {"casings": [casing({"text": TEXT[:11] + "[]"})]},
        {"casings": [casing({"text": TEXT})], "colour": 1},
        {"casings": [casing({"text": TEXT})], "format": "pin32-second"},
        {"casings": [casing({"text": TEXT})], "prior_not_issued": 0},
        {"casings": [casing({"text": TEXT})], "prior_not_issued": "half"},
        {"casings": [casing({"text": TEXT})], "error_rate": 1.5},
        {"casings": [casing({"text": TEXT})], "confusion": [[1]]},
        {"casings": [casing({"text": TEXT})], "fault_rate": -1},
        {"casings": [casing({"text": TEXT})], "slot_error": 10**400},
        {"casings": [casing({"likelihoods": [[10**400] + [0] * 31] * 11})]},
        '{"casings": ' + "9" * 5000 + "}",
        {"casings": [casing({"text": TEXT})], "issued": {"below": 0}},
        {"casings": [casing({"text": TEXT})], "issued": {"make": "NOBODY"}},
    ],
)
def test_bad_cases_end_in_one_clear_line(
    case: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever is wrong with a case, exit code 2 and one message."""
    code, fields = answer(case, tmp_path, capsys)
    assert code == 2
    assert "\n" not in fields["error"]["message"]
