"""The interlock chain: each change of its state.

In: a database at 0003. Out: one table more. Revision 0006.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "panel_changes",
        sa.Column("change_id", sa.String(24), primary_key=True),
        sa.Column("station", sa.String(32), nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("panel", sa.String(64), nullable=False),
        sa.Column("from_state", sa.String(24), nullable=False),
        sa.Column("to_state", sa.String(24), nullable=False),
        sa.Column("cause", sa.String(256), nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("mark_id", sa.String(48)),
        sa.Column("changed_at_us", sa.BigInteger, nullable=False),
    )
    op.create_index("panel_changes_position", "panel_changes", ["station", "position"])


def downgrade() -> None:
    """Refuse: records are kept until business is discontinued (27 CFR 478.129)."""
    raise NotImplementedError("records are never dropped; restore a backup instead")
