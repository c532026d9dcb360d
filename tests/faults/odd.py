"""A station on an odd day: a wrong clock, records that lost their end. Run on the layer.

In: nothing. Out: one JSON line for each scene: what was answered, whether the laser burned, and
what is on record.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engraver.errors import PinmarkError
from hardware.load import load_setup
from station_api import log
from station_api.doctor.gate import troubles
from station_api.home import station_home
from station_api.log_key import log_origin, log_signer
from station_api.records import Records
from station_api.records.fsck import fsck
from tests.faults.floor import Floor, Quiet, mark_pin
from tests.faults.layer import Layer, own_layer

HOUR_NS = 3600 * 10**9


class AtMarking(Quiet):
    """Does something in the moment in which the laser may begin."""

    def __init__(self, act: Callable[[], None]) -> None:
        self._act = act

    def begun(self, name: str) -> None:
        """Act once."""
        if name == "marking":
            self._act()


def tell(scene: str, **fields: Any) -> None:
    """Write one line."""
    print(json.dumps({"scene": scene, **fields}), flush=True)


def attempt(floor: Floor, records: Records, home: Path, n: int, **words: Any) -> dict[str, Any]:
    """Try to mark; return what was answered and whether anything burned."""
    before, answer = floor.burned_mm, ""
    try:
        mark_pin(floor, records, home, n, **words)
    except PinmarkError as error:
        answer = str(error)
    return {"answer": answer, "burned": floor.burned_mm > before, "marks": len(records.all_marks())}


def wrong_clocks(layer: Layer, floor: Floor, home: Path) -> None:
    """In 1970 at boot; set right; an hour back in the middle of a run; set right again."""
    records = Records(home / "station.db")
    layer.set_clock_ns(60 * 10**9 - time.time_ns())
    tell("1970", said=troubles(records, home), **attempt(floor, records, home, 1))
    layer.set_clock_ns(0)
    tell("right", said=troubles(records, home), **attempt(floor, records, home, 1))
    back = AtMarking(lambda: layer.set_clock_ns(-HOUR_NS))
    tell("an hour back", **attempt(floor, records, home, 2, watcher=back))
    history = records.history("M000002")
    tell(
        "history",
        positions=[one["position"] for one in history],
        states=[one["to_state"] for one in history],
        drifts_s=[round(one["drift_us"] / 1e6) for one in history],
        steady=[one["monotonic_us"] for one in history],
    )
    tell("still back", said=troubles(records, home), **attempt(floor, records, home, 3))
    layer.set_clock_ns(0)
    tell("right again", **attempt(floor, records, home, 3))
    tell("fsck", findings=[one.line() for one in fsck(records.database).findings])
    records.close()


def lost_end(floor: Floor, home: Path) -> None:
    """Records whose write-ahead log was garbled, beside the checkpoint that was signed of them."""
    path, wal = home / "station.db", home / "station.db-wal"
    records = Records(path)
    for n in range(10, 13):
        mark_pin(floor, records, home, n)
    signer = log_signer(home, log_origin(records.station))
    note = log.issue_checkpoint(records, [signer], home)
    size = records.size()
    kept, held = path.read_bytes(), wal.read_bytes()
    records.close()
    for cut in (len(held) // 2, 100, 0):
        shutil.rmtree(home / "journals", ignore_errors=True)
        for one in home.glob("station.db*"):
            one.unlink()
        path.write_bytes(kept)
        wal.write_bytes(held[:cut] + b"\xa5" * (len(held) - cut))
        left = Records(path)
        found = fsck(left.database, [signer.verifier()], [note], left.station).findings
        tell(
            "garbled",
            lost=size - left.size(),
            fsck=[one.line() for one in found],
            said=troubles(left, home),
            **attempt(floor, left, home, 12),
        )
        left.close()


def main() -> None:
    """Play every scene."""
    layer, home = own_layer(), station_home()
    floor = Floor(load_setup("default").machine)
    wrong_clocks(layer, floor, home)
    for one in home.glob("station.db*"):
        one.unlink()
    lost_end(floor, home)


if __name__ == "__main__":
    main()
