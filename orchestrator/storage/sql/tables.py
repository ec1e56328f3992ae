"""The tables, as the migrations leave them.

Times are seconds since 1970 UTC as double precision, digests and fingerprints lower-case
hexadecimal, phases the words of their enumerations, and JSON what is read and written as a whole.

``devices`` holds what the orchestrator decides about a device and changes rarely; ``reports`` what
the device says, rewritten all the time: kept apart, the busy rows stay narrow. A device and its
report row come into being together.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from orchestrator.storage.sql.operator_tables import accounts, audit_entries, audit_extent
from orchestrator.storage.sql.schema import Number
from orchestrator.storage.sql.schema import metadata as metadata  # noqa: PLC0414 - handed on, with all tables in it

# Whoever knows the metadata knows every table.
OF_OPERATORS = (accounts, audit_entries, audit_extent)


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default="0")


def _text(name: str, default: str = "") -> Column[str]:
    return Column(name, Text, nullable=False, server_default=text(f"'{default}'"))


tickets = Table(
    "tickets",
    metadata,
    Column("number", Number, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("secret_hash", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("uses_allowed", BigInteger, nullable=False),
    Column("uses", BigInteger, nullable=False),
    Column("revoked", Boolean, nullable=False),
    Column("tags", Text, nullable=False),  # JSON
    Column("request", Text, index=True, unique=True),
    Column("needs_word", Boolean, nullable=False, server_default=false()),
    sqlite_autoincrement=True,
)

# Devices that brought a ticket and wait; ``device`` is the id that each has once it is a member.
applicants = Table(
    "applicants",
    metadata,
    Column("number", Number, primary_key=True),
    Column("device", Text, nullable=False, unique=True),
    Column("fingerprint", Text, nullable=False, unique=True),
    Column("ticket", Text, ForeignKey("tickets.id"), nullable=False, index=True),
    Column("stage", Text, nullable=False, index=True),
    Column("applied_at", Double, nullable=False),
    Column("asked_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False, index=True),
    Column("facts", Text, nullable=False),  # JSON
    Column("tags", Text, nullable=False),  # JSON
    Column("reason", Text, nullable=False),
    sqlite_autoincrement=True,
)

backbones = Table(
    "backbones",
    metadata,
    Column("number", Number, primary_key=True),
    Column("digest", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("manifest", LargeBinary, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("recalled_at", Double),
    UniqueConstraint("name", "version"),
    sqlite_autoincrement=True,
)

rollouts = Table(
    "rollouts",
    metadata,
    Column("number", Number, primary_key=True),
    Column("digest", Text, ForeignKey("backbones.digest"), nullable=False),
    Column("title", Text, nullable=False),
    Column("cohort", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("phase", Text, nullable=False),
    Column("watched", Boolean, nullable=False, index=True),
    Column("ended_at", Double),
    Column("revision", BigInteger, nullable=False),
    _text("kind", "forward"),
    _text("plan", "{}"),  # JSON: what stays as it was at the start
    _text("course", "{}"),  # JSON: what changes from look to look
    Column("request", Text, index=True, unique=True),
    sqlite_autoincrement=True,
)

rollout_events = Table(
    "rollout_events",
    metadata,
    Column("rollout", Number, ForeignKey("rollouts.number"), primary_key=True),
    Column("sequence", Number, primary_key=True),
    Column("at", Double, nullable=False),
    Column("kind", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("facts", Text, nullable=False),  # JSON
)

devices = Table(
    "devices",
    metadata,
    Column("id", Text, primary_key=True),
    Column("enrolled_at", Double, nullable=False),
    Column("removed_at", Double, index=True),
    Column("agent_version", Text, nullable=False),
    Column("architecture", Text, nullable=False),
    Column("memory_bytes", BigInteger, nullable=False),
    Column("processors", BigInteger, nullable=False),
    Column("key_fingerprint", Text, nullable=False),  # of the newest key
    Column("key_in_use", Text),  # the newest that it has called with
    Column("revived_at", Double),  # when it asked for the nonce that revived it last
    Column("target_generation", BigInteger, nullable=False, server_default="0"),
    Column("target_digest", Text),
    Column("rollout", Number, ForeignKey("rollouts.number"), index=True),
    Column("settings_revision", BigInteger, nullable=False, server_default="0"),
    Column("settings", Text),  # JSON, canonical
    _text("target_variant"),
    Column("target_back", Boolean, nullable=False, server_default=false()),
)

# Members that may not call; of removed devices a row says nothing.
denials = Table(
    "denials",
    metadata,
    Column("device", Text, ForeignKey("devices.id"), primary_key=True),
    Column("denied_at", Double, nullable=False),
)

device_tags = Table(
    "device_tags",
    metadata,
    Column("device", Text, ForeignKey("devices.id"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Index(None, "key", "value", "device"),
)

device_keys = Table(
    "device_keys",
    metadata,
    Column("fingerprint", Text, primary_key=True),
    Column("device", Text, ForeignKey("devices.id"), nullable=False, index=True),
    Column("serial", Text, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("ticket", Text, ForeignKey("tickets.id")),
)

reports = Table(
    "reports",
    metadata,
    Column("device", Text, ForeignKey("devices.id"), primary_key=True),
    Column("seen_at", Double),
    Column("pace_seconds", BigInteger, nullable=False, server_default="60"),
    _count("incarnation"),
    _count("sequence"),
    _count("generation"),
    Column("bundle_in_use", Text),
    Column("variant_in_use", Text, nullable=False),
    _count("update_generation"),
    Column("update_digest", Text),
    Column("update_phase", Text, nullable=False, server_default="idle"),
    Column("update_failure", Text),
    Column("agent_version", Text, nullable=False),
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
    Column("update_hold", Text),
    Column("verdict", Text),  # JSON
    _text("execution_provider"),
    _count("novelty_samples"),
    _count("novelty_novel"),
    _count("calibration_samples"),
    _count("calibration_error_permille"),
    _count("drift_permille"),
    _count("drift_alarms"),
    _count("skipped"),
    _count("waiting_samples"),
    _count("learning_p50_micros"),
    _count("clock_off_seconds"),
    Column("diagnosis_rule", Text),
    Column("consent", Text),
    Column("federation", Text),  # JSON
    Column("trust_revision", BigInteger),
    Column("publisher", Text),  # JSON
    Column("ledger", Text),  # JSON: heads that were told, and what showed
)

# What operators asked devices for; ``open_of`` is the device while a request is open.
diagnoses = Table(
    "diagnoses",
    metadata,
    Column("number", Number, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("device", Text, ForeignKey("devices.id"), nullable=False, index=True),
    Column("asked_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("open_of", Text, unique=True),
    Column("step", Text),
    Column("answered_at", Double),
    Column("content", Text),  # JSON
    sqlite_autoincrement=True,
)

rollout_members = Table(
    "rollout_members",
    metadata,
    Column("rollout", Number, ForeignKey("rollouts.number"), primary_key=True),
    Column("device", Text, ForeignKey("devices.id"), primary_key=True),
    Column("permit_generation", BigInteger),
    Column("permit_expires_at", Double),
    Column("permit_since", Double),
    _text("before"),  # digests with blanks between
    Column("ordered_at", Double, nullable=False, server_default="0"),
    # Whether it may count as under way; struck out once it cannot any more.
    Column("on_the_way", Boolean, nullable=False, server_default=false()),
    Index("ix_rollout_members_rollout_on_the_way", "rollout", "on_the_way"),
    Index("ix_rollout_members_rollout_permit_since", "rollout", "permit_since"),
)

campaigns = Table(
    "campaigns",
    metadata,
    Column("number", Number, primary_key=True),
    Column("phase", Text, nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("ended_at", Double),
    Column("newest_round", BigInteger, nullable=False),
    Column("has_head", Boolean, nullable=False, index=True),
    Column("revision", BigInteger, nullable=False),
    Column("plan", Text, nullable=False),  # JSON: what stays as it was at the start
    Column("course", Text, nullable=False),  # JSON: what changes from look to look
    Column("worker_token", Text),
    Column("request", Text, index=True, unique=True),
    sqlite_autoincrement=True,
)

campaign_rounds = Table(
    "campaign_rounds",
    metadata,
    Column("campaign", Number, ForeignKey("campaigns.number"), primary_key=True),
    Column("number", Number, primary_key=True),
    Column("content", Text, nullable=False),  # JSON
)

campaign_heads = Table(
    "campaign_heads",
    metadata,
    Column("campaign", Number, ForeignKey("campaigns.number"), primary_key=True),
    Column("version", Number, primary_key=True),
    Column("request", Text),
    Column("content", Text, nullable=False),  # JSON
    UniqueConstraint("campaign", "request"),
)

# How a device stands to a campaign: the newest round that asked it, and the newest head it judged.
campaign_members = Table(
    "campaign_members",
    metadata,
    Column("campaign", Number, ForeignKey("campaigns.number"), primary_key=True),
    Column("device", Text, ForeignKey("devices.id"), primary_key=True),
    Column("alias", BigInteger, nullable=False),
    Column("asked", BigInteger, nullable=False),
    Column("answer", Text),
    Column("digest", Text, nullable=False),  # of what was taken in that round
    Column("bytes", BigInteger, nullable=False),
    Column("head_version", BigInteger, nullable=False),
    Column("judged", Text),  # JSON: the report that said so
    UniqueConstraint("campaign", "alias"),
    Index(None, "campaign", "asked"),
    Index(None, "device"),
)

# Updates whose content is in a file, or about to be.
campaign_updates = Table(
    "campaign_updates",
    metadata,
    Column("campaign", Number, ForeignKey("campaigns.number"), primary_key=True),
    Column("round", Number, primary_key=True),
    Column("device", Text, ForeignKey("devices.id"), primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("state", Text, nullable=False, index=True),
    Column("at", Double, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("base_version", BigInteger, nullable=False),
    Column("classes", Text, nullable=False),  # ids with blanks between
    Index(None, "device"),
    Index(None, "digest"),
)

# Signed bytes as they are: JSON, and every hash and signature is of exactly these.
trust_metadata = Table(
    "trust_metadata",
    metadata,
    Column("role", Text, primary_key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("content", Text, nullable=False),
)

leadership = Table(
    "leadership",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("term", BigInteger, nullable=False),
    Column("process", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("unbroken_since", Double, nullable=False),
)

compatibility = Table(
    "compatibility",
    metadata,
    Column("oldest", Text, primary_key=True),
)

# How one authority follows another; no row before the first time.
succession = Table(
    "succession",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("revision", BigInteger, nullable=False),
    Column("step", Text, nullable=False),
    Column("root", LargeBinary, nullable=False),  # DER, as all of these
    Column("successor", LargeBinary, nullable=False),
    Column("crossed", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),  # the successor's key
    Column("changed_at", Double, nullable=False),
)

installation = Table(
    "installation",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("fleet", Text, nullable=False),
    Column("authority", Text, nullable=False),
)

restorations = Table(
    "restorations",
    metadata,
    Column("number", Number, primary_key=True),
    Column("made_at", Double, nullable=False),
    Column("restored_at", Double, nullable=False),
    sqlite_autoincrement=True,
)
