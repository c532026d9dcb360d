"""Releases of recipes: which figures may be burned on firearms, and on what evidence.

In: a database at 0004. Out: one table more. Revision 0005.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "recipe_releases",
        sa.Column("recipe", sa.String(64), primary_key=True),
        sa.Column("setup_sha256", sa.String(64), primary_key=True),
        sa.Column("station", sa.String(32), nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.Column("evidence_sha256", sa.String(64), nullable=False),
        sa.Column("released_by", sa.String(64), nullable=False),
        sa.Column("reason", sa.String(512), nullable=False),
        sa.Column("changed_at_us", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Refuse: records are kept until business is discontinued (27 CFR 478.129)."""
    raise NotImplementedError("records are never dropped; restore a backup instead")
