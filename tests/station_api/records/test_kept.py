"""Every kept table, whichever room it came from: each column, each row, each roll-back is named.

A table that joins `KEPT_TABLES` is covered here without another line; one that joins neither that
list nor the list of what does not testify fails the first test.
"""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from station_api import kept
from station_api.kept import keep_row
from station_api.records import Records
from station_api.tables import KEPT_TABLES, PASSING_COLUMNS, service_metadata

NOT_TESTIFYING = {"replies"}
"""Tables that hold answers to be given again for a week, and nothing else."""

SINGLE = [t for t in KEPT_TABLES if [c.name for c in t.primary_key] == ["station"]]
"""Tables in which a station has one row and no more."""

EACH = [pytest.param(table, id=table.name) for table in KEPT_TABLES if table not in SINGLE]


def made_up(table: sa.Table, n: int) -> dict[str, Any]:
    """A row whose every value is its own."""
    row: dict[str, Any] = {}
    for place, column in enumerate(table.columns):
        if isinstance(column.type, sa.Integer):
            row[str(column.name)] = 100 * n + place
        elif isinstance(column.type, sa.LargeBinary):
            row[str(column.name)] = f"{n}{place}".encode()
        else:
            row[str(column.name)] = f"{n}{chr(97 + place)}"[: column.type.length or 8]
    return row


def keep(records: Records, table: sa.Table, row: dict[str, Any], did: str = "made") -> None:
    records.transact(lambda c, pen: keep_row(c, pen, table, row, did, "test"))


def fill(records: Records, table: sa.Table) -> None:
    """Three rows, the second of them written twice."""
    for n in (1, 2, 3):
        keep(records, table, made_up(table, n))
    keep(records, table, made_up(table, 2), "made again")


def named(records: Records, table: sa.Table) -> list[tuple[str, str]]:
    found = kept.check(records)
    assert {one.table for one in found} <= {table.name}, [one.line() for one in found]
    return [(one.row, one.column) for one in found]


def key_of(table: sa.Table, n: int) -> str:
    row = made_up(table, n)
    return "/".join(str(row[str(c.name)]) for c in table.primary_key)


def which(table: sa.Table, n: int) -> list[sa.ColumnElement[bool]]:
    row = made_up(table, n)
    return [c == row[str(c.name)] for c in table.primary_key]


def test_every_table_testifies_or_is_said_not_to() -> None:
    """No room adds a table that neither fsck nor the mutation test looks at."""
    assert {table.name for table in KEPT_TABLES} | NOT_TESTIFYING == set(service_metadata.tables)
    for table in KEPT_TABLES:
        assert {"station", "position", "changed_at_us"} <= set(table.columns.keys()), table.name


@pytest.mark.parametrize("table", EACH)
def test_a_changed_column_is_named(records: Records, table: sa.Table) -> None:
    """Each column of one row changed in turn: table, row and column are named, nothing else."""
    fill(records, table)
    assert kept.check(records) == []
    primary = {str(c.name) for c in table.primary_key}
    for column in sorted({str(c.name) for c in table.columns} - PASSING_COLUMNS):
        value = 7_003 if isinstance(table.c[column].type, sa.Integer) else "~"
        with records.database.writing.connect() as connection:
            old = connection.execute(sa.select(table.c[column]).where(*which(table, 2))).scalar()
            connection.execute(sa.update(table).where(*which(table, 2)).values({column: value}))
            connection.commit()
            found = named(records, table)
            if column in primary:
                assert (key_of(table, 2), "") in found, column  # the row as it was is missing
            else:
                assert {row for row, _ in found} == {key_of(table, 2)}, column
                assert column in {said for _, said in found}, column
            where = [
                c == (value if c.name == column else made_up(table, 2)[str(c.name)])
                for c in table.primary_key
            ]
            connection.execute(sa.update(table).where(*where).values({column: old}))
            connection.commit()
    assert kept.check(records) == []


@pytest.mark.parametrize("table", EACH)
def test_rows_taken_added_and_rolled_back_are_named(records: Records, table: sa.Table) -> None:
    """A row that is gone, one that nobody recorded, and one put back to what it was."""
    fill(records, table)
    with records.database.writing.begin() as connection:
        old = dict(connection.execute(sa.select(table).where(*which(table, 3))).one()._mapping)
        connection.execute(sa.delete(table).where(*which(table, 3)))
    assert named(records, table) == [(key_of(table, 3), "")]
    stranger = {**made_up(table, 4), "station": records.station}
    with records.database.writing.begin() as connection:
        connection.execute(sa.insert(table).values(**old))
        connection.execute(sa.insert(table).values(**stranger))
    assert named(records, table) == [(key_of(table, 4), "")]
    with records.database.writing.begin() as connection:
        connection.execute(sa.delete(table).where(*which(table, 4)))
    keep(records, table, made_up(table, 3), "made again")
    with records.database.writing.begin() as connection:
        connection.execute(sa.update(table).where(*which(table, 3)).values(**old))
    assert named(records, table) == [(key_of(table, 3), "position")]


@pytest.mark.parametrize("table", [pytest.param(table, id=table.name) for table in SINGLE])
def test_the_one_row_of_a_station_testifies(records: Records, table: sa.Table) -> None:
    """Each of its columns changed in turn, the row taken, the row put back to what it was."""
    keep(records, table, made_up(table, 1))
    with records.database.writing.begin() as connection:
        first = dict(connection.execute(sa.select(table)).one()._mapping)
    keep(records, table, made_up(table, 2), "made again")
    with records.database.writing.begin() as connection:
        second = dict(connection.execute(sa.select(table)).one()._mapping)
    assert kept.check(records) == []
    for column in sorted(set(second) - PASSING_COLUMNS - {"station"}):
        value = 7_003 if isinstance(table.c[column].type, sa.Integer) else "~"
        with records.database.writing.begin() as connection:
            connection.execute(sa.update(table).values({column: value}))
        found = named(records, table)
        assert {row for row, _ in found} == {records.station}, column
        assert column in {said for _, said in found}, column
        with records.database.writing.begin() as connection:
            connection.execute(sa.update(table).values(**second))
    with records.database.writing.begin() as connection:
        connection.execute(sa.update(table).values(**first))
    assert (records.station, "position") in named(records, table)
    with records.database.writing.begin() as connection:
        connection.execute(sa.delete(table))
    assert named(records, table) == [(records.station, "")]


def test_rows_beyond_one_block_are_all_compared(records: Records, monkeypatch: Any) -> None:
    """Pages and blocks miss no row at their borders, also where a key has several columns."""
    monkeypatch.setattr(kept, "BLOCK", 4)
    kept._rows.cache_clear()
    tables = [t for t in KEPT_TABLES if t.name in ("people", "profiles", "recipe_releases")]
    for table in tables:
        for n in range(1, 10):
            keep(records, table, made_up(table, n))
    assert kept.check(records) == []
    for table in tables:
        for n in range(1, 10):
            with records.database.writing.begin() as connection:
                before = connection.execute(
                    sa.select(table.c.changed_at_us).where(*which(table, n))
                ).scalar_one()
                changed = sa.update(table).where(*which(table, n))
                connection.execute(changed.values(changed_at_us=1))
            assert named(records, table) == [(key_of(table, n), "changed_at_us")]
            with records.database.writing.begin() as connection:
                connection.execute(changed.values(changed_at_us=before))
    kept._rows.cache_clear()
