"""What replicas share in a database: who leads, and whose database it is."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from sqlalchemy import Double, cast, func, insert, literal_column, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from orchestrator.leadership import Lead, Replica, after_claim, after_resigning
from orchestrator.replica_ports import Installation
from orchestrator.storage import refusals
from orchestrator.storage.sql.database import Database
from orchestrator.storage.sql.tables import installation as installations
from orchestrator.storage.sql.tables import leadership

ONLY = 1  # key of the one row that each of these tables has
_SQLITE_NOW = literal_column("(julianday('now') - 2440587.5) * 86400.0", Double)
_POSTGRESQL_NOW = cast(func.extract("epoch", func.clock_timestamp()), Double)

_FoundT = TypeVar("_FoundT")


class SqlLeadership:
    """``LeadershipStore``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, replica: Replica, seconds: float) -> Lead:
        return await _twice(partial(self._claim, replica, seconds))

    async def newest(self) -> Lead | None:
        async with self._database.read() as connection:
            return await _newest(connection, held=False)

    async def resign(self, replica: Replica) -> None:
        async with self._database.write() as connection:
            known = await _newest(connection)
            lead = after_resigning(known, replica, await self._now(connection))
            if lead is not None:
                await _keep(connection, known, lead)

    async def _claim(self, replica: Replica, seconds: float) -> Lead:
        async with self._database.write() as connection:
            known = await _newest(connection)
            lead = after_claim(known, replica, seconds, await self._now(connection))
            await _keep(connection, known, lead)
        return lead

    async def _now(self, connection: AsyncConnection) -> float:
        # Asked when the row is held: who waited for it would take an old moment for now.
        clock = _SQLITE_NOW if self._database.is_sqlite else _POSTGRESQL_NOW
        return float((await connection.execute(select(clock))).scalar_one())


class SqlInstallation:
    """``InstallationStore``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def belong_to(self, installation: Installation) -> Installation:
        return await _twice(partial(self._belong_to, installation))

    async def _belong_to(self, installation: Installation) -> Installation:
        own = {"number": ONLY, "fleet": installation.fleet, "authority": installation.authority}
        async with self._database.write() as connection:
            row = (await connection.execute(select(installations))).one_or_none()
            if row is not None:
                return Installation(row.fleet, row.authority)
            await connection.execute(insert(installations).values(own))
        return installation


async def check_term(connection: AsyncConnection, term: int) -> None:
    """Hold the newest term until the end of the transaction, where it is this one.

    Raises:
        FieldwiseError: ``CONFLICT`` where a newer one has begun.
    """
    newest = select(leadership.c.term).where(leadership.c.number == ONLY)
    found = await connection.execute(newest.with_for_update(read=True))
    if found.scalar_one_or_none() != term:
        raise refusals.term_over(term)


async def _newest(connection: AsyncConnection, *, held: bool = True) -> Lead | None:
    statement = select(leadership).where(leadership.c.number == ONLY)
    if held:
        statement = statement.with_for_update()
    row = (await connection.execute(statement)).one_or_none()
    if row is None:
        return None
    replica = Replica(row.process, row.place)
    return Lead(row.term, replica, row.expires_at, row.unbroken_since)


async def _keep(connection: AsyncConnection, known: Lead | None, lead: Lead) -> None:
    values = {
        "term": lead.term,
        "process": lead.replica.process,
        "place": lead.replica.place,
        "expires_at": lead.expires_at,
        "unbroken_since": lead.unbroken_since,
    }
    if known is None:
        await connection.execute(insert(leadership).values(number=ONLY, **values))
    elif known != lead:
        await connection.execute(
            update(leadership).where(leadership.c.number == ONLY).values(values)
        )


async def _twice(deed: Callable[[], Awaitable[_FoundT]]) -> _FoundT:
    """Do it, and again where another replica has made the one row in the same moment."""
    try:
        return await deed()
    except IntegrityError:
        return await deed()
