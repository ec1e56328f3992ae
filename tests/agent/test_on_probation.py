"""A whole agent with a new backbone on probation, through a restart."""

import asyncio
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from agent.app import Agent
from agent.device.host import LinuxHost
from fieldwise.client import Device
from fieldwise.update import UpdatePhase
from fieldwise.verdict import Judgement
from tests.bundles import CLASSES, class_images, tiny_bundle
from tests.fakes.agent_inside import START_SECONDS, asking, install, running

LENGTH = 40  # predictions

on_probation = partial(
    running, commit_samples=1, probation_predictions=LENGTH, probation_minutes=60
)


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(START_SECONDS):
        while not done():  # noqa: ASYNC110 - several tasks lead there
            await asyncio.sleep(0.01)


def teach(device: Device, seed: int) -> None:
    for name in CLASSES:
        for number, image in enumerate(class_images(name, 6, seed=seed)):
            device.teach(image, name, burst=f"{name} {number} of {seed}")


def predict(device: Device) -> None:
    for image in class_images("red", LENGTH, seed=9):
        device.predict(image)


async def begin(folder: Path, agent: Agent) -> None:
    """Bring a second backbone on probation."""
    await asking(agent, lambda device: teach(device, 0))
    second = tiny_bundle(folder / "second", seed=3, width=48, version="2.0.0")
    await install(agent, second)
    assert agent.installer.state.phase is UpdatePhase.PROBATION


@pytest.mark.parametrize(("free_mib", "compared"), [(1024, True), (64, False)])
async def test_after_a_restart_labels_are_compared_where_two_backbones_have_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_mib: int, compared: bool
) -> None:
    async with on_probation(tmp_path) as agent:
        await begin(tmp_path, agent)
        status = await agent.household.status()
        assert status.verdict is not None
        assert status.verdict.judgement is Judgement.ACCEPTED
    monkeypatch.setattr(LinuxHost, "available_memory_mib", lambda _: free_mib)
    async with on_probation(tmp_path, backbone=False) as agent:
        watch = agent.serving.stopwatch
        await until(lambda: math.isfinite(watch.slow_seconds))  # it is watched again
        await asking(agent, lambda device: teach(device, 1))
        await asyncio.to_thread(agent.serving.tick)
        told = await asking(agent, lambda device: device.status().update.probation)
        assert told is not None
        assert (told.predictions, told.predictions_wanted) == (0, LENGTH)
        await asking(agent, predict)
        await until(lambda: agent.installer.state.phase is UpdatePhase.ACTIVE)
        seen = agent.journal.probation().seen
        assert seen.predictions >= LENGTH
        figures = agent.serving.figures()
        assert (0 < seen.samples <= figures.learned + figures.select) == compared
        assert seen.scenes == seen.samples
        ended = await asking(agent, lambda device: device.status().update.probation)
        assert ended is None
