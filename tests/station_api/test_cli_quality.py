"""`pinmark trace`, `pinmark quality` and `pinmark predict`: fields, exit codes, bad input."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import hardware
from engraver import codes, layout, relief
from engraver.heightmap import write_x3p
from engraver.impressions import CONDITIONS, Firearm, Shot, strike
from engraver.impressions.legibility import ideal_pin
from station_api.cli import shell
from station_api.cli.app import make_app
from station_api.records import Records
from station_api.registry_file import load_registry
from tests.station_api.trace.conftest import intend_all

SETUP = hardware.load_setup("default")


def run(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, dict[str, object]]:
    exit_code = shell.run(make_app([*map(str, words)]), [*map(str, words), "--json"])
    return exit_code, json.loads(capsys.readouterr().out)


def test_cases_are_traced_to_the_firearm_that_fired_them(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two scans of cases, X3P to verdict: the mark is named with its posterior and its prior."""
    first = load_registry().rows[0].first_index
    code = codes.encode_index(first + 5, SETUP.recipe.code_format)
    home.mkdir(exist_ok=True)
    records = Records(home / "station.db")
    intend_all(records, range(first, first + 30))
    records.close()
    design = relief.design(layout.arrange(code, SETUP), SETUP)
    rng = np.random.default_rng(4)
    firearm, pin = Firearm.draw(CONDITIONS["good"], rng), ideal_pin(design)
    files = []
    for k in range(2):
        shot = Shot.draw(CONDITIONS["good"], firearm, k, rng)
        files.append(tmp_path / f"case{k}.x3p")
        files[-1].write_bytes(write_x3p(strike(pin, CONDITIONS["good"], firearm, shot, dent=True)))
    saved = tmp_path / "answer.json"
    exit_code, fields = run(capsys, "trace", "--cases", *files, "--save", saved)
    candidates = fields["candidates"]
    assert isinstance(candidates, list)
    assert (exit_code, fields["verdict"]) == (0, "identified")
    assert candidates[0]["code"] == code.text
    assert candidates[0]["posterior"] > 0.99
    assert candidates[0]["marks"][0]["state"] == "intended"
    assert (fields["prior_not_issued"], fields["searched"]) == (0.2, 30)
    exit_code, fields = run(capsys, "trace", "--rerun", saved)
    assert (exit_code, fields["same"]) == (0, True)


def test_a_gauge_that_cannot_tell_leaves_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Noise as large as the parts blocks; a tight gauge passes; a gap is told."""
    rng = np.random.default_rng(2)
    for noise, expected_code in ((1.0, 1), (0.05, 0)):
        lines = ["part,operator,trial,value"]
        for part in range(8):
            for operator in "ABC":
                for trial in range(2):
                    lines.append(f"{part},{operator},{trial},{part + rng.normal(0, noise):.4f}")
        path = tmp_path / "gauge.csv"
        path.write_text("\n".join(lines))
        exit_code, fields = run(capsys, "quality", "gauge", path)
        assert (exit_code, fields["acceptable"]) == (expected_code, expected_code == 0)
    path.write_text("\n".join(lines[:-1]))
    assert run(capsys, "quality", "gauge", path)[0] == 2
    path.write_text("part,value\n1,2\n")
    assert run(capsys, "quality", "gauge", path)[0] == 2


def test_a_chart_tells_signals_and_capability(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A point far out is a signal; limits bring Cp and Cpk."""
    path = tmp_path / "relief.csv"
    values = list(np.random.default_rng(1).normal(22, 0.3, 30))
    path.write_text("value\n" + "\n".join(f"{v:.4f}" for v in [*values, 26.0]))
    exit_code, fields = run(capsys, "quality", "chart", path, "--lower", "18", "--upper", "26")
    assert exit_code == 1
    assert {"capability", "signals", "kind"} <= set(fields)
    path.write_text("value\n22\nmany\n")
    assert run(capsys, "quality", "chart", path)[0] == 2


def test_predict_tells_legibility_by_symbol_against_rounds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Shares by position for each number of rounds, stated as simulation, with a picture."""
    png = tmp_path / "curve.png"
    words = ["--code", "YY4JC8DYCFDP", "--firearms", "3", "--rounds", "0,1500"]
    exit_code, fields = run(capsys, "predict", *words, "--png", png)
    by_position = fields["by_position"]
    assert isinstance(by_position, list)
    assert exit_code == 0
    assert (len(by_position), len(by_position[0])) == (2, 12)
    assert "simulation" in str(fields["stated_as"])
    assert png.read_bytes().startswith(b"\x89PNG")
    assert run(capsys, "predict", "--code", "YY4JC8DYCFDP", "--rounds", "few")[0] == 2
