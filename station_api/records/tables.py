"""The tables of the records, for SQLite and PostgreSQL alike.

In: nothing. Out: SQLAlchemy tables. Only types, keys and unique columns that PostgreSQL,
CockroachDB, YugabyteDB and Citus share with SQLite; no triggers, no partial indexes, no
sequences. Every key begins with the station where it can, so that a plant's database can be
distributed by station. Integers, texts and bytes only: floats do not testify.

`entries` and `nodes` are the transparency log. Each other row is named, whole, in the record of
the entry whose ``position`` it carries; `fsck` compares the two.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

entries = sa.Table(
    "entries",
    metadata,
    sa.Column("station", sa.String(32), primary_key=True),
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("salt", sa.LargeBinary(32), nullable=False),
    sa.Column("record", sa.LargeBinary, nullable=False),
)

nodes = sa.Table(
    "nodes",
    metadata,
    sa.Column("station", sa.String(32), primary_key=True),
    sa.Column("level", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("place", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("hash", sa.LargeBinary(32), nullable=False),
    sqlite_with_rowid=False,
)

marks = sa.Table(
    "marks",
    metadata,
    sa.Column("mark_id", sa.String(48), primary_key=True),
    sa.Column("station", sa.String(32), nullable=False),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("order_id", sa.String(64), nullable=False),
    sa.Column("make", sa.String(64), nullable=False),
    sa.Column("model", sa.String(64), nullable=False),
    sa.Column("serial", sa.String(64), nullable=False),
    sa.Column("code", sa.String(24), nullable=False),
    sa.Column("code_index", sa.BigInteger, nullable=False),
    sa.Column("recipe", sa.String(64), nullable=False),
    sa.Column("program_sha256", sa.String(64), nullable=False),
    sa.Column("setup_sha256", sa.String(64), nullable=False),
    sa.Column("intended_at_us", sa.BigInteger, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("changed_at_us", sa.BigInteger, nullable=False),
    sa.Column("lineage", sa.String(16), nullable=False),
    sa.Column("replaces", sa.String(48)),
    sa.Column("fence", sa.BigInteger, nullable=False),
    # NULL once serial and code are given back: unique columns may hold many NULLs
    sa.Column("held_identity", sa.String(256), unique=True),
    sa.Column("held_code", sa.String(24), unique=True),
    sa.UniqueConstraint("station", "number", name="marks_station_number"),
    sa.Index("marks_serial", "serial"),
    sa.Index("marks_code", "code"),
    sa.Index("marks_state", "state"),
)

transitions = sa.Table(
    "transitions",
    metadata,
    sa.Column("station", sa.String(32), primary_key=True),
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("mark_id", sa.String(48), nullable=False, index=True),
    sa.Column("from_state", sa.String(16)),
    sa.Column("to_state", sa.String(16), nullable=False),
    sa.Column("at_us", sa.BigInteger, nullable=False),
    sa.Column("monotonic_us", sa.BigInteger, nullable=False),
    sa.Column("boot_id", sa.String(36), nullable=False),
    sa.Column("clock", sa.String(32), nullable=False),
    sa.Column("drift_us", sa.BigInteger, nullable=False),
    sa.Column("actor", sa.String(64), nullable=False),
    sa.Column("approver", sa.String(64)),
    sa.Column("reason", sa.String(512), nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("idempotency_key", sa.String(128)),
    sa.UniqueConstraint("station", "idempotency_key", name="transitions_station_key"),
)

checkpoints = sa.Table(
    "checkpoints",
    metadata,
    sa.Column("station", sa.String(32), primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
)

witnessed = sa.Table(
    "witnessed",
    metadata,
    sa.Column("origin", sa.String(128), primary_key=True),
    sa.Column("station", sa.String(32), nullable=False),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
)

orders = sa.Table(
    "orders",
    metadata,
    sa.Column("order_id", sa.String(64), primary_key=True),
    sa.Column("station", sa.String(32), nullable=False),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("make", sa.String(64), nullable=False),
    sa.Column("model", sa.String(64), nullable=False),
    sa.Column("serial", sa.String(64), nullable=False),
    sa.Column("recipe", sa.String(64), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("holder", sa.String(32)),
    sa.Column("fence", sa.BigInteger, nullable=False),
    sa.Column("lease_until_us", sa.BigInteger, nullable=False),
    sa.Column("steady_until_us", sa.BigInteger, nullable=False),
    sa.Column("boot_id", sa.String(36), nullable=False),
    sa.Column("held_identity", sa.String(256), unique=True),
    sa.Index("orders_state", "state"),
)


def column_names(table: sa.Table) -> tuple[str, ...]:
    """Return the names of a table's columns as plain texts, in order."""
    return tuple(str(column.name) for column in table.columns)


MARK_COLUMNS = column_names(marks)
TRANSITION_COLUMNS = column_names(transitions)
