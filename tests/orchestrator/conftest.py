"""What the tests of the orchestrator share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from orchestrator.config import OrchestratorSettings
from tests.databases import PostgreSql
from tests.doors import Door
from tests.founded import LISTEN, Make
from tests.issuers import Issuer, issuing


@pytest.fixture
def make(tmp_path: Path, postgresql: PostgreSql) -> Make:
    """Settings of an installation that is not there yet, with a database of a kind."""

    def made(name: str, kind: str = "sqlite", **settings: object) -> OrchestratorSettings:
        url = "" if kind == "sqlite" else postgresql.create()
        given = {"data_folder": tmp_path / name, "database_url": url, **LISTEN, **settings}
        return OrchestratorSettings(**given)  # type: ignore[arg-type]  # of the tests' own

    return made


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    """A real issuer of tokens over https."""
    async with issuing() as running:
        yield running


@pytest.fixture
def door(issuer: Issuer, tmp_path: Path) -> Door:
    """What lets in whoever comes with a token of the issuer."""
    return Door(issuer, issuer.ca(tmp_path))
