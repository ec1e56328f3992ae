"""SIGTERM while a new backbone is on trial: the agent does not wait for the child that tries it."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bundles import Spoiled, class_images, spoiled_bundle
from tests.fakes.agent_process import PROGRAM, AgentProcess, wait_until
from tests.fakes.children import children_of, command_of


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[AgentProcess]:
    process = AgentProcess(tmp_path / "s")
    yield process
    if process.process is not None:
        process.stop()


def trials_of(agent: AgentProcess) -> list[int]:
    assert agent.process is not None
    children = children_of(agent.process.pid)
    return [pid for pid in children if "agent.learning.trial" in command_of(pid)]


def test_an_agent_stops_in_the_middle_of_a_trial_and_tries_again_after_a_restart(
    agent: AgentProcess, tmp_path: Path
) -> None:
    bundle = spoiled_bundle(tmp_path / "slow", Spoiled.SLOW)
    agent.start()
    with subprocess.Popen(
        [PROGRAM, "backbone", "install", str(bundle)],
        env=agent.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as command:
        wait_until(lambda: bool(trials_of(agent)))
        (trial,) = trials_of(agent)
        os.kill(trial, signal.SIGSTOP)  # now it never ends by itself
        assert agent.stop() == 0
        assert command_of(trial) == ""
        assert command.wait(60) != 0
    agent.start()
    with agent.device() as device:
        assert device.status().update.phase == "verifying"
        wait_until(lambda: device.status().backbone == "spoiled:1.0.0", seconds=120)
        device.teach(class_images("red", 1)[0], "red")
