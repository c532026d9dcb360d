"""Promises of the doctor at the contacts and the scanners: read, unplugged, dead, each said."""

from __future__ import annotations

from pathlib import Path

from hardware.panel import Input, press
from station_api.configuration import Settings
from station_api.configuration.model import EngraverKeys, ScannerKeys
from station_api.doctor import State
from station_api.doctor.floor import interlocks, scanners
from station_api.interlocks import panel_folder

VIRTUAL = Settings(engraver=EngraverKeys(panel="virtual"))


def test_contacts_are_read_and_a_dead_line_is_a_fault(tmp_path: Path) -> None:
    """An open key is a station at rest; a line without an answer is a fault with a remedy."""
    folder = panel_folder(tmp_path)
    folder.mkdir(parents=True)
    press(folder, {Input.KEY: False})
    [check] = interlocks(tmp_path, VIRTUAL, None, "")
    assert (check.state, "key switch open" in check.found) == (State.OK, True)
    (folder / "panel.json").write_text('{"door_a": true, "door_b": null}')
    [check] = interlocks(tmp_path, VIRTUAL, None, "")
    assert check.state is State.FAULT and "door channel B" in check.found and check.remedy
    assert "door channel A," not in check.found
    [check] = interlocks(tmp_path, Settings(engraver=EngraverKeys(panel="none")), None, "")
    assert check.state is State.SKIPPED and "hardware alone" in check.found
    shown = {"panel": "x", "state": "fault", "cause": "the two channels differ", "inputs": {}}
    [check] = interlocks(tmp_path, VIRTUAL, shown, "")
    assert (check.state, "channels differ" in check.found) == (State.FAULT, True)


def test_a_chip_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    """A GPIO panel without its chip, or without the library, says what cannot be had."""
    [check] = interlocks(
        tmp_path, Settings(engraver=EngraverKeys(panel="gpio-two-channel")), None, ""
    )
    assert check.state is State.FAULT and "gpio-two-channel" in check.found


def test_scanners_are_there_or_unplugged(tmp_path: Path) -> None:
    """By the configuration where no service runs, by the service's word where one does."""
    device = tmp_path / "scanner"
    keys = Settings(scanner=ScannerKeys(serial=device))
    [check] = scanners(keys, None)
    assert (check.state, "unplugged" in check.found) == (State.FAULT, True)
    device.touch()
    assert [one.state for one in scanners(keys, None)] == [State.OK]
    away = {
        "name": "serial",
        "device": str(device),
        "state": "away",
        "said": "unplugged",
        "scans": 0,
    }
    assert [one.state for one in scanners(keys, [away])] == [State.FAULT]
    assert [one.state for one in scanners(keys, [away | {"state": "reading"}])] == [State.OK]
    assert [one.state for one in scanners(Settings(), [])] == [State.SKIPPED]
