"""What nearly always agrees, compared many at a time: rows with the records of their entries.

In: blocks of entries and of rows, as tuples. Out: whether all agree, to the byte. It never names
anything: what does not agree here is taken apart and named by `fsck`, one by one.

Theory of operation
-------------------
A record is canonical bytes, and a transition's is ``{"mark":{...},"transition":{...},"v":1}``.
So nothing has to be decoded: the rows are written as canonical bytes, all at once, and laid
beside the pieces of the records in which they stand. Quotes inside a text are escaped in JSON,
so the borders looked for cannot occur in one, and pieces joined by such a border are equal only
if each is equal. Names are in order already, so that writing sorts nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from engraver.errors import InputError
from engraver.record import MarkState
from station_api.records import canonical
from station_api.records.fsck_tree import EntryRow
from station_api.records.prepared import Prepared
from station_api.records.states import TRANSITIONS
from station_api.records.tables import (
    MARK_COLUMNS,
    TRANSITION_COLUMNS,
    transitions,
)

COLUMNS = tuple(sorted(TRANSITION_COLUMNS))
"""Columns of `transitions` in the order of their canonical bytes."""

POSITION, _BEFORE, _AFTER = map(COLUMNS.index, ("position", "from_state", "to_state"))

ALLOWED: dict[str | None, frozenset[str]] = {
    before.value: frozenset(after.value for after in afters)
    for before, afters in TRANSITIONS.items()
} | {None: frozenset({MarkState.INTENDED.value})}
"""Which state may follow which, as the tables spell them."""

MARK_ORDER = tuple(sorted(MARK_COLUMNS))
"""Columns of `marks` in the order of their canonical bytes."""

_HEAD, _BORDER, _END = b'{"mark":', b',"transition":', {"v": canonical.VERSION}

Row = tuple[Any, ...]


class Rows:
    """The transitions of a station, read in step with its entries."""

    def __init__(self, connection: sa.Connection, station: str) -> None:
        self._connection, self._station, self._begin = connection, station, -(2**62)

    def until(self, end: int | None) -> list[Row]:
        """Return the rows from where the last call ended to before ``end``, in order."""
        limit = 2**62 if end is None else end
        span = {"station": self._station, "begin": self._begin, "end": limit}
        self._begin = max(limit, self._begin)
        return _TRANSITIONS.all(self._connection, **span)


_TRANSITIONS = Prepared(
    sa.select(*(transitions.c[name] for name in COLUMNS))
    .where(
        transitions.c.station == sa.bindparam("station"),
        transitions.c.position >= sa.bindparam("begin"),
        transitions.c.position < sa.bindparam("end"),
    )
    .order_by(transitions.c.position)
)


def transitions_agree(said: Sequence[EntryRow], rows: Sequence[Row]) -> bool:
    """Return whether these entries, all of kind ``transition``, say exactly these rows."""
    if len(said) != len(rows):
        return False
    if list(map(itemgetter(POSITION), rows)) != list(map(itemgetter(0), said)):
        return False
    steps = set(map(itemgetter(_BEFORE, _AFTER), rows))
    if any(after not in ALLOWED.get(before, ()) for before, after in steps):
        return False
    parts = [{"transition": row, **_END} for row in map(dict, map(zip, repeat(COLUMNS), rows))]
    # the last border: what follows it holds no other, so that it is the whole transition
    tails = [record.rpartition(_BORDER)[2] for *_, record in said]
    return _written(parts) == b'[{"transition":' + b',{"transition":'.join(tails) + b"]"


def marks_agree(rows: Sequence[Row]) -> bool:
    """Return whether these marks are what their entries say.

    Each row is the values in the order of `MARK_ORDER`, then kind and record of the entry at the
    mark's position, ``None`` if there is none.
    """
    if set(map(itemgetter(-2), rows)) != {"transition"}:
        return False
    records = list(map(itemgetter(-1), rows))
    if not all(record.startswith(_HEAD) for record in records):
        return False
    parts = [{"mark": row} for row in map(dict, map(zip, repeat(MARK_ORDER), rows))]
    heads = [record[len(_HEAD) : record.find(_BORDER)] for record in records]
    return _written(parts) == b"[" + _HEAD + (b"}," + _HEAD).join(heads) + b"}]"


def _written(rows: list[Any]) -> bytes | None:
    try:
        return canonical.encode(rows)
    except InputError:  # a value of a type that no record holds: it agrees with nothing
        return None
