"""The marks that carry a code, in the state they were in when the log had so many entries.

In: codes or a serial, and how far each station's log was read. Out: `TracedMark` values with their
lineage; every state is there and labelled, a pin that was scrapped or never burned too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from engraver.record import MarkState
from station_api.papers.mark_corrections import FIELDS, made_of
from station_api.records.tables import marks, transitions
from station_api.tables import mark_corrections
from station_api.trace.tail import Reach

CODES_A_STEP = 500

LABELS = {
    MarkState.INTENDED: "order accepted, nothing burned yet",
    MarkState.MARKING: "being marked",
    MarkState.MARKED: "marked, not yet inspected",
    MarkState.UNKNOWN: "begun; what the laser did is in doubt",
    MarkState.VERIFIED: "marked and read back",
    MarkState.REJECTED: "marked and found bad",
    MarkState.CANCELLED: "cancelled: the pin stayed blank",
    MarkState.SCRAPPED: "scrapped: the pin was taken out of use",
    MarkState.RE_MARK: "given up: two people allowed a successor",
}
"""What each state means to somebody who traces."""

BLANK = frozenset({MarkState.INTENDED, MarkState.CANCELLED})
_FIELDS = (
    "mark_id", "station", "order_id", "make", "model", "serial", "code", "code_index", "recipe",
    "intended_at_us", "lineage", "replaces",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class TracedMark:
    """One mark of a firearm; ``entry`` is where its first entry stands in its station's log."""

    mark_id: str
    station: str
    order_id: str
    make: str
    model: str
    serial: str
    code: str
    code_index: int
    recipe: str
    intended_at_us: int
    lineage: str
    replaces: str | None
    state: str
    changed_at_us: int
    entry: int
    newest_entry: int
    label: str
    burned: bool
    replaced_by: str | None = None
    history: tuple[str, ...] = field(default=())
    corrected: tuple[dict[str, Any], ...] = field(default=())
    """Corrections of the record within the searched part of the log, oldest first, each whole."""


def marks_of(
    connection: sa.Connection, codes: Sequence[str], reach: Mapping[str, Reach]
) -> list[TracedMark]:
    """Return every mark with one of these codes, oldest first."""
    found: list[TracedMark] = []
    for start in range(0, len(codes), CODES_A_STEP):
        wanted = marks.c.code.in_(codes[start : start + CODES_A_STEP])
        found += _read(connection, sa.select(marks).where(wanted), reach)
    return sorted(found, key=lambda one: (one.intended_at_us, one.station, one.entry))


def marks_with_serial(
    connection: sa.Connection, serial: str, reach: Mapping[str, Reach], rows: int
) -> tuple[list[TracedMark], list[str]]:
    """Return the first marks whose serial fits, and the ids of all of them, in order.

    A mark is found by the serial it was ordered for, and by every one it was corrected to.
    ``serial`` is folded; ``?`` stands for one character, ``*`` for any number.
    """
    plain = serial.replace("_", r"\_").replace("?", "_").replace("*", "%")
    exact = not set(serial) & set("?*")
    begins = re.split(r"[?*]", serial, maxsplit=1)[0]
    fits, corrected = (
        column == serial
        if exact
        else column.like(plain, escape="\\") & _begins_with(connection, column, begins)
        for column in (marks.c.serial, mark_corrections.c.serial)
    )
    query = sa.union(
        sa.select(marks.c.serial, marks.c.mark_id, transitions.c.station, transitions.c.position)
        .join(transitions, transitions.c.mark_id == marks.c.mark_id)
        .where(fits, transitions.c.from_state.is_(None)),
        sa.select(
            mark_corrections.c.serial,
            mark_corrections.c.mark_id,
            mark_corrections.c.station,
            mark_corrections.c.position,
        ).where(corrected, mark_corrections.c.number > 0),
    )
    found = [
        (row.serial, row.mark_id)
        for row in connection.execute(query)
        if row.station in reach and row.position < reach[row.station].size
    ]
    ids = list(dict.fromkeys(mark_id for _, mark_id in sorted(found)))
    shown = ids[:rows]
    read = _read(connection, sa.select(marks).where(marks.c.mark_id.in_(shown)), reach)
    place = {mark_id: at for at, mark_id in enumerate(shown)}
    return sorted(read, key=lambda one: place[one.mark_id]), ids


def _begins_with(
    connection: sa.Connection, column: sa.ColumnElement[str], begins: str
) -> sa.ColumnElement[bool]:
    """Narrow to a stretch of the index; only SQLite is known to keep texts in order of bytes."""
    if not begins or connection.dialect.name != "sqlite":
        return sa.true()
    return (column >= begins) & (column < begins + "\U0010ffff")


def _read(
    connection: sa.Connection, query: sa.Select[Any], reach: Mapping[str, Reach]
) -> list[TracedMark]:
    found = connection.execute(query).mappings()
    rows = {row["mark_id"]: {str(name): value for name, value in row.items()} for row in found}
    if not rows:
        return []
    history = _histories(connection, rows.keys(), reach)
    successor = _successors(connection, rows)
    corrected = _corrections(connection, rows, reach)
    return [
        _traced(row, history[mark_id], successor.get(mark_id), corrected.get(mark_id, ()))
        for mark_id, row in rows.items()
        if mark_id in history
    ]


def _successors(connection: sa.Connection, rows: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return for each mark the one that took its place; it repeats the code, which is indexed."""
    same = marks.c.code.in_(sorted({row["code"] for row in rows.values()}))
    query = sa.select(marks.c.replaces, marks.c.mark_id).where(same, marks.c.replaces.is_not(None))
    return {row[0]: row[1] for row in connection.execute(query)}


def _histories(
    connection: sa.Connection, mark_ids: Iterable[str], reach: Mapping[str, Reach]
) -> dict[str, list[Any]]:
    """Return the transitions that the searched part of each log holds, oldest first."""
    query = sa.select(transitions).where(transitions.c.mark_id.in_(list(mark_ids)))
    found: dict[str, list[Any]] = {}
    for row in connection.execute(query.order_by(transitions.c.position)):
        if row.station in reach and row.position < reach[row.station].size:
            found.setdefault(row.mark_id, []).append(row)
    return found


def _corrections(
    connection: sa.Connection, mark_ids: Iterable[str], reach: Mapping[str, Reach]
) -> dict[str, tuple[dict[str, Any], ...]]:
    """Return the corrections of marks that the searched part of each log holds."""
    found: dict[str, tuple[dict[str, Any], ...]] = {}
    for mark_id, made in made_of(connection, mark_ids).items():
        found[mark_id] = tuple(
            {**{name: getattr(one, name) for name in FIELDS}, "reason": one.reason}
            | {"by": [one.asked_by, one.approved_by], "entry": one.position}
            for one in made
            if one.position < reach[one.station].size
        )
    return found


def _traced(
    row: Mapping[str, Any],
    history: list[Any],
    successor: str | None,
    corrected: tuple[dict[str, Any], ...],
) -> TracedMark:
    newest = history[-1]
    state = MarkState(newest.to_state)
    return TracedMark(
        **{name: row[name] for name in _FIELDS},
        state=state.value,
        changed_at_us=newest.at_us,
        entry=history[0].position,
        newest_entry=newest.position,
        label=LABELS[state],
        burned=state not in BLANK,
        replaced_by=successor,
        history=tuple(step.to_state for step in history),
        corrected=corrected,
    )
