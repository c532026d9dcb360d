"""A station's service for a week of shifts: `pinmark serve` itself, with short plans.

In: the words of the command line. Out: the service, as a process of its own, until it is told to
stop. What is not the station's: most plans are one small hatch; each pin that was marked is called
good, since no instrument looks at it; and an engraver named `WIRE` is a controller in virtual time
in this process, instead of a port and the process that owns it.
"""

from __future__ import annotations

import itertools
import sys
from typing import Any
from unittest import mock

from engraver.codes import MarkCode
from engraver.profiles import Setup
from hardware.load import load_setup
from station_api.cli import main
from station_api.service import runner, service
from station_api.service.plans import Place
from station_api.walk import PlannedMark, Planner, Watcher
from tests.faults.floor import Floor, short_plan

WIRE = "virtual"
WARM, WHOLE = range(101, 105), 400
"""These plans of a week, and one in so many, are made whole by the worker of the line, and streamed
in thirteen thousand lines; none right before a sample is taken."""


class PlaceIfDrawn:
    """Where in its plan a run stands; nowhere in a plan that was not drawn."""

    def __init__(self, planned: PlannedMark) -> None:
        self._place = None if planned.toolpath is None else Place(planned)

    def of(self, now: Any) -> dict[str, object]:
        """As `Place.of`."""
        return {} if self._place is None else self._place.of(now)


def serve(words: list[str]) -> None:
    """Run `pinmark` with these words."""
    floor = Floor(load_setup("default").machine)
    make_service, mark_order = service.make_service, runner.mark_order

    def made(*given: Any, **named: Any) -> service.Service:
        served = make_service(*given, **named)
        served.runner._plan = in_turn(short_plan(), served.line.plan)
        if served.runner.port == WIRE:
            served.runner._open_stream = floor.open_stream
        return served

    def mark(order: Any, registry: Any, records: Any, *rest: Any, **named: Any) -> Any:
        report = mark_order(order, registry, records, *rest, **named)
        records.conclude_inspection(report.mark_id, True, {"grade": "A", "depth_um": 20.25})
        return report

    with (
        mock.patch.object(service, "make_service", made),
        mock.patch.object(runner, "mark_order", mark),
        mock.patch.object(runner, "Place", PlaceIfDrawn),
    ):
        sys.argv[1:] = words
        main()


def in_turn(short: Planner, whole: Planner) -> Planner:
    """Return a planner that plans whole now and then."""
    numbers = itertools.count(1)

    def plan(code: MarkCode, setup: Setup, watcher: Watcher) -> PlannedMark:
        n = next(numbers)
        return (whole if n in WARM or n % WHOLE == 25 else short)(code, setup, watcher)

    return plan


if __name__ == "__main__":
    serve(sys.argv[1:])
