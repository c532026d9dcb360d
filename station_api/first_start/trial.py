"""The first mark: a virtual engraver, the station's own recipe, no record of the station.

In: the registry and the configured recipe. It is of block 0, the maker PINMARK TEST: no recipe of a
new station is released for firearms yet. Out: a folder ``first-mark`` with pictures
and what was read back. It has records of its own, under the name of a trial, so that the station's
log begins with the first firearm and not with a picture of one.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from engraver import codes
from engraver.errors import MissingError
from engraver.orders import WorkOrder
from engraver.record import MarkState
from firmware_bridge.durable import replace_durably
from station_api.configuration import settings
from station_api.marking import mark_order
from station_api.records import Records
from station_api.registry_file import load_registry, registry_path
from station_api.scans import scan_taker
from station_api.virtual_run import SCAN_TIMEOUT_S, draw, virtual_engraver
from station_api.walk import Watcher

FOLDER, DONE = "first-mark", "done.json"
STATION = "trial"


def make_trial(home: Path, watcher: Watcher) -> dict[str, Any]:
    """Mark a serial of block 0 on a virtual engraver; return what came of it.

    Raises
    ------
    MissingError
        If the registry has no model yet.
    PinmarkError
        What marking raises.
    """
    if not registry_path().exists():
        raise MissingError("the registry has no model yet; answer that step first")
    registry = load_registry()
    test, newest, recipe = registry.rows[0], registry.rows[-1], settings().engraver.recipe
    order = WorkOrder("FIRST", test.make, test.model, test.serial_at(1), recipe)
    folder = home / FOLDER
    shutil.rmtree(folder, ignore_errors=True)  # of a trial that was broken off
    folder.mkdir(parents=True)
    with virtual_engraver(folder, order.recipe, watcher) as (port, alive):
        records = Records(folder / "trial.db", STATION)
        try:
            take_scan = scan_taker(folder / "pin.x3p", SCAN_TIMEOUT_S, alive)
            report = mark_order(
                order, registry, records, str(port), take_scan, watcher, home=folder
            )
        finally:
            records.close()
    pictures = draw(report, folder, watcher)
    found = {
        "make": order.make,
        "model": order.model,
        "serial": order.serial,
        "code": report.planned.code.text,
        "read_back": report.inspection.read_back if report.inspection else None,
        "next_serial": newest.serial_at(0),
        "next_code": codes.encode_index(newest.first_index, report.planned.code.format.name).text,
        "good": report.state is MarkState.VERIFIED,
        "pictures": {name: Path(path).name for name, path in pictures.items()},
    }
    replace_durably(folder / DONE, json.dumps(found) + "\n")
    return found


def trial_of(home: Path) -> dict[str, Any] | None:
    """Return what came of the first mark; ``None`` before it was made."""
    try:
        found: dict[str, Any] = json.loads((home / FOLDER / DONE).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return found
