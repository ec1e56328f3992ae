"""The stores that a contract is asked of: memory, SQLite and a real PostgreSQL."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from orchestrator.storage.memory import memory_stores
from orchestrator.storage.sql.stores import sql_stores
from orchestrator.storage.stores import Stores
from tests.databases import PostgreSql, sqlite_with_tables


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
async def stores(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stores]:
    if request.param == "memory":
        yield memory_stores()
        return
    if request.param == "sqlite":
        url = sqlite_with_tables(tmp_path)
    else:
        server = request.getfixturevalue("postgresql")
        assert isinstance(server, PostgreSql)
        url = server.emptied()
    async with sql_stores(url) as opened:
        yield opened
