"""Rows that testify: each version of a row and its log entry, in one transaction.

In: a row of one of `tables.KEPT_TABLES`. Out: the row, and an entry that holds it whole; `check`
says which rows are not as they were recorded, or missing, or made by nobody. Secrets stand in the
entry as their SHA-256.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any

import sqlalchemy as sa

from station_api.records import Records, canonical
from station_api.records.findings import Finding, Report
from station_api.records.fsck import fsck as fsck_records
from station_api.records.fsck_schema import is_whole, schema_findings
from station_api.records.ledger import log_size
from station_api.records.prepared import Prepared
from station_api.records.tables import entries, metadata
from station_api.records.transition import Pen
from station_api.tables import (
    KEPT_TABLES,
    PASSING_COLUMNS,
    SECRET_COLUMNS,
    service_metadata,
)
from station_api.transparency.note import VerifierKey

KIND = {
    "profiles": "release",
    "recipe_releases": "release",
    "book": "paper",
    "corrections": "paper",
    "mark_corrections": "paper",
    "casings": "casing",
    "trace_requests": "trace",
    "trace_queries": "trace",
    "cosignatures": "cosigned",
}
"""Kind of the entry by table; the others are of kind ``auth``."""

_BY_NAME = {table.name: table for table in KEPT_TABLES}

KINDS = sorted({"auth", *KIND.values()})


def read_row(connection: sa.Connection, table: sa.Table, **key: Any) -> dict[str, Any] | None:
    """Return the row with this primary key, or ``None``."""
    found = connection.execute(sa.select(table).where(*_where(table, key))).first()
    return None if found is None else {str(n): v for n, v in found._mapping.items()}


def keep_row(
    connection: sa.Connection, pen: Pen, table: sa.Table, row: Mapping[str, Any], did: str, by: str
) -> dict[str, Any]:
    """Insert a row, or replace the one with its key, and write the entry that testifies to it."""
    position = pen.ledger.next_position(connection)
    whole = {
        **row,
        "station": pen.station,
        "position": position,
        "changed_at_us": pen.now.wall_us,
    }
    where = _where(table, whole)
    if connection.execute(sa.update(table).where(*where).values(**whole)).rowcount == 0:
        connection.execute(sa.insert(table).values(**whole))
    event = {"table": table.name, "row": public_row(whole), "did": did, "by": by}
    append(connection, pen, KIND.get(table.name, "auth"), event)
    return whole


def append(connection: sa.Connection, pen: Pen, kind: str, event: Mapping[str, Any]) -> None:
    """Append an event to the log inside a transaction."""
    record = {"clock": asdict(pen.now), "event": dict(event), "v": canonical.VERSION}
    pen.ledger.append(connection, kind, record, pen.ledger.next_position(connection))


def public_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row as its entry holds it."""
    kept = {name: value for name, value in row.items() if name not in PASSING_COLUMNS}
    return {
        name: hashlib.sha256(str(value).encode()).hexdigest() if name in SECRET_COLUMNS else value
        for name, value in kept.items()
    }


def check(records: Records) -> list[Finding]:
    """Compare every kept row with the entry it names, and every entry with the row it wrote.

    Both are read in blocks: memory grows with what is wrong, not with what was recorded.
    """
    with records.database.reading.connect() as connection:
        run = _Check(connection, records.station)
        for table in KEPT_TABLES:
            run.compare_rows(table)
        run.follow_log()
        return run.finish()


def fsck(
    records: Records, keys: Iterable[VerifierKey] = (), elsewhere: Sequence[str] = ()
) -> Report:
    """Do what `check` does together with the check of the records, in one reading of the log."""
    with records.database.reading.connect() as connection:
        differs = schema_findings(connection, (metadata, service_metadata))
        if not is_whole(differs):
            return Report(differs)
        run = _Check(connection, records.station)
        for table in KEPT_TABLES:
            run.compare_rows(table)
        report = fsck_records(records.database, keys, elsewhere, records.station, run.follow)
        report.findings += [*differs, *run.finish()]
        return report


@dataclass(slots=True)
class _Check:
    """One look at all kept rows of a station; findings by table, row and column, each once."""

    connection: sa.Connection
    station: str
    findings: dict[tuple[str, str, str], Finding] = field(default_factory=dict)
    _unspoken: set[tuple[str, tuple[str, ...]]] = field(default_factory=set)

    def add(self, table: str, key: tuple[str, ...], column: str, problem: str) -> None:
        """Note what is wrong."""
        which = "/".join(key)
        self.findings.setdefault((table, which, column), Finding(table, which, column, problem))

    def compare_rows(self, table: sa.Table) -> None:
        """Compare each row with what the entry at its position says of it."""
        names = [str(column.name) for column in table.columns]
        primary = [names.index(str(column.name)) for column in table.primary_key]
        first, following = _rows(table)
        page = first.all(self.connection, station=self.station)
        while page:
            for *values, record in page:
                row = public_row(dict(zip(names, values, strict=True)))
                event = {} if record is None else canonical.decode(bytes(record)).get("event", {})
                if event.get("table") != table.name or event.get("row") != row:
                    self._differ(table, row, event)
            last = {f"after_{n}": page[-1][place] for n, place in enumerate(primary)}
            page = following.all(self.connection, station=self.station, **last)

    def _differ(self, table: sa.Table, row: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        key = _key(table, row)
        if event.get("table") != table.name or _key(table, event["row"]) != key:
            self._unspoken.add((table.name, key))
            return
        for name, value in row.items():
            if event["row"].get(name) != value:
                said = f"is not what entry {event['row']['position']} recorded"
                self.add(table.name, key, name, said)

    def follow_log(self) -> None:
        """Look for the row that each entry wrote: it is there, as new as the entry or newer."""
        size = log_size(self.connection, self.station)
        for begin in range(0, size, BLOCK):
            span = {"station": self.station, "begin": begin, "end": begin + BLOCK}
            for position, record in _EVENTS.all(self.connection, **span):
                self.follow(position, canonical.decode(bytes(record)))

    def follow(self, position: int, record: Any) -> None:
        """Look for the row that an entry wrote, if it wrote one that is kept."""
        event = record.get("event") if isinstance(record, dict) else None
        if isinstance(event, dict) and (table := _BY_NAME.get(event.get("table", ""))) is not None:
            self._follow(table, _place(table), position, event["row"])

    def finish(self) -> list[Finding]:
        """Return what was found, once the log was followed."""
        for name, key in self._unspoken:
            self.add(name, key, "", "was inserted: no entry of the log speaks of it")
        return list(self.findings.values())

    def _follow(
        self, table: sa.Table, look: Prepared, position: int, written: Mapping[str, Any]
    ) -> None:
        key = _key(table, written)
        wanted = {f"key_{n}": written[str(c.name)] for n, c in enumerate(table.primary_key)}
        row = look.first(self.connection, **wanted)
        if row is None:
            self.add(table.name, key, "", "is missing: the log speaks of it")
        elif row[0] != self.station:
            self.add(table.name, key, "station", f"is {row[0]!r}, entry {position} says otherwise")
        elif row[1] < position:
            self.add(table.name, key, "position", f"is older than entry {position}: rolled back")
        elif (table.name, key) in self._unspoken:
            self._unspoken.discard((table.name, key))
            self.add(table.name, key, "position", f"is {row[1]}, where no entry speaks of it")


BLOCK = 4096
"""Rows or entries that are looked at together."""

_EVENTS = Prepared(
    sa.select(entries.c.position, entries.c.record)
    .where(entries.c.station == sa.bindparam("station"))
    .where(entries.c.position >= sa.bindparam("begin"), entries.c.position < sa.bindparam("end"))
    .where(entries.c.kind.in_([sa.literal_column(f"'{one}'") for one in KINDS]))
    .order_by(entries.c.position)
)


@cache
def _rows(table: sa.Table) -> tuple[Prepared, Prepared]:
    """Return statements for the first page of a table's rows and for the page after a key."""
    primary = list(table.primary_key)
    same = sa.and_(entries.c.station == table.c.station, entries.c.position == table.c.position)
    page = (
        sa.select(*table.c, entries.c.record)
        .select_from(table.outerjoin(entries, same))
        .where(table.c.station == sa.bindparam("station"))
        .order_by(*primary)
        .limit(sa.literal_column(str(BLOCK)))
    )
    last = [sa.bindparam(f"after_{n}", type_=c.type) for n, c in enumerate(primary)]
    return Prepared(page), Prepared(page.where(sa.tuple_(*primary) > sa.tuple_(*last)))


@cache
def _place(table: sa.Table) -> Prepared:
    """Return a statement that says whose a row is and at which position."""
    given = [c == sa.bindparam(f"key_{n}", type_=c.type) for n, c in enumerate(table.primary_key)]
    return Prepared(sa.select(table.c.station, table.c.position).where(*given))


def _key(table: sa.Table, row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(row[str(column.name)]) for column in table.primary_key)


def _where(table: sa.Table, row: Mapping[str, Any]) -> list[sa.ColumnElement[bool]]:
    return [column == row[str(column.name)] for column in table.primary_key]
