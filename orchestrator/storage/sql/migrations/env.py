"""Runs the migrations inside the transaction that the caller holds."""

from alembic import context

from orchestrator.storage.sql.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
