"""The first schema: marks, transitions, the log, checkpoints, witnessed logs, work orders.

In: an empty database. Out: its tables. Revision 0001.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    _log()
    _marks()
    _transitions()
    _orders()


def downgrade() -> None:
    """Refuse: records are kept until business is discontinued (27 CFR 478.129)."""
    raise NotImplementedError("records are never dropped; restore a backup instead")


def _log() -> None:
    op.create_table(
        "entries",
        sa.Column("station", sa.String(32), primary_key=True),
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("salt", sa.LargeBinary(32), nullable=False),
        sa.Column("record", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "nodes",
        sa.Column("station", sa.String(32), primary_key=True),
        sa.Column("level", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("place", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "checkpoints",
        sa.Column("station", sa.String(32), primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
    )
    op.create_table(
        "witnessed",
        sa.Column("origin", sa.String(128), primary_key=True),
        sa.Column("station", sa.String(32), nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
    )


def _marks() -> None:
    op.create_table(
        "marks",
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
        sa.Column("held_identity", sa.String(256), unique=True),
        sa.Column("held_code", sa.String(24), unique=True),
        sa.UniqueConstraint("station", "number", name="marks_station_number"),
    )
    for name in ("serial", "code", "state"):
        op.create_index(f"marks_{name}", "marks", [name])


def _transitions() -> None:
    op.create_table(
        "transitions",
        sa.Column("station", sa.String(32), primary_key=True),
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("mark_id", sa.String(48), nullable=False),
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
    op.create_index("ix_transitions_mark_id", "transitions", ["mark_id"])


def _orders() -> None:
    op.create_table(
        "orders",
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
    )
    op.create_index("orders_state", "orders", ["state"])
