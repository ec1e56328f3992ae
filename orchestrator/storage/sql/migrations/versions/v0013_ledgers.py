"""Where the ledgers of devices ended when they called, and whether rewriting showed.

An older version leaves the column as it is: what devices tell it meanwhile is not held against it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("reports", sa.Column("ledger", sa.Text(), nullable=True))
