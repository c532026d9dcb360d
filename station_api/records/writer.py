"""One writer, many who want to write: group commit.

In: pieces of work on a connection. Out: their results, once their transaction is on disk.

Theory of operation
-------------------
Whoever wants to write puts the work into a queue. If nobody leads, the caller does: it takes
everything that waits, does it in one transaction, commits once for all, wakes them, and passes
the lead to the first who came meanwhile. With one caller each transition has its own commit; with
eight, seven come while one commits, and the next commit serves all seven. Each piece of work has
a savepoint, so that one that is refused leaves no trace and harms no other.

A serialisation failure (PostgreSQL, CockroachDB: SQLSTATE 40001 and 40P01) rolls the batch back
and it is done again from the start: work must be a pure function of the database.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import sqlalchemy as sa

from engraver.errors import PinmarkError
from station_api.records.database import without_copying
from station_api.records.head import Head, HeadFile
from station_api.records.prepared import run_plain
from station_api.records.refusals import refused_by

T = TypeVar("T")
MOST_ATTEMPTS = 40
FIRST_PAUSE_S = 0.002
LONGEST_PAUSE_S = 0.2
_CONFLICTS = frozenset({"40001", "40P01"})


class Finish(Protocol):
    """Commits what `Writer.begin_all` has done, and returns what `Writer.run_all` does."""

    def __call__(self, copy_back: bool = True) -> list[Any | PinmarkError]:
        """Commit; without ``copy_back`` never check-point (SQLite)."""
        ...


def _closed_lock() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock


@dataclass(slots=True, eq=False)
class _Item(Generic[T]):
    work: Callable[[sa.Connection], T]
    done: bool = False
    promoted: bool = False
    result: T | None = None
    error: BaseException | None = None
    signal: threading.Lock = field(default_factory=_closed_lock)

    def outcome(self) -> T:
        if self.error is not None:
            raise self.error
        return self.result  # type: ignore[return-value]


@dataclass(slots=True)
class Writer:
    """The one that writes; safe to call from any thread."""

    engine: sa.Engine
    commits: int = 0
    head: HeadFile | None = None
    _inside: tuple[int, sa.Connection] | None = None
    _queue: deque[_Item[Any]] = field(default_factory=deque)
    _door: threading.Lock = field(default_factory=threading.Lock)
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _led: bool = False

    def run(self, work: Callable[[sa.Connection], T]) -> T:
        """Do ``work`` in a transaction; return its result after the commit is durable.

        Raises
        ------
        StorageError
            If the database refuses; nothing was changed.
        PinmarkError
            What ``work`` raises; nothing was changed.
        """
        if (connection := self.joined()) is not None:
            return work(connection)
        item = _Item(work)
        with self._door:
            self._queue.append(item)
            leads, self._led = not self._led, True
        if not leads:
            self._wait(item)  # until it is done, or it is this caller's turn to lead
        if not item.done:
            self._lead()
        return item.outcome()

    def _lead(self) -> None:
        """Commit for all who wait, wake them, and pass the lead to the first who came since."""
        with self._door:
            batch = [self._queue.popleft() for _ in range(len(self._queue))]
        try:
            with self._turn:
                self._commit(batch)
        finally:
            for one in batch:
                one.signal.release()
            with self._door:
                self._pass_on()

    def _pass_on(self) -> None:
        self._led = bool(self._queue)
        if self._queue:
            self._queue[0].promoted = True
            self._queue[0].signal.release()

    def _wait(self, item: _Item[Any]) -> None:
        try:
            item.signal.acquire()
        except BaseException:  # an interrupted caller must not take the lead with it
            with self._door:
                if item in self._queue:
                    self._queue.remove(item)
                    if item.promoted:
                        self._pass_on()
            raise

    def run_all(self, calls: Sequence[Callable[[], Any]]) -> list[Any | PinmarkError]:
        """Call each, and commit once for all; return what each returned or raised on purpose.

        For a service with one event loop: requests that came in while a commit was under way
        are handed over together, in one thread, and what they call of `Records` joins one
        transaction.

        Raises
        ------
        StorageError
            If the database refuses; nothing of any call was kept.
        """
        items = [_Item(_ignoring_connection(call)) for call in calls]
        with self._turn:
            self._commit(items)
        return _outcomes(items)

    def begin_all(self, calls: Sequence[Callable[[], Any]]) -> Finish | None:
        """Do the work of `run_all` in this thread, and return what commits it in any other.

        Statements of the embedded database take microseconds and no waiting; only the commit
        waits for the disk. An event loop does the one and lets a thread do the other, and no
        two threads hand the interpreter's lock to and fro at every statement. ``None`` if
        another writes at this moment; nothing was done then. What is returned has to be called;
        with ``copy_back=False`` it leaves the WAL as long as it is.
        """
        if not self._turn.acquire(blocking=False):
            return None
        items = [_Item(_ignoring_connection(call)) for call in calls]
        connection: sa.Connection | None = None
        head: Head | None = None
        try:
            connection = self.engine.connect()
            self._do_all(items, connection)
            head = self._head_of(connection)
        except BaseException as error:
            _fail(items, error)
            if not isinstance(error, Exception):
                self._end(connection)
                raise

        def finish(copy_back: bool = True) -> list[Any | PinmarkError]:
            try:
                if connection is not None and connection.in_transaction():
                    with nullcontext() if copy_back else without_copying(connection):
                        connection.commit()
                    self.commits += 1
                    self._keep(head)
            except Exception as error:
                _fail(items, error)
            finally:
                self._end(connection)
            return _outcomes(items)

        return finish

    def _head_of(self, connection: sa.Connection) -> Head | None:
        """Return how far the log will have come, for the file beside the database."""
        if self.head is None or not connection.in_transaction():
            return None
        return self.head.read(connection)

    def _keep(self, head: Head | None) -> None:
        if self.head is not None:
            self.head.write(head)

    def _end(self, connection: sa.Connection | None) -> None:
        try:
            if connection is not None:
                connection.close()
        finally:
            self._turn.release()

    def joined(self) -> sa.Connection | None:
        """Return the transaction that this thread is inside of, if it is."""
        inside = self._inside
        return inside[1] if inside is not None and inside[0] == threading.get_ident() else None

    def _commit(self, batch: list[_Item[Any]]) -> None:
        try:
            self._attempt(batch)
        except BaseException as error:
            _fail(batch, error)
            if not isinstance(error, Exception):
                raise
        finally:
            for item in batch:
                item.done = True

    def _do_all(self, batch: list[_Item[Any]], connection: sa.Connection) -> None:
        """Do a batch in a transaction of ``connection``, and leave it open to be committed.

        Savepoints are made only if a piece is refused: all is then undone and done again, each
        piece behind one. Nearly always nothing is refused, and they cost a tenth of the work.
        """
        self._inside = (threading.get_ident(), connection)
        if self.head is not None:
            self.head.begin()
        try:
            connection.begin()
            try:
                for item in batch:
                    item.result = item.work(connection)
            except (PinmarkError, sa.exc.IntegrityError) as error:
                connection.rollback()
                if self.head is not None:
                    self.head.doubt()
                if len(batch) == 1:
                    batch[0].error = error
                    return
                connection.begin()
                for item in batch:
                    _do_behind_savepoint(item, connection)
        except BaseException:
            connection.rollback()
            raise
        finally:
            self._inside = None

    def _attempt(self, batch: list[_Item[Any]]) -> None:
        for attempt in range(1, MOST_ATTEMPTS + 1):
            for item in batch:
                item.error = None
            try:
                with self.engine.connect() as connection:
                    self._do_all(batch, connection)
                    if not connection.in_transaction():
                        return  # refused, and alone
                    head = self._head_of(connection)
                    connection.commit()
                    self._keep(head)
            except sa.exc.DBAPIError as error:
                if not is_conflict(error) or attempt == MOST_ATTEMPTS:
                    raise
                # others won; a random pause keeps two losers from meeting again
                longest = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(attempt, 10))
                time.sleep(random.uniform(0, longest))
                continue
            self.commits += 1
            return


def _ignoring_connection(call: Callable[[], T]) -> Callable[[sa.Connection], T]:
    return lambda _connection: call()


def _fail(batch: list[_Item[Any]], error: BaseException) -> None:
    failure = _translate(error)
    for item in batch:
        item.error = item.error or failure


def _outcomes(batch: list[_Item[Any]]) -> list[Any | PinmarkError]:
    for item in batch:
        if item.error is not None and not isinstance(item.error, PinmarkError):
            raise item.error
    return [item.error or item.result for item in batch]


def _do_behind_savepoint(item: _Item[Any], connection: sa.Connection) -> None:
    """Do one piece; its own refusal is kept with it, the database's ends the batch."""
    run_plain(connection, "SAVEPOINT piece")
    try:
        item.result = item.work(connection)
    except (PinmarkError, sa.exc.IntegrityError) as error:
        run_plain(connection, "ROLLBACK TO SAVEPOINT piece")
        item.error = error
    run_plain(connection, "RELEASE SAVEPOINT piece")


def is_conflict(error: sa.exc.DBAPIError) -> bool:
    """Return whether a transaction lost a race and may be done again."""
    return getattr(error.orig, "sqlstate", None) in _CONFLICTS


def _translate(error: BaseException) -> BaseException:
    if isinstance(error, sa.exc.IntegrityError) or not isinstance(error, sa.exc.DBAPIError):
        return error
    return refused_by(error, "written")
