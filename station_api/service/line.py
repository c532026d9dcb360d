"""The line's worker: pins planned and judged in a process of its own, behind no engineer's job.

In: codes, setups, scan files. Out: plans and judgements. The figures of a plan take up to half a
gigabyte for a large mark; here they are the worker's, which ends when nobody has asked for a
while, and the service stays what it was (decision 0185).
"""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

from engraver.codes import MarkCode
from engraver.profiles import Setup
from station_api.service.bench import Bench
from station_api.walk import PlannedMark, Watcher, timed

JOBS = "station_api.quality.line_work"
IDLE_S = 10.0
"""A pin streams for a minute: the worker that planned it is gone for most of it."""

NICENESS = 5
"""Behind the service and the stream, before the engineer's bench."""

REMEMBERED = 2
"""Replies kept: the plan that a page has shown is the plan that is marked next."""


class Line:
    """One worker for the pins of a station."""

    def __init__(self, bench: Bench | None = None) -> None:
        self._bench = bench or Bench(
            JOBS, niceness=NICENESS, idle_s=IDLE_S, remembered=REMEMBERED, name="pinmark-line"
        )

    def plan(self, code: MarkCode, setup: Setup, watcher: Watcher) -> PlannedMark:
        """Walk from a code to a program, as `station_api.walk.plan_code` does.

        Raises
        ------
        BenchBusyError
            If too many wait.
        DesignError, InputError
            If the code cannot be planned.
        """
        with timed("planning", watcher) as said:
            planned: PlannedMark = pickle.loads(self._bench.run("plan_mark", code, setup))
            strokes, lines = planned.toolpath.stroke_count, len(planned.program.lines)
            said.append(f"{strokes} strokes, {lines} lines")
        return planned

    def shape(self, path: Path) -> tuple[int, int]:
        """Return columns and rows of a scan; refuse what is none."""
        shape = json.loads(self._bench.run("scan_shape", path))
        return shape["columns"], shape["rows"]

    def facts(self, path: Path, digest: str) -> dict[str, Any]:
        """Return columns, rows and header of a scan; ``digest`` tells two files apart."""
        found: dict[str, Any] = json.loads(self._bench.run("scan_facts", path, digest))
        return found

    def judge(self, path: Path, setup: Setup, code: MarkCode) -> dict[str, Any]:
        """Inspect a pin: ``good``, and the ``detail`` that a transition records."""
        judged: dict[str, Any] = json.loads(self._bench.run("judge", path, setup, code))
        return judged

    @property
    def pid(self) -> int | None:
        """The worker's process id, if there is one."""
        return self._bench.pid

    def close(self) -> None:
        """End the worker."""
        self._bench.close()
