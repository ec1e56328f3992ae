"""Rollouts by waves, with a history, and ways back from them.

A rollout from before had one wave of everything and no gate to speak of; one that was stopped is
held. Its devices have had their orders since it began and their permits since the newest was given,
so that nobody is overdue for the upgrade alone, and whoever serves something else yet goes back to
that.
"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Widen every table that is concerned, and carry the rollouts over."""
    op.add_column("backbones", sa.Column("recalled_at", sa.Double(), nullable=True))
    op.add_column("devices", _text("target_variant"))
    op.add_column("devices", _flag("target_back"))
    op.add_column("reports", sa.Column("update_hold", sa.Text(), nullable=True))
    op.add_column("reports", sa.Column("verdict", sa.Text(), nullable=True))
    op.add_column("reports", _text("execution_provider"))
    op.add_column("rollout_members", sa.Column("permit_since", sa.Double(), nullable=True))
    op.add_column("rollout_members", _text("before"))
    op.add_column(
        "rollout_members", sa.Column("ordered_at", sa.Double(), server_default="0", nullable=False)
    )
    op.add_column("rollouts", _text("kind", "forward"))
    op.add_column("rollouts", _text("plan", "{}"))
    op.add_column("rollouts", _text("course", "{}"))
    _carry_over()
    _carry_members_over()
    op.drop_column("rollouts", "counts")
    _rollout_events()


def _text(name: str, default: str = "") -> sa.Column[str]:
    return sa.Column(name, sa.Text(), server_default=sa.text(f"'{default}'"), nullable=False)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), server_default=sa.false(), nullable=False)


def _carry_over() -> None:
    rollouts = sa.table(
        "rollouts",
        *(sa.column(name) for name in ("number", "title", "cohort", "phase", "counts")),
        *(sa.column(name) for name in ("plan", "course")),
    )
    connection = op.get_bind()
    for row in connection.execute(sa.select(rollouts)).all():
        plan = {"backbone": row.title, "cohort": row.cohort}
        course = {"thresholds": [1.0], "tally": [json.loads(row.counts)]}
        phase = "held" if row.phase == "stopped" else row.phase
        connection.execute(
            sa.update(rollouts)
            .where(rollouts.c.number == row.number)
            .values(plan=json.dumps({"plan": plan}), course=json.dumps(course), phase=phase)
        )


def _carry_members_over() -> None:
    op.execute(
        "UPDATE rollout_members SET permit_since = permit_expires_at, ordered_at = ("
        "SELECT created_at FROM rollouts WHERE rollouts.number = rollout_members.rollout)"
    )
    op.execute(
        "UPDATE rollout_members SET before = COALESCE((SELECT reports.bundle_in_use FROM reports "
        "JOIN devices ON devices.id = reports.device WHERE reports.device = rollout_members.device "
        "AND devices.rollout = rollout_members.rollout "
        "AND reports.bundle_in_use <> devices.target_digest), '')"
    )


def _rollout_events() -> None:
    op.create_table(
        "rollout_events",
        sa.Column("rollout", NUMBER, nullable=False),
        sa.Column("sequence", NUMBER, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["rollout"], ["rollouts.number"], name=op.f("fk_rollout_events_rollout")
        ),
        sa.PrimaryKeyConstraint("rollout", "sequence", name=op.f("pk_rollout_events")),
    )
