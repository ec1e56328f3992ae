"""What the tests of the orchestrator share."""

from pathlib import Path

import pytest

from orchestrator.config import OrchestratorSettings
from tests.databases import PostgreSql
from tests.founded import LISTEN, Make


@pytest.fixture
def make(tmp_path: Path, postgresql: PostgreSql) -> Make:
    """Settings of an installation that is not there yet, with a database of a kind."""

    def made(name: str, kind: str = "sqlite", **settings: object) -> OrchestratorSettings:
        url = "" if kind == "sqlite" else postgresql.create()
        given = {"data_folder": tmp_path / name, "database_url": url, **LISTEN, **settings}
        return OrchestratorSettings(**given)  # type: ignore[arg-type]  # of the tests' own

    return made
