"""The two commands over a backup."""

import asyncio
import json
from pathlib import Path

from typer.testing import CliRunner

from fieldwise.errors import CATALOGUE, Fault
from orchestrator.cli import app
from orchestrator.storage.sql.migrate import revisions
from tests.founded import (
    Make,
    founded,
)


def run(*arguments: str) -> tuple[int, str, str]:
    ended = CliRunner().invoke(app, arguments, env={"FIELDWISE_DATA_FOLDER": None})
    return ended.exit_code, ended.stdout, ended.stderr


async def test_the_commands_tell_what_they_did(make: Make, tmp_path: Path) -> None:
    source = await founded(make("source"), tmp_path)
    here, there = f"--data-folder={source.folder}", f"--data-folder={tmp_path / 'target'}"
    file = tmp_path / "backup"
    status, out, _ = await asyncio.to_thread(run, "backup", str(file), here, "--json")
    made = json.loads(out)
    assert status == 0
    assert (made["devices"], made["encrypted"], made["bundle_files"]) == (3, False, 3)
    assert made["bytes"] == file.stat().st_size
    assert made["tables"] == revisions()[-1]
    status, _, told = await asyncio.to_thread(run, "backup", str(file), here)
    assert status == CATALOGUE[Fault.ALREADY_EXISTS].exit_code
    assert "--force" in told
    status, out, _ = await asyncio.to_thread(run, "backup", str(file), here, "--force")
    assert "in the clear" in out
    status, out, told = await asyncio.to_thread(run, "restore", str(file), there)
    assert status == 0
    assert "r1, r2, r3" in out
    assert "lite0:1" in out
    assert "remove devices and revoke tickets" in told
    status, _, told = await asyncio.to_thread(run, "restore", str(file), there, "--json")
    assert status == CATALOGUE[Fault.NOT_EMPTY].exit_code
    assert json.loads(told)["error"]["fault"] == "not-empty"
