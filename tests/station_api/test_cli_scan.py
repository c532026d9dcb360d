"""`pinmark scan` and `pinmark inspect`: exit codes, JSON fields, one line for bad input."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import hardware
from engraver import codes, layout, relief
from engraver.errors import ScanError
from engraver.heightmap import HeightMap, open_x3p, write_x3p
from engraver.inspection import expected
from station_api.cli import shell
from station_api.cli.app import make_app
from station_api.scan_files import open_scan

SETUP = hardware.load_setup("default")
DESIGN = relief.design(layout.arrange(codes.encode_index(163963), SETUP), SETUP)
CODE = "YY4JC8DYCFDP"


def pin(share: float = 1.0) -> HeightMap:
    seen = expected.surface(DESIGN, pitch_um=1.5)
    z = np.pad(-share * DESIGN.relief_um * seen.removed, 60)
    z = z + np.random.default_rng(1).normal(0, 0.1, z.shape)
    z[:5, :5] = np.nan
    return HeightMap(z, (1.5, 1.5), (seen.grid.x0_um - 90, seen.grid.y0_um - 90))


@pytest.fixture(name="good")
def _good(tmp_path: Path) -> Path:
    path = tmp_path / "good.x3p"
    path.write_bytes(write_x3p(pin()))
    return path


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, object]]:
    exit_code = shell.run(make_app([*words]), [*words, "--json"])
    return exit_code, json.loads(capsys.readouterr().out)


def test_a_good_pin_leaves_with_0_and_a_bad_one_with_1(
    good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Verdict, read-back and figures in stable fields; the exit code says good or bad."""
    exit_code, fields = run(capsys, "inspect", str(good), "--code", CODE)
    assert (exit_code, fields["verdict"], fields["read_back"]) == (0, "good", CODE)
    symbols = fields["symbols"]
    assert isinstance(symbols, list)
    assert symbols[0]["relief_um"]["value"] == pytest.approx(22.0, abs=0.3)
    exit_code, fields = run(capsys, "inspect", str(good), "--code", "R8RPE1GVR8L1")
    assert (exit_code, fields["verdict"]) == (1, "bad")
    shallow = tmp_path / "shallow.x3p"
    shallow.write_bytes(write_x3p(pin(0.6)))
    exit_code, fields = run(capsys, "inspect", str(shallow), "--code", CODE)
    findings = fields["findings"]
    assert isinstance(findings, list)
    assert exit_code == 1
    assert {f["code"] for f in findings} == {"shallow"}


def test_bad_scans_leave_with_2_and_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Missing, truncated, and in the wrong unit: told, never a traceback."""
    whole = write_x3p(pin())
    broken, metres = tmp_path / "broken.x3p", tmp_path / "um.x3p"
    broken.write_bytes(whole[:5000])
    grid = pin()
    metres.write_bytes(write_x3p(HeightMap(grid.z_um * 1e6, (1.5e6, 1.5e6), (0.0, 0.0))))
    for path, word in (
        (tmp_path / "none.x3p", "cannot be read"),
        (broken, "no complete zip"),
        (metres, "--unit um"),
    ):
        exit_code, fields = run(capsys, "inspect", str(path), "--code", CODE)
        error = fields["error"]
        assert isinstance(error, dict)
        assert exit_code == 2
        assert word in error["message"]
    exit_code, fields = run(capsys, "inspect", str(metres), "--code", CODE, "--unit", "um")
    assert (exit_code, fields["read_back"]) == (0, CODE)


def test_what_is_no_scan_at_all_and_what_is_being_received_are_told_plainly(tmp_path: Path) -> None:
    """A photograph is no CSV with odd numbers; an upload is not called by its temporary name."""
    photograph = tmp_path / "photo.jpg"
    photograph.write_bytes(b"\xff\xd8\xff\xe0" + bytes(100))
    with pytest.raises(ScanError, match=r"^photo\.jpg: the file is neither X3P, PNG, TIFF nor"):
        open_scan(photograph)
    received = tmp_path / "tmp62xpx_vf.part"
    received.write_bytes(b"a,b")
    with pytest.raises(ScanError, match=r"^the upload of 3 bytes is no X3P file; "):
        open_scan(received)


def test_info_tells_shape_increments_units_and_checksums(
    good: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All that `scan info` promises."""
    exit_code, fields = run(capsys, "scan", "info", str(good))
    assert exit_code == 0
    assert fields["increment_x_um"] == pytest.approx(1.5)
    assert (fields["data_checksum"], fields["header_checksum"]) == ("ok", "ok")
    assert fields["oddities"] == []


@pytest.mark.parametrize("ending", ["csv", "png"])
def test_a_scan_survives_the_way_through_another_format(
    ending: str, good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """X3P to CSV or 16-bit PNG and back: heights to a step, non-measured points stay."""
    other, back = tmp_path / f"map.{ending}", tmp_path / "back.x3p"
    exit_code, fields = run(capsys, "scan", "convert", str(good), str(other))
    assert exit_code == 0
    step = fields.get("step_um", 1.0)
    words = ["--pitch-um", "1.5", "--step-um", str(step)]
    assert run(capsys, "scan", "convert", str(other), str(back), *words)[0] == 0
    first, second = open_x3p(good.read_bytes()).height_map, open_x3p(back.read_bytes()).height_map
    np.testing.assert_array_equal(np.isnan(first.z_um), np.isnan(second.z_um))
    difference = first.z_um - second.z_um
    assert np.nanstd(difference) < 0.001
    exit_code, fields = run(capsys, "scan", "convert", str(other), str(back))
    assert exit_code == 2


def test_show_draws_a_picture(
    good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A PNG where it was asked for."""
    target = tmp_path / "map.png"
    assert run(capsys, "scan", "show", str(good), "-o", str(target))[0] == 0
    assert target.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no numbers"),
        ("1,2\n3\n", "row 2"),
        ("1,2\n3,four\n", "'four'"),
        (",\n,\n", "non-measured"),
    ],
)
def test_bad_grids_are_told(
    text: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A CSV that is no grid gives one line naming the row."""
    path = tmp_path / "grid.csv"
    path.write_text(text)
    exit_code, fields = run(capsys, "scan", "info", str(path), "--pitch-um", "1")
    error = fields["error"]
    assert isinstance(error, dict)
    assert exit_code == 2
    assert message in error["message"]


def test_the_report_is_two_pages_and_repeats(
    good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same scan and limits give the same PDF, byte for byte."""
    first, second = tmp_path / "first.pdf", tmp_path / "second.pdf"
    for target in (first, second):
        words = ["inspect", str(good), "--code", CODE, "--report", str(target)]
        assert run(capsys, *words)[0] == 0
    assert first.read_bytes().startswith(b"%PDF")
    assert first.read_bytes() == second.read_bytes()
