"""PostgreSQL and the distributed engines that speak its protocol: nothing that one of them lacks.

What the migrations emit and what a station, its orders and its copies at a plant run is looked at
on a real PostgreSQL: as the server logged it, and as its catalogue holds it. Sources:

- CockroachDB: cockroachlabs.com/docs/v24.2/postgresql-compatibility (triggers, events), and
  github.com/cockroachdb/cockroach/issues/31632 (deferrable constraints)
- YugabyteDB: docs.yugabyte.com, YSQL, PostgreSQL compatibility (LOCK TABLE 5384, inheritance
  5956, exclusion 3944, deferrable 1709, GiST 1337, LISTEN and NOTIFY 1872, generated 10695)
- Citus: docs.citusdata.com/en/v11.1/faq (a key is unique only if it holds the distribution column),
  docs.citusdata.com/en/v7.2/reference/citus_sql_reference.html (SELECT FOR UPDATE)
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from station_api.records import Records, writer
from station_api.records.database import Database, open_database
from station_api.records.fsck import fsck
from station_api.records.orders import Orders
from station_api.records.sync import push
from station_api.tables import KEPT_TABLES, service_metadata
from tests.station_api.records.conftest import administer
from tests.station_api.records.houses import live_a_little, mark, order

LACKING = {
    r"\bTRIGGER\b": "triggers: CockroachDB before 24.3",
    r"\bEXCLUDE\b": "exclusion constraints: YugabyteDB 3944",
    r"\bDEFERR(ED|ABLE)\b": "deferrable constraints: YugabyteDB 1709, CockroachDB 31632",
    r"\b(LISTEN|NOTIFY)\b": "events: CockroachDB, YugabyteDB 1872",
    r"ADVISORY": "advisory locks: without effect in CockroachDB, not on every YugabyteDB",
    r"\bLOCK TABLE\b": "table locks: YugabyteDB 5384",
    r"\bFOR (UPDATE|SHARE|NO KEY)\b": "row locks: Citus",
    r"\bINHERITS\b": "inheritance: YugabyteDB 5956",
    r"\bGENERATED\b": "generated columns: YugabyteDB 10695",
    r"(?-i:SERIAL\b)|\b(SEQUENCE|NEXTVAL)\b": "sequences: gaps and order differ on each engine",
    r"\bUSING (gist|gin|brin|hash)\b": "indexes other than the ordered one: YugabyteDB 1337",
    r"\bRECURSIVE\b": "recursive queries: Citus",
    r"\b(FUNCTION|PROCEDURE|RULE|VIEW|EXTENSION|DOMAIN|DO)\b": "code in the database",
    r"\bTEMP(ORARY)?\b": "temporary tables: experimental in CockroachDB",
    r"\bFOREIGN KEY\b|\bREFERENCES\b": "foreign keys: Citus, between shards",
}
"""What must not occur in a statement, and which engine lacks it."""

STATEMENTS = {"SELECT", "INSERT", "UPDATE", "DELETE", "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT"}
STATEMENTS |= {"RELEASE", "SET", "SHOW", "CREATE", "DEALLOCATE"}  # the last is the driver's
TYPES = frozenset({"character varying", "bigint", "smallint", "integer", "bytea", "text"})
COPIED_WHOLE = frozenset({"marks", "orders", "witnessed", "alembic_version"})
"""Tables of the records that Citus has to hold as reference tables (docs/plant.md)."""


@pytest.fixture
def heard(postgres_server: str) -> Iterator[tuple[str, Path]]:
    """An empty database of which the server logs every statement; its URL and the log."""
    name = "pinmark_heard"
    administer(postgres_server, f"CREATE DATABASE {name}")
    administer(postgres_server, f"ALTER DATABASE {name} SET log_statement = 'all'")
    with psycopg.connect(f"{postgres_server}/postgres") as connection:
        found = connection.execute("SHOW data_directory").fetchone()
    assert found is not None
    yield f"{postgres_server}/{name}", Path(found[0]).parent / "log"
    administer(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


def statements(log: Path, since: int) -> list[str]:
    """What the server ran, each on one line, without the texts of parameters and values."""
    said = log.read_text("utf-8", "replace")[since:]
    found = re.findall(r"LOG:  (?:statement|execute [^:]*): (.*(?:\n\t.*)*)", said)
    told = [" ".join(re.sub(r"'[^']*'", "''", one).split()) for one in found]
    return [one for one in told if one != ";"]  # by which the driver sees whether anybody is there


def live(url: str, folder: Path) -> None:
    """Migrate, live a little, take orders and hand them to a station, copy its log to the plant."""
    plant = Records(url, "plant")
    live_a_little(plant, folder)
    station = Records(folder / "s1.db", "S1")
    Orders(plant).offer(order(60))
    Orders(station).keep(Orders(plant).claim("S1", 1))
    mark(station, 61)
    push(station, plant)
    assert fsck(plant.database, own="plant").sound
    station.close()
    plant.close()


def test_no_statement_needs_what_an_engine_lacks(heard: tuple[str, Path], tmp_path: Path) -> None:
    """All that the migrations and a life of the records ran, as the server heard it."""
    url, log = heard
    since = len(log.read_text("utf-8", "replace"))
    live(url, tmp_path)
    ran = statements(log, since)
    made = [one for one in ran if one.startswith("CREATE TABLE")]
    kept = {table.name for table in KEPT_TABLES} | COPIED_WHOLE | {"entries", "nodes"}
    assert kept <= {one.split()[2] for one in made}, "the log is not the whole story"
    assert any(one.startswith("UPDATE marks") for one in ran)
    assert not {one.split()[0].rstrip(";").upper() for one in ran} - STATEMENTS
    for one in ran:
        for pattern, lack in LACKING.items():
            assert not re.search(pattern, one, re.IGNORECASE), f"{lack}: {one}"


def test_the_rules_would_notice() -> None:
    """Each rule finds what it is there for."""
    bad = (
        "CREATE TRIGGER t BEFORE UPDATE ON marks", "ADD EXCLUDE USING gist (b WITH &&)",
        "UNIQUE (a) DEFERRABLE INITIALLY DEFERRED", "LISTEN marks", "SELECT pg_advisory_lock(1)",
        "LOCK TABLE marks", "SELECT 1 FROM marks FOR UPDATE", "CREATE TABLE a () INHERITS (b)",
        "a BIGINT GENERATED ALWAYS AS IDENTITY", "a BIGSERIAL", "CREATE INDEX a ON b USING gin (c)",
        "WITH RECURSIVE a AS (SELECT 1)", "CREATE FUNCTION f()", "CREATE TEMPORARY TABLE a (b INT)",
        "FOREIGN KEY (a) REFERENCES b",
    )  # fmt: skip
    for pattern in LACKING:
        assert any(re.search(pattern, one, re.IGNORECASE) for one in bad), pattern


def test_the_catalogue_holds_tables_with_keys_and_plain_indexes(
    heard: tuple[str, Path],
) -> None:
    """No trigger, sequence, view, function, default, partial or computed index; keys everywhere."""
    database = open_database(heard[0])
    with database.reading.connect() as connection:

        def asked(sql: str) -> list[tuple[object, ...]]:
            return [tuple(row) for row in connection.exec_driver_sql(sql)]

        ours = "relnamespace = 'public'::regnamespace"
        assert {kind for (kind,) in asked(f"SELECT relkind FROM pg_class WHERE {ours}")} == {
            "r",
            "i",
        }
        tables = {
            str(name)
            for (name,) in asked(f"SELECT relname FROM pg_class WHERE relkind = 'r' AND {ours}")
        }
        keyed = {
            str(name)
            for (name,) in asked("SELECT conrelid::regclass FROM pg_constraint WHERE contype = 'p'")
        }
        assert tables <= keyed and set(service_metadata.tables) <= tables
        constraints = asked(
            "SELECT conname, contype, condeferrable FROM pg_constraint c JOIN pg_class t "
            "ON t.oid = conrelid WHERE t.relnamespace = 'public'::regnamespace"
        )
        # "n" is a NOT NULL of PostgreSQL 18, where it has a name
        assert {(kind, late) for _, kind, late in constraints} <= {
            ("p", False),
            ("u", False),
            ("n", False),
        }, constraints
        assert asked("SELECT tgname FROM pg_trigger") == []
        assert (
            asked("SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace") == []
        )
        assert (
            asked(
                "SELECT indexrelid::regclass FROM pg_index i JOIN pg_class c ON c.oid = indexrelid "
                "JOIN pg_am a ON a.oid = c.relam WHERE c.relnamespace = 'public'::regnamespace "
                "AND (indpred IS NOT NULL OR indexprs IS NOT NULL OR amname <> 'btree')"
            )
            == []
        )
        columns = asked(
            "SELECT table_name, column_name, data_type, column_default "
            "FROM information_schema.columns WHERE table_schema = 'public'"
        )
        assert {kind for _, _, kind, _ in columns} <= TYPES, columns
        assert [one for one in columns if one[3] is not None] == []
        whole = {
            str(name)
            for (name,) in asked(
                "SELECT DISTINCT indrelid::regclass FROM pg_index JOIN pg_class c "
                "ON c.oid = indrelid WHERE c.relnamespace = 'public'::regnamespace "
                "AND indisunique AND NOT EXISTS (SELECT 1 FROM pg_attribute "
                "WHERE attrelid = indrelid AND attname = 'station' AND attnum = ANY (indkey))"
            )
        }
    assert {"entries", "nodes", "transitions", "checkpoints"} & whole == set()
    assert whole - set(service_metadata.tables) == COPIED_WHOLE
    database.close()


# ---- what is refused as a serialisation failure is done again


@pytest.fixture
def contested(
    heard: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Database, Database, list[str]]]:
    """Two programs on one database with two rows, and the SQLSTATEs they are refused with."""
    pair = open_database(heard[0]), open_database(heard[0])
    with pair[0].writing.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE tally (name TEXT PRIMARY KEY, n BIGINT)")
        connection.exec_driver_sql("INSERT INTO tally VALUES ('a', 0), ('b', 0)")
    states: list[str] = []
    plain = writer.is_conflict

    def noted(error: sa.exc.DBAPIError) -> bool:
        states.append(str(getattr(error.orig, "sqlstate", None)))
        return plain(error)

    monkeypatch.setattr(writer, "is_conflict", noted)
    yield (*pair, states)
    for one in pair:
        one.close()


def add(connection: sa.Connection, name: str) -> None:
    connection.execute(sa.text("UPDATE tally SET n = n + 1 WHERE name = :name"), {"name": name})


def counted(database: Database) -> dict[str, int]:
    with database.reading.connect() as connection:
        return {str(n): int(c) for n, c in connection.exec_driver_sql("SELECT name, n FROM tally")}


def test_a_serialisation_failure_is_done_again(
    contested: tuple[Database, Database, list[str]],
) -> None:
    """Another program writes between our look and our change: 40001, and then it is right."""
    first, second, states = contested
    attempts = 0

    def work(connection: sa.Connection) -> int:
        nonlocal attempts
        attempts += 1
        seen = connection.execute(sa.text("SELECT n FROM tally WHERE name = 'a'")).scalar_one()
        if attempts == 1:
            writer.Writer(second.writing).run(lambda other: add(other, "a"))
        connection.execute(sa.text("UPDATE tally SET n = :n WHERE name = 'a'"), {"n": seen + 10})
        return int(seen)

    assert writer.Writer(first.writing).run(work) == 1
    assert (attempts, states, counted(first)) == (2, ["40001"], {"a": 11, "b": 0})


def test_a_deadlock_is_done_again(contested: tuple[Database, Database, list[str]]) -> None:
    """Two that wait for each other: the server ends one with 40P01, and both get their way."""
    first, second, states = contested
    both, met = threading.Barrier(2, timeout=60), threading.local()

    def cross(database: Database, one: str, other: str) -> None:
        def work(connection: sa.Connection) -> None:
            add(connection, one)
            if not getattr(met, "once", False):
                met.once = True
                both.wait()
            add(connection, other)

        writer.Writer(database.writing).run(work)

    threads = [
        threading.Thread(target=cross, args=(database, *names))
        for database, names in ((first, "ab"), (second, "ba"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert "40P01" in states and set(states) <= {"40P01", "40001"}, states
    assert counted(first) == {"a": 2, "b": 2}
