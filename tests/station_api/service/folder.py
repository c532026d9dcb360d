"""A watched folder for tests: a clock that the test moves, marks that wait, scans that come."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engraver import codes, gcode
from engraver.record import MarkIntent, Outcome, RunReceipt
from station_api.profiles import load_setup
from station_api.scan_folder.arrivals import STILL_S
from station_api.service.line import Line
from station_api.service.scan_watcher import ScanWatcher
from station_api.service.service import Service

SERIALS = {"ZQ0041": 32809, "ZQ0042": 32810}
"""Serials of the sample registry and their registry integers."""


class Clock:
    """A steady clock that the test moves."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def watching(service: Service, folder: Path, clock: Clock, line: Line, mb: int = 64) -> ScanWatcher:
    return ScanWatcher(
        folder, mb * 1_000_000, service.records, service.scans, line,
        service.shelf.folder, service.live, clock,
    )  # fmt: skip


def marked(service: Service, serial: str, order: str = "WO-1") -> str:
    """Make a mark that waits for its scan."""
    setup = load_setup("default")
    code = codes.encode_index(SERIALS[serial], setup.recipe.code_format)
    digest = gcode.setup_sha256(setup)
    intent = MarkIntent(
        "", order, "EXAMPLE ARMS", "MODEL 1", serial, code.text, code.index, "default", "0" * 64,
        digest, 0,
    )  # fmt: skip
    mark_id = service.records.intend(intent).mark_id
    service.records.begin(mark_id)
    receipt = RunReceipt(Outcome.COMPLETE, "0" * 64, 9, 9, 5293, 5294, 60_000_000, "")
    service.records.conclude_run(mark_id, receipt)
    return mark_id


def come(watcher: ScanWatcher, clock: Clock) -> int:
    """Let everything that lies there be still for long enough, and be dealt with."""
    watcher.look()
    clock.now_s += STILL_S
    return watcher.look()


def receipts(folder: Path, place: str) -> list[dict[str, Any]]:
    notes = sorted((folder / place).glob("*.receipt.json"))
    return [json.loads(note.read_text()) for note in notes]
