"""Every column of every table changed, rows taken, added, swapped, rolled back: each is named."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from station_api import log
from station_api.records import Records, fsck_tree
from station_api.records.database import open_database
from station_api.records.findings import Report
from station_api.records.fsck import fsck
from station_api.records.tables import metadata
from tests.station_api.records.houses import KEY, live_a_little, mark

Break = Callable[[sqlite3.Connection], None]
COLUMNS = [(t.name, str(c.name)) for t in metadata.sorted_tables for c in t.columns]
TEXTS = [(t, c) for t, c in COLUMNS if isinstance(metadata.tables[t].c[c].type, sa.String)]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A house in order, closed."""
    home = tmp_path_factory.mktemp("house")
    records = Records(home / "station.db")
    live_a_little(records, home)
    records.close()
    return home


def check(home: Path, *, elsewhere: bool = True) -> Report:
    database = open_database(home / "station.db")
    kept = [log.checkpoint_path(home).read_text()] if elsewhere else []
    try:
        return fsck(database, [KEY.verifier()], kept)
    finally:
        database.close()


def broken(sound: Path, folder: Path, damage: Break) -> Report:
    """Break a copy of the house and check it."""
    home = folder / "copy"
    shutil.copytree(sound, home)
    connection = sqlite3.connect(home / "station.db", isolation_level=None)
    damage(connection)
    connection.close()
    return check(home)


def test_a_house_in_order_is_sound(sound: Path) -> None:
    """Nothing is found where nothing was done, and everything was looked at."""
    report = check(sound)
    assert [one.line() for one in report.findings] == []
    assert (report.checkpoints, report.sizes["S1"]) == (2, report.rows)


def rows_of(connection: sqlite3.Connection, table: str) -> list[dict[str, Any]]:
    connection.row_factory = sqlite3.Row
    return [dict(row) for row in connection.execute(f"SELECT rowid AS _row, * FROM {table}")]


def key_of(table: str) -> list[str]:
    return [str(c.name) for c in metadata.tables[table].primary_key]


def other_value(value: Any) -> Any:
    """A value of the same type that is not this one."""
    if value is None:
        return "something"
    if isinstance(value, int):
        return value + 1_000_003
    if isinstance(value, bytes):
        return bytes([value[0] ^ 1]) + value[1:]
    return value[:-1] + ("x" if value[-1:] != "x" else "y") if value else "x"


def matching(row: dict[str, Any], keys: list[str]) -> tuple[str, list[Any]]:
    return " AND ".join(f"{k} = ?" for k in keys), [row[k] for k in keys]


def every_row(sound: Path, table: str) -> list[dict[str, Any]]:
    connection = sqlite3.connect(sound / "station.db")
    connection.row_factory = sqlite3.Row
    found = [dict(row) for row in connection.execute(f"SELECT * FROM {table}")]
    connection.close()
    return found


@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_a_changed_column_is_named(sound: Path, tmp_path: Path, table: str, column: str) -> None:
    """One value changed in the first, a middle and the last row: table, row, column are named."""
    rows = every_row(sound, table)
    assert rows, f"the house has no row in {table}"
    keys = key_of(table)
    for n, at in enumerate(sorted({0, len(rows) // 2, len(rows) - 1})):
        row, where = rows[at], matching(rows[at], keys)

        def damage(connection: sqlite3.Connection, row: Any = row, where: Any = where) -> None:
            sql = f"UPDATE {table} SET {column} = ? WHERE {where[0]}"
            connection.execute(sql, [other_value(row[column]), *where[1]])

        report = broken(sound, tmp_path / str(n), damage)
        about = [one for one in report.findings if one.table == table]
        assert about, f"{table}.{column} of {where[1]}: {[f.line() for f in report.findings]}"
        if column not in keys:
            named = [one for one in about if column in one.column.split(" or ")]
            moved = [one for one in about if "no entry speaks" in one.problem]
            assert named or moved, [one.line() for one in about]
            said = str(where[1][-1])
            assert any(said in one.row for one in about), [one.line() for one in about]


@pytest.mark.parametrize(("table", "column"), TEXTS)
def test_a_value_of_another_type_is_named(
    sound: Path, tmp_path: Path, table: str, column: str
) -> None:
    """SQLite lets a text be stored as bytes: the same letters, and yet not what was recorded."""
    texts = [row for row in every_row(sound, table) if isinstance(row[column], str)]
    where = matching(texts[-1], key_of(table))

    def damage(connection: sqlite3.Connection) -> None:
        change = f"UPDATE {table} SET {column} = CAST({column} AS BLOB) WHERE {where[0]}"
        assert connection.execute(change, where[1]).rowcount == 1

    report = broken(sound, tmp_path, damage)
    assert any(one.table == table for one in report.findings), [f.line() for f in report.findings]


@pytest.mark.parametrize(("table", "column"), [("entries", "record"), ("transitions", "reason")])
def test_a_change_is_named_wherever_it_stands_in_the_pieces_that_are_read(
    sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str, column: str
) -> None:
    """First, last and inner rows of every piece and block: no border hides a row."""
    monkeypatch.setattr(fsck_tree, "BLOCK", 8)
    monkeypatch.setattr(fsck_tree, "PIECE", 2)
    home = tmp_path / "copy"
    shutil.copytree(sound, home)
    connection = sqlite3.connect(home / "station.db", isolation_level=None)
    assert check(home).findings == []
    for row in every_row(sound, table):
        place, old = row["position"], row[column]
        change = f"UPDATE {table} SET {column} = ? WHERE position = ?"
        connection.execute(change, [other_value(old), place])
        named = [(one.row, one.column) for one in check(home).findings if one.table == table]
        connection.execute(change, [old, place])
        assert {row for row, _ in named} == {f"(S1, {place})"}, named
        assert any(column in said.split(" or ") for _, said in named), named
    for row in every_row(sound, "nodes"):
        where = f"level = {row['level']} AND place = {row['place']}"
        change = f"UPDATE nodes SET hash = ? WHERE {where}"
        connection.execute(change, [other_value(row["hash"])])
        found = check(home).findings
        connection.execute(change, [row["hash"]])
        said = f"(S1, {row['level']}, {row['place']})"
        assert said in {one.row for one in found if one.table == "nodes"}, (said, found)
    connection.close()


@pytest.mark.parametrize("table", sorted(metadata.tables))
def test_a_deleted_row_is_named(sound: Path, tmp_path: Path, table: str) -> None:
    """Any row taken away is missed, the newest one too."""
    rows = every_row(sound, table)
    for n, at in enumerate(sorted({0, len(rows) // 2, len(rows) - 1})):
        where = matching(rows[at], key_of(table))

        def damage(connection: sqlite3.Connection, where: Any = where) -> None:
            connection.execute(f"DELETE FROM {table} WHERE {where[0]}", where[1])

        report = broken(sound, tmp_path / str(n), damage)
        about = [one.line() for one in report.findings]
        assert any(one.table == table for one in report.findings), (where, about)


@pytest.mark.parametrize("table", sorted(metadata.tables))
def test_an_inserted_row_is_named(sound: Path, tmp_path: Path, table: str) -> None:
    """A row that nobody recorded is found, in whatever table."""
    rows = every_row(sound, table)
    keys = key_of(table)
    fresh = dict(rows[-1])
    fresh[keys[-1]] = other_value(fresh[keys[-1]])
    for name in ("held_identity", "held_code", "idempotency_key"):
        if name in fresh:
            fresh[name] = None
    if "number" in fresh:
        fresh["number"] = rows[-1]["number"] + 7

    def damage(connection: sqlite3.Connection) -> None:
        names = ", ".join(fresh)
        marks = ", ".join("?" * len(fresh))
        connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(fresh.values()))

    report = broken(sound, tmp_path, damage)
    assert any(one.table == table for one in report.findings), [f.line() for f in report.findings]


@pytest.mark.parametrize("table", ["entries", "transitions", "nodes"])
def test_reordered_rows_are_named(sound: Path, tmp_path: Path, table: str) -> None:
    """Two rows that changed places are both found."""
    place = "place" if table == "nodes" else "position"
    level = " AND level = 0" if table == "nodes" else ""

    def damage(connection: sqlite3.Connection) -> None:
        for old, new in ((5, -1), (6, 5), (-1, 6)):
            connection.execute(
                f"UPDATE {table} SET {place} = ? WHERE {place} = ?{level}", (new, old)
            )

    report = broken(sound, tmp_path, damage)
    rows = {one.row for one in report.findings if one.table == table}
    assert {r for r in rows if r.endswith((" 5)", " 6)"))}, rows


def test_a_mark_rolled_back_to_an_older_version_is_named(sound: Path, tmp_path: Path) -> None:
    """A row of marks put back to what it once was, consistent in itself, is found."""

    def damage(connection: sqlite3.Connection) -> None:
        connection.execute(
            "UPDATE marks SET position = 2, state = 'marked', changed_at_us = "
            "(SELECT at_us FROM transitions WHERE position = 2) WHERE mark_id = 'M000001'"
        )

    report = broken(sound, tmp_path, damage)
    said = [one.line() for one in report.findings if one.table == "marks"]
    assert said == ["marks M000001: was rolled back: entry 3 wrote it later"]


def test_a_history_rewritten_with_every_hash_is_caught_by_the_signature(
    sound: Path, tmp_path: Path
) -> None:
    """Who rebuilds rows, records, salts and the whole tree still lacks the signing key."""
    home = tmp_path / "forged"
    forged = Records(home.mkdir() or home / "station.db")
    live_a_little(forged, home)  # the same life with other salts and times: a perfect forgery
    forged.close()
    kept = every_row(sound, "checkpoints")
    connection = sqlite3.connect(home / "station.db", isolation_level=None)
    for row in kept:
        connection.execute(
            "UPDATE checkpoints SET note = ? WHERE number = ?", (row["note"], row["number"])
        )
    connection.close()
    shutil.copy(log.checkpoint_path(sound), log.checkpoint_path(home))
    report = check(home)
    assert {one.table for one in report.findings} == {"checkpoints"}
    assert all("history was rewritten" in one.problem for one in report.findings)


def test_a_database_rolled_back_whole_is_caught_by_the_checkpoint_outside(
    sound: Path, tmp_path: Path
) -> None:
    """An old backup put in place is sound in itself; the newer signed checkpoint tells."""
    home = tmp_path / "old"
    shutil.copytree(sound, home)
    records = Records(home / "station.db")
    for n in range(50, 54):
        mark(records, n)
    log.issue_checkpoint(records, [KEY], home)
    records.close()
    for old in home.glob("station.db*"):
        old.unlink()
    shutil.copy(sound / "station.db", home / "station.db")
    assert check(home, elsewhere=False).sound
    said = [one.line() for one in check(home).findings]
    assert any("it was rolled back" in one for one in said), said


def test_a_changed_schema_version_is_named(sound: Path, tmp_path: Path) -> None:
    """Alembic's own table is no place to hide a change either."""
    report = broken(
        sound, tmp_path, lambda c: c.execute("INSERT INTO alembic_version VALUES ('0000')") and None
    )
    assert [one.table for one in report.findings] == ["alembic_version"]


@pytest.fixture(autouse=True)
def _no_leftovers(tmp_path: Path) -> Iterator[None]:
    yield
    shutil.rmtree(tmp_path, ignore_errors=True)
