"""Metadata of publishers, and what each device says of its own.

An older version gives out no metadata: devices keep what they have, and start on nothing new.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, and add what a device says to its report."""
    op.create_table(
        "trust_metadata",
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("role", "version", name=op.f("pk_trust_metadata")),
    )
    op.add_column("reports", sa.Column("publisher", sa.Text(), nullable=True))
