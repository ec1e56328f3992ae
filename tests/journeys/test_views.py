"""A real agent with a bundle of several views: it learns all of them, over a restart."""

from pathlib import Path

import pytest

from tests.bundles import CLASSES, class_images, viewed_bundle
from tests.fakes.agent_process import AgentProcess


@pytest.mark.parametrize("starter", [False, True])
def test_a_device_learns_through_several_views(
    agent: AgentProcess, tmp_path: Path, starter: bool
) -> None:
    agent.ask("backbone", "install", viewed_bundle(tmp_path / "b", starter=starter))
    agent.start()
    with agent.device() as device:
        assert bool(device.predict(class_images("red", 1, size=40)[0]).classes) == starter
        for name in CLASSES:
            for number, image in enumerate(class_images(name, 8, size=40, seed=2)):
                device.teach(image, name, burst=f"{name} {number}")
        agent.kill()
    agent.start()
    asked = [(name, image) for name in CLASSES for image in class_images(name, 5, size=40, seed=8)]
    with agent.device() as device:
        right = sum(device.predict(image).best == name for name, image in asked)
        known = device.status().learning.samples
    assert right >= 18
    assert known >= 16
