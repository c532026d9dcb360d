"""The trace desk's tables: requests and queries.

In: a database at 0005. Out: its new tables. Revision 0003, which came after it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "trace_requests",
        sa.Column("request_id", sa.String(48), primary_key=True),
        *_kept(),
        sa.Column("agency", sa.String(128), nullable=False),
        sa.Column("person", sa.String(128), nullable=False),
        sa.Column("contact", sa.String(128), nullable=False),
        sa.Column("authority", sa.String(256), nullable=False),
        sa.Column("reference", sa.String(64), nullable=False),
        sa.Column("note", sa.String(512), nullable=False),
        sa.Column("received_at_us", sa.BigInteger, nullable=False),
        sa.Column("due_at_us", sa.BigInteger, nullable=False),
        sa.Column("recorded_by", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("query_id", sa.String(48)),
        sa.Column("disclosed", sa.Text),
        sa.Column("answered_at_us", sa.BigInteger),
        sa.Column("answered_by", sa.String(64)),
        sa.Column("changed_at_us", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "trace_queries",
        sa.Column("query_id", sa.String(48), primary_key=True),
        *_kept(),
        sa.Column("request_id", sa.String(48), index=True),
        sa.Column("asked_by", sa.String(64), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(512), nullable=False),
        sa.Column("tree_size", sa.BigInteger, nullable=False),
        sa.Column("found", sa.BigInteger, nullable=False),
        sa.Column("shown", sa.Integer, nullable=False),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("changed_at_us", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Refuse: records are kept until business is discontinued (27 CFR 478.129)."""
    raise NotImplementedError("records are never dropped; restore a backup instead")


def _kept() -> list[sa.Column[object]]:
    return [
        sa.Column("station", sa.String(32), nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
    ]
