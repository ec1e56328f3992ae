"""A whole agent that keeps to its envelope: disk, time, silence, and streams that do not wait."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from agent.app import Agent
from fieldwise.client import Device
from fieldwise.errors import Fault, FieldwiseError
from tests.bundles import CLASSES, class_images
from tests.fakes.agent_inside import asking, running

MIB = 1024**2
PATIENCE = 1500  # looks, a fiftieth of a second apart
NOON, NIGHT = 12 * 60, 23 * 60


def noise(count: int) -> list[NDArray[np.uint8]]:
    """Pixels that no encoding makes small: 12 KiB each."""
    dice = np.random.default_rng(3)
    return [dice.integers(0, 256, (64, 64, 3), np.uint8) for _ in range(count)]


async def until(said: Callable[[], bool]) -> None:
    for _ in range(PATIENCE):
        if said():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not come to be")


def behind(agent: Agent) -> int:
    assert agent.serving.learner is not None
    return agent.serving.learner.behind


def known(agent: Agent) -> int:
    assert agent.serving.learner is not None
    return agent.serving.learner.pair.total


async def test_images_give_way_and_no_sample_is_refused_within_the_bound(tmp_path: Path) -> None:
    bytes_max, images = 30 * MIB, noise(900)
    highest = 0

    def teach(device: Device, part: list[NDArray[np.uint8]], start: int) -> None:
        for number, image in enumerate(part, start):
            device.teach(image, f"class {number % 5}", burst=f"scene {number}")

    async with running(tmp_path, disk_bytes_max=bytes_max) as agent:
        for start in range(0, len(images), 30):
            part = images[start : start + 30]
            await asking(agent, lambda device, p=part, s=start: teach(device, p, s))
            highest = max(highest, agent.folder.size_bytes())
            await asyncio.to_thread(agent.upkeep.tick)
        learning = (await asking(agent, lambda device: device.status())).learning
        counted = learning.samples + learning.select_samples + learning.judge_samples
        assert counted == len(images)
        assert 0 < learning.exemplar_bytes < sum(image.nbytes for image in images) / 1.3
        assert 12 * MIB < highest <= bytes_max
    async with running(tmp_path, backbone=False, disk_bytes_max=bytes_max) as agent:
        again = (await asking(agent, lambda device: device.status())).learning
        assert again.samples == learning.samples
        assert 0 < again.exemplars <= learning.exemplars


async def test_where_nothing_can_give_way_samples_are_refused_with_the_bound_s_name(
    tmp_path: Path,
) -> None:
    def teach(device: Device) -> FieldwiseError:
        for number, image in enumerate(noise(200)):
            try:
                device.teach(image, "red", burst=f"scene {number}")
            except FieldwiseError as error:
                return error
        raise AssertionError("it was never refused")

    async with running(tmp_path, commit_samples=1) as agent:
        taken = agent.folder.size_bytes()
    async with running(tmp_path, backbone=False, disk_bytes_max=taken + 13 * MIB) as agent:
        refused = await asking(agent, teach)
        assert refused.fault is Fault.DISK_FULL
        assert "disk_bytes_max" in refused.sentence
        assert await asking(agent, lambda device: device.predict(noise(1)[0]).id)


async def test_what_was_accepted_near_the_bound_is_there_after_a_restart(tmp_path: Path) -> None:
    def teach(device: Device) -> int:
        for number, image in enumerate(noise(100)):
            try:
                device.teach(image, "red", burst=f"scene {number}")
            except FieldwiseError:
                return number
        return 100

    async with running(tmp_path, commit_samples=1) as agent:
        taken = agent.folder.size_bytes()
    accepted = 0
    for spare in (9, 18, 27, 29):  # the first has no room for a sample, the last for many
        bound = taken + spare * MIB
        async with running(tmp_path, backbone=False, disk_bytes_max=bound) as agent:
            await asyncio.to_thread(agent.upkeep.tick)
            accepted += await asking(agent, teach)
        async with running(tmp_path, backbone=False) as agent:
            found = (await asking(agent, lambda device: device.status())).learning
            assert found.samples + found.select_samples + found.judge_samples == accepted
    assert accepted > 0


async def test_what_is_taught_by_day_is_learned_by_night(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def teach(device: Device) -> None:
        for number, image in enumerate(class_images("red", 20)):
            device.teach(image, CLASSES[number % 2], burst=f"scene {number}")

    minute = [NOON]
    async with running(tmp_path, learn_window="22:00-06:00", cpu_share=0.5) as agent:
        monkeypatch.setattr(agent.clock, "minute_of_day", lambda: minute[0], raising=False)
        await asking(agent, teach)
        waiting = behind(agent)
        assert waiting >= 10
        assert known(agent) == 0
        minute[0] = NIGHT
        await until(lambda: behind(agent) == 0)
        assert known(agent) == waiting


async def test_learning_waits_while_predictions_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = class_images("red", 1)[0]
    async with running(tmp_path, learn_when_idle_seconds=1000) as agent:
        await asking(agent, lambda device: device.teach(image, "red"))
        assert (behind(agent), known(agent)) == (0, 1)  # nobody has asked anything yet
        await asking(agent, lambda device: device.predict(image))
        await asking(agent, lambda device: device.teach(image, "red"))
        assert (behind(agent), known(agent)) == (1, 1)
        real = agent.clock.monotonic
        monkeypatch.setattr(agent.clock, "monotonic", lambda: real() + 2000, raising=False)
        await until(lambda: behind(agent) == 0)
        assert known(agent) == 2


async def test_what_still_waits_when_the_agent_ends_is_there_afterwards(tmp_path: Path) -> None:
    image = class_images("red", 1)[0]

    def teach(device: Device) -> int:
        for number in range(10):
            device.teach(image, f"class {number % 3}")
        return device.status().waiting_samples

    async with running(tmp_path) as agent:
        agent.clock.minute_of_day = lambda: NOON  # type: ignore[method-assign]  # a clock that stands
    closed = "00:00-00:01"
    async with running(tmp_path, backbone=False, learn_window=closed) as agent:
        agent.clock.minute_of_day = lambda: NOON  # type: ignore[method-assign]  # the same
        assert await asking(agent, teach) == behind(agent) > 0
    async with running(tmp_path, backbone=False) as agent:
        learned = (await asking(agent, lambda device: device.status())).learning
        assert (
            known(agent) == learned.samples == 10 - learned.select_samples - learned.judge_samples
        )


async def test_frames_that_a_stream_skipped_are_shown_by_status(tmp_path: Path) -> None:
    def report(device: Device) -> int:
        device.report_skipped(3)
        device.report_skipped(4)
        return device.status().skipped

    async with running(tmp_path, backbone=False) as agent:
        assert await asking(agent, report) == 7


async def test_what_was_written_is_counted_with_its_samples(tmp_path: Path) -> None:
    image = class_images("red", 1)[0]
    async with running(tmp_path, commit_samples=1) as agent:
        await asking(agent, lambda device: device.teach(image, "red"))
        worn = agent.wear.wear()
        if worn is None:
            pytest.skip("this kernel does not count what a process writes")
        assert worn.samples == 1
        assert worn.written_bytes >= 0


async def test_once_enough_is_set_aside_the_agent_tunes_by_itself_and_keeps_the_choice(
    tmp_path: Path,
) -> None:
    def teach(device: Device) -> None:
        for number, image in enumerate(class_images("red", 400)):
            device.teach(image, CLASSES[number % 2], burst=f"scene {number}")

    def tuned(agent: Agent) -> int:
        assert agent.serving.learner is not None
        return agent.serving.learner.pair.tuning.samples

    async with running(tmp_path) as agent:
        await asking(agent, teach)
        await until(lambda: tuned(agent) > 0)
        chosen = tuned(agent)
        assert chosen >= 30
    async with running(tmp_path, backbone=False) as agent:
        assert tuned(agent) >= chosen
