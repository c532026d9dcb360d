"""Appending to the transparency log, inside the transaction of what it records.

In: a connection, a record. Out: the position the record got, and rows of `entries` and `nodes`.
An entry is in the log if and only if the change it speaks of is in the database: both stand or
fall with one commit.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from engraver.errors import StorageError
from station_api.records import canonical
from station_api.records.prepared import Prepared
from station_api.records.tables import entries, nodes
from station_api.transparency import merkle

_SIZE = Prepared(
    sa.select(sa.func.max(entries.c.position)).where(entries.c.station == sa.bindparam("station"))
)
NEWEST_LEAF = (
    sa.select(nodes.c.place, nodes.c.hash)
    .where(nodes.c.station == sa.bindparam("station"), nodes.c.level == sa.literal_column("0"))
    .order_by(nodes.c.place.desc())
    .limit(sa.literal_column("1"))
)
"""Place and hash of a log's last leaf, for `Ledger.position_after`."""

_NEWEST_LEAF = Prepared(NEWEST_LEAF)
_NODE = Prepared(
    sa.select(nodes.c.hash).where(
        nodes.c.station == sa.bindparam("station"),
        nodes.c.level == sa.bindparam("level"),
        nodes.c.place == sa.bindparam("place"),
    )
)
_INSERT_ENTRY = Prepared(sa.insert(entries))
_INSERT_NODE = Prepared(sa.insert(nodes))


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: where it stands, what it records, and the salt that opens its commitment."""

    station: str
    position: int
    kind: str
    salt: bytes
    record: bytes

    def leaf(self) -> bytes:
        """Return the public bytes of this entry."""
        committed = canonical.commitment(self.salt, self.record)
        return canonical.leaf_data(self.kind, self.position, committed)


def log_size(connection: sa.Connection, station: str) -> int:
    """Return how many entries a station's log has."""
    row = _SIZE.first(connection, station=station)
    return 0 if row is None or row[0] is None else int(row[0]) + 1


def newest_leaf(connection: sa.Connection, station: str) -> tuple[int, bytes]:
    """Return position and leaf hash of the newest entry; -1 and nothing of an empty log."""
    row = _NEWEST_LEAF.first(connection, station=station)
    return (-1, b"") if row is None else (int(row[0]), bytes(row[1]))


def read_nodes(
    connection: sa.Connection, station: str, wanted: Sequence[merkle.Coordinate]
) -> list[bytes]:
    """Read stored nodes in the order asked; a look-up by key each, some 20 for a proof.

    Raises
    ------
    StorageError
        If one is missing.
    """
    found = []
    for level, place in wanted:
        row = _NODE.first(connection, station=station, level=level, place=place)
        if row is None:
            raise StorageError(
                f"node ({level}, {place}) of log {station} is missing; run `pinmark log fsck`, "
                "then restore a backup"
            )
        found.append(bytes(row[0]))
    return found


def read_frontier(connection: sa.Connection, station: str, size: int) -> merkle.Frontier:
    """Read what is needed to append to a log of ``size`` entries."""
    return merkle.read_frontier(size, lambda wanted: read_nodes(connection, station, wanted))


class Ledger:
    """One station's log as its writer sees it; used by one thread at a time.

    The frontier of the last append is kept, so that the next one reads nothing but the newest
    leaf. If that is another than the one kept (another process wrote, or a transaction was
    rolled back), the frontier is read again: leaves are salted, so two histories never agree.
    """

    def __init__(self, station: str) -> None:
        self.station = station
        self.on_append: Callable[[int, bytes], None] | None = None
        self._known = merkle.Frontier()
        self._known_leaf = self._newest_leaf = b""

    def next_position(self, connection: sa.Connection) -> int:
        """Return the position that the next entry of this transaction gets."""
        return self.position_after(*(_NEWEST_LEAF.first(connection, station=self.station) or ()))

    def position_after(self, place: int | None = None, leaf: bytes | None = None) -> int:
        """Return what `next_position` does, of a leaf that was read in this transaction."""
        if place is None or leaf is None:
            self._newest_leaf = b""
            return 0
        self._newest_leaf = bytes(leaf)
        return place + 1

    def append(self, connection: sa.Connection, kind: str, record: Any, position: int) -> Entry:
        """Write a record as entry ``position``, which `next_position` gave in this transaction."""
        salt = secrets.token_bytes(canonical.SALT_BYTES)
        entry = Entry(self.station, position, kind, salt, canonical.encode(record))
        leaf = merkle.leaf_hash(entry.leaf())
        frontier, made = self._frontier_at(connection, position).append(leaf)
        _INSERT_ENTRY.write(connection, _fields(entry))
        rows = [
            {"station": self.station, "level": n.level, "place": n.index, "hash": n.hash}
            for n in made
        ]
        if len(rows) == 1:
            _INSERT_NODE.write(connection, rows[0])
        else:
            _INSERT_NODE.write_many(connection, rows)
        self._known, self._known_leaf = frontier, leaf
        if self.on_append is not None:
            self.on_append(position, leaf)
        return entry

    def _frontier_at(self, connection: sa.Connection, size: int) -> merkle.Frontier:
        if self._known.size == size and self._known_leaf == self._newest_leaf:
            return self._known
        return read_frontier(connection, self.station, size)


def _fields(entry: Entry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in Entry.__slots__}
