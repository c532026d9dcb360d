"""How far the log had come, in a small file beside the database: ``station.db-head``.

In: the newest leaf of each commit. Out: what the database lost, in a sentence. A write-ahead log
that was cut short, or an old copy of the database put back, is a sound beginning of the history and
shows nothing of its lost end; between two signed checkpoints only this file does.

The file is written in place once a commit is on disk, and not synced: it may lag behind after a
power cut, never run ahead. 256 bytes in one sector, with a checksum: a torn file says nothing. It
is no witness: who can change the database can change it too. Leaves are salted, so that no two
histories agree on one.
"""

from __future__ import annotations

import os
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from engraver.errors import StorageError
from station_api.records.database import Database
from station_api.records.ledger import newest_leaf, read_nodes
from station_api.records.tables import entries

SUFFIX = "-head"
_SIZE = 256
_TITLE = "pinmark head 1"


@dataclass(frozen=True, slots=True)
class Head:
    """A log of ``size`` entries, whose newest has this leaf hash."""

    station: str
    size: int
    leaf: bytes


class HeadFile:
    """The file as its writer holds it; used by one thread at a time."""

    def __init__(self, database: Path, station: str) -> None:
        self._path = head_path(database)
        self._station = station
        self._open: int | None = None
        self._newest: tuple[int, bytes] | None = None
        self._is_doubted = False

    def begin(self) -> None:
        """Begin with a transaction: nothing was appended yet."""
        self._newest, self._is_doubted = None, False

    def appended(self, position: int, leaf: bytes) -> None:
        """Take the newest leaf of the open transaction."""
        self._newest = position, leaf

    def doubt(self) -> None:
        """Say that some of what was appended was undone; the database knows what is left."""
        self._is_doubted = True

    def read(self, connection: sa.Connection) -> Head | None:
        """Return the head that the open transaction will make; ``None`` if it appended nothing."""
        if self._newest is None:
            return None
        if self._is_doubted:
            self._newest = newest_leaf(connection, self._station)
        return Head(self._station, self._newest[0] + 1, self._newest[1])

    def write(self, head: Head | None) -> None:
        """Write the head of a transaction that is on disk; a disk that refuses changes nothing."""
        if head is None:
            return
        with suppress(OSError):
            if self._open is None:
                self._open = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
            os.pwrite(self._open, render(head), 0)

    def close(self) -> None:
        """Close the file."""
        if self._open is not None:
            os.close(self._open)
        self._open = None


def head_path(database: Path) -> Path:
    """Return where the head of a database's log is kept."""
    return database.with_name(database.name + SUFFIX)


def render(head: Head) -> bytes:
    """Return the bytes of the file.

    >>> parse(render(Head("S1", 7, bytes(32)))).size
    7
    """
    text = f"{_TITLE}\n{head.station}\n{head.size}\n{head.leaf.hex()}\n".encode()
    return (text + f"{zlib.crc32(text):08x}\n".encode()).ljust(_SIZE, b"\n")


def parse(data: bytes) -> Head | None:
    """Return what a file says; ``None`` if it is torn or of another kind.

    >>> parse(render(Head("S1", 7, bytes(32)))[:-200] + bytes(200)) is None
    True
    """
    try:
        title, station, size, leaf, check = data.rstrip(b"\n").decode().split("\n")
        text = f"{title}\n{station}\n{size}\n{leaf}\n".encode()
        if title != _TITLE or int(check, 16) != zlib.crc32(text):
            return None
        return Head(station, int(size), bytes.fromhex(leaf))
    except ValueError:
        return None


def read_head(database: Path) -> Head | None:
    """Return what the file beside a database says; ``None`` if there is none, or a torn one."""
    try:
        return parse(head_path(database).read_bytes())
    except OSError:
        return None


def keep_head(database: Database, station: str) -> HeadFile | None:
    """Return the file to write heads into; ``None`` while it shows a loss, which has to stay."""
    if not database.is_sqlite or lost_end(database, station):
        return None
    return HeadFile(database.path, station)


def lost_end(database: Database, station: str) -> str | None:
    """Say what the log lost since its head was written beside it; ``None`` if nothing."""
    if not database.is_sqlite:
        return None
    file = head_path(database.path)
    head = read_head(database.path)  # first: the database can only have grown since
    if head is None or head.station != station:
        return None
    try:
        with database.reading.connect() as connection:
            return _compare(connection, head, file)
    except (sa.exc.DBAPIError, StorageError) as error:
        cause = " ".join(str(getattr(error, "orig", error)).split())
        return f"the log cannot be held against its head ({cause})"


def _compare(connection: sa.Connection, head: Head, file: Path) -> str | None:
    place = (entries.c.station == head.station, entries.c.position == head.size - 1)
    if not connection.execute(sa.select(sa.func.count()).where(*place)).scalar():
        position, _ = newest_leaf(connection, head.station)
        return (
            f"{head.size} entries were written and {position + 1} are here: the log lost its "
            f"end ({file.name})"
        )
    if read_nodes(connection, head.station, [(0, head.size - 1)])[0] != head.leaf:
        return (
            f"entry {head.size - 1} is not the one that was written: another history was put "
            f"in the place of this one ({file.name})"
        )
    return None
