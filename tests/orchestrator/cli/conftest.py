"""A command line whose server is canned."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from orchestrator.cli.root import app
from tests.fakes.operator_client import CannedClient


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> CannedClient:
    canned = CannedClient()

    @asynccontextmanager
    async def connect(*connection: object) -> AsyncIterator[CannedClient]:
        yield canned

    monkeypatch.setattr("orchestrator.cli.remote.connect", connect)
    return canned


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    (tmp_path / "ca.pem").write_text("PEM")
    return tmp_path / "ca.pem"


@pytest.fixture
def run(client: CannedClient, ca: Path) -> Any:
    given = {"FIELDWISE_ADDRESS": "h:1", "FIELDWISE_TOKEN": "t", "FIELDWISE_CA": str(ca)}

    def call(*arguments: str, asked: str | None = None) -> Result:
        return CliRunner(env=given).invoke(app, arguments, input=asked)

    return call
