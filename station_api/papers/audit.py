"""The audit of one month: gaps in serials, doubts, rejects, re-marks, late entries and answers.

In: the records, the registry, a month (UTC), the checkpoint it is bound to. Out: `Audit`: counts,
and a `Line` for each thing an auditor would ask about, with what has become of it since. Authority:
27 CFR 478.123 (entries by the seventh day), 478.25a (a trace is answered within 24 hours); the rest
is what the log makes plain. A gap is a serial between marked ones whose pin was never burned.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, astuple, dataclass, fields
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import sqlalchemy as sa

from engraver.errors import InputError
from engraver.record import MarkState
from engraver.registry import Registry
from station_api.papers.entries import to_entry
from station_api.papers.licensee import Licensee
from station_api.papers.prints import checkpoint_fields, csv_row
from station_api.papers.unentered import unentered
from station_api.records import Records, now_us, utc_text
from station_api.records.tables import marks, transitions
from station_api.reports.typesetting import set_report
from station_api.tables import book, mark_corrections, trace_queries, trace_requests

TEMPLATE = "audit.typ"
MOST_LINES_IN_PRINT = 400
"""Lines of one kind in print; all of them stand in the CSV and the JSON."""

GAP, UNKNOWN, REJECT, REMARK = "gap in serials", "unknown", "reject", "re-mark"
SCRAP, CANCEL = "scrapped", "cancelled"
LATE_ENTRY, OVERDUE, CORRECTION = "late entry", "no entry", "correction"
LATE_ANSWER, REFUSED = "late answer", "refused search"
KINDS = (
    GAP, UNKNOWN, REJECT, REMARK, SCRAP, CANCEL, LATE_ENTRY, OVERDUE, CORRECTION, LATE_ANSWER,
    REFUSED,
)  # fmt: skip
STATES = {
    MarkState.UNKNOWN.value: UNKNOWN,
    MarkState.REJECTED.value: REJECT,
    MarkState.RE_MARK.value: REMARK,
    MarkState.SCRAPPED.value: SCRAP,
    MarkState.CANCELLED.value: CANCEL,
}
DAY_US = 86_400_000_000
ANSWER_US = DAY_US
"""27 CFR 478.25a: not later than 24 hours after receipt."""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing to ask about; ``since`` is what has become of it."""

    kind: str
    what: str
    make: str
    model: str
    serial: str
    at: str
    by: str
    said: str
    since: str


@dataclass(frozen=True, slots=True)
class Audit:
    """One month of one station."""

    month: str
    begins: str
    ends: str
    over: bool
    station: str
    licensee: Mapping[str, str]
    counts: Mapping[str, int]
    kinds: Mapping[str, int]
    lines: tuple[Line, ...]
    checkpoint: Mapping[str, Any]
    note: str


def month_span(month: str, now: int) -> tuple[int, int]:
    """Return where a month begins and ends, us since 1970-01-01 UTC.

    Raises
    ------
    InputError
        If it is no month, or has not begun.
    """
    if not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", month) or month < "1970-01":
        raise InputError(f"month {month[:20]!r} is none; write YYYY-MM, such as 2027-01")
    first = date.fromisoformat(f"{month}-01")
    after = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    begin, end = (
        int(datetime(day.year, day.month, 1, tzinfo=UTC).timestamp()) * 1_000_000
        for day in (first, after)
    )
    if begin > now:
        raise InputError(f"month {month} has not begun; it is {utc_text(now)} now")
    return begin, end


def audit(
    records: Records,
    registry: Registry,
    licensee: Licensee,
    month: str,
    note: str,
    now: int | None = None,
) -> Audit:
    """Look through one month of this station.

    Parameters
    ----------
    note
        The signed checkpoint that the report stands by.

    Raises
    ------
    InputError
        If the month is none, or has not begun.
    """
    at = now_us() if now is None else now
    begin, end = month_span(month, at)
    stands = checkpoint_fields(note)
    span = (begin, end, int(stands["size"]))
    with records.database.reading.connect() as connection:
        counts = Counter(_changes(connection, records.station, *span))
        lines = [
            *_gaps(connection, registry, begin, end),
            *_marks(connection, records.station, *span),
            *_book(connection, records.station, begin, end),
            *_traces(connection, records.station, begin, end, at),
        ]
    last_day = datetime.fromtimestamp(min(end, at) / 1e6, UTC).date().isoformat()
    for one in unentered(records):
        if one.due_on < last_day:
            named = (one.make, one.model, one.serial)
            said = f"verified on {one.verified_on}, due on {one.due_on}"
            lines.append(Line(OVERDUE, one.mark_id, *named, "", "", said, "not in the book"))
    found = sorted(lines, key=lambda line: KINDS.index(line.kind))
    kinds = Counter(line.kind for line in found)
    return Audit(
        month=month,
        begins=utc_text(begin),
        ends=utc_text(end),
        over=end <= at,
        station=records.station,
        licensee=asdict(licensee),
        counts={state.value: counts[state.value] for state in MarkState},
        kinds={kind: kinds[kind] for kind in KINDS},
        lines=tuple(found),
        checkpoint=stands,
        note=note,
    )


def csv_text(found: Audit) -> str:
    """Return the lines as CSV."""
    rows = [csv_row(field.name for field in fields(Line))]
    return "".join([*rows, *(csv_row(astuple(line)) for line in found.lines)])


def audit_report(found: Audit) -> bytes:
    """Set the audit as PDF, the same from the same findings."""
    sections = []
    for kind in KINDS:
        of = [asdict(line) for line in found.lines if line.kind == kind]
        left = max(0, len(of) - MOST_LINES_IN_PRINT)
        sections.append({"kind": kind, "lines": of[:MOST_LINES_IN_PRINT], "left": left})
    facts = {**asdict(found), "sections": sections}
    del facts["lines"]
    return set_report(TEMPLATE, facts)


def _changes(
    connection: sa.Connection, station: str, begin: int, end: int, size: int
) -> Iterator[str]:
    """Yield the state that each transition of the month led to."""
    query = sa.select(transitions.c.to_state).where(*_within(station, begin, end, size))
    yield from connection.execute(query).scalars()


def _within(station: str, begin: int, end: int, size: int) -> list[sa.ColumnElement[bool]]:
    return [
        transitions.c.station == station,
        transitions.c.position < size,
        transitions.c.at_us >= begin,
        transitions.c.at_us < end,
    ]


def _marks(
    connection: sa.Connection, station: str, begin: int, end: int, size: int
) -> Iterator[Line]:
    """Yield marks that came into a state that somebody has to answer for."""
    query = (
        sa.select(transitions, marks.c.make, marks.c.model, marks.c.serial, marks.c.state)
        .join(marks, marks.c.mark_id == transitions.c.mark_id)
        .where(*_within(station, begin, end, size), transitions.c.to_state.in_(list(STATES)))
        .order_by(transitions.c.position)
    )
    for row in connection.execute(query):
        who = " and ".join(name for name in (row.actor, row.approver) if name)
        stays = "as then" if row.state == row.to_state else row.state
        if row.to_state == MarkState.RE_MARK.value:
            stays = _successor(connection, row.mark_id)
        named = (row.mark_id, row.make, row.model, row.serial)
        yield Line(STATES[row.to_state], *named, utc_text(row.at_us), who, row.reason, stays)


def _successor(connection: sa.Connection, mark_id: str) -> str:
    code = sa.select(marks.c.code).where(marks.c.mark_id == mark_id).scalar_subquery()
    query = sa.select(marks.c.mark_id, marks.c.state).where(
        marks.c.code == code, marks.c.replaces == mark_id
    )
    row = connection.execute(query).first()
    return f"{row.mark_id}, {row.state}" if row else "no successor yet"


def _gaps(connection: sa.Connection, registry: Registry, begin: int, end: int) -> Iterator[Line]:
    """Yield serials that were passed over, of every allotment that was marked from this month.

    All stations of this database are looked at: a serial that another one marked is no gap.
    """
    moved = sa.select(transitions.c.mark_id).where(
        transitions.c.to_state == MarkState.MARKING.value, transitions.c.at_us < end
    )
    blank = sa.select(transitions.c.mark_id).where(
        transitions.c.to_state == MarkState.CANCELLED.value, transitions.c.at_us < end
    )
    query = sa.select(marks.c.code_index, marks.c.intended_at_us).where(
        marks.c.mark_id.in_(moved), marks.c.mark_id.not_in(blank)
    )
    rows = connection.execute(query.execution_options(yield_per=100_000)).all()
    burned = np.array([tuple(row) for row in rows], dtype=np.int64).reshape(-1, 2)
    indices = np.unique(burned[:, 0])
    fresh = np.unique(burned[burned[:, 1] >= begin, 0])
    for row in sorted(registry.rows, key=lambda one: one.first_index):
        inside = (indices >= row.first_index) & (indices < row.first_index + row.count)
        own = indices[inside]
        if len(np.intersect1d(own, fresh)):
            for low, high in zip(
                own[:-1][np.diff(own) > 1], own[1:][np.diff(own) > 1], strict=True
            ):
                yield _gap(registry, int(low) + 1, int(high) - 1, int(high) in fresh)


def _gap(registry: Registry, first: int, last: int, new: bool) -> Line:
    begins, ends = registry.identify(first), registry.identify(last)
    many = last - first + 1
    serials = begins.serial if many == 1 else f"{begins.serial} to {ends.serial}"
    said = "1 serial" if many == 1 else f"{many} serials"
    opened = "passed over in this month" if new else "passed over before"
    return Line(GAP, serials, begins.make, begins.model, begins.serial, "", "", said, opened)


def _book(connection: sa.Connection, station: str, begin: int, end: int) -> Iterator[Line]:
    """Yield entries that were late, and corrections."""
    query = sa.select(book).where(
        book.c.station == station, book.c.changed_at_us >= begin, book.c.changed_at_us < end
    )
    for row in connection.execute(query.order_by(book.c.position)):
        entry = to_entry(row._mapping)
        who = " and ".join(name for name in (entry.written_by, entry.approved_by) if name)
        named = (entry.entry_id, entry.manufacturer, entry.model, entry.serial)
        at = utc_text(entry.changed_at_us)
        if entry.version > 1:
            yield Line(CORRECTION, *named, at, who, entry.reason, "")
        elif entry.days_late:
            said = f"{entry.how} on {entry.on_date}, {entry.days_late} days late"
            yield Line(LATE_ENTRY, *named, at, who, said, "")
    query = sa.select(mark_corrections).where(
        mark_corrections.c.station == station,
        mark_corrections.c.number > 0,
        mark_corrections.c.changed_at_us >= begin,
        mark_corrections.c.changed_at_us < end,
    )
    for row in connection.execute(query.order_by(mark_corrections.c.position)):
        who, at = f"{row.asked_by} and {row.approved_by}", utc_text(row.changed_at_us)
        yield Line(
            CORRECTION, row.mark_id, row.make, row.model, row.serial, at, who, row.reason, ""
        )


def _traces(
    connection: sa.Connection, station: str, begin: int, end: int, now: int
) -> Iterator[Line]:
    """Yield requests of the month that were answered late or are late, and refused searches."""
    of_month = (trace_requests.c.received_at_us >= begin) & (trace_requests.c.received_at_us < end)
    query = sa.select(trace_requests).where(trace_requests.c.station == station, of_month)
    for row in connection.execute(query.order_by(trace_requests.c.received_at_us)):
        done = row.answered_at_us
        over_us = (now if done is None else done) - row.received_at_us - ANSWER_US
        if over_us > 0 and row.state != "withdrawn":
            said = f"received {utc_text(row.received_at_us)}, {over_us / 3.6e9:.1f} hours late"
            since = "still open" if done is None else f"answered {utc_text(done)}"
            at = utc_text(row.received_at_us)
            yield Line(
                LATE_ANSWER, row.request_id, "", "", "", at, row.answered_by or "", said, since
            )
    query = sa.select(trace_queries).where(
        trace_queries.c.station == station,
        trace_queries.c.outcome == "refused",
        trace_queries.c.changed_at_us >= begin,
        trace_queries.c.changed_at_us < end,
    )
    for row in connection.execute(query.order_by(trace_queries.c.position)):
        named = (row.query_id, "", "", "", utc_text(row.changed_at_us), row.asked_by)
        yield Line(REFUSED, *named, row.reason, row.request_id or "for no request")
