"""What happens, as it happens: server-sent events that can be taken up again anywhere.

In: transitions from the records, progress from the engraver. Out: ``text/event-stream``. The id
of a transition's event is its position in the log, so Last-Event-ID resumes from the database,
after a restart too; ``grown`` says, with the same ids, that other things were recorded. Progress
has no id: what was missed of it is of no use to anybody.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool

from station_api.records import Records
from station_api.records.tables import transitions

BLOCK = 200
HEARTBEAT_S = 10.0
LOOK_S = 1.0
"""How often the database is looked at when nobody said that something happened."""

MOST_WAITING = 256
PROGRESS = "progress"
"""The event that comes many times a second and changes no record."""

FIELDS = (
    "position", "mark_id", "from_state", "to_state", "at_us", "actor", "approver", "reason"
)  # fmt: skip


class Live:
    """The place where threads tell what happened and streams hear of it."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._guard = threading.Lock()
        self._listeners: dict[asyncio.Queue[dict[str, Any]], asyncio.AbstractEventLoop] = {}
        self._closed = False

    def tell(self, event: str = "changed", **fields: Any) -> None:
        """Say from any thread that something happened; never waits."""
        with self._guard:
            listeners = list(self._listeners.items())
        for queue, loop in listeners:
            if not loop.is_closed():
                loop.call_soon_threadsafe(_put, queue, {"event": event, **fields})

    def close(self) -> None:
        """End every stream, as a service that stops has to."""
        self._closed = True
        self.tell()

    def listeners(self) -> int:
        """Return how many streams are open."""
        with self._guard:
            return len(self._listeners)

    async def stream(
        self,
        after: int | None,
        mark_id: str | None = None,
        job_id: str | None = None,
        *,
        only_growth: bool = False,
        may_go_on: Callable[[], bool] = lambda: True,
    ) -> AsyncIterator[bytes]:
        """Yield events after a position (``None``: from now), of one mark or one job if named.

        ``only_growth`` is for those who may not read marks. ``may_go_on`` is asked at every turn:
        a stream ends with the session that opened it.
        """
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(MOST_WAITING)
        with self._guard:
            self._listeners[queue] = asyncio.get_running_loop()
        try:
            last = await run_in_threadpool(self._records.size) - 1 if after is None else after
            yield b"retry: 2000\n\n"
            of_all = mark_id is None and job_id is None
            quiet_s, looked_s, told = 0.0, -LOOK_S, None
            while not self._closed and may_go_on():
                if (
                    told is None
                    or told["event"] != PROGRESS
                    or time.monotonic() > looked_s + LOOK_S
                ):
                    looked_s = time.monotonic()
                    found = await run_in_threadpool(self._since, last, mark_id, only_growth, of_all)
                    for name, fields, last in found:
                        yield encode(name, fields, last)
                told = await _next(queue)
                quiet_s = 0.0 if told else quiet_s + LOOK_S
                if told and _is_for(told, job_id) and not only_growth:
                    yield encode(told["event"], told)
                if quiet_s >= HEARTBEAT_S:
                    quiet_s = 0.0
                    yield b": still here\n\n"
        finally:
            with self._guard:
                del self._listeners[queue]

    def _since(
        self, last: int, mark_id: str | None, only_growth: bool, of_all: bool
    ) -> list[tuple[str, dict[str, Any], int]]:
        """Return events after a position; one ``grown`` stands for all that are no transitions."""
        newest = self._records.size() - 1
        if newest <= last:
            return []
        rows = [] if only_growth else transitions_after(self._records, last, mark_id)
        found = [("transition", row, row["position"]) for row in rows]
        if of_all and len(rows) < BLOCK and (not rows or rows[-1]["position"] < newest):
            found.append(("grown", {"size": newest + 1}, newest))
        return found


def transitions_after(
    records: Records, last: int, mark_id: str | None = None
) -> list[dict[str, Any]]:
    """Return up to 200 transitions after a position of the log, oldest first."""
    query = sa.select(*(transitions.c[name] for name in FIELDS)).where(
        transitions.c.station == records.station, transitions.c.position > last
    )
    if mark_id is not None:
        query = query.where(transitions.c.mark_id == mark_id)
    with records.database.reading.connect() as connection:
        rows = connection.execute(query.order_by(transitions.c.position).limit(BLOCK)).all()
    return [dict(zip(FIELDS, row, strict=True)) for row in rows]


def encode(event: str, fields: dict[str, Any], number: int | None = None) -> bytes:
    r"""Write one event.

    Examples
    --------
    >>> encode("progress", {"done": 1})
    b'event: progress\ndata: {"done": 1}\n\n'
    """
    numbered = f"id: {number}\n" if number is not None else ""
    return f"{numbered}event: {event}\ndata: {json.dumps(fields)}\n\n".encode()


def _is_for(told: dict[str, Any], job_id: str | None) -> bool:
    return told["event"] != "changed" and job_id in (None, told.get("job_id"))


async def _next(queue: asyncio.Queue[dict[str, Any]]) -> dict[str, Any] | None:
    try:
        return await asyncio.wait_for(queue.get(), LOOK_S)
    except TimeoutError:
        return None


def _put(queue: asyncio.Queue[dict[str, Any]], told: dict[str, Any]) -> None:
    # a stream that does not keep up loses progress, never transitions
    if not queue.full():
        queue.put_nowait(told)
