"""SIGKILL at random instants while an agent learns, predicts and changes its backbone.

Nothing broken: every start finds a pair that works. Nothing stuck: at the end an update succeeds.
Nothing lost beyond the group that was not yet written. No prediction failed while there was an
agent to ask.
"""

import threading
import time
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from fieldwise import archive
from fieldwise.client import Device
from fieldwise.errors import FieldwiseError
from tests.bundles import CLASSES, class_images, tiny_bundle
from tests.fakes.agent_process import wait_until
from tests.faults.conftest import Tried
from tests.faults.forked import Mother
from tests.faults.forked_agent import Client, ForkedAgent

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]
SEEDS = 16
LIVES = 25
GROUP = 4
STARTS_LIVED = 5  # the longest life, in starts: an update is over by then


@pytest.mark.parametrize("seed", range(SEEDS))
def test_an_agent_killed_at_any_instant_serves_goes_on_and_loses_no_more_than_its_group(
    seed: int, mother: Mother, tmp_path_factory: pytest.TempPathFactory, tried: Tried
) -> None:
    tried("kill -9 of the agent at a random instant", LIVES)
    chance, folder = Random(seed), tmp_path_factory.mktemp("r")
    digests = [unpacked(folder, number) for number in range(3)]
    agent = ForkedAgent(mother, folder / "s", commit_samples=str(GROUP), probation_minutes="0.02")
    assert "in use" in agent.run_forked("backbone", "install", folder / "0")
    seconds = STARTS_LIVED * seconds_of_a_start(agent)
    answered = kept = 0
    with Client(agent.socket) as client:
        for life in range(LIVES):
            script = update(life + 1, chance.choice(digests))
            agent.begin({"play": script, "serve_files": str(folder / "unpacked")})
            told, there = live(agent, chance.uniform(0, seconds), chance, f"{seed}.{life}")
            if there is not None:
                assert there >= kept, "what was written is lost"
                assert there >= answered - GROUP * (life + 1), f"{answered} answered, {there} kept"
                kept = there
            answered += told
            assert agent.journal().in_use is not None
        assert answered, "no life was long enough for a lesson"
        agent.start()
        told = agent.run_forked("backbone", "install", folder / "1")
        assert "in use" in told, told
        with agent.device() as device:
            wait_until(lambda: device.status().backbone == "tiny:2.0.0")
        agent.stop()
    assert client.failures == []


def unpacked(folder: Path, number: int) -> str:
    """A further bundle, as a file and as the files that a fleet has to download."""
    version = f"{number + 1}.0.0"
    path = tiny_bundle(
        folder / str(number), seed=number, width=32 + number, version=version, starter=True
    )
    return archive.unpack(path, folder / "unpacked")[0]


def update(generation: int, digest: str) -> list[dict[str, object]]:
    """What the fleet says at the beginning of a life."""
    target = {"generation": generation, "digest": digest}
    permit = {"generation": generation}
    return [{"event": "Targeted", "given": target}, {"event": "Permitted", "given": permit}]


def seconds_of_a_start(agent: ForkedAgent) -> float:
    """How long this machine takes to start an agent now: by it the lives are measured."""
    began = time.monotonic()
    agent.start()
    agent.device().close()
    agent.kill()
    return time.monotonic() - began


def live(agent: ForkedAgent, seconds: float, chance: Random, scene: str) -> tuple[int, int | None]:
    """Teach until the plug is pulled; returns the lessons answered, and those found at first."""
    timer = threading.Timer(seconds, agent.kill)
    timer.start()
    found, answered = None, 0
    child = agent.child
    assert child is not None
    while not agent.socket.exists() and not child.ended(0.01):
        pass
    with suppress(FieldwiseError), Device(agent.socket, wait_seconds=3) as device:
        found = counted(device)
        while True:
            name = CLASSES[answered % len(CLASSES)]
            image = class_images(name, 1, seed=chance.getrandbits(31))[0]
            device.teach(image, name, burst=f"{scene}.{answered // 3}")
            answered += 1
    timer.join()
    return answered, found


def counted(device: Device) -> int:
    learning = device.status().learning
    return learning.samples + learning.select_samples + learning.judge_samples
