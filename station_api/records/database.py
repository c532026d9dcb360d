"""The two databases behind the records: SQLite in a file, PostgreSQL for a plant.

In: a path or a URL. Out: `Database`, with one connection that writes and others that can only
read. SQLite runs in WAL mode with synchronous FULL: a commit returns after its fdatasync.
Stock SQLite 3.7.0 to 3.51.2 can corrupt a WAL file that two connections write or checkpoint;
here one connection does both, readers are query-only, and beside a process that has the station's
lock no other opens a connection that could (`Database.may_write`). PostgreSQL runs SERIALIZABLE,
and what it refuses as a serialisation failure is done again (`writer`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from engraver.errors import ConflictError, InputError, PortError, StorageError
from station_api.records.prepared import run_in_driver
from station_api.records.refusals import refusal_by

SCHEMAS = ("0001", "0002", "0004", "0005", "0003", "0006", "0008", "0009", "0014", "0011")
"""The migrations there are, in the order of their chain, whatever their numbers."""

SCHEMA = SCHEMAS[-1]
"""The migration this program is written for; see station_api/migrations/versions."""

BUSY_TIMEOUT_MS = 10_000
CHECKPOINT_PAGES = 8_000
"""Pages in the WAL before SQLite copies them back: each copying costs two fdatasync, and at
some 10 pages a transition this adds one to 400 transitions."""

CACHE_KIB = 8 * 1024
"""Pages that the writing connection keeps: what one commit changes, and the upper levels of those
indexes of a million marks that are not written in order (docs/decisions/0180)."""

WAL_RESET_FIXED_IN = (3, 51, 3)


@dataclass(slots=True)
class Database:
    """An open database: ``writing`` has one connection, ``reading`` cannot write.

    Without ``may_write`` no connection that can write is opened: another process has the station.
    """

    url: sa.URL
    writing: sa.Engine
    reading: sa.Engine
    may_write: bool = True

    @property
    def is_sqlite(self) -> bool:
        """Whether this is the embedded database."""
        return self.url.get_backend_name() == "sqlite"

    @property
    def path(self) -> Path:
        """The file of the embedded database."""
        if not self.is_sqlite or not self.url.database:
            raise InputError(f"{self.url.render_as_string()} has no file; it is a database server")
        return Path(self.url.database)

    def version(self) -> str:
        """Say which engine this is, and what is known against its version."""
        if not self.is_sqlite:
            with self.reading.connect() as connection:
                return f"PostgreSQL {connection.exec_driver_sql('SHOW server_version').scalar()}"
        known = sqlite3.sqlite_version_info < WAL_RESET_FIXED_IN
        note = "; its WAL-reset fault needs two that write at once, this is one" if known else ""
        return f"SQLite {sqlite3.sqlite_version}{note}"

    def end_writing(self) -> None:
        """Close the connection that writes, and open none until ``may_write`` is set again."""
        self.may_write = False
        self.writing.dispose()

    def refuse_to_write(self) -> None:
        """Raise if this process may not write.

        Raises
        ------
        PortError
            If it may not.
        """
        if not self.may_write:
            raise PortError(
                f"{_shown(self.url)} is written by another process of this station; wait until it "
                "has ended, or stop it"
            )

    def close(self) -> None:
        """Close every connection."""
        self.reading.dispose()
        self.writing.dispose()


def open_database(where: Path | str, *, may_write: bool = True) -> Database:
    """Open a database and bring it to this program's schema.

    Parameters
    ----------
    where
        The path of an SQLite file, made on first use, or a URL such as
        ``postgresql://pinmark@plant/pinmark``.
    may_write
        Whether this process is the one that writes; it alone brings an old schema up.

    Raises
    ------
    InputError
        If it is no database, or one of another program or a newer pinmark.
    ConflictError
        If its schema is old and another process writes.
    StorageError
        If it cannot be reached.
    """
    url = _url(where)
    database = _open_sqlite(url) if url.get_backend_name() == "sqlite" else _open_server(url)
    database.may_write = may_write
    # the one place through which a connection that writes comes to be
    sa.event.listen(database.writing, "do_connect", lambda *_: database.refuse_to_write())
    try:
        _bring_to_schema(database)
    except sa.exc.DatabaseError as error:
        database.close()
        raise _unusable(url, error) from error
    except BaseException:
        database.close()
        raise
    return database


def _url(where: Path | str) -> sa.URL:
    if isinstance(where, Path) or "://" not in where:
        return sa.URL.create("sqlite", database=str(where))
    try:
        url = sa.make_url(where)
    except sa.exc.ArgumentError as error:
        raise InputError("the database URL is none; write postgresql://...") from error
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() != "sqlite":
        raise InputError(f"{url.drivername} is not supported; use SQLite or PostgreSQL")
    return url


def _open_sqlite(url: sa.URL) -> Database:
    writing = sa.create_engine(
        url, poolclass=sa.pool.StaticPool, connect_args={"check_same_thread": False}
    )
    sa.event.listen(writing, "connect", _make_durable)
    sa.event.listen(writing, "begin", lambda c: run_in_driver(c, "BEGIN IMMEDIATE"))
    reading = sa.create_engine(
        url, connect_args={"check_same_thread": False}, pool_size=8, max_overflow=56
    )
    sa.event.listen(reading, "connect", _make_read_only)
    sa.event.listen(reading, "begin", lambda c: run_in_driver(c, "BEGIN"))
    return Database(url, writing, reading)


def _open_server(url: sa.URL) -> Database:
    writing = sa.create_engine(
        url,
        pool_size=1,
        max_overflow=0,
        pool_pre_ping=True,
        isolation_level="SERIALIZABLE",
        connect_args={"application_name": "pinmark", "connect_timeout": 5},
    )
    reading = sa.create_engine(
        url,
        pool_pre_ping=True,
        isolation_level="REPEATABLE READ",  # a check or a backup sees one moment
        connect_args={
            "options": "-c default_transaction_read_only=on",
            "application_name": "pinmark reader",
            "connect_timeout": 5,
        },
    )
    return Database(url, writing, reading)


def _make_durable(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy begins; see the "begin" listener
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"wal_autocheckpoint={CHECKPOINT_PAGES}",
        f"cache_size=-{CACHE_KIB}",
    ):
        connection.execute(f"PRAGMA {pragma}")


@contextmanager
def without_copying(connection: sa.Connection) -> Iterator[None]:
    """Commit an SQLite transaction within, and leave the WAL for a later commit to copy back."""
    run_in_driver(connection, "PRAGMA wal_autocheckpoint=0")
    try:
        yield
    finally:
        run_in_driver(connection, f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")


def _make_read_only(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "synchronous=FULL",
        "wal_autocheckpoint=0",  # a reader never checkpoints
        "query_only=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _bring_to_schema(database: Database) -> None:
    found = schema_of(database)
    if found == SCHEMA:
        return
    if not database.may_write:
        raise ConflictError(
            f"{_shown(database.url)} has schema {found or 'none'}, this pinmark needs {SCHEMA}, "
            "and another process has the station; if that is an older pinmark, stop it and start "
            "this one, else try again"
        )
    # imported here: only a new or an old database needs it, and it costs a tenth of a second
    from station_api.migrations import migrate

    migrate.upgrade(database.writing)


def schema_of(database: Database) -> str | None:
    """Return the migration a database stands at; ``None`` for an empty one.

    Raises
    ------
    InputError
        If the tables are another program's, or a newer pinmark's.
    """
    with _first_connection(database) as connection:
        names = set(sa.inspect(connection).get_table_names())
        if "alembic_version" not in names:
            if names & {"marks", "transitions"}:
                raise InputError(
                    f"{_shown(database.url)} was made by an unreleased pinmark; move it away"
                )
            return None
        found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    if found is not None and found not in SCHEMAS:
        raise InputError(
            f"{_shown(database.url)} has schema {found}, this pinmark knows up to {SCHEMA}; "
            "nothing was changed: install the newer pinmark again, or restore the backup that the "
            "update took (docs/operations.md, Roll back)"
        )
    return found


def _first_connection(database: Database) -> sa.Connection:
    # an SQLite file that does not exist yet cannot be opened query-only in WAL mode
    missing = database.is_sqlite and not database.path.exists()
    return (database.writing if missing else database.reading).connect()


def _unusable(url: sa.URL, error: sa.exc.DatabaseError) -> InputError:
    cause = " ".join(str(error.orig or error).split())
    if url.get_backend_name() == "sqlite":
        return refusal_by(
            f"{url.database} cannot be used as the station's records ({cause})",
            cause,
            "restore it from a backup or name another PINMARK_HOME",
        )
    return StorageError(f"{_shown(url)} cannot be used ({cause}); is the database server up?")


def _shown(url: sa.URL) -> str:
    return url.database or "" if url.get_backend_name() == "sqlite" else url.render_as_string()
