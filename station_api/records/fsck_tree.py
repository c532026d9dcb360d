"""Check one station's log: every entry against its leaf, every node against its children.

In: a connection, a station. Out: findings, the recomputed root. Works in blocks of leaves, so
that memory does not grow with the log.

Theory of operation
-------------------
For each block the leaf hashes are computed from the entries and laid beside the stored ones. If
they differ, the node above tells which of the two was changed: it still is the hash of the true
ones. Then each level is recomputed from the one below and laid beside the stored one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from operator import itemgetter
from typing import cast

import sqlalchemy as sa

from station_api.records.findings import Report
from station_api.records.ledger import read_frontier
from station_api.records.prepared import Prepared
from station_api.records.tables import entries, nodes
from station_api.transparency import merkle

BLOCK = 1 << 10
"""Leaves whose nodes are read together; a power of two, so that no complete subtree below it
crosses a border."""

PIECE = 1 << 8
"""Entries that are read together, with the rows they speak of; a part of a block. Some 300 KB:
with 4,096 the same work took half as long again, waiting for memory."""

_ENTRIES = Prepared(
    sa.select(entries.c.position, entries.c.kind, entries.c.salt, entries.c.record)
    .where(entries.c.station == sa.bindparam("station"))
    .where(entries.c.position >= sa.bindparam("begin"), entries.c.position < sa.bindparam("end"))
    .order_by(entries.c.position)
)
_NODES = Prepared(
    sa.select(nodes.c.hash, nodes.c.place)
    .where(nodes.c.station == sa.bindparam("station"), nodes.c.level == sa.bindparam("level"))
    .where(nodes.c.place >= sa.bindparam("begin"), nodes.c.place < sa.bindparam("end"))
    .order_by(nodes.c.place)
)
_LOWEST = (
    sa.select(nodes.c.level)
    .where(nodes.c.station == sa.bindparam("station"))
    .order_by(nodes.c.level)
    .limit(sa.literal_column("1"))
)
_FIRST_LEVEL = Prepared(_LOWEST)
_NEXT_LEVEL = Prepared(_LOWEST.where(nodes.c.level > sa.bindparam("level")))
_OF_LEVEL = (nodes.c.station == sa.bindparam("station"), nodes.c.level == sa.bindparam("level"))
_FIRST, _LAST = (
    sa.select(extreme(nodes.c.place)).where(*_OF_LEVEL).scalar_subquery()
    for extreme in (sa.func.min, sa.func.max)
)
_PLACES = Prepared(sa.select(_FIRST, _LAST))
"""Two look-ups by key; asked for together, the engines would read the whole level."""


@dataclass(slots=True)
class Tree:
    """A log as recomputed: its size and the true nodes above the blocks."""

    size: int
    frontier: merkle.Frontier


EntryRow = tuple[int, str, bytes, bytes]
OnBlock = Callable[[list[EntryRow], set[int]], None]


def check_tree(connection: sa.Connection, station: str, report: Report, on_block: OnBlock) -> Tree:
    """Check entries and nodes of one station.

    ``on_block`` is given each block of entries as (position, kind, salt, record), and the
    positions whose entry, or the node beside it, was changed; the tables tell which.
    """
    size = _extent(connection, station, report)
    tree = Tree(size, merkle.Frontier())
    _check_extra(connection, station, size, report)
    for begin in range(0, size, BLOCK):
        width = min(BLOCK, size - begin)
        stored = _stored(connection, station, 0, begin, width)
        leaves: list[bytes] = []
        for first in range(begin, begin + width, PIECE):
            kept = stored[first - begin : first - begin + PIECE]
            end = first + len(kept)
            found = _ENTRIES.all(connection, station=station, begin=first, end=end)
            rows = cast(list[EntryRow], found)
            doubted: set[int] = set()
            leaves += _true_leaves(connection, station, rows, first, kept, report, doubted)
            on_block(rows, doubted)
        top = _check_levels(connection, station, begin, leaves, report)
        if width == BLOCK:
            tree.frontier = _carry(connection, station, tree.frontier, top, report)
        else:
            tree.frontier = merkle.grow(leaves, tree.frontier)
    report.sizes[station] = size
    report.roots[station] = tree.frontier.root().hex()
    return tree


def _check_levels(
    connection: sa.Connection, station: str, begin: int, leaves: list[bytes], report: Report
) -> bytes:
    """Check the nodes over a block of leaves, level by level; return the hash on top."""
    row, level, place = leaves, 0, begin
    while len(row) > 1:
        row, level, place = _parents(row), level + 1, place >> 1
        stored = _stored(connection, station, level, place, len(row))
        _compare_nodes(station, level, place, row, stored, report)
    return row[0]


def _extent(connection: sa.Connection, station: str, report: Report) -> int:
    """Return how many entries the log has, by its entries or by its leaves; name strays."""
    counted = sa.select(sa.func.count()).where(entries.c.station == station)
    leaves = sa.select(sa.func.count()).where(nodes.c.station == station, nodes.c.level == 0)
    size = max(connection.execute(one).scalar() or 0 for one in (counted, leaves))
    strays = sa.select(entries.c.position).where(
        entries.c.station == station,
        sa.or_(entries.c.position >= size, entries.c.position < 0),
    )
    for (position,) in connection.execute(strays):
        said = f"stands outside a log of {size} entries: inserted or moved"
        report.add("entries", f"({station}, {position})", "", said)
    return int(size)


def _check_extra(connection: sa.Connection, station: str, size: int, report: Report) -> None:
    """Name nodes that no log of this size has."""
    found = _FIRST_LEVEL.first(connection, station=station)
    while found is not None:
        level = int(found[0])
        found = _NEXT_LEVEL.first(connection, station=station, level=level)
        span = _PLACES.first(connection, station=station, level=level)
        first, last = span or (0, 0)
        if not 0 <= level < 63 or first < 0 or last >= size >> level:
            report.add(
                "nodes",
                f"({station}, {level}, {last})",
                "",
                f"stands beyond a log of {size} entries: inserted, or the log was cut short",
            )


def _true_leaves(
    connection: sa.Connection,
    station: str,
    rows: list[EntryRow],
    begin: int,
    stored: list[bytes | None],
    report: Report,
    doubted: set[int],
) -> list[bytes]:
    width = len(stored)
    made: list[bytes | None] = [None] * width
    for position, leaf in zip(map(itemgetter(0), rows), _leaves(rows), strict=True):
        made[position - begin] = leaf
    if made == stored and None not in made:
        return stored  # type: ignore[return-value]
    upper = _stored(connection, station, 1, begin >> 1, width >> 1)
    return [
        _decide(station, begin, at, made, stored, upper, report, doubted) for at in range(width)
    ]


def _leaves(rows: list[EntryRow]) -> list[bytes]:
    # `canonical.leaf_data` and `merkle.leaf_hash` written out: a fifth of the time of fsck
    sha = hashlib.sha256
    committed = [sha(salt + record).hexdigest() for _, _, salt, record in rows]
    return [
        sha(
            f'\0{{"commitment":"{one}","kind":"{row[1]}","position":{row[0]},"v":1}}'.encode()
        ).digest()
        for one, row in zip(committed, rows, strict=True)
    ]


def _decide(
    station: str,
    begin: int,
    at: int,
    made: list[bytes | None],
    stored: list[bytes | None],
    upper: list[bytes | None],
    report: Report,
    doubted: set[int],
) -> bytes:
    """Return the true leaf hash of one position, and say what was changed if something was."""
    mine, kept, position = made[at], stored[at], begin + at
    if mine == kept and mine is not None:
        return mine
    row = f"({station}, {position})"
    if mine is None:
        report.add("entries", row, "", "is missing: it was deleted")
        return kept or merkle.EMPTY_ROOT
    if kept is None:
        report.add("nodes", f"({station}, 0, {position})", "", "is missing: it was deleted")
        return mine
    parent = upper[at >> 1] if at >> 1 < len(upper) else None
    other = stored[at ^ 1] if (at ^ 1) < len(stored) else None
    if parent is not None and other is not None:
        pair = (kept, other) if at % 2 == 0 else (other, kept)
        if merkle.node_hash(*pair) == parent:
            report.add("entries", row, "", "is not what its leaf hash stands for: it was changed")
            doubted.add(position)
            return kept
        report.add("nodes", f"({station}, 0, {position})", "hash", "is not its entry's hash")
        return mine
    report.add("entries", row, "", "and its leaf hash disagree: one of them was changed")
    report.add("nodes", f"({station}, 0, {position})", "hash", "disagrees with its entry")
    doubted.add(position)
    return kept


def _compare_nodes(
    station: str,
    level: int,
    place: int,
    true: list[bytes],
    stored: list[bytes | None],
    report: Report,
) -> None:
    if true == stored:
        return
    for at, (right, found) in enumerate(zip(true, stored, strict=True)):
        if found != right:
            said = "is missing: it was deleted" if found is None else "is not its children's hash"
            column = "" if found is None else "hash"
            report.add("nodes", f"({station}, {level}, {place + at})", column, said)


def _parents(row: list[bytes]) -> list[bytes]:
    sha = hashlib.sha256
    pairs = zip(row[::2], row[1::2], strict=False)
    return [sha(b"\x01" + left + right).digest() for left, right in pairs]


def _carry(
    connection: sa.Connection, station: str, frontier: merkle.Frontier, top: bytes, report: Report
) -> merkle.Frontier:
    """Append a whole block by its root, and check the subtrees that this closes above it."""
    bits = BLOCK.bit_length() - 1
    blocks, made = merkle.Frontier(frontier.size >> bits, frontier.hashes).append(top)
    for node in made[1:]:
        level = bits + node.level
        stored = _stored(connection, station, level, node.index, 1)
        _compare_nodes(station, level, node.index, [node.hash], stored, report)
    return merkle.Frontier(blocks.size << bits, blocks.hashes)


def _stored(
    connection: sa.Connection, station: str, level: int, begin: int, width: int
) -> list[bytes | None]:
    end = begin + width
    rows = _NODES.all(connection, station=station, level=level, begin=begin, end=end)
    if len(rows) == width:
        return list(map(_HASH, rows))
    found = {place: one for one, place in rows}
    return [found.get(place) for place in range(begin, begin + width)]


_HASH = itemgetter(0)


def root_at(connection: sa.Connection, station: str, size: int) -> bytes:
    """Return the root that the log had at ``size`` entries, from stored nodes."""
    return read_frontier(connection, station, size).root()
