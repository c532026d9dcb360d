"""Promises of a recipe's release: evidence or a reason, an entry of the log, a gate before fire."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hardware
from engraver import ablation, codes, gcode, layout, relief, toolpath
from engraver.allotment import Row
from engraver.errors import NotReleasedError
from engraver.heightmap import HeightMap, write_x3p
from engraver.release import judge
from station_api import kept
from station_api.cli import shell
from station_api.cli.app import make_app
from station_api.profiles import load_setup, shelves
from station_api.quality.releases import Releases, refuse_unreleased
from station_api.records import Records
from station_api.registry_file import TEST_ROW, Registry, sample_registry
from tests.engraver.test_release import coupon, gauge, prediction, trial
from tests.station_api.quality.test_charts import detail, keep
from tests.station_api.quality.test_closed_loop import scanned

SETUP = hardware.load_setup("default")
OURS = Registry((TEST_ROW, Row(5, 1, "OUR ARMS", "P1", template="A9999")))
FIREARM = codes.encode_index(5 * 32768 + 3, SETUP.recipe.code_format)
TRIAL = codes.encode_index(3, SETUP.recipe.code_format)


@pytest.fixture
def records(home: Path) -> Records:
    home.mkdir()
    return Records(home / "station.db")


def run(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    exit_code = shell.run(make_app([*map(str, words)]), [*map(str, words), "--json"])
    return exit_code, json.loads(capsys.readouterr().out)


def good(setup_sha256: str) -> Any:
    return judge("default", setup_sha256, [gauge(), trial(), coupon(), prediction()])


def test_an_unreleased_recipe_marks_no_firearm(records: Records) -> None:
    """On the station's own registry it is refused; trial marks and the sample go on."""
    with pytest.raises(NotReleasedError, match="not released for firearms"):
        refuse_unreleased(records, OURS, FIREARM, SETUP)
    refuse_unreleased(records, OURS, TRIAL, SETUP)
    refuse_unreleased(records, sample_registry(), FIREARM, SETUP)


def test_a_release_opens_the_gate_and_any_change_closes_it(records: Records) -> None:
    """Released, it marks; with another energy, another metal, or withdrawn, it does not."""
    releases = Releases(records)
    row = releases.release(good(gcode.setup_sha256(SETUP)), "E. Ng")
    refuse_unreleased(records, OURS, FIREARM, SETUP)
    stronger = replace(SETUP, recipe=replace(SETUP.recipe, pulse_energy_uj=6.5))
    softer = replace(SETUP, material=replace(SETUP.material, penetration_depth_nm=210.0))
    for changed in (stronger, softer):
        with pytest.raises(NotReleasedError, match="was changed since E"):
            refuse_unreleased(records, OURS, FIREARM, changed)
    releases.withdraw("default", row.setup_sha256, "E. Ng", "tool wear")
    with pytest.raises(NotReleasedError, match=r"withdrawn at .* \(tool wear\)"):
        refuse_unreleased(records, OURS, FIREARM, SETUP)
    releases.release(good(row.setup_sha256), "E. Ng")
    refuse_unreleased(records, OURS, FIREARM, SETUP)


def test_the_log_holds_the_evidence_and_fsck_sees_a_change(records: Records) -> None:
    """The entry has every digest; a release written by hand into the database is found."""
    row = Releases(records).release(good(gcode.setup_sha256(SETUP)), "E. Ng")
    event = json.loads(records.entry(row.position).record)["event"]
    evidence = json.loads(event["row"]["evidence"])
    assert [e["source_sha256"] for e in evidence["exhibits"]] == [c * 64 for c in "abcd"]
    text = event["row"]["evidence"]
    assert event["row"]["evidence_sha256"] == hashlib.sha256(text.encode()).hexdigest()
    assert kept.check(records) == []
    with records.database.writing.begin() as connection:
        connection.exec_driver_sql("UPDATE recipe_releases SET released_by = 'nobody'")
    assert [f.column for f in kept.check(records)] == ["released_by"]


def study(path: Path, noise_um: float) -> Path:
    """Write a study of ten pins across the tolerance by three operators, three trials each."""
    rng = np.random.default_rng(8)
    lines = ["part,operator,trial,value"]
    for part in range(10):
        for operator in "ABC":
            for turn in range(3):
                value = 18.5 + 0.8 * part + rng.normal(0, noise_um)
                lines.append(f"{part},{operator},{turn},{value:.4f}")
    path.write_text("\n".join(lines))
    return path


def test_a_recipe_is_released_from_the_command_line(
    records: Records, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """First each missing piece is named, then a failing gauge blocks, then it is released."""
    name = "tuned"
    text = hardware.text("recipes", "default").replace('name = "default"', f'name = "{name}"')
    (home / "profiles" / "recipes").mkdir(parents=True)
    (home / "profiles" / "recipes" / f"{name}.toml").write_text(text)
    digest = gcode.setup_sha256(load_setup(name))
    rng = np.random.default_rng(9)
    for n in range(30):
        keep(records, n, detail(22_000 + round(rng.normal(0, 200))), setup_sha256=digest)
    burned = tmp_path / "coupon.x3p"
    burned.write_bytes(write_x3p(scanned(threshold_uj=1.5 * np.pi * 36 / 200)))
    words = ["recipe", "release", name, "--by", "E. Ng"]
    exit_code, fields = run(capsys, *words)
    assert exit_code == 1
    assert [r.split(":")[0] for r in fields["reasons"]] == [
        "gauge", "capability", "coupon", "prediction",
    ]  # fmt: skip
    words += ["--capability", "records", "--coupon", str(burned)]
    words += ["--coupon-recipe", "default", "--prediction", "good"]
    exit_code, fields = run(capsys, *words, "--gauge", study(tmp_path / "bad.csv", 1.5))
    assert exit_code == 1
    assert all(reason.startswith("gauge: ") for reason in fields["reasons"])
    assert not any(row.recipe == name for row in Releases(records).all())
    exit_code, fields = run(capsys, *words, "--gauge", study(tmp_path / "good.csv", 0.1))
    assert (exit_code, fields["reasons"]) == (0, []), fields["reasons"]
    for exhibit in fields["exhibits"]:
        data = (home / "evidence" / exhibit["source_sha256"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == exhibit["source_sha256"]
    listed = run(capsys, "recipe", "list")[1]["releases"]
    assert (listed[0]["recipe"], listed[0]["position"]) == (name, fields["position"])
    refuse_unreleased(records, OURS, FIREARM, hardware.load_setup(name, shelves()))
    run(capsys, "recipe", "withdraw", name, "--by", "E. Ng", "--reason", "drift")
    with pytest.raises(NotReleasedError, match="drift"):
        refuse_unreleased(records, OURS, FIREARM, hardware.load_setup(name, shelves()))


def test_a_study_is_measured_from_a_folder_of_scans(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two pins, two operators, two trials: each scan is inspected here; a path out is refused."""
    code = codes.encode_index(0, SETUP.recipe.code_format)
    design = relief.design(layout.arrange(code, SETUP), SETUP)
    pin = ablation.predict(toolpath.plan(design, SETUP), SETUP, pitch_um=2.0)
    folder = tmp_path / "study"
    folder.mkdir()
    rng = np.random.default_rng(1)
    lines = ["part,operator,trial,scan,code"]
    for part, operator, turn in np.ndindex(2, 2, 2):
        z = pin.z_um * (1 + 0.05 * part) + rng.normal(0, 0.1, pin.z_um.shape)
        name = f"{part}{operator}{turn}.x3p"
        (folder / name).write_bytes(write_x3p(HeightMap(z, pin.pitch_xy_um, pin.origin_xy_um)))
        lines.append(f"{part},{operator},{turn},{name},{code.text}")
    (folder / "study.csv").write_text("\n".join(lines))
    fields = run(capsys, "quality", "gauge", folder, "--tolerance", "8")[1]
    assert fields["part_variation"] == pytest.approx(0.05 * 21.9 / np.sqrt(2), rel=0.1)
    assert fields["grr_tolerance_share"] < 0.1
    (folder / "study.csv").write_text("\n".join([lines[0], "0,0,0,../secret.x3p," + code.text]))
    exit_code, fields = run(capsys, "quality", "gauge", folder)
    assert exit_code == 2
    assert "lies outside" in fields["error"]["message"]
