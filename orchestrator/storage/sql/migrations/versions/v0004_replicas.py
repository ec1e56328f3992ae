"""Who leads, and whose database it is: one row each, made when first asked for."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create both tables."""
    op.create_table(
        "leadership",
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("term", sa.BigInteger(), nullable=False),
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.Column("unbroken_since", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_leadership")),
    )
    op.create_table(
        "installation",
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("fleet", sa.Text(), nullable=False),
        sa.Column("authority", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_installation")),
    )
