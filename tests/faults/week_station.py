"""A station's service for a week of shifts: `pinmark serve` itself, with short plans.

In: the words of the command line. Out: the service, as a process of its own, until it is told to
stop. What is not the station's: most plans are one small hatch; each pin that was marked is called
good, since no instrument looks at it; and an engraver named `WIRE` is a controller in virtual time
in this process, instead of a port and the process that owns it.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import Any
from unittest import mock

from engraver.codes import MarkCode
from engraver.profiles import Setup
from hardware.load import load_setup
from station_api import marking
from station_api.cli import main
from station_api.service import runner, service
from station_api.service.plans import Place
from station_api.walk import PlannedMark, Watcher
from tests.faults.floor import Floor, short_plan

WIRE = "virtual"
WARM, WHOLE = range(100, 112), 200
"""These plans of a week, and every so many-th, are made and streamed whole: a plan takes arrays of
tens of megabytes, and what it draws of the symbols is kept; after twelve plans all are drawn."""


class PlaceIfDrawn:
    """Where in its plan a run stands; nowhere in a plan that was not drawn."""

    def __init__(self, planned: PlannedMark) -> None:
        self._place = None if planned.toolpath is None else Place(planned)

    def of(self, now: Any) -> dict[str, object]:
        """As `Place.of`."""
        return {} if self._place is None else self._place.of(now)


def serve(words: list[str]) -> None:
    """Run `pinmark` with these words."""
    floor, made = Floor(load_setup("default").machine), 0
    whole, make_service, mark_order = marking.plan_code, service.make_service, runner.mark_order

    def plan(code: MarkCode, setup: Setup, watcher: Watcher) -> PlannedMark:
        nonlocal made
        made += 1
        chosen = whole if made in WARM or made % WHOLE == 0 else short
        return chosen(code, setup, watcher)

    def on_the_wire(*given: Any, **named: Any) -> service.Service:
        served = make_service(*given, **named)
        if served.runner.port == WIRE:
            served.runner._open_stream = floor.open_stream
        return served

    def mark(order: Any, registry: Any, records: Any, *rest: Any, **named: Any) -> Any:
        report = mark_order(order, registry, records, *rest, **named)
        records.conclude_inspection(report.mark_id, True, {"grade": "A", "depth_um": 20.25})
        return report

    with ExitStack() as patched:
        patched.enter_context(short_plan())
        short = marking.plan_code
        for room, name, own in (
            (marking, "plan_code", plan),
            (service, "make_service", on_the_wire),
            (runner, "mark_order", mark),
            (runner, "Place", PlaceIfDrawn),
        ):
            patched.enter_context(mock.patch.object(room, name, own))
        sys.argv[1:] = words
        main()


if __name__ == "__main__":
    serve(sys.argv[1:])
