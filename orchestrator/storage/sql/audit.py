"""The audit log in a database.

One row says where the chain begins and ends. Whoever appends holds it until the commit, so entries
stand in one row behind the other whatever replica wrote them, and a number is never given twice. A
replica that is stopped or cut off while it holds the row loses it soon: nobody could change
anything until then.
"""

import re
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.audit.chain import cut_told
from orchestrator.audit.entry import Deed, Head, Kept, sealed
from orchestrator.audit_ports import Extent
from orchestrator.storage.sql.database import Database
from orchestrator.storage.sql.operator_tables import audit_entries, audit_extent

ONLY = 1  # key of the one row, which the migration makes
SILENT_SECONDS = 10  # between two statements of one transaction lie milliseconds


class SqlAudit:
    """``AuditStore``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(self, deed: Deed) -> Kept:
        async with self._database.write() as connection:
            return await append(connection, deed)

    async def extent(self) -> Extent:
        async with self._database.read() as connection:
            return await _extent(connection, held=False)

    async def after(self, number: int, limit: int) -> Sequence[Kept]:
        statement = select(audit_entries).where(audit_entries.c.number > number)
        statement = statement.order_by(audit_entries.c.number).limit(limit)
        async with self._database.read() as connection:
            return [_kept(row) for row in (await connection.execute(statement)).all()]

    async def before(self, number: int | None, limit: int) -> Sequence[Kept]:
        statement = select(audit_entries).order_by(audit_entries.c.number.desc()).limit(limit)
        if number is not None:
            statement = statement.where(audit_entries.c.number < number)
        async with self._database.read() as connection:
            return [_kept(row) for row in (await connection.execute(statement)).all()]

    async def prune(self, number: int, deed: Deed) -> Kept | None:
        async with self._database.write() as connection:
            extent = await _extent(connection, held=True)
            goes = (audit_entries.c.number <= number) & (
                audit_entries.c.number < extent.head.number
            )
            last = select(audit_entries).where(goes).order_by(audit_entries.c.number.desc())
            row = (await connection.execute(last.limit(1))).one_or_none()
            if row is None:
                return None
            cut = _kept(row).head
            gone = delete(audit_entries).where(audit_entries.c.number <= cut.number)
            await connection.execute(gone)
            told = {"cut_number": cut.number, "cut_digest": cut.digest}
            await connection.execute(update(audit_extent).values(told))
            return await append(connection, msgspec.structs.replace(deed, after=cut_told(cut)))


async def append(connection: AsyncConnection, deed: Deed) -> Kept:
    """Put a deed at the end of the chain, in a transaction that others' entries wait for.

    Raises:
        FieldwiseError: ``STATE_DAMAGED`` where the log goes on behind what it says is its end.
    """
    if connection.dialect.name == "postgresql":
        span = f"SET LOCAL idle_in_transaction_session_timeout = '{SILENT_SECONDS}s'"
        await connection.execute(text(span))
    extent = await _extent(connection, held=True)
    kept = sealed(deed, extent.head)
    values = {"number": kept.number, "content": kept.content, "digest": kept.digest}
    try:
        await connection.execute(insert(audit_entries).values(values))
    except IntegrityError as error:
        raise _tampered(f"entry {kept.number} is there, and is none by the log's end") from error
    head = {"head_number": kept.number, "head_digest": kept.digest}
    await connection.execute(update(audit_extent).values(head))
    return kept


async def _extent(connection: AsyncConnection, *, held: bool) -> Extent:
    statement = select(audit_extent).where(audit_extent.c.number == ONLY)
    if held:
        statement = statement.with_for_update()
    row = (await connection.execute(statement)).one_or_none()
    if row is None or not (_is_digest(row.cut_digest) and _is_digest(row.head_digest)):
        raise _tampered("the database does not say where the audit log ends")
    return Extent(Head(row.cut_number, row.cut_digest), Head(row.head_number, row.head_digest))


def _tampered(what: str) -> FieldwiseError:
    return FieldwiseError(
        Fault.STATE_DAMAGED,
        f"{what}: audit_extent was tampered with, and nothing can be changed until it is put right",
    )


def _is_digest(text: str) -> bool:
    return re.fullmatch("[0-9a-f]{64}", text) is not None


def _kept(row: Any) -> Kept:
    return Kept(row.number, row.content, row.digest)
