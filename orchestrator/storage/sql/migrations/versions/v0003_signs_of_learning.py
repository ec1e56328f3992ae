"""What devices say of drift, novelty, calibration and their clocks; 0 until they say it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SIGNS = (
    "novelty_samples",
    "novelty_novel",
    "calibration_samples",
    "calibration_error_permille",
    "drift_permille",
    "drift_alarms",
    "skipped",
    "waiting_samples",
    "learning_p50_micros",
    "clock_off_seconds",
)


def upgrade() -> None:
    """Add a column for each; a version that does not know them leaves them as they are."""
    for name in SIGNS:
        column = sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)
        op.add_column("reports", column)
