"""Requests that write, gathered while a commit is under way and made durable by the next.

In: calls of the event loop, each some work on `Records`. Out: what each returned or raised, once
all of them are on disk.

Theory of operation
-------------------
A request's work waits until the loop has looked at everything that came in, or until the commit
under way has ended; then all that waits becomes one transaction. On the embedded database its
statements run right here, on the loop, for some 50 us a transition: no thread is changed and
none waits for another's lock. The commit, which waits for the disk, runs in a thread while the
loop reads the next requests. Where statements cross a network, or another thread writes just
now, the whole group goes to the thread.

Handing a group to a thread and back costs a quarter of a millisecond: two wake-ups, and the
interpreter's lock four times. A disk that answers sooner than that (memory, a drive that keeps
its cache through a power cut) is waited for on the loop. It is timed at every commit, and one
that took longer sends those of the next second to the thread again, so that a disk that stalls
holds up the loop once and no more. Copying the WAL back, which takes much longer than a commit,
is always the thread's.

On a slow disk those who were just answered come back while the next commit is under way, and so
two halves take turns, each waiting for the other's commit. There a group waits until all who
wrote a moment ago are back, for half of what a commit takes and no longer (as PostgreSQL advises
for its commit_delay): one commit then serves all. On any disk a group waits as long as each look
at the sockets brings another request, which costs two turns of the loop and no time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar, cast

from station_api.records import Records

T = TypeVar("T")
LARGEST_GROUP = 64
"""Pieces of work in one transaction: what the loop does in one go stays below some 10 ms."""

SLOW_COMMIT_S = 0.0015
"""From here on a group waits for those who are about to come: eight requests are read and
answered in about this time."""

QUICK_DISK_S = 0.00025
"""Up to here a commit that waits for its disk does so on the loop: a hand-over to a thread and
back takes as long (measured: 64 us a transition at four to a group)."""

STALL_S = 0.005
WARY_S = 1.0
"""For how long nothing is committed on the loop once a commit has waited for more than a stall."""

COPY_EVERY = 64
"""Of how many commits in a row one is the thread's, which copies the WAL back if it is due: at
some 25 pages a group of eight the WAL outgrows its 8,000 pages by a fifth."""

SMOOTHING = 0.2
"""Share of the newest commit in what a commit is thought to take."""


class Gathering:
    """The one door by which the event loop writes."""

    def __init__(self, records: Records) -> None:
        self._writer = records.writer
        self._on_loop = records.database.is_sqlite
        self._waiting: list[tuple[Callable[[], Any], asyncio.Future[Any]]] = []
        self._busy = False
        self._commit_s = 0.0
        self._disk_s = STALL_S  # not known yet: the thread will tell
        self._wary_until_s = 0.0
        self._on_loop_since = 0
        self._company = 0  # those who write just now, by the last commit
        self._filled: asyncio.Future[None] | None = None
        self._thread = ThreadPoolExecutor(1, "commits")
        self._groups: set[asyncio.Task[None]] = set()

    async def run(self, call: Callable[[], T]) -> T:
        """Do ``call`` in one transaction with its neighbours; return after the commit.

        A request whose client hangs up is done all the same, as if the reply had been lost.

        Raises
        ------
        PinmarkError
            What ``call`` raises, or that the database refuses; nothing was changed then.
        """
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((call, future))
        if self._filled is not None and len(self._waiting) >= self._company:
            _let_go(self._filled)
        if not self._busy:
            self._busy = True
            group = asyncio.create_task(self._commit_all())
            self._groups.add(group)
            group.add_done_callback(self._groups.discard)
        return cast(T, await future)

    def close(self) -> None:
        """Let the thread go."""
        self._thread.shutdown()

    async def _commit_all(self) -> None:
        try:
            while self._waiting:
                await self._wait_for_company()
                group = self._waiting[:LARGEST_GROUP]
                del self._waiting[:LARGEST_GROUP]
                begun = time.monotonic()
                await self._commit(group)
                self._commit_s += SMOOTHING * (time.monotonic() - begun - self._commit_s)
                self._company = min(len(group) + len(self._waiting), LARGEST_GROUP)
        finally:
            self._busy = False

    async def _wait_for_company(self) -> None:
        before = 0
        while before < len(self._waiting) < LARGEST_GROUP:
            before = len(self._waiting)
            await asyncio.sleep(0)  # what has arrived is read in one turn,
            await asyncio.sleep(0)  # and asks in the next
        if self._commit_s < SLOW_COMMIT_S or len(self._waiting) >= self._company:
            return
        loop = asyncio.get_running_loop()
        self._filled = loop.create_future()
        patience = loop.call_later(self._commit_s / 2, _let_go, self._filled)
        try:
            await self._filled
        finally:
            patience.cancel()
            self._filled = None

    async def _commit(self, group: list[tuple[Callable[[], Any], asyncio.Future[Any]]]) -> None:
        calls = [call for call, _ in group]
        loop = asyncio.get_running_loop()
        try:
            finish = self._writer.begin_all(calls) if self._on_loop else None
            if finish is None:
                answers = await loop.run_in_executor(self._thread, self._writer.run_all, calls)
            elif self._disk_is_quick():
                answers = self._timed(partial(finish, copy_back=False))
            else:
                answers = await loop.run_in_executor(self._thread, self._timed, finish)
        except Exception as error:
            answers = [error] * len(group)
        for (_, future), answer in zip(group, answers, strict=True):
            if future.cancelled():
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)

    def _disk_is_quick(self) -> bool:
        self._on_loop_since += 1
        if (
            self._on_loop_since < COPY_EVERY
            and self._disk_s < QUICK_DISK_S
            and time.monotonic() >= self._wary_until_s
        ):
            return True
        self._on_loop_since = 0
        return False

    def _timed(self, finish: Callable[[], list[Any]]) -> list[Any]:
        """Commit, and note how long it waited: what it took less what it computed."""
        begun, computed = time.monotonic(), time.thread_time()
        answers = finish()
        now = time.monotonic()
        waited_s = now - begun - (time.thread_time() - computed)
        self._disk_s += SMOOTHING * (min(waited_s, STALL_S) - self._disk_s)
        if waited_s > STALL_S:
            self._wary_until_s = now + WARY_S
        return answers


def _let_go(filled: asyncio.Future[None]) -> None:
    if not filled.done():
        filled.set_result(None)
