"""Commands: what they ask the server for, and what they print of its answer."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import _NamedTextIOWrapper

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.fleet.device import DeviceState, Facts
from orchestrator.fleet.settings import DeviceSettings
from orchestrator.paging import Page
from tests.fakes.operator_client import DEVICE, REPORT, CannedClient

COMMANDS = [
    (("audit", "list"), "device d-0"),
    (("audit", "verify"), "whole"),
    (("audit", "prune", "3", "--yes"), "begins after"),
    (("account", "create", "alice", "--role=operator"), "fieldwise-account."),
    (("account", "list"), "operator"),
    (("account", "revoke", "alice"), "revoked"),
    (("ticket", "create"), "fw1_"),
    (("ticket", "list"), "1 of 3"),
    (("ticket", "revoke", "t1"), "revoked"),
    (("device", "list"), "75.0 %"),
    (("device", "show", "d-1"), "reverted: disk-full"),
    (("device", "show", "d-1"), f"12:{'ab' * 32}"),
    (("device", "show", "d-1"), "2 in all"),
    (("device", "show", "d-1"), "7.5 % of 40 predictions"),
    (("device", "show", "d-1"), "unknown, on 0 held-out samples"),
    (("device", "show", "d-1"), "25% of an alarm, 2 today"),
    (("device", "tag", "d-1", "a=b"), "site=berlin"),
    (("device", "remove", "d-1", "--yes"), "removed"),
    (("backbone", "list"), "fp32, int8"),
    (("backbone", "show", "lite0"), "fp32 5.0 MiB, int8 2.0 MiB"),
    (("backbone", "show", "lite0"), "small: 224 px, 1,280 features"),
    (("backbone", "show", "lite0"), "probe: 13 readings, 64 features"),
    (("rollout", "start", "lite0"), "lite0:1.0.0"),
    (("rollout", "start", "lite0", "--wave=2", "--wave=rest", "--dry-run"), "3.1 points"),
    (("rollout", "list"), "1 healthy, 1 offline, 1 waiting"),
    (("rollout", "show", "r1"), "running"),
    (("rollout", "show", "r1", "--history"), "Started, by an operator."),
    (("rollout", "devices", "r1", "--place=failed"), "the graph did not load"),
    (("rollout", "pause", "r1"), "no further device starts"),
    (("rollout", "resume", "r1"), "goes on in wave 1 of 2"),
    (("rollout", "promote", "r1"), "wave 1 of 2 is open"),
    (("rollout", "abort", "r1"), "turns back"),
    (("rollout", "hold", "r1"), "has ended where it is"),
    (("rollout", "retry", "r1"), "is ordered again"),
    (("rollout", "undo", "r1"), "back to lite0:1.0.0"),
    (("backbone", "recall", "lite0"), "nobody gets it any more"),
    (("explain", "d-1"), "It serves lite0."),
    (("settings", "apply", "shrinkage=0.5"), "3"),
    (("status",), "plant-7"),
]


@pytest.mark.parametrize(("arguments", "shown"), COMMANDS, ids=lambda value: " ".join(value[:2]))
def test_a_command_shows_people_what_matters(
    run: Any, arguments: tuple[str, ...], shown: str
) -> None:
    result = run(*arguments)
    assert result.exit_code == 0, result.stderr
    assert shown in result.stdout
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize("arguments", [each for each, _ in COMMANDS], ids=" ".join)
def test_with_json_a_command_prints_one_document_and_nothing_else(
    run: Any, arguments: tuple[str, ...]
) -> None:
    result = run(*arguments, "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) is not None
    assert result.stderr == ""


@pytest.mark.parametrize("arguments", [each for each, _ in COMMANDS], ids=" ".join)
def test_an_error_is_a_sentence_with_advice_and_an_exit_status(
    run: Any, client: CannedClient, arguments: tuple[str, ...]
) -> None:
    error = FieldwiseError(Fault.NOT_FOUND, "there is no such thing")
    client.error = client.accounts.error = client.audit.error = error
    result = run(*arguments)
    assert result.exit_code == 4
    assert result.stdout == ""
    assert result.stderr == (
        "error: there is no such thing\n"
        "Check the name or id: `list`, `status` and their like show what there is.\n"
    )
    told = json.loads(run(*arguments, "--json").stderr)["error"]
    assert told["fault"] == "not-found"
    assert told["message"] == "there is no such thing"
    assert told["advice"]


def test_a_ticket_is_alone_on_its_line_however_long(run: Any, client: CannedClient) -> None:
    result = run("ticket", "create", "--uses=3", "--lifetime=12h", "--tag=site=berlin")
    assert result.stdout == "fw1_" + "x" * 500 + "\n"
    [(call, *given, request, needs_word)] = client.asked
    assert needs_word is False
    assert (call, *given) == ("create_ticket", 3, 43_200, {"site": "berlin"})
    assert re.fullmatch(r"[0-9a-f]{32}", request)
    assert "t1 for 3 devices" in result.stderr


def test_a_list_that_was_cut_off_says_so(run: Any) -> None:
    result = run("ticket", "list", "--limit=2")
    assert result.stdout.count("t1") == 2
    assert "Only the first 2" in result.stderr


def test_tags_are_written_and_dropped(run: Any, client: CannedClient) -> None:
    assert run("device", "tag", "d-1", "site=berlin", "line-", "a=b-").exit_code == 0
    assert client.asked == [("update_tags", "d-1", {"site": "berlin", "a": "b-"}, ["line"])]


@pytest.mark.parametrize("wrong", ["site", "=berlin", "site=a site=b"])
def test_a_tag_that_is_none_is_refused_before_the_server_is_asked(
    run: Any, client: CannedClient, wrong: str
) -> None:
    assert run("device", "tag", "d-1", *wrong.split()).exit_code == 2
    assert client.asked == []


def test_a_device_is_removed_only_when_a_person_agrees(
    run: Any, client: CannedClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_NamedTextIOWrapper, "isatty", lambda _self: True)
    assert run("device", "remove", "d-1", asked="n\n").exit_code == 2
    assert client.asked == []
    assert run("device", "remove", "d-1", asked="y\n").exit_code == 0
    assert client.asked == [("remove_device", "d-1")]


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_a_program_that_removes_a_device_has_to_say_yes(
    run: Any, client: CannedClient, monkeypatch: pytest.MonkeyPatch, flags: tuple[str, ...]
) -> None:
    monkeypatch.setattr(_NamedTextIOWrapper, "isatty", lambda _self: bool(flags))
    refused = run("device", "remove", "d-1", *flags, asked="y\n")
    assert refused.exit_code == 2
    assert "needs --yes" in refused.stderr
    assert refused.stdout == ""
    assert client.asked == []
    assert run("device", "remove", "d-1", "--yes", *flags).exit_code == 0


EVIL = "\x1b]0;owned\x07\x9b31m\u202etxt"


def test_nothing_that_a_device_reports_reaches_the_terminal_as_a_command(
    run: Any, client: CannedClient
) -> None:
    evil = replace(
        DEVICE,
        facts=Facts(EVIL, EVIL, 1 << 30, 4),
        report=replace(REPORT, agent_version=EVIL, variant_in_use=EVIL),
        tags={"site": EVIL},
    )
    client.answers["get_device"] = evil
    client.answers["list_devices"] = Page((evil,))
    for arguments in (("device", "show", "d-1"), ("device", "list")):
        for flags in ((), ("--json",)):
            answer = run(*arguments, *flags)
            assert answer.exit_code == 0
            assert "owned" in answer.stdout
            assert all(each.isprintable() or each == "\n" for each in answer.output)
    assert json.loads(run("device", "show", "d-1", "--json").stdout)["tags"]["site"] == EVIL


def test_what_a_server_says_in_an_error_is_cleaned(run: Any, client: CannedClient) -> None:
    client.error = FieldwiseError(Fault.NOT_FOUND, EVIL)
    for flags in ((), ("--json",)):
        told = run("device", "show", "d-1", *flags).stderr
        assert "owned" in told
        assert all(each.isprintable() or each == "\n" for each in told)


def test_a_device_without_a_backbone_is_pointed_at(run: Any, client: CannedClient) -> None:
    idle = replace(
        DEVICE,
        state=DeviceState.HEALTHY,
        report=replace(REPORT, bundle_in_use=None, variant_in_use=""),
    )
    client.answers["get_device"] = idle
    client.answers["list_devices"] = Page((idle, DEVICE))
    listed = run("device", "list")
    assert " none " in listed.stdout
    assert "One device has no backbone yet" in listed.stderr
    assert "fieldwise rollout start" in run("device", "show", "d-1").stdout
    client.answers["list_devices"] = Page((DEVICE,))
    assert run("device", "list").stderr == ""


def test_a_cohort_reaches_the_server(run: Any, client: CannedClient) -> None:
    run("device", "list", "--cohort=site=berlin")
    assert client.asked[0] == ("list_devices", "site=berlin", "")


def test_device_settings_are_read_as_what_they_are(run: Any, client: CannedClient) -> None:
    run("settings", "apply", "--cohort=a=b", "learning_paused=true", "retention_days=0")
    wanted = DeviceSettings(learning_paused=True, retention_days=0)
    assert client.asked == [("apply_settings", "a=b", wanted)]


@pytest.mark.parametrize("wrong", ["consent=weights", "shrinkage=x", "shrinkage=99", "shrinkage"])
def test_device_settings_that_are_none_are_refused(
    run: Any, client: CannedClient, wrong: str
) -> None:
    assert run("settings", "apply", wrong).exit_code == 2
    assert client.asked == []


def test_a_bundle_is_pushed_whole_in_pieces(run: Any, client: CannedClient, tmp_path: Path) -> None:
    path = tmp_path / "a.bundle"
    path.write_bytes(bytes(range(256)) * 10_000)
    assert "published" in run("backbone", "push", str(path)).stdout
    assert client.asked == [("push_backbone", path.read_bytes())]
    assert run("backbone", "push", str(tmp_path / "missing")).exit_code == 2
