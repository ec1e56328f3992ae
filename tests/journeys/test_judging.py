"""A real device is offered backbones that are worse, slow, as good, and faulty only later."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from fieldwise.client import Device
from fieldwise.errors import FieldwiseError
from tests.bundles import CLASSES, class_images, tiny_bundle
from tests.disappointing import blind_bundle, slow_bundle, startled_bundle, stripes
from tests.fakes.agent_process import AgentProcess, wait_until

JUDGED = 20  # scenes: harm that halves the right answers is found on them
WAITS = "0.02"  # seconds; on a quick machine the slow backbone takes no tenth


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[AgentProcess]:
    """A daemon that does not keep a test waiting."""
    made = AgentProcess(
        tmp_path / "s", probation_predictions="30", cpu_share="1", latency_floor_seconds=WAITS
    )
    made.start()
    installed = made.run("backbone", "install", tiny_bundle(tmp_path / "first"))
    assert installed.returncode == 0, installed.stderr
    yield made
    made.stop()


def teach_until_judged(device: Device) -> None:
    """Teach scenes of one image until enough of them are held out."""
    images = {name: iter(class_images(name, 500)) for name in CLASSES}
    for number, name in enumerate(cycle(CLASSES)):
        device.teach(next(images[name]), name, burst=f"scene {number}")
        if number % 50 == 0 and device.status().learning.judge_samples >= JUDGED:
            return


class Asking(threading.Thread):
    """An application that asks without a pause, and notes who answered and what failed."""

    def __init__(self, agent: AgentProcess) -> None:
        super().__init__()
        self._agent = agent
        self._over = threading.Event()
        self.backbones: list[str] = []
        self.failures: list[FieldwiseError] = []

    def run(self) -> None:
        images = [(name, image) for name in CLASSES for image in class_images(name, 10, seed=4)]
        with self._agent.device() as device:
            for _, image in cycle(images):
                if self._over.wait(0.01):
                    return
                try:
                    self.backbones.append(device.predict(image).backbone)
                except FieldwiseError as error:
                    self.failures.append(error)

    def end(self) -> None:
        self._over.set()
        self.join()


@contextmanager
def asked(agent: AgentProcess) -> Iterator[Asking]:
    asking = Asking(agent)
    asking.start()
    try:
        yield asking
    finally:
        asking.end()


def declined(agent: AgentProcess, bundle: Path) -> Any:
    """Offer a backbone that is refused; returns the status."""
    assert agent.run("backbone", "install", bundle).returncode != 0
    status = agent.ask("status")
    assert status["update"]["phase"] == "declined"
    assert status["verdict"]["judgement"] == "declined"
    return status


def test_a_device_declines_what_is_worse_and_takes_what_is_as_good(
    agent: AgentProcess, tmp_path: Path
) -> None:
    with agent.device() as device:
        teach_until_judged(device)
    with asked(agent) as asking:
        worse = declined(agent, blind_bundle(tmp_path / "blind", "2.0.0"))
        assert worse["update"]["failure"] == "harm"
        assert worse["verdict"]["overall"]["scenes"] >= JUDGED
        assert "Declined: harm is shown." in agent.run("status").stdout
        assert set(asking.backbones) == {"tiny:1.0.0"}
        good = tiny_bundle(tmp_path / "good", seed=3, width=48, version="4.0.0")
        installed = agent.run("backbone", "install", good)
        assert installed.returncode == 0, installed.stderr
        wait_until(lambda: agent.ask("status")["update"]["phase"] == "active")
        taken = agent.ask("status")
    assert taken["backbone"] == "tiny:4.0.0"
    assert (taken["verdict"]["judgement"], taken["verdict"]["basis"]) == ("accepted", "labelled")
    assert "Accepted: no harm is shown." in agent.run("report").stdout
    assert agent.ask("report")["verdict"] == taken["verdict"]
    assert asking.backbones[-1] == "tiny:4.0.0"
    assert asking.failures == []


def test_a_device_declines_what_is_slow_however_little_it_knows(
    agent: AgentProcess, tmp_path: Path
) -> None:
    with agent.device() as device:
        for name in CLASSES:
            device.teach(class_images(name, 1)[0], name)
    slow = declined(agent, slow_bundle(tmp_path / "slow", "2.0.0"))
    assert slow["update"]["failure"] == "too-slow"
    assert slow["verdict"]["basis"] == "too-few"
    assert slow["backbone"] == "tiny:1.0.0"


def test_a_backbone_that_fails_once_it_serves_makes_way_by_itself(
    agent: AgentProcess, tmp_path: Path
) -> None:
    with agent.device() as device:
        teach_until_judged(device)
        faulty = startled_bundle(tmp_path / "faulty", "2.0.0")
        assert agent.run("backbone", "install", faulty).returncode == 0
        assert device.status().backbone == "tiny:2.0.0"
        wait_until(lambda: has_fallen_back(device))
        assert device.predict(stripes()).backbone == "tiny:1.0.0"
        status = device.status()
    assert (status.update.phase, status.update.failure) == ("reverted", "probation-errors")
    assert "taken back since: its predictions failed" in agent.run("status").stdout


def has_fallen_back(device: Device) -> bool:
    """Show it stripes until the old backbone answers."""
    with suppress(FieldwiseError):
        device.predict(stripes())
    return device.status().backbone == "tiny:1.0.0"
