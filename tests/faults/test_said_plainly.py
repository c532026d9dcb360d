"""What goes wrong with a station is said in one line that names it, and none of it fires."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engraver.errors import PortError
from hardware.load import load_setup
from hardware.panel.virtual import VirtualPanel
from station_api.interlocks import Interlocks
from station_api.panel_recorder import Recorder
from station_api.profiles import load_panel
from station_api.records import Records
from station_api.service import server
from station_api.station import open_station
from tests.conftest import REPOSITORY
from tests.faults.floor import Floor, mark_pin
from tests.faults.layer import laid_under

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def scenes(tmp_path: Path, home: Path) -> list[dict[str, Any]]:
    """What a station told of its odd day."""
    with laid_under(home, tmp_path / "layer", traced=False) as layer:
        done = subprocess.run(
            [sys.executable, "-m", "tests.faults.odd"],
            cwd=REPOSITORY,
            env=layer.environment,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_wrong_clocks_and_lost_records(scenes: list[dict[str, Any]]) -> None:
    """1970 at boot, an hour back in a run, a garbled log: said, refused, kept in order."""
    told = {one["scene"]: one for one in scenes}
    for scene, words, marks in (
        ("1970", "it was never set since the machine started; nothing is marked: set it", 0),
        ("still back", "before the newest record; nothing is marked: set it", 2),
    ):
        one = told[scene]
        assert words in one["answer"] and one["said"] == [one["answer"]], one
        assert (one["burned"], one["marks"]) == (False, marks), one
    assert told["right"]["said"] == []
    for scene, marks in (("right", 1), ("an hour back", 2), ("right again", 3)):
        assert (told[scene]["answer"], told[scene]["marks"]) == ("", marks), told[scene]
    history = told["history"]
    assert history["states"] == ["intended", "marking", "marked"]
    assert history["positions"] == sorted(history["positions"])
    assert history["steady"] == sorted(history["steady"])
    assert -3600 in history["drifts_s"]
    assert told["fsck"]["findings"] == []
    garbled = [one for one in scenes if one["scene"] == "garbled"]
    assert len(garbled) == 3 and any(one["lost"] for one in garbled)
    for one in garbled:
        if one["lost"]:
            assert one["fsck"], one
            assert "nothing is marked: run `pinmark log fsck`" in one["answer"], one
            assert one["said"] == [one["answer"]]
            assert not one["burned"], one


def test_two_services(home: Path, pinmark: Run) -> None:
    """On one port, and on one station: the second says so and ends; the first goes on."""
    home.mkdir()
    with server.listen("127.0.0.1", 0, tls=False, plain=False) as first:
        port = first.getsockname()[1]
        second = pinmark("serve", "--port", str(port))
        assert second.returncode == 2
        assert f"127.0.0.1:{port} cannot be listened on (Address already in use)" in second.stderr
        assert "choose another --port" in second.stderr
    with open_station(to_mark=True) as station:
        second = pinmark("serve", "--port", "0")
        assert second.returncode == 2
        assert "another process is marking at this station" in second.stderr
        assert station.records.size() == 0


@pytest.mark.parametrize("held", [b"", b"{", b"\xff\xfe", b"[1]", b'{"key": "on"}'])
def test_a_dead_interlock_input(home: Path, held: bytes) -> None:
    """A contact that cannot be read is open: no start button, no intent, no light."""
    home.mkdir()
    folder, records = home / "panel", Records(home / "station.db")
    panel = VirtualPanel(folder)
    (folder / "panel.json").write_bytes(held)
    profile = replace(load_panel("virtual"), start_patience_s=0.2)
    floor = Floor(load_setup("default").machine)
    with (
        Interlocks(panel, profile, Recorder(records, "virtual")) as interlocks,
        pytest.raises(PortError, match=r"nobody pressed start within 0\.2 s .*interlocks"),
    ):
        mark_pin(floor, records, home, 1, arming=interlocks)
    assert floor.burned_mm == 0 and records.all_marks() == []
    records.close()


def test_a_controller_that_is_not_there(home: Path, pinmark: Run) -> None:
    """An unplugged cable: named before anything is recorded."""
    order = REPOSITORY / "examples" / "order.toml"
    done = pinmark("mark", order, "--port", home.parent / "no-such-port")
    assert done.returncode == 2
    assert "no-such-port" in done.stderr and len(done.stderr.splitlines()) < 12
    assert json.loads(pinmark("records", "--json").stdout)["marks"] == []
