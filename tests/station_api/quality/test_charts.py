"""Promises of the charts over the records: what was measured stands there, in integers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hardware
from engraver import ablation, codes, gcode, layout, relief, toolpath
from engraver.inspection import form_of, inspect
from station_api.cli import shell
from station_api.cli.app import make_app
from station_api.quality.charts import Wanted, chart_fields, chart_marks, marks_of
from station_api.quality.fields import inspection_detail
from station_api.quality.figures import SYMBOL_FIGURES, inspected, limits_of
from station_api.records import Records
from station_api.records.canonical import canonical
from tests.station_api.records.houses import COMPLETE, intent

SETUP = hardware.load_setup("default")


def detail(relief_nm: int, position: int = 0, shift_nm: int = 0) -> dict[str, Any]:
    """The figures of one inspection, all symbols alike but one."""
    symbols = [
        {"position": k, "symbol": "K", "probability_ppm": 999_999, "grade": "A"}
        | {key: 0 for key, _, _ in SYMBOL_FIGURES.values()}
        | {"relief_nm": relief_nm, "shift_x_nm": shift_nm if k == position else 0}
        for k in range(12)
    ]
    return {"read_back": "K" * 12, "designed": "K" * 12, "relief_nm": relief_nm, "symbols": symbols}


def keep(records: Records, n: int, found: dict[str, Any], setup_sha256: str = "") -> str:
    """Make a mark of the sample firearm and conclude it with these figures."""
    digest = setup_sha256 or gcode.setup_sha256(SETUP)
    mark_id = records.intend(replace(intent(n), recipe="default", setup_sha256=digest)).mark_id
    records.begin(mark_id)
    records.conclude_run(mark_id, replace(COMPLETE))
    records.conclude_inspection(mark_id, True, found)
    return mark_id


@pytest.fixture
def station(home: Path) -> Records:
    home.mkdir()
    return Records(home / "station.db")


def run(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, dict[str, Any]]:
    exit_code = shell.run(make_app([*map(str, words)]), [*map(str, words), "--json"])
    return exit_code, json.loads(capsys.readouterr().out)


def test_every_figure_of_an_inspection_stands_in_the_record(station: Records) -> None:
    """Inspect a predicted pin, write the record, read it back: the same figures to a nm."""
    code = codes.encode_index(7, SETUP.recipe.code_format)
    design = relief.design(layout.arrange(code, SETUP), SETUP)
    pin = ablation.predict(toolpath.plan(design, SETUP), SETUP)
    found = inspect(design, pin, form_kind=form_of(SETUP.part))
    canonical(inspection_detail(found))  # holds no float
    keep(station, 1, dict(inspection_detail(found)))
    (kept,) = inspected(station, recipe="default")
    for symbol in found.symbols:
        for name, key in (("relief", "relief_um"), ("width", "width_um"), ("draft", "draft_deg")):
            value = getattr(symbol.measures, key).value
            assert kept.figure(name, symbol.position) == pytest.approx(value, abs=6e-4)
    mean = np.mean([s.measures.relief_um.value for s in found.symbols])
    assert kept.figure("relief") == pytest.approx(mean, abs=1e-3)
    assert kept.figure("scale") == pytest.approx(found.pose.scale, abs=1e-6)


def test_a_chart_over_the_records_names_the_mark_that_broke_a_rule(
    station: Records, capsys: pytest.CaptureFixture[str]
) -> None:
    """Thirty even marks, then one 3 um low: rule 1 fires at that mark, and the exit code is 1."""
    noise = np.random.default_rng(5).normal(0, 200, 30).round().astype(int).tolist()
    for n, off in enumerate(noise):
        keep(station, n, detail(22_000 + off))
    bad = keep(station, 99, detail(19_000))
    exit_code, fields = run(capsys, "quality", "chart", "--records", "--baseline", "30")
    assert exit_code == 1
    assert {"rule": 1, "point": 30, "text": "beyond 3 sigma", "mark_id": bad} in fields["signals"]
    assert fields["kind"] == "I-MR"
    assert fields["points"][-1] == 19.0
    assert (fields["lower_limit"], fields["upper_limit"]) == (18.0, 26.0)
    exit_code, fields = run(
        capsys, "quality", "chart", "--records", "--subgroup", "5", "--last", "30"
    )
    assert (fields["kind"], len(fields["points"])) == ("Xbar-R", 6)


def test_one_symbol_that_strays_is_seen_at_its_position(station: Records) -> None:
    """A drift of one symbol shows in its own chart and not in another's."""
    for n in range(20):
        keep(station, n, detail(22_000, position=3, shift_nm=100 * (n % 2) + 150 * n))
    found = marks_of(station, SETUP)
    layout_ = layout.arrange(codes.encode_index(0, SETUP.recipe.code_format), SETUP)
    limits = limits_of("shift-x", layout_, 22.0, hardware.load("acceptance", "default"))
    strays = chart_fields(chart_marks(found, Wanted("shift-x", symbol=3), limits))
    steady = chart_fields(chart_marks(found, Wanted("shift-x", symbol=4), limits))
    assert any(one["rule"] == 4 for one in strays["signals"])
    assert steady["signals"] == []


def test_marks_of_another_setup_are_another_process(station: Records) -> None:
    """A recipe's chart holds only marks that were made with its figures as they stand."""
    for n in range(3):
        keep(station, n, detail(22_000))
    keep(station, 50, detail(10_000), setup_sha256="0" * 64)
    assert len(marks_of(station, SETUP)) == 3
    assert len(marks_of(station, None)) == 4


def test_capability_is_given_for_every_figure_with_a_limit(
    station: Records, capsys: pytest.CaptureFixture[str]
) -> None:
    """Cp and Cpk with both ends of their intervals; exit 1 where one is too small."""
    rng = np.random.default_rng(6)
    for n in range(30):
        keep(station, n, detail(22_000 + round(rng.normal(0, 1_500))))
    exit_code, fields = run(capsys, "quality", "capability", "--records")
    (row,) = [row for row in fields["figures"] if row["figure"] == "relief"]
    able = row["capability"]
    assert exit_code == 1
    assert able["cp_low"] < able["cp"] < able["cp_high"]
    assert able["cpk_low"] < able["cpk"] < able["cpk_high"] < 1.33


def test_bad_requests_are_one_line(
    station: Records, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """No source, an unknown figure, no marks, no day: exit 2 with the remedy."""
    for words, said in (
        (["quality", "chart"], "--records"),
        (["quality", "chart", "--records", "--figure", "luck"], "unknown"),
        (["quality", "chart", "--records"], "needs 2"),
        (["quality", "chart", "--records", "--since", "soon"], "2027-01-15"),
        (["quality", "chart", "--records", "--last", "0"], "1 to 10000"),
        (["quality", "capability", "--records"], "no inspected mark"),
    ):
        exit_code, fields = run(capsys, *words)
        assert exit_code == 2
        assert said in fields["error"]["message"]
