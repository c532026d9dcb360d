"""Promises of the check of the schema: what was dropped or added is found and named."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from station_api import kept
from station_api.records import Records
from station_api.records.tables import metadata
from station_api.tables import service_metadata
from tests.station_api.records.houses import mark

TABLES = [table.name for known in (metadata, service_metadata) for table in known.sorted_tables]


def changed(folder: Path, statement: str) -> list[str]:
    path = folder / "station.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(statement)
    connection.close()
    records = Records(path)
    found = [one.line() for one in kept.fsck(records).findings]
    records.close()
    return found


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("ALTER TABLE marks DROP COLUMN recipe", "marks, column recipe: is missing"),
        ("ALTER TABLE marks ADD COLUMN note TEXT", "marks, column note: was added"),
        ("CREATE TABLE other (x)", "other: the table was added"),
        ("CREATE VIEW seen AS SELECT * FROM marks", "seen: the view seen was added"),
        (
            "CREATE TRIGGER quiet AFTER INSERT ON entries BEGIN DELETE FROM entries "
            "WHERE position = 0; END",
            "entries: the trigger quiet was added",
        ),
    ],
)
def test_what_was_changed_in_the_schema_is_named(tmp_path: Path, statement: str, said: str) -> None:
    """A column, a table, a view, a trigger that would change what is written later."""
    records = Records(tmp_path / "station.db")
    mark(records, 1)
    assert kept.fsck(records).sound
    records.close()
    assert said in changed(tmp_path, statement)


@pytest.mark.parametrize("table", TABLES)
def test_a_dropped_table_is_named(tmp_path: Path, table: str) -> None:
    """Every table there is, also those of people and papers."""
    records = Records(tmp_path / "station.db")
    mark(records, 1)
    records.close()
    assert f"{table}: the table is missing" in changed(tmp_path, f"DROP TABLE {table}")


def test_a_command_on_such_records_says_one_line(pinmark: Any, home: Path) -> None:
    """No traceback: what the database said, and the command that names what is wrong."""
    assert pinmark("people", "list").returncode == 0
    with sqlite3.connect(home / "station.db") as connection:
        connection.execute("DROP TABLE people")
    connection.close()
    said = pinmark("people", "list")
    assert said.returncode == 2 and "no such table: people" in said.stderr
    assert "pinmark log fsck" in said.stderr and len(said.stderr.splitlines()) == 1
    checked = pinmark("log", "fsck")
    assert checked.returncode == 1 and "people: the table is missing" in checked.stdout
    doctor = pinmark("doctor", "--json")
    assert "people: the table is missing" in doctor.stdout
