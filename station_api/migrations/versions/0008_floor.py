"""What lies under the engraver: one row a station, and how far its operator has got with it.

In: a database at the revision before. Out: table `at_hand`. Revision 0008.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "at_hand",
        sa.Column("station", sa.String(32), primary_key=True),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("order_id", sa.String(64), nullable=False),
        sa.Column("step", sa.String(16), nullable=False),
        sa.Column("changed_by", sa.String(64), nullable=False),
        sa.Column("changed_at_us", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Refuse: records are kept until business is discontinued (27 CFR 478.129)."""
    raise NotImplementedError("records are never dropped; restore a backup instead")
