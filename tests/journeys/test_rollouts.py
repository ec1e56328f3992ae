"""Real devices go through rollouts that an operator plans, watches, steers, undoes and recalls."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli.looking import TIMED_OUT
from tests.bundles import tiny_bundle
from tests.fakes.agent_process import AgentProcess, wait_until
from tests.orchestrators import Orchestrator, serving

# Two devices change their backbone four times in a test: minutes on a machine that is busy.
pytestmark = pytest.mark.timeout(900)
WATCHED_MAX = 8
PACE = ("--check-in-seconds=1", "--busy-check-in-seconds=1")
PLAN = """
# Two devices, one after the other.
backbone: tiny:1.0.0
cohort: site=berlin
waves: [1, rest]
on_abort: revert
device_deadline: 30m
"""


@pytest.fixture
def orchestrator(tmp_path: Path) -> Iterator[Orchestrator]:
    with serving(tmp_path / "data", *PACE) as running:
        yield running


@pytest.fixture
def agents(tmp_path: Path, orchestrator: Orchestrator) -> Iterator[dict[str, AgentProcess]]:
    """Two devices of one site that have joined, by id; new pairs serve without probation."""
    ticket = orchestrator.json("ticket", "create", "--uses=2", "--tag=site=berlin")["token"]
    joined: dict[str, AgentProcess] = {}
    try:
        for name in ("a", "b"):
            agent = AgentProcess(tmp_path / name, probation_minutes="0", cpu_share="1")
            joined[agent.ask("join", ticket)["device_id"]] = agent
            agent.start()
        yield joined
    finally:
        for agent in joined.values():
            if agent.process is not None:
                agent.stop()


def push(orchestrator: Orchestrator, folder: Path, version: str, seed: int) -> None:
    bundle = tiny_bundle(folder / version, version=version, seed=seed, width=32 + 8 * seed)
    orchestrator.json("backbone", "push", str(bundle))


def watched(orchestrator: Orchestrator, rollout: str, code: int) -> list[dict[str, Any]]:
    """Watch until it ends as it should, a while at a time; return what was told, line by line."""
    told: list[dict[str, Any]] = []
    for _ in range(WATCHED_MAX):
        ended = orchestrator.run(
            "rollout", "watch", rollout, "--json", "--every=0.5", "--within=30s"
        )
        told += [json.loads(each) for each in ended.stdout.splitlines()]
        if ended.status != TIMED_OUT:
            break
    assert ended.status == code, (ended.stderr, told[-1:])
    return told


def serve(agents: dict[str, AgentProcess], title: str) -> None:
    """Wait until every device serves a backbone."""
    for agent in agents.values():
        with agent.device() as device:
            wait_until(lambda asked=device: asked.status().backbone == title)


def waves_of(preview: Any) -> dict[str, int]:
    return {each["id"]: each["wave"] for each in preview["devices"]}


def happenings(orchestrator: Orchestrator, rollout: str) -> Sequence[str]:
    told = orchestrator.json("rollout", "show", rollout, "--history")
    return [each["kind"] for each in reversed(told)]


def test_a_plan_goes_wave_by_wave_waits_for_its_operator_and_is_undone(
    orchestrator: Orchestrator, agents: dict[str, AgentProcess], tmp_path: Path
) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text(PLAN)
    push(orchestrator, tmp_path, "1.0.0", 1)
    previewed = orchestrator.json("rollout", "start", "--plan", str(plan), "--dry-run")
    assert previewed["preview"]["id"] == "r1"
    assert sorted(waves_of(previewed).values()) == [1, 2]
    assert orchestrator.json("rollout", "list") == []

    first = orchestrator.json("rollout", "start", "--plan", str(plan))
    assert first["id"] == "r1"
    looks = watched(orchestrator, "r1", 0)
    assert looks[-1]["rollout"]["counts"] == {"healthy": 2}
    for counts in (each["rollout"]["counts"] for each in looks):
        assert sum(counts.values()) in {0, 2}
    drawn = waves_of(previewed)
    serve(agents, "tiny:1.0.0")
    for device in agents:
        told = " ".join(orchestrator.json("explain", device)["sentences"])
        assert "It serves tiny:1.0.0." in told
        assert f"this device is in wave {drawn[device]} of 2" in told
        assert "That is done." in told
    assert happenings(orchestrator, "r1")[0] == "started"
    assert happenings(orchestrator, "r1")[-1] == "complete"

    push(orchestrator, tmp_path, "2.0.0", 2)
    manual = ("--wave=1", "--wave=rest", "--promotion=manual", "--cohort=site=berlin")
    orchestrator.json("rollout", "start", "tiny:2.0.0", *manual)
    halted = watched(orchestrator, "r2", 20)[-1]["rollout"]
    assert (halted["phase"], halted["reason"]) == ("running", "promotion")
    waiting = [each for each in agents if "wave 1 is the newest" in explained(orchestrator, each)]
    assert len(waiting) == 1
    paused = orchestrator.json("rollout", "pause", "r2")
    assert (paused["changed"], paused["rollout"]["phase"]) == (True, "paused")
    assert orchestrator.json("rollout", "pause", "r2")["changed"] is False
    assert "is paused" in explained(orchestrator, waiting[0])
    assert orchestrator.json("rollout", "promote", "r2")["rollout"]["wave"] == 2
    watched(orchestrator, "r2", 0)
    serve(agents, "tiny:2.0.0")

    undone = orchestrator.json("rollout", "undo", "r2")
    assert (undone["rollout"]["id"], undone["rollout"]["kind"]) == ("r3", "undo")
    watched(orchestrator, "r3", 0)
    serve(agents, "tiny:1.0.0")
    refused = orchestrator.run("rollout", "resume", "r3")
    assert refused.status == 5
    assert "it is complete" in refused.stderr


def explained(orchestrator: Orchestrator, device: str) -> str:
    return " ".join(orchestrator.json("explain", device)["sentences"])


def test_an_aborted_rollout_and_a_recalled_backbone_leave_every_device_with_what_it_had(
    orchestrator: Orchestrator, agents: dict[str, AgentProcess], tmp_path: Path
) -> None:
    push(orchestrator, tmp_path, "1.0.0", 1)
    push(orchestrator, tmp_path, "2.0.0", 2)
    orchestrator.json("rollout", "start", "tiny:1.0.0")
    watched(orchestrator, "r1", 0)

    orchestrator.json("rollout", "start", "tiny:2.0.0", "--wave=1", "--wave=rest", "--soak=1h")
    wait_until(lambda: counts_of(orchestrator, "r2").get("healthy") == 1)
    aborted = orchestrator.json("rollout", "abort", "r2")
    assert aborted["rollout"]["phase"] in {"reverting", "reverted"}
    assert watched(orchestrator, "r2", 21)[-1]["rollout"]["reason"] == "operator"
    serve(agents, "tiny:1.0.0")

    orchestrator.json("rollout", "start", "tiny:2.0.0")
    watched(orchestrator, "r3", 0)
    recalled = orchestrator.json("backbone", "recall", "tiny:2.0.0")
    assert recalled["rollouts"][0] == "r4"
    assert orchestrator.json("backbone", "recall", "tiny:2.0.0")["rollouts"] == []
    watched(orchestrator, "r4", 21)
    serve(agents, "tiny:1.0.0")
    for device in agents:
        assert "tiny:2.0.0 was recalled (rollout r4)" in explained(orchestrator, device)
    refused = orchestrator.run("rollout", "start", "tiny:2.0.0")
    assert refused.status == 5
    assert "was recalled" in refused.stderr
    assert "recalled" in orchestrator.run("backbone", "list").stdout


def counts_of(orchestrator: Orchestrator, rollout: str) -> dict[str, int]:
    counts: dict[str, int] = orchestrator.json("rollout", "show", rollout)["counts"]
    return counts


def test_every_mistake_of_a_plan_is_told_and_nothing_is_started(
    orchestrator: Orchestrator, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text("backbon: tiny\nwaves: [20, 120%]\ngate: {margin: 3}\n")
    refused = orchestrator.run("rollout", "start", "--plan", str(plan))
    assert refused.status == 2
    told = [each for each in refused.stderr.splitlines() if each.startswith("error: ")]
    assert [each.split(":")[1].strip() for each in told] == [
        "backbon",
        "backbone",
        "waves[1]",
        "gate.margin",
    ]
    assert "did you mean backbone?" in refused.stderr
    assert orchestrator.json("rollout", "list") == []
