"""A device whose serving head is trained by gradient: taught, cut off, asked, made to forget."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fieldwise.client import Device
from tests.bundles import CLASSES, class_images, tiny_bundle
from tests.fakes.agent_process import AgentProcess

EACH = 30  # of four classes, a fifth held out: more than a batch is learned


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[AgentProcess]:
    made = AgentProcess(tmp_path / "s", heads="gradient,discriminant")
    yield made
    if made.process is not None:
        made.stop()


def teach_all(device: Device) -> None:
    pictures = {name: class_images(name, EACH) for name in CLASSES}
    for number in range(EACH):
        for name in CLASSES:
            device.teach(pictures[name][number], name, burst=f"{name} {number}")


def said(device: Device) -> list[str]:
    return [device.predict(class_images(name, 1, seed=5)[0]).classes[0].name for name in CLASSES]


def test_a_head_trained_by_gradient_serves_through_a_restart_and_forgets_a_class(
    agent: AgentProcess, tmp_path: Path
) -> None:
    agent.ask("backbone", "install", tiny_bundle(tmp_path / "one"))
    agent.start()
    with agent.device() as device:
        teach_all(device)
        assert said(device) == list(CLASSES)
    assert agent.stop() == 0
    agent.start()
    with agent.device() as device:
        assert said(device) == list(CLASSES)
    told = agent.ask("forget", "--class", CLASSES[0], "--yes")["sentences"]
    assert any("by gradient" in sentence for sentence in told)
    with agent.device() as device:
        assert CLASSES[0] not in said(device)
