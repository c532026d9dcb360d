"""Rows that testify: each version of a row and its log entry, in one transaction.

In: a row of one of `tables.KEPT_TABLES`. Out: the row, and an entry that holds it whole; `check`
says which rows are not as they were recorded, or missing, or made by nobody. Secrets stand in the
entry as their SHA-256.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from station_api.records import Records, canonical
from station_api.records.findings import Finding
from station_api.records.tables import entries
from station_api.records.transition import Pen
from station_api.tables import KEPT_TABLES, PASSING_COLUMNS, SECRET_COLUMNS

KIND = {
    "profiles": "release",
    "recipe_releases": "release",
    "book": "paper",
    "corrections": "paper",
    "casings": "casing",
    "trace_requests": "trace",
    "trace_queries": "trace",
}
"""Kind of the entry by table; the others are of kind ``auth``."""


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
    """Compare every kept row with the newest entry that speaks of it; name what differs."""
    with records.database.reading.connect() as connection:
        newest = _newest(connection, records.station)
        findings: list[Finding] = []
        for table in KEPT_TABLES:
            mine = sa.select(table).where(table.c.station == records.station)
            for found in connection.execute(mine):
                row = public_row({str(n): v for n, v in found._mapping.items()})
                testified = newest.pop((table.name, _key(table, row)), None)
                findings += _differences(table, row, testified)
        missing = "is missing: the log speaks of it"
        findings += [Finding(name, "/".join(key), "", missing) for name, key in newest]
    return findings


def _newest(
    connection: sa.Connection, station: str
) -> dict[tuple[str, tuple[str, ...]], dict[str, Any]]:
    kinds = {"auth", *KIND.values()}
    query = sa.select(entries.c.record).where(
        entries.c.station == station, entries.c.kind.in_(kinds)
    )
    tables = {table.name: table for table in KEPT_TABLES}
    newest = {}
    for (record,) in connection.execute(query.order_by(entries.c.position)):
        event = canonical.decode(bytes(record))["event"]
        table = tables.get(event.get("table", ""))
        if table is not None:
            newest[table.name, _key(table, event["row"])] = event["row"]
    return newest


def _differences(
    table: sa.Table, row: Mapping[str, Any], testified: Mapping[str, Any] | None
) -> Iterator[Finding]:
    which = "/".join(_key(table, row))
    if testified is None:
        yield Finding(table.name, which, "", "was inserted: no entry of the log speaks of it")
        return
    for name, value in row.items():
        if testified.get(name) != value:
            said = f"is not what entry {testified['position']} recorded"
            yield Finding(table.name, which, name, said)


def _key(table: sa.Table, row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(row[str(column.name)]) for column in table.primary_key)


def _where(table: sa.Table, row: Mapping[str, Any]) -> list[sa.ColumnElement[bool]]:
    return [column == row[str(column.name)] for column in table.primary_key]
