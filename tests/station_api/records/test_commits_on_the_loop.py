"""Where a group commits: on the event loop while the disk is quick, else in the thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from station_api.records import Records, database
from station_api.records.fsck import fsck
from station_api.records.writer import Writer
from station_api.service import gathering as gathering_module
from station_api.service.gathering import COPY_EVERY, QUICK_DISK_S, STALL_S, WARY_S, Gathering
from tests.station_api.records.houses import intent


@pytest.fixture
def embedded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Records:
    """Records in a file whose WAL is copied back by every commit that may."""
    monkeypatch.setattr(database, "CHECKPOINT_PAGES", 1)
    return Records(tmp_path / "station.db")


class Seen:
    """Commits as they are made: in which thread, of how many pieces, and how slow the disk is.

    It is the gathering's clock as well: a commit computes nothing and waits for ``disk_s``.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.threads: list[str] = []
        self.sizes: list[int] = []
        self.disk_s = self._now_s = 0.0
        monkeypatch.setattr(gathering_module, "time", self)
        plain = Writer.begin_all

        def noted(writer: Writer, calls: list[Callable[[], Any]]) -> Any:
            self.sizes.append(len(calls))
            finish = plain(writer, calls)
            assert finish is not None

            def finish_seen(copy_back: bool = True) -> Any:
                self.threads.append(threading.current_thread().name)
                self._now_s += self.disk_s
                return finish(copy_back=copy_back)

            return finish_seen

        monkeypatch.setattr(Writer, "begin_all", noted)

    def monotonic(self) -> float:
        """The wall's time."""
        return self._now_s

    def pass_time(self, seconds: float) -> None:
        """Let time pass."""
        self._now_s += seconds

    def thread_time(self) -> float:
        """The thread's own time."""
        return 0.0

    def on_loop(self) -> list[bool]:
        """Of each commit, whether it was made on the loop."""
        return [name == threading.current_thread().name for name in self.threads]


def one_by_one(
    records: Records, count: int, before: Callable[[int], None] = lambda _n: None
) -> None:
    """Write ``count`` intents, each by itself; ``before`` is called ahead of each."""

    async def run() -> None:
        gathering = Gathering(records)
        for n in range(count):
            before(n)
            await gathering.run(lambda n=n: records.intend(intent(n)))
        gathering.close()

    asyncio.run(run())


def test_an_unknown_disk_is_timed_in_the_thread(
    embedded: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first commits are the thread's; once the disk is seen to be quick, the loop's."""
    seen = Seen(monkeypatch)
    seen.disk_s = QUICK_DISK_S / 2
    one_by_one(embedded, 30)
    begun = seen.on_loop().index(True)
    assert 3 < begun < 30 and all(seen.on_loop()[begun:])
    embedded.close()


def test_a_disk_that_stalls_holds_up_the_loop_once(
    embedded: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a stall on the loop what follows is the thread's, until the disk is trusted again."""
    seen = Seen(monkeypatch)

    def stalling_once(n: int) -> None:
        seen.disk_s = 2 * STALL_S if n == 30 else 0.0
        if n == 45:
            seen.pass_time(WARY_S)

    one_by_one(embedded, 50, stalling_once)
    assert seen.on_loop()[29:] == [True, True, *[False] * 14, *[True] * 5]
    assert len(embedded.all_marks()) == 50 and fsck(embedded.database).sound
    embedded.close()


def test_the_loop_never_copies_the_wal_back(
    embedded: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commits on the loop leave the database's file alone; the thread's, one in 64, copies."""
    seen = Seen(monkeypatch)
    file = embedded.database.path
    embedded.intend(intent(1000))
    states: list[bytes] = []

    one_by_one(embedded, 100, lambda _n: states.append(file.read_bytes()))
    changed = [before != after for before, after in pairwise(states)]
    begun = seen.on_loop().index(True)
    again = begun + COPY_EVERY - 1
    assert changed == [*[True] * begun, *[False] * (COPY_EVERY - 1), True, *[False] * (98 - again)]
    assert [not one for one in seen.on_loop()[:99]] == changed
    copied = file.read_bytes()
    embedded.intend(intent(1001))  # a writer of another thread copies as ever
    assert file.read_bytes() != copied and fsck(embedded.database).sound
    embedded.close()


def test_who_comes_turn_by_turn_is_waited_for(
    embedded: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight requests, each read a turn of the loop after the one before: one commit."""
    seen = Seen(monkeypatch)

    async def client(gathering: Gathering, who: int) -> None:
        for _ in range(who):
            await asyncio.sleep(0)
        await gathering.run(lambda: embedded.intend(intent(who)))

    async def run() -> None:
        gathering = Gathering(embedded)
        await asyncio.gather(*(client(gathering, who) for who in range(8)))
        gathering.close()

    asyncio.run(run())
    assert seen.sizes == [8]
    embedded.close()
