"""What is done before a server starts: an authority for a secret store, and the tables."""

from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from fieldwise.errors import CATALOGUE, Fault
from orchestrator.app import running
from orchestrator.beforehand import create_authority, migrate
from orchestrator.cli import app
from orchestrator.config import OrchestratorSettings
from orchestrator.storage.sql.database import Database
from orchestrator.storage.sql.migrate import version
from tests.databases import PostgreSql

LISTEN = {f"{name}_listen": "127.0.0.1:0" for name in ("device", "operator", "metrics")}


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return ""
    server = request.getfixturevalue("postgresql")
    assert isinstance(server, PostgreSql)
    return server.create()


async def test_tables_that_were_migrated_apart_are_those_that_a_server_wants(
    tmp_path: Path, url: str
) -> None:
    settings = OrchestratorSettings(data_folder=tmp_path / "data", database_url=url, **LISTEN)
    before = await migrate(settings)
    async with running(settings):
        pass
    database = Database(settings.database)
    after = await version(database)
    await database.dispose()
    assert before == after
    assert await migrate(settings) == before


async def test_every_server_with_a_created_authority_is_of_its_fleet(tmp_path: Path) -> None:
    secret, public = create_authority(tmp_path, "plant-7")
    told = set()
    for replica in ("a", "b"):
        settings = OrchestratorSettings(
            data_folder=tmp_path / replica, authority_file=secret, **LISTEN
        )
        async with running(settings) as started:
            told.add(started.fleet)
        connection = msgspec.json.decode(
            (tmp_path / replica / "operator/connection.json").read_bytes()
        )
        assert connection["authority"] == public.read_text()
    assert told == {"plant-7"}


def test_the_commands_say_what_they_made(tmp_path: Path) -> None:
    created = CliRunner().invoke(
        app, ["authority", "create", "plant-7", f"--folder={tmp_path}", "--json"]
    )
    assert msgspec.json.decode(created.stdout)["certificate"] == str(tmp_path / "authority.pem")
    migrated = CliRunner().invoke(app, ["migrate", f"--data-folder={tmp_path / 'd'}", "--json"])
    assert int(msgspec.json.decode(migrated.stdout)["tables"]) > 0


def test_the_certificate_for_operators_is_shown_without_the_key(tmp_path: Path) -> None:
    secret, public = create_authority(tmp_path, "plant-7")
    (tmp_path / "data").mkdir()
    kept = (f"--authority-file={secret}", f"--data-folder={tmp_path / 'data'}")
    shown = CliRunner().invoke(app, ["authority", "show", *kept])
    assert shown.stdout == public.read_text()
    assert "PRIVATE" not in shown.stdout
    own = CliRunner().invoke(app, ["authority", "show", f"--data-folder={tmp_path}", "--json"])
    assert msgspec.json.decode(own.stdout) == {"certificate": public.read_text()}
    none = CliRunner().invoke(app, ["authority", "show", f"--data-folder={tmp_path / 'data'}"])
    assert none.exit_code == CATALOGUE[Fault.STATE_DAMAGED].exit_code


@pytest.mark.parametrize(
    ("name", "folder", "fault"),
    [
        ("Plant 7", ".", Fault.INVALID_ARGUMENT),
        ("-plant", ".", Fault.INVALID_ARGUMENT),
        ("plant", "nowhere", Fault.INVALID_ARGUMENT),
    ],
)
def test_what_can_be_no_authority_is_a_sentence(
    tmp_path: Path, name: str, folder: str, fault: Fault
) -> None:
    arguments = ["authority", "create", f"--folder={tmp_path / folder}", "--", name]
    ended = CliRunner().invoke(app, arguments)
    assert ended.exit_code == CATALOGUE[fault].exit_code
    assert "Traceback" not in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_does_not_answer_ends_the_migration_with_a_sentence(tmp_path: Path) -> None:
    url = "postgresql://u:se-cret@127.0.0.1:1/x"
    ended = CliRunner().invoke(app, ["migrate", f"--database-url={url}"])
    assert ended.exit_code == CATALOGUE[Fault.UNAVAILABLE].exit_code
    assert "se-cret" not in ended.stderr
