"""`pinmark engraver`, `stream`, `controller`, `monitor`: exit codes, JSON, one clear line."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from firmware_bridge.port import open_port
from tests.conftest import engraver_process

PROGRAM = (
    "G21G90G94G17\nM5S0\nG0X0Y0Z0\nM4\n"
    + "".join(f"G1X{0.1 * ((n + 1) % 2):.3f}Y{n * 0.005:.3f}F600S700\n" for n in range(200))
    + "S0\nM5\nG0X0Y0\nM2\n"
)
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a program that fires."""
    path = tmp_path / "coupon.gcode"
    path.write_text(PROGRAM, "ascii")
    return path


def test_stream_needs_fire_and_then_completes(pinmark: Run, file: Path, tmp_path: Path) -> None:
    """A program that fires needs --fire; it is logged, journalled, and said to be complete."""
    log, journal = tmp_path / "wire.log", tmp_path / "journal.json"
    with engraver_process(tmp_path / "e", "--speed", "max") as port:
        refused = pinmark("stream", file, "--port", port)
        assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
        done = pinmark(
            "stream", file, "--port", port, "--fire", "--log", log, "--journal", journal, "--json"
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["outcome"] == "complete"
        watched = pinmark("monitor", "--journal", journal, "--once", "--json")
        assert json.loads(watched.stdout)["state"] == "complete"
        looked = pinmark("monitor", "--port", port, "--once", "--json")
        assert json.loads(looked.stdout)["state"] == "Idle"
    assert log.stat().st_size > len(PROGRAM)


def test_a_fault_in_the_job_is_unknown(pinmark: Run, file: Path, tmp_path: Path) -> None:
    """An acknowledgement lost on the wire: exit 3, the bounds, nothing retried."""
    with engraver_process(tmp_path / "e", "--speed", "max", "--fault", "alarm@120") as port:
        done = pinmark("stream", file, "--port", port, "--fire", "--json")
    assert done.returncode == 3
    said = json.loads(done.stdout)
    assert (said["outcome"], said["cause"]) == ("unknown", "alarm")
    assert "untouched from" in said["error"]["message"]


def test_wrong_settings_are_refused_and_configured(
    pinmark: Run, file: Path, tmp_path: Path
) -> None:
    """The difference is named; `configure` writes it; then the program runs."""
    with engraver_process(tmp_path / "e", "--speed", "max", "--fault", "wrong-settings") as port:
        refused = pinmark("stream", file, "--port", port, "--fire")
        assert refused.returncode == 2
        assert "$30=255.000 (wanted 1000)" in refused.stderr
        compared = json.loads(pinmark("controller", "settings", "--port", port, "--json").stdout)
        assert {row["setting"] for row in compared["differing"]} == {30, 32, 100}
        changed = json.loads(pinmark("controller", "configure", "--port", port, "--json").stdout)
        assert len(changed["changed"]) == 3
        assert pinmark("stream", file, "--port", port, "--fire").returncode == 0


def test_controller_commands(pinmark: Run, file: Path, tmp_path: Path) -> None:
    """info, jog and frame speak JSON; homing without switches says why not; a busy port too."""
    with engraver_process(tmp_path / "e", "--speed", "max") as port:
        info = json.loads(pinmark("controller", "info", "--port", port, "--json").stdout)
        assert (info["dialect"], info["rx_bytes"], info["planner_blocks"]) == ("grbl", 128, 15)
        jogged = pinmark("controller", "jog", "--port", port, "--x", "0.25", "--json")
        assert json.loads(jogged.stdout)["work_mm"][0] == 0.25
        box = json.loads(pinmark("controller", "frame", file, "--port", port, "--json").stdout)
        assert box["right_mm"] == pytest.approx(0.1)
        assert pinmark("controller", "home", "--port", port).returncode == 2
        assert pinmark("controller", "jog", "--port", port, "--x", "900").returncode == 2
        with open_port(str(port)):
            busy = pinmark("controller", "info", "--port", port)
    assert (busy.returncode, "busy" in busy.stderr) == (2, True)


@pytest.mark.parametrize(
    "words",
    [
        ("engraver", "--out", "x"),
        ("engraver", "--pty", "x", "--tcp", "0", "--out", "x"),
        ("engraver", "--pty", "x", "--out", "x", "--speed", "fast"),
        ("engraver", "--pty", "x", "--out", "x", "--fault", "earthquake@3"),
        ("monitor",),
        ("stream", "nothing.gcode", "--port", "nowhere"),
        ("controller", "info", "--port", "nowhere"),
    ],
)
def test_bad_words_end_in_one_line(pinmark: Run, words: tuple[str, ...]) -> None:
    """Exit 2 and one clear line."""
    done = pinmark(*words)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
