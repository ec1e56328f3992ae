"""Which key of a device is in use, and when it was last revived.

What devices used before is not known: the first call of each says it. An older version says nothing
of it, so that after going back to one a renewed key is taken for unused.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column("devices", sa.Column("key_in_use", sa.Text(), nullable=True))
    op.add_column("devices", sa.Column("revived_at", sa.Double(), nullable=True))
