"""`pinmark plan` and `pinmark profiles`: what a person types and what scripts read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from station_api.cli import shell
from station_api.cli.app import make_app

CODE = "YY4JC8DYCFDP"


def say(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, object]]:
    """Run a command with --json; return its exit code and what it printed."""
    code = shell.run(make_app(list(words)), [*words, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_plan_writes_program_and_pictures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Seconds and USD a pin are printed; program, SVG and PNG are written and repeat."""
    files = [tmp_path / name for name in ("a.gcode", "a.svg", "a.png")]
    words = ["--recipe", "default-direct-drive", "-o", str(files[0])]
    words += ["--svg", str(files[1]), "--png", str(files[2])]
    code, said = say(capsys, "plan", "--code", CODE, *words)
    assert code == 0
    assert said["pin_s"] == said["machine_s"]
    assert isinstance(said["pin_usd"], float)
    assert 0 < said["pin_usd"] < 1
    first = [file.read_bytes() for file in files]
    assert first[0].startswith(b"(pinmark default-direct-drive")
    assert b'class="pass-0 gated"' in first[1]
    assert first[2].startswith(b"\x89PNG")
    say(capsys, "plan", "--code", CODE, *words)
    assert [file.read_bytes() for file in files] == first


def test_a_recipe_that_leaves_the_format_to_the_tip_tells_what_was_weighed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """All three formats with their cells and shares, and the one taken, for script and person."""
    words = ["plan", "--code", CODE, "--recipe", "fitted-direct-drive"]
    code, said = say(capsys, *words)
    assert code == 0 and said["chosen_format"] == said["code_format"] == "pin32-12"
    weighed = said["formats"]
    assert isinstance(weighed, list)
    assert [one["format"] for one in weighed] == ["pin32-8", "pin32-10", "pin32-12"]
    assert all(one["cell_height_um"] > 0 and 0 < one["identified"] <= 1 for one in weighed)
    assert shell.run(make_app(words), words) == 0
    assert "one poor case identifies" in capsys.readouterr().out
    _, plain = say(capsys, "plan", "--code", CODE, "--recipe", "default-direct-drive")
    assert plain["code_format"] == "pin32-12" and "formats" not in plain


def test_the_default_pin_takes_less_than_fifteen_machine_seconds(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """pin32-12 on the flat 1.5 mm tip, 100 mm/s, 5,000 mm/s2, grblHAL: modelled, all passes."""
    _, said = say(capsys, "plan", "--code", CODE, "--recipe", "default-direct-drive")
    assert isinstance(said["machine_s"], float)
    assert said["machine_s"] < 15
    assert said["bottleneck"] == "motion"


def test_a_tray_is_one_program(capsys: pytest.CaptureFixture[str]) -> None:
    """Two codes and a fixture: one program, the strokes of each pin, seconds a pin."""
    code, said = say(capsys, "plan", "--code", CODE, "--code", CODE, "--fixture", "tray-3x4")
    assert code == 0
    (a, b), (c, d) = said["pin_strokes"]  # type: ignore[misc]
    assert (a, b) == (0, c)
    assert d == said["strokes"]


def test_a_plate_is_planned_from_its_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The legal mark is a second kind of job."""
    file = tmp_path / "plate.toml"
    fields = {"make": "A", "model": "B", "calibre": "9 mm", "city": "C", "state": "ID"}
    lines = [f'{key} = "{value}"' for key, value in (fields | {"serial": "1"}).items()]
    file.write_text("\n".join(lines), "utf-8")
    code, said = say(capsys, "plan", "--plate", str(file), "--recipe", "frame-plate")
    assert code == 0
    assert said["text"] == ["A", "B 9 mm", "C ID", "1"]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["plan"], "give one of --code, --order, --coupon and --plate"),
        (["plan", "--code", CODE, "--coupon", "focus"], "give one of"),
        (["plan", "--code", "ABC"], "has 3 symbols"),
        (["plan", "--code", CODE, "--code", CODE], "2 codes need a tray"),
        (["plan", "--code", CODE, "--recipe", "none"], "recipes/none.toml does not exist"),
        (["plan", "--code", CODE, "--fixture", "none"], "fixtures/none.toml does not exist"),
        (["plan", "--plate", "/nonexistent"], "/nonexistent cannot be read"),
        (["profiles", "show", "nothing"], "no profile is called 'nothing'"),
        (["profiles", "check", "none"], "recipes/none.toml does not exist"),
    ],
)
def test_bad_requests_get_one_line_and_exit_2(
    words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One clear line, exit code 2, and a JSON error object."""
    code, said = say(capsys, *words)
    assert code == 2
    assert complaint in said["error"]["message"]  # type: ignore[index]


def test_every_shipped_recipe_marks(capsys: pytest.CaptureFixture[str]) -> None:
    """`profiles check` plans a trial mark with every recipe that engraves codes."""
    code, said = say(capsys, "profiles", "check")
    assert code == 0
    assert {row["fault"] for row in said["recipes"]} == {""}  # type: ignore[union-attr]


def test_profiles_show_figures_with_their_sources(capsys: pytest.CaptureFixture[str]) -> None:
    """Scripts get kind, key, value and source."""
    _, listed = say(capsys, "profiles", "list")
    assert "default" in listed["recipes"]  # type: ignore[operator]
    _, shown = say(capsys, "profiles", "show", "uv-ns-355")
    assert shown["kind"] == "lasers"
    assert all(f["source"] for f in shown["figures"] if f["key"] != "name")  # type: ignore[union-attr]
