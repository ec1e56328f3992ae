"""``fieldwise device pending``, ``accept`` and ``reject``, without a server."""

import json
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.enrolment.applicant import Stage
from orchestrator.fleet.device import Facts
from orchestrator.paging import Page
from tests.fakes.applicant_client import APPLICANT
from tests.fakes.operator_client import CannedClient

EVIL = "\x1b]0;owned\x07\u202etxt"


def test_those_who_wait_are_shown_with_the_key_to_compare(run: Any) -> None:
    shown = run("device", "pending")
    for told in ("d-1", "ab" * 32, "waiting", "aarch64", "1.0 GiB", "t1", "an operator has to"):
        assert told in shown.stdout
    assert "fieldwise device accept" in shown.stderr


def test_nothing_is_asked_of_a_person_where_nobody_waits(run: Any, client: CannedClient) -> None:
    client.applicants.answers["list"] = Page((replace(APPLICANT, stage=Stage.ACCEPTED),))
    assert run("device", "pending").stderr == ""


def test_a_program_gets_the_same(run: Any) -> None:
    [found] = json.loads(run("device", "pending", "--json").stdout)
    assert (found["device"], found["stage"]) == ("d-1", "waiting")
    assert found["facts"]["memory_bytes"] == 1 << 30
    accepted = json.loads(run("device", "accept", "d-1", "--json").stdout)
    assert accepted["stage"] == "accepted"


def test_a_device_is_accepted_with_tags_and_rejected_with_a_reason(
    run: Any, client: CannedClient
) -> None:
    assert "accepted" in run("device", "accept", "d-1", "--tag=rack=7").stdout
    assert "rejected" in run("device", "reject", "d-1", "--reason=not ours").stdout
    assert client.applicants.asked == [
        ("accept", "d-1", {"rack": "7"}),
        ("reject", "d-1", "not ours"),
    ]


def test_a_bad_tag_accepts_nobody(run: Any, client: CannedClient) -> None:
    assert run("device", "accept", "d-1", "--tag=rack").exit_code == 2
    assert client.applicants.asked == []


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_what_a_stranger_claims_reaches_no_terminal_as_a_command(
    run: Any, client: CannedClient, flags: tuple[str, ...]
) -> None:
    evil = replace(APPLICANT, facts=Facts(EVIL, EVIL, 1, 1), reason=EVIL)
    client.applicants.answers["list"] = Page((evil,))
    answer = run("device", "pending", *flags)
    assert answer.exit_code == 0
    assert "owned" in answer.stdout
    assert all(each.isprintable() or each == "\n" for each in answer.output)


def test_a_ticket_may_ask_for_an_operators_word(run: Any, client: CannedClient) -> None:
    assert run("ticket", "create", "--admission=pending").exit_code == 0
    assert client.asked[0][-1] is True
    assert run("ticket", "create", "--admission=ticket").exit_code == 2
