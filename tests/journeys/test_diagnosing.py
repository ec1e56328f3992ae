"""A diagnosis that an operator asks for, an owner allows, and nobody else: over real processes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bundles import CLASSES, class_images, tiny_bundle
from tests.fakes.agent_process import AgentProcess, wait_until
from tests.orchestrators import Orchestrator, serving

PACE = ("--check-in-seconds=1", "--busy-check-in-seconds=1")


@pytest.fixture
def orchestrator(tmp_path: Path) -> Iterator[Orchestrator]:
    with serving(tmp_path / "data", *PACE) as running:
        yield running


def joined(agent: AgentProcess, orchestrator: Orchestrator) -> str:
    device: str = agent.ask("join", orchestrator.json("ticket", "create")["token"])["device_id"]
    return device


def waits(agent: AgentProcess) -> bool:
    return bool(agent.ask("diagnose", "list")["requests"])


def state(orchestrator: Orchestrator, device: str) -> str:
    found: str = orchestrator.json("device", "diagnose", device)["state"]
    return found


def entries(agent: AgentProcess) -> list[dict[str, Any]]:
    told = agent.ask("ledger", "--entries", "1000")["entries"]
    return [each for each in told if each["kind"] == "diagnosis"]


def test_an_owner_sees_allows_and_finds_in_the_ledger_what_an_operator_gets(
    agent: AgentProcess, orchestrator: Orchestrator, tmp_path: Path
) -> None:
    assert agent.ask("backbone", "install", tiny_bundle(tmp_path / "one"))
    device = joined(agent, orchestrator)
    agent.start()
    with agent.device() as socket:
        for name in CLASSES:
            socket.teach(class_images(name, 1)[0], name, burst=name)
        refused = agent.run("predict", tmp_path / "one")  # no image: something goes wrong
        assert refused.returncode != 0
    asked = orchestrator.json("device", "diagnose", device)
    wait_until(lambda: waits(agent))
    wait_until(lambda: state(orchestrator, device) == "waiting")
    shown = agent.ask("diagnose", "show")
    assert [each["summary"] for each in entries(agent)] == [
        f"says that its owner is asked about the diagnosis {asked['id']}"
    ]
    agent.kill()  # the request and the owner's word outlive it
    assert agent.ask("diagnose", "approve") == {"id": asked["id"], "approved": True}
    assert entries(agent)[1:] == []
    agent.start()
    wait_until(lambda: state(orchestrator, device) == "given")
    given = orchestrator.json("device", "diagnose", device, "--wait")
    assert given["id"] == asked["id"]
    found = given["diagnosis"]
    for part in ("agent_version", "python_version", "system", "kernel", "settings"):
        assert found[part] == shown[part]
    assert found["learning"]["classes"] == shown["learning"]["classes"] > 0
    kinds = {"enrolment", "check-in", "metadata request", "diagnosis"}
    assert {each["kind"] for each in found["sent"]} == kinds
    assert {each["fault"] for each in shown["troubles"]} == {"image-invalid"}
    assert all(each["frames"] for each in shown["troubles"])
    *_, entry = entries(agent)
    assert entry["summary"].startswith(f"gives the diagnosis {asked['id']}: agent ")
    assert entry["bytes"] > 200
    again = orchestrator.json("device", "diagnose", device, "--again")
    assert again["id"] != asked["id"]
    listed = orchestrator.json("device", "diagnose", device, "--list")
    assert [each["id"] for each in listed] == [again["id"], asked["id"]]


def test_an_owner_refuses_and_people_are_told_in_words(
    agent: AgentProcess, orchestrator: Orchestrator
) -> None:
    device = joined(agent, orchestrator)
    agent.start()
    asked = orchestrator.run("device", "diagnose", device)
    assert (asked.status, device in asked.stdout) == (0, True)
    wait_until(lambda: waits(agent))
    assert "waits for your word" in agent.run("diagnose", "list").stdout
    assert "exemplar_bytes_max" in agent.run("diagnose", "show").stdout
    assert agent.ask("diagnose", "deny")["approved"] is False
    wait_until(lambda: state(orchestrator, device) == "refused")
    waited = orchestrator.run("device", "diagnose", device, "--wait")
    assert waited.status == 3
    assert "refused" in waited.stderr
    assert [each["summary"].split()[0] for each in entries(agent)] == ["says", "refuses"]
    assert agent.run("diagnose", "approve").returncode == 4  # there is nothing to allow any more
