"""``fieldwise authority rotate`` against a client without a server, and its export."""

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.beforehand import create_authority
from tests.fakes.operator_client import CannedClient


@pytest.mark.parametrize("step", ["status", "begin", "switch", "finish"])
def test_every_step_shows_how_far_it_is_and_who_lags_behind(
    run: Any, client: CannedClient, step: str
) -> None:
    shown = run("authority", "rotate", step)
    assert shown.exit_code == 0
    assert "1 of 3 devices" in shown.stdout
    assert "d-1" in shown.stdout
    told = json.loads(run("authority", "rotate", step, "--json").stdout)
    assert (told["step"], told["trust_revision"], told["behind"]) == ("switched", 3, 1)
    assert [asked[0] for asked in client.identities.asked] == [step, step]


def test_finishing_is_forced_on_purpose_only(run: Any, client: CannedClient) -> None:
    run("authority", "rotate", "finish")
    run("authority", "rotate", "finish", "--force")
    assert client.identities.asked == [("finish", False), ("finish", True)]


def test_there_is_nothing_to_export_before_a_rotation(run: Any, tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    folder.mkdir()
    authority, _ = create_authority(folder, "plant-7")
    refused = run(
        "authority",
        "rotate",
        "export",
        str(tmp_path / "new.json"),
        f"--authority-file={authority}",
        f"--data-folder={tmp_path}",
    )
    assert refused.exit_code == 5
    assert "no rotation" in refused.stderr
    assert not (tmp_path / "new.json").exists()
