"""The service's pulse: signs of life for systemd, transitions for the journal.

In: the records, and whether the engraver's thread is hung. Out: ``WATCHDOG=1`` as long as the event
loop turns, a look at the database comes back, whatever it says, and the owner of a stream listens
to it; and a log line a transition with its mark's id. Without signs of life systemd ends the
service, which ends with the laser off, and what was being marked is `unknown`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from starlette.concurrency import run_in_threadpool

from station_api.logs import fields
from station_api.records import Records
from station_api.service.live import BLOCK, transitions_after
from station_api.service.notify import notify, watchdog_s

LOG = logging.getLogger("pinmark.station")
LOOK_S = 1.0


class Pulse:
    """Looks at the records every second while the service runs."""

    def __init__(self, records: Records, hung: Callable[[], bool] = lambda: False) -> None:
        self._records = records
        self._hung = hung
        self._last = records.size() - 1
        self._task: asyncio.Task[None] | None = None
        self._failing = False

    def start(self) -> None:
        """Begin, in the running event loop; say that the service is ready."""
        self._task = asyncio.get_running_loop().create_task(self._beat())
        notify("READY=1", "STATUS=serving")
        LOG.info("service is ready", extra=fields(entries=self._last + 1))

    async def stop(self) -> None:
        """End; say that the service stops."""
        notify("STOPPING=1")
        LOG.info("service stops")
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _beat(self) -> None:
        patience_s = watchdog_s()
        pause_s = LOOK_S if patience_s is None else min(LOOK_S, patience_s / 4)
        while True:
            await run_in_threadpool(self.look)
            if self._hung():
                notify("STATUS=the engraver's thread hangs")
            else:
                notify("WATCHDOG=1")
            await asyncio.sleep(pause_s)

    def look(self) -> None:
        """Write what happened since the last look; a look that fails is written once."""
        try:
            while rows := transitions_after(self._records, self._last):
                for row in rows:
                    self._last = row["position"]
                    named = fields(mark=row["mark_id"], was=row["from_state"], now=row["to_state"])
                    level = logging.WARNING if row["to_state"] == "unknown" else logging.INFO
                    LOG.log(level, "mark changed", extra=named)
                if len(rows) < BLOCK:
                    break
            self._failing = False
        except Exception:
            if not self._failing:
                LOG.exception("the records cannot be read")
            self._failing = True
