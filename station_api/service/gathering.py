"""Requests that write, gathered while a commit is under way and made durable by the next.

In: calls of the event loop, each some work on `Records`. Out: what each returned or raised, once
all of them are on disk.

Theory of operation
-------------------
A request's work waits until the loop has looked at everything that came in, or until the commit
under way has ended; then all that waits becomes one transaction. On the embedded database its
statements run right here, on the loop, for some 80 us a transition: no thread is changed and
none waits for another's lock. The commit, which waits for the disk, runs in a thread while the
loop reads the next requests. Where statements cross a network, or another thread writes just
now, the whole group goes to the thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

from station_api.records import Records

T = TypeVar("T")
LARGEST_GROUP = 64
"""Pieces of work in one transaction: what the loop does in one go stays below some 10 ms."""


class Gathering:
    """The one door by which the event loop writes."""

    def __init__(self, records: Records) -> None:
        self._writer = records.writer
        self._on_loop = records.database.is_sqlite
        self._waiting: list[tuple[Callable[[], Any], asyncio.Future[Any]]] = []
        self._busy = False
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
                group = self._waiting[:LARGEST_GROUP]
                del self._waiting[:LARGEST_GROUP]
                await self._commit(group)
        finally:
            self._busy = False

    async def _commit(self, group: list[tuple[Callable[[], Any], asyncio.Future[Any]]]) -> None:
        calls = [call for call, _ in group]
        loop = asyncio.get_running_loop()
        try:
            finish = self._writer.begin_all(calls) if self._on_loop else None
            if finish is None:
                answers = await loop.run_in_executor(self._thread, self._writer.run_all, calls)
            else:
                answers = await loop.run_in_executor(self._thread, finish)
        except Exception as error:
            answers = [error] * len(group)
        for (_, future), answer in zip(group, answers, strict=True):
            if future.cancelled():
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
