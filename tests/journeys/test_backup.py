"""An orchestrator that is lost and comes back out of a backup, while a real device goes on."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bundles import class_images, tiny_bundle
from tests.databases import PostgreSql
from tests.fakes.agent_process import AgentProcess, wait_until
from tests.orchestrators import Orchestrator, run, serving

pytestmark = pytest.mark.timeout(900)  # three rollouts, on a machine that does much else
PACE = ("--check-in-seconds=1", "--busy-check-in-seconds=1")


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[AgentProcess]:
    """An agent that is content with a backbone at once."""
    made = AgentProcess(tmp_path / "s", probation_minutes="0", cpu_share="1")
    yield made
    if made.process is not None:
        made.stop()


def serves(agent: AgentProcess, backbone: str) -> bool:
    with agent.device() as device:
        assert device.predict(class_images("red", 1)[0]).best
        return device.status().backbone == backbone


def bring(orchestrator: Orchestrator, agent: AgentProcess, name: str, folder: Path) -> str:
    """Roll a backbone out to its end; returns which rollout that was."""
    path = tiny_bundle(folder / name, name=name, seed=len(name), starter=True)
    orchestrator.json("backbone", "push", str(path))
    started: str = orchestrator.json("rollout", "start", name)["id"]
    wait_until(lambda: serves(agent, f"{name}:1.0.0"))
    wait_until(lambda: phase(orchestrator, started) == "complete")
    return started


def phase(orchestrator: Orchestrator, rollout: str) -> str:
    found: str = orchestrator.json("rollout", "show", rollout)["phase"]
    return found


def generation(orchestrator: Orchestrator, device: str) -> int:
    found: int = orchestrator.json("device", "show", device)["target"]["generation"]
    return found


def trusts(orchestrator: Orchestrator) -> bool:
    """Whether every device trusts the list that there is."""
    told = orchestrator.json("trust", "status")
    [newest] = [each["version"] for each in told["metadata"] if each["role"] == "targets"]
    said = [(each["targets_version"], each["trouble"]) for each in told["devices"]]
    return said == [(newest, None)]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_device_ahead_of_a_restored_backup_goes_on_without_joining_again(
    kind: str, agent: AgentProcess, tmp_path: Path, postgresql: PostgreSql
) -> None:
    file = tmp_path / "fleet.backup"
    with serving(tmp_path / "first", *PACE) as first:
        device = agent.ask("join", first.json("ticket", "create")["token"])["device_id"]
        agent.start()
        bring(first, agent, "one", tmp_path)
        assert first.run("backup", str(file)).status == 0
        bring(first, agent, "later", tmp_path)  # and of this the backup knows nothing
        ahead = generation(first, device)
        listen = tuple(
            f"--{each}-listen={first.told[f'{each}_address']}" for each in ("device", "operator")
        )
        first.stop()
    shutil.rmtree(first.folder)
    database = () if kind == "sqlite" else (f"--database-url={postgresql.create()}",)
    folder = tmp_path / "second"
    restored = run(folder, "restore", str(file), *database)
    assert restored.status == 0, restored.stderr
    assert "stand still" in restored.stdout
    listen += ("--metrics-listen=127.0.0.1:0", "--advertise-hosts=127.0.0.1,localhost")
    with serving(folder, *PACE, *database, listen=listen) as second:

        def is_seen() -> bool:
            (found,) = second.json("device", "list")
            return bool(found["id"] == device and found["state"] == "healthy")

        wait_until(is_seen)
        wait_until(lambda: trusts(second))  # although it has seen a later list than the backup has
        assert phase(second, "r1") == "held"
        assert serves(agent, "later:1.0.0")  # nothing took it back
        bring(second, agent, "newest", tmp_path)
        assert generation(second, device) > ahead
        assert serves(agent, "newest:1.0.0")
