"""The tables about operators: who they are, and what they did."""

from sqlalchemy import BigInteger, Column, Double, Table, Text

from orchestrator.storage.sql.schema import Number, metadata

# Accounts of people and programs that operate; ``name_in_force`` is null once one is revoked.
accounts = Table(
    "accounts",
    metadata,
    Column("number", Number, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False, index=True),
    Column("name_in_force", Text, unique=True),
    Column("role", Text, nullable=False),
    Column("token_hash", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_at", Double),
    Column("revoked_at", Double),
    sqlite_autoincrement=True,
)

# What was done to the fleet, chained; the one row of ``audit_extent`` says from where to where.
audit_entries = Table(
    "audit_entries",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("content", Text, nullable=False),  # JSON, of which the digest is
    Column("digest", Text, nullable=False),
)

audit_extent = Table(
    "audit_extent",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("cut_number", BigInteger, nullable=False),
    Column("cut_digest", Text, nullable=False),
    Column("head_number", BigInteger, nullable=False),
    Column("head_digest", Text, nullable=False),
)
