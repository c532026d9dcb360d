"""The promise of `make demo`: one pin, end to end, as a user sees it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from matplotlib import image

FIELDS = {
    "code",
    "read_back",
    "verdict",
    "state",
    "cycle_time_s",
    "estimated_time_s",
    "program_sha256",
    "pictures",
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """Run the demo once."""
    from tests.conftest import command

    folder = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        command("demo", "--json", "--out", folder), capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_the_pin_reads_back_what_was_ordered(demo: dict[str, object]) -> None:
    """Fields are there, the code is read from the pin, the record is verified."""
    assert demo.keys() >= FIELDS
    assert demo["read_back"] == demo["code"]
    assert (demo["verdict"], demo["state"]) == ("good", "verified")


def test_the_machine_took_as_long_as_planned(demo: dict[str, float]) -> None:
    """Planner's estimate against the virtual machine's own clock: within 2 %."""
    assert demo["cycle_time_s"] == pytest.approx(demo["estimated_time_s"], rel=0.02)


def test_three_pictures_are_drawn(demo: dict[str, dict[str, str]]) -> None:
    """Plan, pin and read-back are PNG files with something in them."""
    assert set(demo["pictures"]) == {"plan", "pin", "read_back"}
    for path in demo["pictures"].values():
        pixels = image.imread(path)
        assert min(pixels.shape[:2]) > 300
        assert pixels[..., :3].std() > 0.05


def test_the_same_serial_is_refused_the_second_time(
    demo: dict[str, str],
    pinmark: Callable[..., subprocess.CompletedProcess[str]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """The station of the demo refuses its own order again, with time and state, exit 2."""
    monkeypatch.setenv("PINMARK_HOME", demo["home"])
    order = tmp_path / "again.json"
    order.write_text('{"make": "Example arms", "model": "MODEL 1", "serial": " zq0042"}')
    again = pinmark("mark", order, "--port", "/dev/null", "--json")
    assert again.returncode == 2
    message = json.loads(again.stdout)["error"]["message"]
    assert "M000001 and is verified" in message
    assert demo["code"] in message
