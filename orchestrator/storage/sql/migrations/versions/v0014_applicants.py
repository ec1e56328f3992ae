"""Devices that wait to be accepted, and tickets that ask for an operator's word.

An older version lets in whoever has a good ticket: while one still serves, hand out no ticket that
asks for more.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, and say of every ticket that it asks for no word."""
    op.create_table(
        "applicants",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("ticket", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("applied_at", sa.Double(), nullable=False),
        sa.Column("asked_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_applicants")),
        sa.UniqueConstraint("device", name=op.f("uq_applicants_device")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_applicants_fingerprint")),
        sa.ForeignKeyConstraint(["ticket"], ["tickets.id"], name=op.f("fk_applicants_ticket")),
        sqlite_autoincrement=True,
    )
    for column in ("ticket", "stage", "expires_at"):
        op.create_index(op.f(f"ix_applicants_{column}"), "applicants", [column])
    op.add_column(
        "tickets",
        sa.Column("needs_word", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
