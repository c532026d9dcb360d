"""Bad input to `pinmark mark`: one clear line, exit 2, nothing recorded."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

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
