"""What was done to the fleet, by whom, as a chain of entries.

An older version writes none: its deeds are not in the chain, and nothing shows that.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

NO_DIGEST = "0" * 64


def upgrade() -> None:
    """Create the tables, and the row that says that there is nothing yet."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "audit_entries",
        sa.Column("number", number, nullable=False, autoincrement=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_entries")),
    )
    extent = op.create_table(
        "audit_extent",
        sa.Column("number", number, nullable=False, autoincrement=False),
        sa.Column("cut_number", sa.BigInteger(), nullable=False),
        sa.Column("cut_digest", sa.Text(), nullable=False),
        sa.Column("head_number", sa.BigInteger(), nullable=False),
        sa.Column("head_digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_extent")),
    )
    nothing = {"cut_number": 0, "cut_digest": NO_DIGEST, "head_number": 0, "head_digest": NO_DIGEST}
    op.bulk_insert(extent, [{"number": 1, **nothing}])
