"""SIGKILL at any moment: the record says so, and the next start refuses to fire."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from engraver.record import MarkState
from station_api.records import Records
from tests.conftest import REPOSITORY, command, engraver_process, wait_until

ORDER = REPOSITORY / "examples" / "order.toml"
Run = Callable[..., subprocess.CompletedProcess[str]]


def state_on_disk(home: Path) -> str:
    """Read the newest mark's state as an outsider would, without recovering anything."""
    if not (home / "station.db").exists():
        return "none"
    records = Records(home / "station.db")
    try:
        marks = records.all_marks()
    finally:
        records.close()
    return str(marks[-1].state) if marks else "none"


@pytest.mark.parametrize("moment", ["intended", "marking", "half way", "planning"])
def test_killed_at_any_moment(moment: str, home: Path, pinmark: Run, tmp_path: Path) -> None:
    """After the kill: `unknown`, `intended` or nothing yet; never a second shot at the pin."""
    with engraver_process(tmp_path / "engraver", "--speed", "2") as port:
        marking = subprocess.Popen(
            command("mark", ORDER, "--port", port), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        wait_for(moment, home, tmp_path / "engraver")
        marking.send_signal(signal.SIGKILL)
        marking.communicate()
        killed_in = state_on_disk(home)
        listed = json.loads(pinmark("records", "--json").stdout)
        states = [row["state"] for row in listed["marks"]]
        if killed_in == "none":
            assert states == []
            return
        assert states == [{"marking": "unknown"}.get(killed_in, killed_in)]
        assert states[0] in ("intended", "unknown")
        if moment == "half way":
            history = json.loads(pinmark("records", "show", "M000001", "--json").stdout)["history"]
            assert "done for sure up to stroke" in history[-1]["reason"]
        again = pinmark("mark", ORDER, "--port", port)
        assert again.returncode == 3
        assert states[0] in again.stderr
        assert "look at the pin" in again.stderr
        assert json.loads(pinmark("records", "--json").stdout)["marks"] == listed["marks"]


def wait_for(moment: str, home: Path, engraver: Path) -> None:
    """Wait for the moment at which to kill."""
    if moment == "planning":
        wait_until(home.exists, 60)
    elif moment == "half way":
        wait_until(lambda: state_on_disk(home) == "marking", 120)
        time.sleep(1.0)  # not a wait for anything: the arbitrary moment of the kill itself
    else:
        wait_until(lambda: state_on_disk(home) == moment or state_on_disk(home) == "marking", 120)


def test_a_mark_in_progress_is_nobody_elses_to_recover(
    home: Path, pinmark: Run, tmp_path: Path
) -> None:
    """While one process marks, a listing leaves `marking` alone and a second marker is refused."""
    with engraver_process(tmp_path / "engraver", "--speed", "2") as port:
        marking = subprocess.Popen(
            command("mark", ORDER, "--port", port), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        wait_until(lambda: state_on_disk(home) == MarkState.MARKING, 120)
        listed = json.loads(pinmark("records", "--json").stdout)
        assert [row["state"] for row in listed["marks"]] == ["marking"]
        assert listed["recovered"] == []
        second = pinmark("mark", ORDER, "--port", port)
        assert second.returncode == 2
        assert "another process is marking" in second.stderr
        marking.kill()
        marking.communicate()
