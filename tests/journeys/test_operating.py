"""Real processes: who may do what, what of it is written down, and what shows who wrote to it."""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.orchestrators import Finished, Orchestrator, join, serving


@pytest.fixture
def orchestrator(tmp_path: Path) -> Iterator[Orchestrator]:
    with serving(tmp_path / "data") as running:
        yield running


def account(orchestrator: Orchestrator, name: str, role: str) -> str:
    token: str = orchestrator.json("account", "create", name, "--role", role)["token"]
    return token


def call(orchestrator: Orchestrator, token: str, *arguments: str) -> Finished:
    """Run a command with somebody's token."""
    return orchestrator.told_json(*arguments, "--token", token)


def fault(done: Finished) -> str:
    told: str = json.loads(done.stderr)["error"]["fault"]
    return told


def changed_row(folder: Path, statement: str) -> None:
    """Write to the database as its owner may."""
    with closing(sqlite3.connect(folder / "fieldwise.sqlite")) as database:
        database.execute(statement)
        database.commit()


def test_each_does_what_his_role_lets_him_and_the_log_shows_who_wrote_to_it(
    orchestrator: Orchestrator,
) -> None:
    device = join(orchestrator.json("ticket", "create")["token"]).device_id
    viewer, operator, admin = (
        account(orchestrator, name, role)
        for name, role in (("vera", "viewer"), ("otto", "operator"), ("ada", "admin"))
    )
    assert call(orchestrator, viewer, "device", "list").status == 0
    for refused in (
        call(orchestrator, viewer, "device", "tag", device, "site=berlin"),
        call(orchestrator, viewer, "audit", "list"),
        call(orchestrator, operator, "device", "remove", device, "--yes"),
        call(orchestrator, operator, "account", "create", "eve", "--role=admin"),
        call(orchestrator, operator, "audit", "verify"),
    ):
        assert (refused.status, fault(refused)) == (3, "permission-denied")
    assert call(orchestrator, operator, "device", "tag", device, "site=berlin").status == 0
    assert call(orchestrator, admin, "device", "remove", device, "--yes").status == 0
    log_of(orchestrator, admin, device)
    assert call(orchestrator, admin, "account", "revoke", "otto").status == 0
    assert fault(call(orchestrator, operator, "device", "list")) == "unauthenticated"
    tampering(orchestrator, admin)


def log_of(orchestrator: Orchestrator, admin: str, device: str) -> None:
    """What was done, and what was refused, stands there by name."""
    told = json.loads(call(orchestrator, admin, "audit", "list", "--limit=0").stdout)
    entries: list[dict[str, Any]] = [each["entry"] for each in told]
    [tagged] = [
        each for each in entries if each["method"] == "UpdateDeviceTags" and each["kind"] == "ended"
    ]
    assert (tagged["who"], tagged["thing"], tagged["outcome"]) == ("otto", f"device {device}", "ok")
    assert tagged["after"]["tags"] == {"site": "berlin"}
    refused = {
        (each["who"], each["method"]) for each in entries if each["outcome"] == "permission-denied"
    }
    assert {
        ("vera", "UpdateDeviceTags"),
        ("otto", "DeleteDevice"),
        ("otto", "CreateAccount"),
    } <= refused
    assert ("Enrol", f"device {device}") in {(each["method"], each["thing"]) for each in entries}


def tampering(orchestrator: Orchestrator, admin: str) -> None:
    """The owner of the database changes a row, takes away the newest, and is found out."""
    folder = orchestrator.folder
    whole = json.loads(call(orchestrator, admin, "audit", "verify").stdout)
    assert whole["whole"] is True
    head = whole["head"]
    blamed = "UPDATE audit_entries SET content = replace(content, '{}', '{}')"
    changed_row(folder, blamed.format('"otto"', '"vera"'))
    found = call(orchestrator, admin, "audit", "verify")
    assert (found.status, fault(found)) == (5, "audit-broken")
    assert "does not follow" in json.loads(found.stderr)["error"]["message"]
    changed_row(folder, "UPDATE audit_entries SET content = replace(content, '\"vera\"', '\"x\"')")
    assert call(orchestrator, admin, "audit", "verify").status == 5
    shortened(folder)
    found = call(orchestrator, admin, "audit", "verify", "--head", head)
    assert "its end was cut off" in json.loads(found.stderr)["error"]["message"]


def shortened(folder: Path) -> None:
    """Take away all but the first entry, with the log's own record of its end."""
    changed_row(folder, "DELETE FROM audit_entries WHERE number > 1")
    changed_row(
        folder,
        "UPDATE audit_extent SET head_number = 1, "
        "head_digest = (SELECT digest FROM audit_entries WHERE number = 1)",
    )


def test_the_log_goes_into_a_backup_and_the_restoration_is_an_entry(
    orchestrator: Orchestrator, tmp_path: Path
) -> None:
    orchestrator.json("ticket", "create")
    before = orchestrator.json("audit", "verify")
    backup = tmp_path / "backup"
    assert orchestrator.run("backup", str(backup)).status == 0
    orchestrator.json("ticket", "create")
    later = orchestrator.json("audit", "verify")["head"]
    orchestrator.stop()
    again = tmp_path / "again"
    folder = {**os.environ, "FIELDWISE_DATA_FOLDER": str(again)}
    assert restored(backup, folder).status == 0
    with serving(again) as running:
        whole = running.json("audit", "verify", "--head", before["head"])
        assert whole["entries"] == before["entries"] + 1
        newest = running.json("audit", "list", "--limit=1")[0]["entry"]
        assert (newest["method"], newest["who"]) == ("Restore", "restore")
        lost = running.told_json("audit", "verify", "--head", later)
        assert fault(lost) == "audit-broken"


def restored(backup: Path, environment: dict[str, str]) -> Finished:
    from typer.testing import CliRunner

    from orchestrator.cli import app

    result = CliRunner(env=environment).invoke(app, ["restore", str(backup), "--json"])
    return Finished(result.exit_code, result.stdout, result.stderr)
