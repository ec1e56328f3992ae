"""Metadata of publishers in a database."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, false, func, insert, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from fieldwise.trust import PublisherReport, Role
from orchestrator.storage import refusals
from orchestrator.storage.sql.database import Database
from orchestrator.storage.sql.replicas import check_term
from orchestrator.storage.sql.rows import publisher_of
from orchestrator.storage.sql.tables import devices, reports, trust_metadata
from orchestrator.trust_ports import KEPT_MAX, Kept


class SqlTrust:
    """``TrustStore``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def newest(self, roles: Collection[Role]) -> Mapping[Role, Kept]:
        async with self._database.read() as connection:
            versions = await _versions(connection, roles)
            wanted = [_is(role, version) for role, version in versions.items()]
            statement = select(trust_metadata).where(or_(false(), *wanted))
            rows = (await connection.execute(statement)).all()
        return {each.role: each for each in map(_kept_of, rows)}

    async def get(self, role: Role, version: int) -> Kept | None:
        statement = select(trust_metadata).where(_is(role, version))
        async with self._database.read() as connection:
            row = (await connection.execute(statement)).one_or_none()
        return None if row is None else _kept_of(row)

    async def keep(self, documents: Sequence[Kept], term: int | None = None) -> None:
        try:
            async with self._database.write() as connection:
                if term is not None:
                    await check_term(connection, term)
                newest = await _versions(connection, list(Role))
                for each in documents:
                    refusals.check_metadata(each.role, each.version, newest.get(each.role))
                    newest[each.role] = each.version
                    await connection.execute(insert(trust_metadata).values(_values_of(each)))
                for role in {each.role for each in documents} - {Role.ROOT}:
                    await _forget_old(connection, role)
        except IntegrityError as error:
            raise refusals.metadata_known() from error

    async def heard(self) -> Mapping[PublisherReport, int]:
        statement = (
            select(reports.c.publisher, func.count().label("devices"))
            .join(devices, devices.c.id == reports.c.device)
            .where(devices.c.removed_at.is_(None), reports.c.publisher.is_not(None))
            .group_by(reports.c.publisher)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(statement)).all()
        told = {publisher_of(row.publisher): row.devices for row in rows}
        return {report: count for report, count in told.items() if report is not None}


def _is(role: Role, version: int) -> ColumnElement[bool]:
    return and_(trust_metadata.c.role == role.value, trust_metadata.c.version == version)


async def _versions(connection: AsyncConnection, roles: Collection[Role]) -> dict[Role, int]:
    statement = (
        select(trust_metadata.c.role, func.max(trust_metadata.c.version).label("version"))
        .where(trust_metadata.c.role.in_([each.value for each in roles]))
        .group_by(trust_metadata.c.role)
    )
    return {Role(row.role): row.version for row in (await connection.execute(statement)).all()}


async def _forget_old(connection: AsyncConnection, role: Role) -> None:
    versions = select(trust_metadata.c.version).where(trust_metadata.c.role == role.value)
    newest = versions.order_by(trust_metadata.c.version.desc()).limit(KEPT_MAX)
    oldest = min((await connection.execute(newest)).scalars())
    old = and_(trust_metadata.c.role == role.value, trust_metadata.c.version < oldest)
    await connection.execute(delete(trust_metadata).where(old))


def _values_of(kept: Kept) -> dict[str, object]:
    return {
        "role": kept.role.value,
        "version": kept.version,
        "content": kept.content.decode(),
    }


def _kept_of(row: Row[Any]) -> Kept:
    return Kept(Role(row.role), row.version, row.content.encode())
