"""A shift of pins on the layer, until the power goes: run as a process group of its own.

In: the first and last pin, the pin at which the power goes (-1: at the start, while the last cut is
recovered from) and a seed; with a port, the stream has a process of its own that talks to it. Out:
in the trace, what was said of each pin, and that its laser burned, as the laser itself knows it.
The power goes at a change of the disk that chance chooses: the kernel kills the whole group there.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from typing import Any
from unittest import mock

from engraver.errors import AlreadyMarkedError, UnknownStateError
from firmware_bridge.apart import ApartStream
from hardware.load import load_setup
from station_api.records import Records
from station_api.station import open_station
from tests.faults import floor
from tests.faults.layer import Layer, own_layer, say

CHANGES_A_PIN, CHANGES_A_START = 130, 40
"""About as many as a pin takes from its intent to its verdict, and a start until it has recovered;
a few cuts fall into what follows."""


class Teller(floor.Quiet):
    """Tells the trace, once, that a pin counts as burned.

    On the virtual wire that is when its laser burned, before anybody was answered; on a port, whose
    controller lives elsewhere, when the first line was sent.
    """

    def __init__(self, tell: Callable[[], None]) -> None:
        self._tell, self._told = tell, False

    def burned(self) -> None:
        """Tell once."""
        if not self._told:
            self._told = True
            self._tell()

    def streamed(self, now: Any) -> None:
        """A line that was sent may burn."""
        if now.lines_sent:
            self.burned()


def mark_all(records: Records, place: floor.Floor, port: str | None, plan: list[int]) -> None:
    """Mark pin after pin; what was begun before a cut is refused and left for a person."""
    layer = own_layer()
    first, last, fatal, seed = plan
    for n in range(first, last):
        if n == fatal:
            cut_soon(layer, seed, CHANGES_A_PIN)
        teller = Teller(lambda n=n: say(layer.trace, f"burn {n}"))  # type: ignore[misc]
        place.on_burn = teller.burned
        try:
            mark_id = floor.mark_pin(place, records, layer.root, n, watcher=teller, port=port)
        except (AlreadyMarkedError, UnknownStateError) as error:
            say(layer.trace, f"refused {n} {type(error).__name__}")
            continue
        say(layer.trace, f"mark {mark_id} {n} marked")
        records.conclude_inspection(mark_id, True, {"grade": "A"})
        say(layer.trace, f"mark {mark_id} {n} verified")
    say(layer.trace, "end")


def cut_soon(layer: Layer, seed: int, changes: int) -> None:
    """Let the power go at one of the next ``changes`` changes of the disk."""
    layer.control.kill_at = layer.control.calls + random.Random(seed).randrange(1, changes)


def main(port: str | None, plan: list[int]) -> None:
    """Open the station as the service does, and work."""
    place = floor.Floor(load_setup("default").machine)
    apart = mock.patch.object(floor.Floor, "open_stream", lambda _, *where: ApartStream(*where))
    if plan[2] < 0:
        cut_soon(own_layer(), plan[3], CHANGES_A_START)
    with open_station(to_mark=True) as station:
        if port is None:
            mark_all(station.records, place, None, plan)
        else:
            with apart:
                mark_all(station.records, place, port, plan)


if __name__ == "__main__":
    main(sys.argv[5] if len(sys.argv) > 5 else None, [int(word) for word in sys.argv[1:5]])
