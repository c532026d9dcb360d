"""The law's papers: the firearms book, its corrections, and casings kept as evidence.

In: a database at 0002. Out: three tables more. Revision 0004.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    _book()
    _corrections()
    _casings()


def downgrade() -> None:
    """Refuse: records are kept until business is discontinued (27 CFR 478.129)."""
    raise NotImplementedError("records are never dropped; restore a backup instead")


def _kept() -> list[sa.Column[object]]:
    return [
        sa.Column("station", sa.String(32), nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
    ]


def _texts(**lengths: int) -> list[sa.Column[object]]:
    return [sa.Column(name, sa.String(length), nullable=False) for name, length in lengths.items()]


def _book() -> None:
    op.create_table(
        "book",
        sa.Column("entry_id", sa.String(48), primary_key=True),
        *_kept(),
        sa.Column("line", sa.String(40), nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("part", sa.String(16), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        *_texts(how=16, manufacturer=64, importer=64, type=32, model=64, caliber=32, serial=64),
        *_texts(on_date=10, party_name=128, party_licence=32, party_address=256),
        sa.Column("mark_id", sa.String(48)),
        *_texts(reason=512, written_by=64),
        sa.Column("approved_by", sa.String(64)),
        sa.Column("changed_at_us", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("line", "part", "version", name="book_version"),
    )
    op.create_index("book_serial", "book", ["serial"])
    op.create_index("book_number", "book", ["station", "number"])
    op.create_index("book_date", "book", ["on_date"])


def _corrections() -> None:
    op.create_table(
        "corrections",
        sa.Column("correction_id", sa.String(24), primary_key=True),
        *_kept(),
        sa.Column("entry_id", sa.String(48), nullable=False),
        sa.Column("changes", sa.Text, nullable=False),
        *_texts(reason=512, asked_by=64),
        sa.Column("asked_at_us", sa.BigInteger, nullable=False),
        sa.Column("approval_id", sa.String(24)),
        sa.Column("made_entry", sa.String(48)),
        sa.Column("changed_at_us", sa.BigInteger, nullable=False),
    )


def _casings() -> None:
    op.create_table(
        "casings",
        sa.Column("casing_id", sa.String(48), primary_key=True),
        *_kept(),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("sealed", sa.Text, nullable=False),
        sa.Column("changed_at_us", sa.BigInteger, nullable=False),
    )
