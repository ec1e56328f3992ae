"""A publisher keeps keys elsewhere: real devices install what it has signed, and nothing else."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fieldwise.errors import Fault
from orchestrator.workshop import LIST_FILE
from tests.bundles import tiny_bundle
from tests.fakes.agent_process import AgentProcess, wait_until
from tests.orchestrators import Orchestrator, run, serving

# A device joins, and changes its backbone: minutes on a machine that is busy.
pytestmark = pytest.mark.timeout(900)
PACE = ("--check-in-seconds=1", "--busy-check-in-seconds=1")


@pytest.fixture
def publisher(tmp_path: Path) -> Path:
    return tmp_path / "publisher"


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[AgentProcess]:
    made = AgentProcess(tmp_path / "a", probation_minutes="0", cpu_share="1")
    yield made
    if made.process is not None:
        made.stop()


def joined(orchestrator: Orchestrator, agent: AgentProcess) -> None:
    agent.ask("join", orchestrator.json("ticket", "create")["token"])
    agent.start()


def pushed(orchestrator: Orchestrator, folder: Path, version: str, seed: int) -> Path:
    bundle = tiny_bundle(folder / version, version=version, seed=seed, width=32 + 8 * seed)
    orchestrator.json("backbone", "push", str(bundle))
    return bundle


def refused(orchestrator: Orchestrator, *arguments: str) -> str:
    done = orchestrator.told_json(*arguments)
    assert done.status != 0
    return done.stderr


def serves(agent: AgentProcess, title: str) -> None:
    with agent.device() as device:
        wait_until(lambda: device.status().backbone == title)


def status(orchestrator: Orchestrator) -> Any:
    return orchestrator.json("trust", "status")


def told_by_devices(orchestrator: Orchestrator, field: str) -> list[int]:
    return [each[field] for each in status(orchestrator)["devices"]]


def test_nothing_is_rolled_out_that_the_publisher_has_not_signed(
    tmp_path: Path, publisher: Path, agent: AgentProcess
) -> None:
    assert run(tmp_path, "trust", "init", str(publisher), "--list-keys=2").status == 0
    flags = (*PACE, f"--publisher-file={publisher / 'publisher.json'}")
    with serving(tmp_path / "data", *flags) as orchestrator:
        assert orchestrator.told["signs_backbones"] is False
        joined(orchestrator, agent)
        first = pushed(orchestrator, tmp_path, "1.0.0", 1)
        told = refused(orchestrator, "rollout", "start", "tiny:1.0.0")
        assert Fault.NOT_VOUCHED.value in told
        assert "fieldwise trust sign" in told
        [waits] = status(orchestrator)["backbones"]
        assert (waits["is_pushed"], waits["is_listed"]) == (True, False)
        orchestrator.json("trust", "sign", str(publisher), "--list", str(first))
        orchestrator.json("trust", "publish", str(publisher))
        orchestrator.json("rollout", "start", "tiny:1.0.0")
        serves(agent, "tiny:1.0.0")
        second = pushed(orchestrator, tmp_path, "2.0.0", 2)
        orchestrator.json(
            "trust", "sign", str(publisher), "--list", str(second), "--delist", "tiny:1.0.0"
        )
        orchestrator.json("trust", "publish", str(publisher))
        refused(orchestrator, "rollout", "start", "tiny:1.0.0")
        orchestrator.json("rollout", "start", "tiny:2.0.0")
        serves(agent, "tiny:2.0.0")
        waiting = orchestrator.json("rollout", "start", "tiny:2.0.0", "--cohort=site=none")["id"]
        orchestrator.json("trust", "sign", str(publisher), "--floor=3")
        orchestrator.json("trust", "publish", str(publisher))
        wait_until(lambda: orchestrator.json("rollout", "show", waiting)["reason"] == "unlisted")
        assert Fault.BELOW_FLOOR.value in refused(orchestrator, "rollout", "resume", waiting)
        wait_until(
            lambda: [each["targets_version"] for each in status(orchestrator)["devices"]] == [4]
        )
        assert told_by_devices(orchestrator, "floor_epoch") == [3]
        serves(agent, "tiny:2.0.0")  # what is in use stays


def test_a_server_hands_its_keys_over_and_devices_follow(
    tmp_path: Path, publisher: Path, agent: AgentProcess
) -> None:
    with serving(tmp_path / "data", *PACE) as orchestrator:
        assert orchestrator.told["signs_backbones"] is True
        joined(orchestrator, agent)
        pushed(orchestrator, tmp_path, "1.0.0", 1)
        orchestrator.json("rollout", "start", "tiny:1.0.0")
        serves(agent, "tiny:1.0.0")
        orchestrator.json("trust", "export", str(publisher))
        orchestrator.json("trust", "init", str(publisher))
        drafted = json.loads((publisher / LIST_FILE).read_text())["signed"]["version"]
        wait_until(lambda: time.time() > drafted + 1)  # the server's versions are moments
        pushed(orchestrator, tmp_path, "1.5.0", 3)  # and so there is a newer list than exported
        told = refused(orchestrator, "trust", "publish", str(publisher), "--hand-over", "--yes")
        assert "fieldwise trust export" in told
        orchestrator.json("trust", "export", str(publisher))
        orchestrator.json("trust", "sign", str(publisher), "--renew")
        orchestrator.json("trust", "publish", str(publisher), "--hand-over", "--yes")
        again = orchestrator.json("trust", "publish", str(publisher), "--hand-over", "--yes")
        assert not again["changed"]
        kept = (orchestrator.folder / "publisher.json").read_text()
        assert kept.count("BEGIN PRIVATE KEY") == 1
        second = pushed(orchestrator, tmp_path, "2.0.0", 2)
        assert Fault.NOT_VOUCHED.value in refused(orchestrator, "rollout", "start", "tiny:2.0.0")
        orchestrator.json("trust", "sign", str(publisher), "--list", str(second))
        orchestrator.json("trust", "publish", str(publisher))
        orchestrator.json("rollout", "start", "tiny:2.0.0")
        serves(agent, "tiny:2.0.0")
        wait_until(
            lambda: [each["root_version"] for each in status(orchestrator)["devices"]] == [2]
        )
    with serving(tmp_path / "data", *PACE) as orchestrator:
        assert orchestrator.told["signs_backbones"] is False
        online = {each["role"]: each["is_online"] for each in status(orchestrator)["metadata"]}
        assert online == {"root": False, "targets": False, "snapshot": True, "timestamp": True}
