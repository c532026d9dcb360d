"""Requests that write share commits, and nothing else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from engraver.errors import AlreadyMarkedError, StorageError, UnknownStateError
from engraver.record import MarkIntent
from station_api.records import Records
from station_api.records.fsck import fsck
from station_api.records.writer import Writer
from station_api.service import gathering as gathering_module
from station_api.service.gathering import Gathering
from tests.station_api.records.houses import intent


def together(records: Records, *calls: Callable[[], Any]) -> list[Any]:
    """Do calls at once from one event loop; return what each gave or raised."""

    async def run() -> list[Any]:
        gathering = Gathering(records)
        try:
            return await asyncio.gather(*map(gathering.run, calls), return_exceptions=True)
        finally:
            gathering.close()

    return asyncio.run(run())


def test_what_comes_in_together_is_one_commit(records: Records) -> None:
    """Eight requests at once are one durable transaction, in the order in which they came."""
    before = records.writer.commits
    made = together(records, *(lambda n=n: records.intend(intent(n)) for n in range(8)))
    assert [one.mark_id for one in made] == [f"M{n:06d}" for n in range(1, 9)]
    assert records.writer.commits == before + 1
    assert fsck(records.database).sound


def test_a_refused_piece_leaves_no_trace_and_harms_no_other(records: Records) -> None:
    """Of three the second is refused half done; the first and the third are kept."""

    def half() -> None:
        records.intend(intent(1))
        records.intend(replace(intent(2), code=intent(0).code))

    made = together(
        records, lambda: records.intend(intent(0)), half, lambda: records.intend(intent(3))
    )
    assert isinstance(made[0], MarkIntent) and isinstance(made[2], MarkIntent)
    assert isinstance(made[1], UnknownStateError | AlreadyMarkedError)
    assert [mark.serial for mark in records.all_marks()] == [intent(0).serial, intent(3).serial]
    assert fsck(records.database).sound


def test_a_thread_that_writes_meanwhile_is_waited_for(records: Records) -> None:
    """While a thread is inside its transaction the loop is free, and its group comes after."""
    inside, leave, turned = threading.Event(), threading.Event(), []

    def slow(_connection: Any) -> None:
        inside.set()
        assert leave.wait(20)

    async def run() -> Any:
        gathering = Gathering(records)
        asked = asyncio.create_task(gathering.run(lambda: records.intend(intent(1))))
        while len(turned) < 50:  # the loop turns although the writer is taken
            turned.append(asked.done())
            await asyncio.sleep(0)
        leave.set()
        made = await asked
        gathering.close()
        return made

    thread = threading.Thread(target=records.writer.run, args=(slow,))
    thread.start()
    assert inside.wait(20)
    assert asyncio.run(run()).serial == intent(1).serial
    thread.join()
    assert not any(turned)


def test_a_database_that_refuses_is_said_to_each(records: Records) -> None:
    """When the commit cannot be, everybody in the group hears it, and the next group works."""
    records.intend(intent(0))
    if not records.database.is_sqlite:
        pytest.skip("a server's refusal is provoked in test_plant")
    said = records.database.writing.raw_connection()
    said.driver_connection.execute("PRAGMA query_only=ON")
    made = together(records, *(lambda n=n: records.intend(intent(n)) for n in (1, 2)))
    assert all(isinstance(one, StorageError) for one in made)
    said.driver_connection.execute("PRAGMA query_only=OFF")
    assert together(records, lambda: records.intend(intent(3)))[0].serial == intent(3).serial
    assert len(records.all_marks()) == 2 and fsck(records.database).sound


def test_a_client_that_hangs_up_changes_nothing_of_it(records: Records) -> None:
    """A cancelled request's work is done whole, as if only its reply had been lost."""

    async def run() -> Any:
        gathering = Gathering(records)
        gone = asyncio.create_task(gathering.run(lambda: records.intend(intent(1))))
        stays = asyncio.create_task(gathering.run(lambda: records.intend(intent(2))))
        await asyncio.sleep(0)
        gone.cancel()
        made = await stays
        gathering.close()
        return made

    assert asyncio.run(run()).serial == intent(2).serial
    assert {mark.serial for mark in records.all_marks()} == {intent(1).serial, intent(2).serial}


def test_on_a_slow_disk_a_group_waits_for_those_who_were_just_answered(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight clients that come in two halves: the second commit serves all eight, and so on."""
    if not records.database.is_sqlite:
        pytest.skip("groups of a server go to the thread; the waiting is the same")
    monkeypatch.setattr(gathering_module, "SMOOTHING", 0.0)  # the disk stays as slow as it is said
    sizes: list[int] = []
    others_wait = threading.Event()
    plain = Writer.begin_all

    def noted(writer: Writer, calls: list[Callable[[], Any]]) -> Any:
        sizes.append(len(calls))
        finish = plain(writer, calls)
        return lambda: others_wait.wait(60) and finish is not None and finish()

    monkeypatch.setattr(Writer, "begin_all", noted)

    async def client(gathering: Gathering, who: int) -> None:
        for n in range(3 if who < 4 else 2):
            await gathering.run(lambda n=n: records.intend(intent(10 * who + n)))

    async def run() -> None:
        gathering = Gathering(records)
        gathering._commit_s = 1000.0
        halves = [asyncio.create_task(client(gathering, who)) for who in range(4)]
        while not sizes:
            await asyncio.sleep(0)
        halves += [asyncio.create_task(client(gathering, who)) for who in range(4, 8)]
        while len(gathering._waiting) < 4:
            await asyncio.sleep(0)
        others_wait.set()
        await asyncio.wait_for(asyncio.gather(*halves), 60)
        gathering.close()

    asyncio.run(run())
    assert sizes == [4, 8, 8]
    assert fsck(records.database).sound


def test_a_client_alone_waits_for_nobody(records: Records) -> None:
    """One client writes, one commit each, and no group is held back for company."""
    gathering = Gathering(records)

    async def run() -> None:
        for n in range(5):
            gathering._commit_s = 10.0  # as slow a disk as there may be
            await gathering.run(lambda n=n: records.intend(intent(n)))

    before = records.writer.commits
    asyncio.run(asyncio.wait_for(run(), 60))
    gathering.close()
    assert records.writer.commits == before + 5
