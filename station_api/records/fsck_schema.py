"""Check that a database has the tables, columns and nothing else that this program made.

In: an open connection, the tables as the program knows them. Out: findings that name each table or
column that is missing or was added, and each trigger or view, of which pinmark makes none.
"""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from station_api.records.findings import Finding

OWN = frozenset({"alembic_version"})
"""Tables that are not ours and may be there."""


def schema_findings(connection: sa.Connection, known: Iterable[sa.MetaData]) -> list[Finding]:
    """Return what differs; what is missing first, since nothing of it can be compared."""
    tables = {table.name: table for metadata in known for table in metadata.sorted_tables}
    look = sa.inspect(connection)
    there = set(look.get_table_names())
    lost = [Finding(name, "", "", "the table is missing") for name in tables if name not in there]
    added = []
    for name in sorted(there & tables.keys()):
        columns = {str(column["name"]) for column in look.get_columns(name)}
        wanted = {str(column.name) for column in tables[name].columns}
        lost += [Finding(name, "", one, "is missing") for one in sorted(wanted - columns)]
        added += [Finding(name, "", one, "was added") for one in sorted(columns - wanted)]
    if connection.dialect.name == "sqlite":  # a server's database may be shared with others
        more = sorted(there - tables.keys() - OWN)
        added += [Finding(name, "", "", "the table was added") for name in more]
        query = "SELECT type, name, tbl_name FROM sqlite_master WHERE type IN ('trigger', 'view')"
        for kind, name, table in connection.exec_driver_sql(query + " ORDER BY name"):
            added.append(Finding(table, "", "", f"the {kind} {name} was added"))
    return lost + added


def is_whole(findings: Iterable[Finding]) -> bool:
    """Return whether nothing is missing, so that rows can be compared."""
    return not any("is missing" in one.problem for one in findings)
