import asyncio
from pathlib import Path

import pytest

from agent.app import Agent
from agent.config import LEARNING
from fieldwise.client import Device
from fieldwise.errors import Fault, FieldwiseError
from tests.bundles import class_images
from tests.fakes.agent_inside import asking, running


@pytest.mark.timeout(400)  # a minute and a half on a busy machine with two cores
async def test_ten_thousand_classes_are_learned_and_one_more_is_refused(tmp_path: Path) -> None:
    images = class_images("red", 10)

    def learn_all(agent: Agent) -> None:
        for number in range(LEARNING.classes_max):
            agent.serving.teach(images[number % 10], f"class {number}", "")

    def questions(device: Device) -> None:
        with pytest.raises(FieldwiseError) as refused:
            device.teach(images[0], "one more")
        assert refused.value.fault is Fault.TOO_MANY_CLASSES
        device.teach(images[0], "class 7")
        assert len(device.predict(images[0]).classes) == 5
        status = device.status()
        assert status.learning.samples == 10_001
        assert len(status.classes) == 10_000
        assert status.classes["class 7"] == 2

    async with running(tmp_path, commit_samples=1024) as agent:
        await asyncio.to_thread(learn_all, agent)
        await asking(agent, questions)
    async with running(tmp_path, backbone=False) as agent:
        status = await asking(agent, lambda device: device.status())
        assert (len(status.classes), status.learning.samples) == (10_000, 10_001)
