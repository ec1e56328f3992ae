"""SIGKILL at random instants while a real agent learns: nothing that was written is lost."""

import random
import threading
from collections.abc import Iterator
from pathlib import Path
from random import Random

import numpy as np
import pytest

from agent.device.bundles import BundleFolder
from agent.device.database import Database
from agent.device.journal import DatabaseJournal
from agent.device.samples import DatabaseSamples
from agent.learning.catch_up import open_pair
from agent.learning.embedder import OnnxEmbedder
from agent.learning.samples import Share
from agent.learning.settings import LearningSettings
from fieldwise.client import Device
from fieldwise.errors import FieldwiseError
from fieldwise.head import Statistics, empty, learn
from tests.bundles import CLASSES, class_images, tiny_bundle
from tests.fakes.agent_process import AgentProcess

GROUP = 8
KILLS = 3
LEARNED = frozenset({Share.LEARN})


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[AgentProcess]:
    process = AgentProcess(tmp_path / "s", commit_samples=str(GROUP), commit_seconds="0.3")
    assert process.run("backbone", "install", tiny_bundle(tmp_path / "b")).returncode == 0
    yield process
    if process.process is not None:
        process.stop()


def teach_until_killed(agent: AgentProcess, seed: int, after_seconds: float) -> int:
    """Teach in one thread and pull the plug in another; returns how many were acknowledged."""
    agent.start()
    timer = threading.Timer(after_seconds, agent.kill)
    acknowledged = 0
    with agent.device() as device:
        timer.start()
        try:
            while True:
                teach_one(device, seed, acknowledged)
                acknowledged += 1
        except FieldwiseError:
            pass
    timer.join()
    return acknowledged


def teach_one(device: Device, seed: int, number: int) -> None:
    name = CLASSES[number % len(CLASSES)]
    image = class_images(name, 1, seed=seed * 10_000 + number)[0]
    device.teach(image, name, burst=f"scene {seed}.{number // 5}")


def committed(agent: AgentProcess) -> tuple[int, Statistics, Statistics]:
    """Samples written, the statistics that a restart finds, and those learned anew from the log."""
    database = Database(agent.folder / "state.sqlite")
    store = DatabaseSamples(database)
    pair = DatabaseJournal(database).update().in_use
    assert pair is not None
    bundles = BundleFolder(agent.folder / "bundles")
    manifest = bundles.manifest(pair.digest)
    assert manifest is not None
    graphs = [bundles.path(file.digest) for file in manifest.variant(pair.variant).graphs]
    embedder = OnnxEmbedder(graphs, pair.digest, manifest, pair.variant)
    resumed = open_pair(embedder, (), store, LearningSettings()).statistics()
    log = store.samples_after(0, 1 << 30, pair.digest, LEARNED)
    anew = empty(pair.digest, manifest.transform, manifest.feature_width)
    for sample in log:
        assert sample.grid is not None
        anew = learn(anew, sample.grid[None], [sample.class_name])
    counters = store.counters()
    database.close()
    return counters.learned + counters.select + counters.judge, resumed, anew


def test_what_a_killed_agent_knows_is_what_it_wrote_bit_for_bit(agent: AgentProcess) -> None:
    chance = Random(7)
    acknowledged = 0
    for kill in range(KILLS):
        acknowledged += teach_until_killed(agent, kill, chance.uniform(0.2, 1.5))
        samples, resumed, anew = committed(agent)
        assert acknowledged - samples <= (kill + 1) * GROUP
        # One more than was acknowledged may be written: its answer was lost with the process.
        assert samples <= acknowledged + kill + 1
        same_statistics(resumed, anew)
    assert acknowledged > KILLS


def same_statistics(one: Statistics, other: Statistics) -> None:
    assert one.classes == other.classes
    assert one.total == other.total
    for name in ("counts", "sums", "scatter"):
        assert np.array_equal(getattr(one, name), getattr(other, name))


def test_an_agent_killed_while_it_changes_backbones_serves_one_of_both(
    agent: AgentProcess, tmp_path: Path
) -> None:
    agent.start()
    with agent.device() as device:
        for number in range(60):
            teach_one(device, 99, number)
    other = tiny_bundle(tmp_path / "other", seed=5, width=48, version="2.0.0")
    chance = random.Random(3)
    for _ in range(3):
        timer = threading.Timer(chance.uniform(0.8, 2.5), agent.kill)
        timer.start()
        agent.run("backbone", "install", other)
        timer.join()
        agent.start()
        with agent.device() as device:
            status = device.status()
            assert status.backbone in {"tiny:1.0.0", "tiny:2.0.0"}
            counted = status.learning
            assert counted.samples + counted.select_samples + counted.judge_samples >= 60 - GROUP
            assert device.predict(class_images("red", 1)[0]).best in CLASSES
