"""The tables of the first release."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create every table, those that others refer to first."""
    _tickets()
    _backbones()
    _rollouts()
    _devices()
    _device_tags()
    _device_keys()
    _reports()
    _rollout_members()


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)


def _tickets() -> None:
    op.create_table(
        "tickets",
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.Column("uses_allowed", sa.BigInteger(), nullable=False),
        sa.Column("uses", sa.BigInteger(), nullable=False),
        sa.Column("revoked", sa.Boolean(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_tickets")),
        sa.UniqueConstraint("id", name=op.f("uq_tickets_id")),
        sqlite_autoincrement=True,
    )


def _backbones() -> None:
    op.create_table(
        "backbones",
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("manifest", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_backbones")),
        sa.UniqueConstraint("digest", name=op.f("uq_backbones_digest")),
        sa.UniqueConstraint("name", "version", name=op.f("uq_backbones_name_version")),
        sqlite_autoincrement=True,
    )


def _rollouts() -> None:
    op.create_table(
        "rollouts",
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("cohort", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("watched", sa.Boolean(), nullable=False),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["backbones.digest"], name=op.f("fk_rollouts_digest")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_rollouts")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_rollouts_watched"), "rollouts", ["watched"], unique=False)


def _devices() -> None:
    op.create_table(
        "devices",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("enrolled_at", sa.Double(), nullable=False),
        sa.Column("removed_at", sa.Double(), nullable=True),
        sa.Column("agent_version", sa.Text(), nullable=False),
        sa.Column("architecture", sa.Text(), nullable=False),
        sa.Column("memory_bytes", sa.BigInteger(), nullable=False),
        sa.Column("processors", sa.BigInteger(), nullable=False),
        sa.Column("key_fingerprint", sa.Text(), nullable=False),
        _count("target_generation"),
        sa.Column("target_digest", sa.Text(), nullable=True),
        sa.Column("rollout", NUMBER, nullable=True),
        _count("settings_revision"),
        sa.Column("settings", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["rollout"], ["rollouts.number"], name=op.f("fk_devices_rollout")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_devices")),
    )
    op.create_index(op.f("ix_devices_rollout"), "devices", ["rollout"], unique=False)


def _device_tags() -> None:
    op.create_table(
        "device_tags",
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["devices.id"], name=op.f("fk_device_tags_device")),
        sa.PrimaryKeyConstraint("device", "key", name=op.f("pk_device_tags")),
    )
    op.create_index(
        op.f("ix_device_tags_key_value_device"),
        "device_tags",
        ["key", "value", "device"],
        unique=False,
    )


def _device_keys() -> None:
    op.create_table(
        "device_keys",
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("serial", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.Column("ticket", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["device"], ["devices.id"], name=op.f("fk_device_keys_device")),
        sa.ForeignKeyConstraint(["ticket"], ["tickets.id"], name=op.f("fk_device_keys_ticket")),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_device_keys")),
    )
    op.create_index(op.f("ix_device_keys_device"), "device_keys", ["device"], unique=False)


def _reports() -> None:
    op.create_table(
        "reports",
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.Double(), nullable=True),
        sa.Column("pace_seconds", sa.BigInteger(), server_default="60", nullable=False),
        _count("incarnation"),
        _count("sequence"),
        _count("generation"),
        sa.Column("bundle_in_use", sa.Text(), nullable=True),
        sa.Column("variant_in_use", sa.Text(), nullable=False),
        _count("update_generation"),
        sa.Column("update_digest", sa.Text(), nullable=True),
        sa.Column("update_phase", sa.Text(), server_default="idle", nullable=False),
        sa.Column("update_failure", sa.Text(), nullable=True),
        sa.Column("agent_version", sa.Text(), nullable=False),
        _count("settings_revision"),
        _count("uptime_seconds"),
        _count("resident_bytes"),
        _count("state_bytes"),
        _count("disk_free_bytes"),
        _count("predictions"),
        _count("prediction_errors"),
        _count("prediction_p50_micros"),
        _count("prediction_p99_micros"),
        _count("samples"),
        _count("classes"),
        _count("select_samples"),
        _count("judge_samples"),
        _count("exemplars"),
        _count("exemplar_bytes"),
        _count("window_samples"),
        _count("window_correct"),
        _count("window_last_label_correct"),
        sa.ForeignKeyConstraint(["device"], ["devices.id"], name=op.f("fk_reports_device")),
        sa.PrimaryKeyConstraint("device", name=op.f("pk_reports")),
    )


def _rollout_members() -> None:
    op.create_table(
        "rollout_members",
        sa.Column("rollout", NUMBER, nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("permit_generation", sa.BigInteger(), nullable=True),
        sa.Column("permit_expires_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["device"], ["devices.id"], name=op.f("fk_rollout_members_device")),
        sa.ForeignKeyConstraint(
            ["rollout"], ["rollouts.number"], name=op.f("fk_rollout_members_rollout")
        ),
        sa.PrimaryKeyConstraint("rollout", "device", name=op.f("pk_rollout_members")),
    )
