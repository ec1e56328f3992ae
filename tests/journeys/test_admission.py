"""Devices that wait for somebody's word: a real agent, a real orchestrator, a real webhook."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fieldwise.errors import CATALOGUE, Fault
from tests.fakes.agent_process import AgentProcess, wait_until
from tests.orchestrators import Orchestrator, serving
from tests.webhooks import Service, answer, authority_file, served_beside

PACE = ("--check-in-seconds=1", "--busy-check-in-seconds=1", "--applicant-retry-seconds=1")


@pytest.fixture
def orchestrator(tmp_path: Path) -> Iterator[Orchestrator]:
    with serving(tmp_path / "data", *PACE, "--fleet=bakery") as running:
        yield running


def ticket(orchestrator: Orchestrator, *flags: str) -> str:
    text: str = orchestrator.json("ticket", "create", *flags)["token"]
    return text


def uses(orchestrator: Orchestrator) -> list[int]:
    return [each["uses"] for each in orchestrator.json("ticket", "list")]


def status(agent: AgentProcess) -> dict[str, Any]:
    found: dict[str, Any] = agent.ask("status")
    return found


def test_a_device_waits_over_a_restart_and_works_once_it_is_accepted(
    agent: AgentProcess, orchestrator: Orchestrator
) -> None:
    text = ticket(orchestrator, "--admission=pending", "--tag=site=berlin")
    agent.start()
    joined = agent.ask("join", text)
    assert (joined["device_id"], joined["fleet"]) == ("", "bakery")
    [waiting] = orchestrator.json("device", "pending")
    assert waiting["fingerprint"] == joined["fingerprint"]
    assert waiting["stage"] == "waiting"
    shown = agent.run("status").stdout
    assert "waiting for the operator of bakery" in shown
    assert joined["fingerprint"] in shown
    agent.kill()
    agent.start()
    assert status(agent)["joining"]["fingerprint"] == joined["fingerprint"]
    assert orchestrator.json("device", "list") == []
    accepted = orchestrator.json("device", "accept", waiting["device"], "--tag=rack=7")
    assert accepted["stage"] == "accepted"
    wait_until(lambda: status(agent)["device_id"] == waiting["device"])
    assert status(agent)["joining"] is None
    wait_until(lambda: status(agent)["check_in_seconds"] is not None)
    [device] = orchestrator.json("device", "list")
    assert device["tags"] == {"rack": "7", "site": "berlin"}
    assert orchestrator.json("device", "pending") == []
    assert uses(orchestrator) == [1]
    log = orchestrator.log.read_text()
    assert "device waits to be accepted" in log
    assert "device accepted" in log
    assert text not in log


def test_a_device_that_is_rejected_says_so_and_its_use_is_free(
    agent: AgentProcess, orchestrator: Orchestrator
) -> None:
    text = ticket(orchestrator, "--admission=pending")
    agent.start()
    agent.ask("join", text)
    [waiting] = orchestrator.json("device", "pending")
    orchestrator.json("device", "reject", waiting["device"], "--reason=not ours")
    wait_until(lambda: "not ours" in (status(agent)["joining"] or {}).get("complaint", ""))
    assert status(agent)["joining"]["fleet"] == ""
    assert "not ours" in agent.run("status").stdout
    assert uses(orchestrator) == [0]
    assert orchestrator.json("device", "list") == []
    again = agent.ask("join", text)
    assert again["fingerprint"] not in {"", waiting["fingerprint"]}
    [another] = orchestrator.json("device", "pending")
    assert another["device"] != waiting["device"]


def test_a_device_without_a_daemon_joins_by_asking_again(
    agent: AgentProcess, orchestrator: Orchestrator
) -> None:
    text = ticket(orchestrator, "--admission=pending")
    told = agent.run("join", text)
    assert told.returncode == 0
    assert "fingerprint of its key" in told.stdout
    [waiting] = orchestrator.json("device", "pending")
    orchestrator.json("device", "accept", waiting["device"])
    assert agent.ask("join", text)["device_id"] == waiting["device"]


def test_a_webhook_decides_and_nobody_gets_in_while_it_is_away(
    agent: AgentProcess, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("of-the-webhook")
    away = Service(answer(b"", "503 Service Unavailable"))
    with served_beside(away) as service:
        flags = (
            "--admission=webhook",
            f"--admission-webhook={service.url}",
            f"--admission-webhook-ca={authority_file(tmp_path)}",
            f"--admission-webhook-secret-file={secret}",
        )
        with serving(tmp_path / "data", *PACE, *flags) as orchestrator:
            agent.start()
            joined = agent.ask("join", ticket(orchestrator))
            wait_until(lambda: len(service.bodies) > 1)
            assert orchestrator.json("device", "list") == []
            [waiting] = orchestrator.json("device", "pending")
            assert "webhook" in waiting["reason"]
            service.says = answer(b'{"decision": "accept", "tags": {"rack": "7"}}')
            wait_until(lambda: status(agent)["device_id"] == waiting["device"])
            [device] = orchestrator.json("device", "list")
            log = orchestrator.log.read_text()
    assert device["tags"] == {"rack": "7"}
    assert {each["key_fingerprint"] for each in service.bodies} == {joined["fingerprint"]}
    assert all("Authorization: Bearer of-the-webhook\r\n" in each for each in service.heads)
    assert "of-the-webhook" not in log


def test_a_webhook_turns_a_device_away(agent: AgentProcess, tmp_path: Path) -> None:
    says = answer(b'{"decision": "reject", "reason": "stolen"}')
    with served_beside(Service(says)) as service:
        flags = (
            "--admission=webhook",
            f"--admission-webhook={service.url}",
            f"--admission-webhook-ca={authority_file(tmp_path)}",
        )
        with serving(tmp_path / "data", *PACE, *flags) as orchestrator:
            told = agent.run("join", ticket(orchestrator))
            assert told.returncode == CATALOGUE[Fault.ADMISSION_REFUSED].exit_code
            assert "stolen" in told.stderr
            assert orchestrator.json("device", "list") == []


def test_rules_decide_by_what_a_device_says(agent: AgentProcess, tmp_path: Path) -> None:
    rules = "--admission-rules=reject processors>=1 tag.site=paris,accept agent>=0.0.1"
    with serving(tmp_path / "data", *PACE, "--admission=rules", rules) as orchestrator:
        there = agent.run("join", ticket(orchestrator, "--tag=site=paris"))
        assert there.returncode == CATALOGUE[Fault.ADMISSION_REFUSED].exit_code
        assert agent.ask("join", ticket(orchestrator, "--tag=site=berlin"))["device_id"]
