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
FURTHER_LIVES_MAX = 12  # each twice as long as the one before: until a lesson is answered


@pytest.mark.parametrize("seed", range(SEEDS))
def test_an_agent_killed_at_any_instant_serves_goes_on_and_loses_no_more_than_its_group(
    seed: int, mother: Mother, tmp_path_factory: pytest.TempPathFactory, tried: Tried
) -> None:
    tried("kill -9 of the agent at a random instant", LIVES)
    chance, folder = Random(seed), tmp_path_factory.mktemp("r")
    digests = [unpacked(folder, number) for number in range(3)]
    agent = ForkedAgent(mother, folder / "s", commit_samples=str(GROUP), probation_minutes="0.02")
    assert "in use" in agent.run_forked("backbone", "install", folder / "0")
    longest = STARTS_LIVED * seconds_of_a_start(agent)
    answered = kept = life = 0
    with Client(agent.socket) as client:
        while life < LIVES or (not answered and life < LIVES + FURTHER_LIVES_MAX):
            script = update(life + 1, chance.choice(digests))
            agent.begin({"play": script, "serve_files": str(folder / "unpacked")})
            part = chance.random()
            told, there = live(agent, part * longest, chance, f"{seed}.{life}")
            if there is None and part > 1 / 2:  # the machine is slower than when it was measured
                longest *= 2
            if there is not None:
                assert there >= kept, "what was written is lost"
                assert there >= answered - GROUP * (life + 1), f"{answered} answered, {there} kept"
                kept = there
            answered += told
            life += 1
            assert agent.journal().in_use is not None
        assert answered, "no life was long enough for a lesson"
        agent.start()
        said = agent.run_forked("backbone", "install", folder / "1")
        assert "in use" in said, said
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
    """How long this machine takes to start an agent now: lives begin with some times that."""
    began = time.monotonic()
    agent.start()
    agent.device().close()
    agent.kill()
    return time.monotonic() - began


def live(agent: ForkedAgent, seconds: float, chance: Random, scene: str) -> tuple[int, int | None]:
    """Teach until the plug is pulled; returns the lessons answered, and those found at first.

    An agent that did not come to answer before has found None.
    """
    timer = threading.Timer(seconds, agent.kill)
    timer.start()
    found, answered = None, 0
    child = agent.child
    assert child is not None
    while not agent.socket.exists() and not child.ended(0.01):
        pass
    with suppress(FieldwiseError), Device(agent.socket, wait_seconds=max(3, seconds)) as device:
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
