"""Brings a database to the present tables, at start, one server at a time.

An upgrade goes replica by replica, and one that goes wrong is taken back: so an older version has
to live, and even to start, with newer tables. Migrations therefore add and never take away, and the
database names the oldest version whose program is still fit for it. An older version that finds
newer tables leaves them as they are. While an older version serves, its transactions hold the
tables: a migration that does not get one soon gives way, and is tried again by whoever started it.
"""

from functools import cache
from importlib import resources

import structlog
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.storage.sql.database import Database

LOCK = 0x6669656C64  # "field": the key of an advisory lock that only this product takes
VERSION_TABLE = "alembic_version"
_VERSION = text("SELECT version_num FROM alembic_version")
TABLE_SECONDS = 10  # who waits for a table keeps everybody who comes later waiting, too

_log = structlog.get_logger(__name__)


async def migrate(database: Database) -> None:
    """Create or upgrade the tables; replicas that start together wait for one another.

    Raises:
        FieldwiseError: ``STATE_DAMAGED`` where a newer version has written the database, or as
            ``Database.write``.
    """
    async with database.write() as connection:
        await hold_tables(connection)
        await connection.run_sync(upgrade)


async def hold_tables(connection: AsyncConnection) -> None:
    """Let nobody else change the shape of the tables until the end of the transaction."""
    if connection.dialect.name != "sqlite":  # SQLite's write transaction is such a lock already
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        await connection.execute(text(f"SET LOCAL lock_timeout = '{TABLE_SECONDS}s'"))


async def version(database: Database) -> str:
    """Return the version that the tables of a database have.

    Raises:
        FieldwiseError: As ``Database.read``.
    """
    async with database.read() as connection:
        return await connection.run_sync(version_in)


def version_in(connection: Connection) -> str:
    """Return the version that tables have which are there."""
    return str(connection.execute(_VERSION).scalar_one())


def upgrade(connection: Connection, target: str = "head") -> None:
    """Take the tables to a version of theirs, or leave newer ones that are fit as they are.

    Raises:
        FieldwiseError: ``STATE_DAMAGED`` where they are another version's and not fit for this one.
    """
    config = _config()
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, target)
    except CommandError as error:
        known = ScriptDirectory.from_config(config).get_current_head() or ""
        if _is_fit(connection, known):
            _log.warning("the tables are of a newer version", known=known)
            return
        raise FieldwiseError(
            Fault.STATE_DAMAGED, f"the database was made by another version: {error}"
        ) from error


@cache
def revisions() -> tuple[str, ...]:
    """Return every version of the tables that this program knows, the oldest first."""
    scripts = ScriptDirectory.from_config(_config())
    return tuple(each.revision for each in scripts.walk_revisions())[::-1]


def _config() -> Config:
    config = Config()
    folder = resources.files("orchestrator.storage.sql") / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _is_fit(connection: Connection, known: str) -> bool:
    """Tell whether newer tables are fit for a program that knows them up to a version."""
    if not inspect(connection).has_table("compatibility"):
        return False
    oldest = connection.execute(text("SELECT max(oldest) FROM compatibility")).scalar_one()
    return oldest is not None and oldest <= known < version_in(connection)
