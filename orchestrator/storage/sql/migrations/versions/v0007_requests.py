"""A ticket and a rollout keep by which request they were made, so that it makes none twice."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the fingerprint of a request; NULL where it had no name."""
    for table in ("tickets", "rollouts"):
        op.add_column(table, sa.Column("request", sa.Text()))
        op.create_index(f"ix_{table}_request", table, ["request"], unique=True)
