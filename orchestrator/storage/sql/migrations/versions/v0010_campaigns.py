"""Campaigns among devices whose owners agree, and what each device says of that.

An older version offers no round and takes no update: devices keep theirs for a newer one.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables, and add what a device says to its report."""
    _campaigns()
    _parts("campaign_rounds", "number")
    request = op.f("uq_campaign_heads_campaign_request")
    _parts(
        "campaign_heads",
        "version",
        sa.Column("request", sa.Text(), nullable=True),
        sa.UniqueConstraint("campaign", "request", name=request),
    )
    _members()
    _updates()
    op.add_column("reports", sa.Column("consent", sa.Text(), nullable=True))
    op.add_column("reports", sa.Column("federation", sa.Text(), nullable=True))


def _number() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _campaigns() -> None:
    op.create_table(
        "campaigns",
        sa.Column("number", _number(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.Column("newest_round", sa.BigInteger(), nullable=False),
        sa.Column("has_head", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("course", sa.Text(), nullable=False),
        sa.Column("worker_token", sa.Text(), nullable=True),
        sa.Column("request", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_campaigns")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_campaigns_phase"), "campaigns", ["phase"])
    op.create_index(op.f("ix_campaigns_has_head"), "campaigns", ["has_head"])
    op.create_index(op.f("ix_campaigns_request"), "campaigns", ["request"], unique=True)


def _parts(table: str, key: str, *more: sa.schema.SchemaItem) -> None:
    op.create_table(
        table,
        sa.Column("campaign", _number(), nullable=False),
        sa.Column(key, _number(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("campaign", key, name=op.f(f"pk_{table}")),
        sa.ForeignKeyConstraint(
            ["campaign"], ["campaigns.number"], name=op.f(f"fk_{table}_campaign")
        ),
        *more,
    )


def _members() -> None:
    op.create_table(
        "campaign_members",
        sa.Column("campaign", _number(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("alias", sa.BigInteger(), nullable=False),
        sa.Column("asked", sa.BigInteger(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("head_version", sa.BigInteger(), nullable=False),
        sa.Column("judged", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("campaign", "device", name=op.f("pk_campaign_members")),
        sa.UniqueConstraint("campaign", "alias", name=op.f("uq_campaign_members_campaign_alias")),
        sa.ForeignKeyConstraint(
            ["campaign"], ["campaigns.number"], name=op.f("fk_campaign_members_campaign")
        ),
        sa.ForeignKeyConstraint(
            ["device"], ["devices.id"], name=op.f("fk_campaign_members_device")
        ),
    )
    asked = ["campaign", "asked"]
    op.create_index(op.f("ix_campaign_members_campaign_asked"), "campaign_members", asked)
    op.create_index(op.f("ix_campaign_members_device"), "campaign_members", ["device"])


def _updates() -> None:
    op.create_table(
        "campaign_updates",
        sa.Column("campaign", _number(), nullable=False),
        sa.Column("round", _number(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("base_version", sa.BigInteger(), nullable=False),
        sa.Column("classes", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(
            "campaign", "round", "device", "digest", name=op.f("pk_campaign_updates")
        ),
        sa.ForeignKeyConstraint(
            ["campaign"], ["campaigns.number"], name=op.f("fk_campaign_updates_campaign")
        ),
        sa.ForeignKeyConstraint(
            ["device"], ["devices.id"], name=op.f("fk_campaign_updates_device")
        ),
    )
    for column in ("state", "device", "digest"):
        op.create_index(op.f(f"ix_campaign_updates_{column}"), "campaign_updates", [column])
