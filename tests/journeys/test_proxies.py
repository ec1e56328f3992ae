"""Real programs behind a real proxy: a device joins and is looked after, an operator commands."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.agent_process import AgentProcess, wait_until
from tests.orchestrators import Orchestrator, environment, serving
from tests.proxying import INSPECTOR, Mood, ProxyThread

LOGIN = "ann:hu@sh"
WRITTEN = "ann:hu%40sh"


@pytest.fixture
def orchestrator(tmp_path: Path) -> Iterator[Orchestrator]:
    pace = ("--check-in-seconds=1", "--busy-check-in-seconds=1")
    with serving(tmp_path / "data", *pace) as running:
        yield running


def behind(agent: AgentProcess, proxy: str) -> AgentProcess:
    agent.environment["FIELDWISE_AGENT_PROXY"] = proxy
    return agent


def test_a_device_lives_behind_a_proxy_that_wants_a_password(
    agent: AgentProcess, orchestrator: Orchestrator
) -> None:
    ticket = orchestrator.json("ticket", "create", "--uses", "2")["token"]
    with ProxyThread(user=LOGIN) as proxy:
        refused = behind(agent, proxy.url).run("join", ticket)
        assert refused.returncode == 6
        assert f"the proxy {proxy.address} wants a user and a password (407" in refused.stderr
        behind(agent, f"http://{WRITTEN}@{proxy.address}").ask("join", ticket)
        agent.start()
        wait_until(lambda: orchestrator.json("device", "list")[0]["state"] == "healthy")
        told = orchestrator.told
        assert set(proxy.asked) == {told["operator_address"], told["device_address"]}
        shown = agent.run("settings")
        assert "hu@sh" not in shown.stdout + shown.stderr
        assert WRITTEN not in shown.stdout + shown.stderr


def test_an_operator_hears_who_inspects_the_connection(
    orchestrator: Orchestrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ProxyThread(Mood.INSPECTING) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        assert environment(orchestrator.folder)["https_proxy"] == proxy.url
        told = orchestrator.told_json("device", "list")
        assert told.status == 6
        assert "tls-inspected" in told.stderr
        assert INSPECTOR in told.stderr
        assert orchestrator.told["operator_address"] in told.stderr
    with ProxyThread() as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        assert orchestrator.json("device", "list") == []
        assert proxy.asked == [orchestrator.told["operator_address"]]
