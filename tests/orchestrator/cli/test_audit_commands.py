"""``fieldwise audit``: a whole log is told with its head, and one that is not ends with 5."""

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.audit.entry import Head, Kept
from orchestrator.rpc.audit_client import Piece
from tests.fakes.operator_client import CannedClient


def tamper(client: CannedClient) -> None:
    second = client.audit.log[1]
    content = second.content.replace("alice", "mallory")
    client.audit.log[1] = Kept(second.number, content, second.digest)


def test_a_whole_log_is_told_with_its_head(run: Any, client: CannedClient) -> None:
    told = json.loads(run("audit", "verify", "--json").stdout)
    assert told["whole"] is True
    assert (told["entries"], told["head"]) == (5, str(client.audit.head))
    assert told["without_end"] == [1, 2, 3, 4, 5]
    assert "Note the head down" in run("audit", "verify").stderr


def test_a_log_that_was_tampered_with_ends_with_5_and_says_where(
    run: Any, client: CannedClient
) -> None:
    tamper(client)
    result = run("audit", "verify")
    assert result.exit_code == 5
    assert "entry 2 does not follow from what is before it" in result.stderr
    assert json.loads(run("audit", "verify", "--json").stderr)["error"]["fault"] == "audit-broken"


def test_a_log_that_was_cut_off_shows_by_the_head_of_before(run: Any, client: CannedClient) -> None:
    seen = str(client.audit.head)
    client.audit.log = client.audit.log[:3]
    client.audit.head = client.audit.log[-1].head
    assert run("audit", "verify").exit_code == 0
    result = run("audit", "verify", "--head", seen)
    assert result.exit_code == 5
    assert "its end was cut off" in result.stderr


def test_an_export_is_checked_without_a_server(
    run: Any, client: CannedClient, tmp_path: Path
) -> None:
    file = tmp_path / "audit.jsonl"
    exported = json.loads(run("audit", "export", str(file), "--json").stdout)
    assert exported == {"file": str(file), "entries": 5, "head": str(client.audit.head)}
    checked = json.loads(run("audit", "check", str(file), "--json").stdout)
    assert (checked["whole"], checked["head"]) == (True, exported["head"])
    assert run("audit", "check", str(file), "--head", exported["head"]).exit_code == 0
    file.write_bytes(file.read_bytes().replace(b"alice", b"malet"))
    assert run("audit", "check", str(file)).exit_code == 5


def test_an_export_overwrites_nothing_and_one_that_was_cut_off_is_none(
    run: Any, tmp_path: Path
) -> None:
    file = tmp_path / "audit.jsonl"
    assert run("audit", "export", str(file)).exit_code == 0
    assert run("audit", "export", str(file)).exit_code == 5
    file.write_bytes(file.read_bytes()[:-30])
    assert run("audit", "check", str(file)).exit_code == 2
    assert run("audit", "check", str(tmp_path / "nothing")).exit_code == 2


def test_an_export_that_broke_off_leaves_no_file_in_the_way_of_the_next(
    run: Any, client: CannedClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "audit.jsonl"

    async def broken() -> AsyncGenerator[Piece, None]:
        yield Piece(client.audit.log[:3], cut=Head())
        raise FieldwiseError(Fault.UNREACHABLE, "the line broke")

    with monkeypatch.context() as away:
        away.setattr(client.audit, "export", broken)
        assert run("audit", "export", str(file)).exit_code == 6
    assert not file.exists()
    assert run("audit", "export", str(file)).exit_code == 0


def test_an_entry_of_no_moment_is_unreadable_and_no_defect(run: Any, client: CannedClient) -> None:
    first = client.audit.log[0]
    moved = first.content.replace('"at":', '"at":1e300,"was":')
    assert moved != first.content
    client.audit.log[0] = Kept(1, moved, first.digest)
    assert "unreadable" in run("audit", "list").stdout


def test_entries_can_be_asked_for_by_name_and_method(run: Any, client: CannedClient) -> None:
    run("audit", "list", "--who=alice", "--method=DeleteDevice")
    assert client.audit.asked == [("", "alice", "DeleteDevice")]


def test_what_somebody_is_called_gives_a_terminal_no_orders(run: Any, client: CannedClient) -> None:
    first = client.audit.log[0]
    client.audit.log[0] = Kept(1, first.content.replace("alice", "a\\u001b[2J"), first.digest)
    assert "\x1b" not in run("audit", "list").stdout
