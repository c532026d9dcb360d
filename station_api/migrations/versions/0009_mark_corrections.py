"""Corrections of marks' own records: each whole, the original stays.

In: a database at the revision before. Out: table `mark_corrections`. Revision 0009.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "mark_corrections",
        sa.Column("correction_id", sa.String(24), primary_key=True),
        sa.Column("station", sa.String(32), nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("mark_id", sa.String(48), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("order_id", sa.String(64), nullable=False),
        sa.Column("make", sa.String(64), nullable=False),
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("serial", sa.String(64), nullable=False),
        sa.Column("identity", sa.String(256), nullable=False),
        sa.Column("reason", sa.String(512), nullable=False),
        sa.Column("asked_by", sa.String(64), nullable=False),
        sa.Column("asked_at_us", sa.BigInteger, nullable=False),
        sa.Column("approval_id", sa.String(24)),
        sa.Column("approved_by", sa.String(64)),
        sa.Column("changed_at_us", sa.BigInteger, nullable=False),
    )
    for column in ("mark_id", "identity", "serial"):
        op.create_index(f"mark_corrections_{column}", "mark_corrections", [column])


def downgrade() -> None:
    """Refuse: records are kept until business is discontinued (27 CFR 478.129)."""
    raise NotImplementedError("records are never dropped; restore a backup instead")
