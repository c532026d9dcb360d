"""Scans of the watched folder that fitted no mark, and what a person decided on each.

In: a database at the revision before. Out: table `kept_scans`. Revision 0011.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "kept_scans",
        sa.Column("scan_id", sa.String(64), primary_key=True),
        sa.Column("station", sa.String(32), nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("file", sa.String(255), nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("why", sa.String(512), nullable=False),
        sa.Column("kept_at_us", sa.BigInteger, nullable=False),
        sa.Column("mark_id", sa.String(48)),
        sa.Column("decided_by", sa.String(64)),
        sa.Column("reason", sa.String(512)),
        sa.Column("read_back", sa.String(64)),
        sa.Column("inspected_at", sa.BigInteger),
        sa.Column("changed_at_us", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Refuse: records are kept until business is discontinued (27 CFR 478.129)."""
    raise NotImplementedError("records are never dropped; restore a backup instead")
