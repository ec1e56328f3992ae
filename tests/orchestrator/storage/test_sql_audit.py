"""The audit log over a database that somebody wrote to."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import update

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.storage.sql import audit
from orchestrator.storage.sql.audit import SqlAudit
from orchestrator.storage.sql.database import Database
from orchestrator.storage.sql.operator_tables import audit_extent
from tests.audits import deed
from tests.databases import PostgreSql, sqlite_with_tables


async def test_a_log_that_goes_on_behind_its_end_takes_no_entry_and_says_why(
    tmp_path: Path,
) -> None:
    database = Database(sqlite_with_tables(tmp_path))
    log = SqlAudit(database)
    made = [await log.append(deed(number)) for number in range(3)]
    async with database.write() as connection:
        first = {"head_number": 1, "head_digest": made[0].digest}
        await connection.execute(update(audit_extent).values(first))
    with pytest.raises(FieldwiseError) as raised:
        await log.append(deed(3))
    assert raised.value.fault is Fault.STATE_DAMAGED
    assert "entry 2 is there" in raised.value.sentence
    assert list(await log.after(0, 10)) == made
    await database.dispose()


async def test_a_replica_that_is_stopped_while_it_writes_holds_up_the_others_for_a_while_only(
    postgresql: PostgreSql, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "SILENT_SECONDS", 1)
    url = postgresql.emptied()
    stopped, other = Database(url), Database(url)
    kept = []

    async def stop_in_between() -> None:
        async with stopped.write() as connection:
            await audit.append(connection, deed(0))
            async with asyncio.timeout(30):
                kept.append(await SqlAudit(other).append(deed(1)))

    with pytest.raises(FieldwiseError) as raised:
        await stop_in_between()
    assert raised.value.fault is Fault.UNAVAILABLE
    assert [each.number for each in kept] == [1]
    assert await SqlAudit(other).after(0, 10) == kept
    for each in (stopped, other):
        await each.dispose()
