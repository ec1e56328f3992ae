"""Diagnoses that operators ask devices for, and what each owner has settled about them.

An older version hands no request on and takes no answer: devices keep theirs for a newer one.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, and add what an owner's agent says of his rule."""
    op.create_table(
        "diagnoses",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.Column("open_of", sa.Text(), nullable=True),
        sa.Column("step", sa.Text(), nullable=True),
        sa.Column("answered_at", sa.Double(), nullable=True),
        sa.Column("content", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_diagnoses")),
        sa.UniqueConstraint("id", name=op.f("uq_diagnoses_id")),
        sa.UniqueConstraint("open_of", name=op.f("uq_diagnoses_open_of")),
        sa.ForeignKeyConstraint(["device"], ["devices.id"], name=op.f("fk_diagnoses_device")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_diagnoses_device"), "diagnoses", ["device"])
    op.add_column("reports", sa.Column("diagnosis_rule", sa.Text(), nullable=True))
