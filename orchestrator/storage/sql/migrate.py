"""Brings a database to the present tables, at start, one server at a time."""

from importlib import resources

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, text

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.storage.sql.database import Database

LOCK = 0x6669656C64  # "field": the key of an advisory lock that only this product takes


async def migrate(database: Database) -> None:
    """Create or upgrade the tables; replicas that start together wait for one another.

    Raises:
        FieldwiseError: ``STATE_DAMAGED`` where a newer version has written the database, or as
            ``Database.write``.
    """
    async with database.write() as connection:
        if not database.is_sqlite:  # SQLite's write transaction is such a lock already
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        await connection.run_sync(upgrade)


async def version(database: Database) -> str:
    """Return the version that the tables of a database have.

    Raises:
        FieldwiseError: As ``Database.read``.
    """
    async with database.read() as connection:
        found = await connection.scalar(text("SELECT version_num FROM alembic_version"))
    return str(found)


def upgrade(connection: Connection, target: str = "head") -> None:
    """Take the tables to a version of theirs.

    Raises:
        FieldwiseError: ``STATE_DAMAGED`` where a newer version has written the database.
    """
    config = Config()
    folder = resources.files("orchestrator.storage.sql") / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, target)
    except CommandError as error:
        raise FieldwiseError(
            Fault.STATE_DAMAGED, f"the database was made by another version: {error}"
        ) from error
