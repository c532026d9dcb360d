"""What the index is made from: codes of marks as the database holds them, by place in the log.

In: a connection that sees one moment. Out: the codes that came between two sizes of a station's
log, and the root hash that says which log that was.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import sqlalchemy as sa

from station_api.records.ledger import log_size, read_frontier
from station_api.records.tables import entries, marks, transitions
from station_api.trace.packing import FORMAT_OF, Indices, Packed, pack_texts
from station_api.trace.tail import Codes, Frame, Reach

ROWS_A_STEP = 200_000


def stations(connection: sa.Connection) -> list[str]:
    """Return every station whose log is here: one look-up by key each."""
    found: list[str] = []
    while True:
        query = sa.select(sa.func.min(entries.c.station))
        if found:
            query = query.where(entries.c.station > found[-1])
        following = connection.execute(query).scalar()
        if following is None:
            return found
        found.append(str(following))


def reach_now(connection: sa.Connection, station: str, size: int | None = None) -> Reach:
    """Return size and root of a station's log: as it stands, or as it stood at ``size``."""
    at = log_size(connection, station) if size is None else size
    return Reach(at, read_frontier(connection, station, at).root().hex())


def is_same_log(connection: sa.Connection, station: str, reach: Reach) -> bool:
    """Return whether the log here begins with the entries that were read."""
    if log_size(connection, station) < reach.size:
        return False
    return reach_now(connection, station, reach.size) == reach


def read_all(connection: sa.Connection) -> Frame:
    """Return every code there is, and how far each log reaches at this moment."""
    reach = {station: reach_now(connection, station) for station in stations(connection)}
    query = sa.select(marks.c.code, marks.c.code_index).execution_options(yield_per=ROWS_A_STEP)
    parts = [_packed(rows) for rows in connection.execute(query).partitions()]
    return Frame(reach, join([codes for codes, _ in parts]), sum(odd for _, odd in parts))


def read_since(connection: sa.Connection, station: str, begin: int, end: int) -> Frame:
    """Return the codes whose marks were begun in the entries from ``begin`` to before ``end``."""
    query = (
        sa.select(marks.c.code, marks.c.code_index)
        .select_from(transitions.join(marks, marks.c.mark_id == transitions.c.mark_id))
        .where(
            transitions.c.station == station,
            transitions.c.position >= begin,
            transitions.c.position < end,
            transitions.c.from_state.is_(None),
        )
    )
    codes, odd = _packed(connection.execute(query))
    return Frame({station: reach_now(connection, station, end)}, codes, odd)


def _packed(rows: Iterable[Any]) -> tuple[Codes, int]:
    by_length: dict[int, list[tuple[str, int]]] = {}
    for code, index in rows:
        by_length.setdefault(len(code), []).append((code, index))
    found: Codes = {}
    odd = 0
    for length, pairs in by_length.items():
        if length not in FORMAT_OF:
            odd += len(pairs)
            continue
        packed, sound = pack_texts([code for code, _ in pairs], length)
        indices = np.array([index for _, index in pairs], dtype=np.int64)
        odd += int((~sound).sum())
        if sound.any():
            found[FORMAT_OF[length]] = (packed[sound], indices[sound])
    return found, odd


def join(parts: Iterable[Codes]) -> Codes:
    """Return all codes of the parts, by format, distinct and in ascending order."""
    gathered: dict[str, list[tuple[Packed, Indices]]] = {}
    for part in parts:
        for name, arrays in part.items():
            gathered.setdefault(name, []).append(arrays)
    joined: Codes = {}
    for name, pieces in gathered.items():
        codes, first = np.unique(np.concatenate([c for c, _ in pieces]), return_index=True)
        joined[name] = codes, np.concatenate([i for _, i in pieces])[first]
    return joined
