"""Each change of the interlock chain becomes a kept row and its log entry, without holding it up.

In: changes from the thread that watches. Out: rows of `panel_changes`, from a thread of its own,
since a commit may wait for a slow card. What cannot be written waits and is said; nothing is armed
meanwhile. A contact that chatters is recorded `MOST_A_MINUTE` times a minute, and then counted.
"""

from __future__ import annotations

import logging
import queue
import secrets
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from engraver.record import MarkState
from hardware.panel import Change
from station_api.kept import keep_row
from station_api.records import Records, now_us
from station_api.records.transition import Pen
from station_api.tables import panel_changes

if TYPE_CHECKING:  # the web framework costs the console a second of start-up
    from station_api.service.live import Live

LOG = logging.getLogger("pinmark.interlocks")
MOST_A_MINUTE = 60
MOST_WAITING = 1000
AGAIN_S = 2.0
LONGEST_CAUSE = 250
FIELDS = ("change_id", "panel", "from_state", "to_state", "cause", "at_us", "mark_id", "position")


@dataclass(frozen=True, slots=True)
class _Written:
    change: Change
    at_us: int
    mark_id: str | None


class Recorder:
    """Writes what it is given, in its order; `take` never waits."""

    def __init__(self, records: Records, panel: str, live: Live | None = None) -> None:
        self._records, self._panel, self._live = records, panel, live
        self._queue: queue.Queue[_Written | None] = queue.Queue(MOST_WAITING)
        self._recent: deque[float] = deque(maxlen=MOST_A_MINUTE)
        self._uncounted = 0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pinmark-panel-recorder")
        self.failure = ""
        self.doubt = False

    @property
    def waiting(self) -> int:
        """How many changes are not on disk yet."""
        return self._queue.qsize()

    def open(self) -> None:
        """Begin to write."""
        self._thread.start()

    def close(self) -> None:
        """Write what is left, or give up where that cannot be."""
        self._closing.set()
        self._queue.put(None)
        self._thread.join()

    def take(self, change: Change, mark_id: str | None) -> None:
        """Note one change, with the wall time of its moment."""
        at_us = now_us() - int((time.monotonic() - change.at_s) * 1e6)
        try:
            self._queue.put_nowait(_Written(change, at_us, mark_id))
        except queue.Full:
            self._uncounted += 1

    def flush(self) -> None:
        """Wait until everything noted so far is written or has failed."""
        self._queue.join()

    def _run(self) -> None:
        while True:
            try:
                one = self._queue.get(timeout=AGAIN_S)
            except queue.Empty:
                self._look_for_doubt()
                continue
            try:
                if one is None:
                    return
                self._write_one(one)
            finally:
                self._queue.task_done()

    def _look_for_doubt(self) -> None:
        """See whether a mark waits for a person, for the tower's sake."""
        try:
            self.doubt = bool(self._records.in_states({MarkState.UNKNOWN}))
        except Exception as error:
            LOG.warning("marks in doubt cannot be looked for: %s", error)

    def _write_one(self, one: _Written) -> None:
        now_s = time.monotonic()
        full = len(self._recent) == MOST_A_MINUTE and now_s - self._recent[0] < 60.0
        if full and one.mark_id is None:
            self._uncounted += 1
            return
        self._recent.append(now_s)
        while not self._write(one):
            if self._closing.wait(AGAIN_S):
                LOG.error("a change of the interlocks was not recorded: %s", one.change)
                return

    def _write(self, one: _Written) -> bool:
        quick = f" ({self._uncounted} changes before it were too quick)" if self._uncounted else ""
        row = {
            "change_id": f"P{secrets.token_hex(8)}",
            "panel": self._panel,
            "from_state": str(one.change.before),
            "to_state": str(one.change.after),
            "cause": one.change.cause[: LONGEST_CAUSE - len(quick)] + quick,
            "at_us": one.at_us,
            "mark_id": one.mark_id,
        }

        def work(connection: sa.Connection, pen: Pen) -> None:
            keep_row(connection, pen, panel_changes, row, "interlocks changed", "panel")

        try:
            self._records.transact(work)
        except Exception as error:
            if not self.failure:
                LOG.error("changes of the interlocks cannot be recorded: %s", error)
            self.failure = " ".join(str(error).split())[:200] or type(error).__name__
            return False
        self.failure, self._uncounted = "", 0
        if self._live is not None:
            self._live.tell()
        return True


def changes_of(records: Records, before: int | None = None, limit: int = 100) -> list[Any]:
    """Return the newest changes of the chain, newest first, before a position of the log."""
    query = sa.select(*(panel_changes.c[name] for name in FIELDS)).where(
        panel_changes.c.station == records.station
    )
    if before is not None:
        query = query.where(panel_changes.c.position < before)
    query = query.order_by(panel_changes.c.position.desc()).limit(limit)
    with records.database.reading.connect() as connection:
        return [dict(zip(FIELDS, row, strict=True)) for row in connection.execute(query)]
