"""Which versions of this program the tables are still fit for.

A migration that an older version cannot live with writes its own revision here. All others leave
it alone, and add only what an older version may overlook.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the one row: whoever knows these tables can live with newer ones."""
    op.create_table(
        "compatibility",
        sa.Column("oldest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("oldest", name=op.f("pk_compatibility")),
    )
    op.execute("INSERT INTO compatibility (oldest) VALUES ('0006')")
