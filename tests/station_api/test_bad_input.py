"""Bad input to `pinmark mark`: one clear line, exit 2, nothing recorded."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

Run = Callable[..., subprocess.CompletedProcess[str]]
GOOD = {"make": "Example Arms", "model": "Model 1", "serial": "ZQ0042"}


def refused(done: subprocess.CompletedProcess[str], pinmark: Run) -> str:
    """Check what every refusal has in common and return its line."""
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("pinmark: ")
    assert json.loads(pinmark("records", "--json").stdout)["marks"] == []
    return lines[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"make": "Nobody"}, "NOBODY"),
        ({"model": "Model 9"}, "MODEL 9"),
        ({"serial": "XX1"}, "XX1"),
        ({"serial": "ZQ00421"}, "ZQ00421"),
        ({"recipe": "nonsense"}, "nonsense"),
        ({"recipe": "../default"}, "../default"),
    ],
)
def test_an_order_outside_registry_or_recipes(
    change: dict[str, str], said: str, pinmark: Run, tmp_path: Path
) -> None:
    """The line names what was asked for."""
    order = tmp_path / "order.json"
    order.write_text(json.dumps({**GOOD, **change}))
    assert said in refused(pinmark("mark", order, "--port", "/dev/null"), pinmark)


def test_a_file_that_is_no_order(pinmark: Run, tmp_path: Path) -> None:
    """Neither TOML nor JSON; a missing file; a folder."""
    order = tmp_path / "order.toml"
    order.write_text("this is not an order")
    assert "neither TOML nor JSON" in refused(pinmark("mark", order, "--port", "x"), pinmark)
    refused(pinmark("mark", tmp_path / "absent", "--port", "x"), pinmark)
    refused(pinmark("mark", tmp_path, "--port", "x"), pinmark)


def test_a_port_that_is_none(pinmark: Run, tmp_path: Path) -> None:
    """A port that does not exist, a file, a folder, the null device."""
    order = tmp_path / "order.json"
    order.write_text(json.dumps(GOOD))
    for port in (tmp_path / "absent", order, tmp_path, Path("/dev/null")):
        assert str(port) in refused(pinmark("mark", order, "--port", port), pinmark)


@pytest.mark.parametrize(
    ("kind", "name", "key", "value", "said"),
    [
        ("parts", "flat-1.5mm", "tip_diameter_um", "600.0", "smallest"),
        ("lasers", "uv-ns-355", "beam_radius_um", "40.0", "beam is too wide for the glyphs"),
        ("parts", "flat-1.5mm", "tip_diameter_um", "nan", "parts/mine.toml: tip_diameter_um"),
        ("parts", "flat-1.5mm", "tip_diameter_um", "-1.0", "parts/mine.toml: tip_diameter_um"),
    ],
)
def test_a_tip_too_small_and_a_beam_too_wide(
    kind: str, name: str, key: str, value: str, said: str, pinmark: Run, home: Path, tmp_path: Path
) -> None:
    """A station's own profiles are read; what does not fit is refused with what would."""
    shelf = REPOSITORY / "hardware"
    changed = re.sub(
        rf"{key} = .*",
        f'{key} = {{ value = {value}, source = "the test" }}',
        (shelf / kind / f"{name}.toml").read_text(),
    ).replace(f'"{name}"', '"mine"')
    recipe = (shelf / "recipes" / "default.toml").read_text()
    recipe = recipe.replace('"default"', '"mine"').replace(f'"{name}"', '"mine"')
    for folder, text in ((kind, changed), ("recipes", recipe)):
        (home / "profiles" / folder).mkdir(parents=True)
        (home / "profiles" / folder / "mine.toml").write_text(text)
    order = tmp_path / "order.json"
    order.write_text(json.dumps({**GOOD, "recipe": "mine"}))
    assert said in refused(pinmark("mark", order, "--port", "/dev/null"), pinmark)


def test_a_profile_never_hides_a_shipped_one(pinmark: Run, home: Path, tmp_path: Path) -> None:
    """The same name twice is refused, naming both folders."""
    (home / "profiles" / "recipes").mkdir(parents=True)
    shipped = REPOSITORY / "hardware" / "recipes" / "default.toml"
    (home / "profiles" / "recipes" / "default.toml").write_text(shipped.read_text())
    order = tmp_path / "order.json"
    order.write_text(json.dumps(GOOD))
    line = refused(pinmark("mark", order, "--port", "/dev/null"), pinmark)
    assert "recipes/default.toml stands in" in line
