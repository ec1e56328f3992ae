"""Which devices may be on their way is noted, and found without reading the others.

Whoever ever had a permit is noted; those who came to an end are struck out when places are counted.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the note with an index, and one for starts of the last minute."""
    op.add_column(
        "rollout_members",
        sa.Column("on_the_way", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    members = sa.table(
        "rollout_members", sa.column("permit_since", sa.Double()), sa.column("on_the_way")
    )
    had = members.c.permit_since.is_not(None)
    op.execute(members.update().where(had).values(on_the_way=sa.true()))
    for column in ("on_the_way", "permit_since"):
        name = f"ix_rollout_members_rollout_{column}"
        op.create_index(name, "rollout_members", ["rollout", column])
