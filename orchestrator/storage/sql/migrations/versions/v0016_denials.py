"""Members that may not call for a while.

An older version lets them call: whoever goes back to one removes them instead.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, and let a replica find fast who was removed lately."""
    op.create_table(
        "denials",
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("denied_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("device", name=op.f("pk_denials")),
        sa.ForeignKeyConstraint(["device"], ["devices.id"], name=op.f("fk_denials_device")),
    )
    op.create_index(op.f("ix_devices_removed_at"), "devices", ["removed_at"])
