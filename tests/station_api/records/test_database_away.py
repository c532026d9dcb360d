"""The database server goes away in a run and comes back: nothing lost, nothing twice."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from engraver.errors import StorageError, UnknownStateError
from engraver.record import MarkState
from hardware.load import load_setup
from station_api.records import Records
from station_api.records.fsck import fsck
from tests.faults.floor import Floor, Quiet, mark_pin
from tests.station_api.records.conftest import administer

_numbers = itertools.count()


class Cable:
    """A network between a station and its database server, which can be pulled out."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._whole = threading.Event()
        self._whole.set()
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def pull(self) -> None:
        """Break every connection, and let no new one through."""
        self._whole.clear()
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def plug(self) -> None:
        """Let connections through again."""
        self._whole.set()

    def close(self) -> None:
        """Pull it for good."""
        self.pull()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if not self._whole.is_set():
                near.close()
                continue
            far = socket.create_connection(("127.0.0.1", self._to))
            self._open += [near, far]
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=_pour, args=(source, sink), daemon=True).start()


def _pour(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for one in (source, sink):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def cable(postgres_template: str) -> Iterator[Cable]:
    made = Cable(int(sa.make_url(postgres_template).port or 0))
    yield made
    made.close()


@pytest.fixture
def far_records(postgres_template: str, cable: Cable) -> Iterator[Records]:
    name = f"away{next(_numbers)}"
    administer(postgres_template, f"CREATE DATABASE {name} TEMPLATE pinmark_template")
    records = Records(f"postgresql://pinmark@127.0.0.1:{cable.port}/{name}")
    yield records
    cable.plug()
    records.close()


class Once(Quiet):
    """Does something when the first line was sent."""

    def __init__(self, act: Callable[[], None]) -> None:
        self._act: Callable[[], None] | None = act

    def streamed(self, now: Any) -> None:
        """Act once."""
        if now.lines_sent and self._act is not None:
            act, self._act = self._act, None
            act()


def test_a_run_is_recorded_once_the_database_is_back(
    far_records: Records, cable: Cable, tmp_path: Path
) -> None:
    """The receipt waits for the database; one mark, its states in order, a sound log."""
    floor, refusals = Floor(load_setup("default").machine), []

    def wait(error: StorageError) -> None:
        refusals.append(str(error))
        if len(refusals) == 2:
            cable.plug()

    mark_id = mark_pin(floor, far_records, tmp_path, 1, wait, watcher=Once(cable.pull))
    assert len(refusals) == 2
    assert all("cannot be written" in one for one in refusals)
    states = [one["to_state"] for one in far_records.history(mark_id)]
    assert states == ["intended", "marking", "marked"]
    assert [one.state for one in far_records.all_marks()] == [MarkState.MARKED]
    assert fsck(far_records.database).sound
    mark_pin(floor, far_records, tmp_path, 2)


def test_whoever_cannot_wait_leaves_a_doubt(
    far_records: Records, cable: Cable, tmp_path: Path
) -> None:
    """At the console the run ends in an error of its own; the next start says `unknown`."""
    floor = Floor(load_setup("default").machine)
    with pytest.raises(UnknownStateError, match=r"could not be recorded.*look at the pin"):
        mark_pin(floor, far_records, tmp_path, 1, watcher=Once(cable.pull))
    assert floor.burned_mm > 0 and floor.stays_dark()
    with pytest.raises(StorageError, match="cannot be"):
        mark_pin(floor, far_records, tmp_path, 2)
    cable.plug()
    assert [one.state for one in far_records.recover()] == [MarkState.UNKNOWN]
    with pytest.raises(UnknownStateError):
        mark_pin(floor, far_records, tmp_path, 1)
    assert fsck(far_records.database).sound
