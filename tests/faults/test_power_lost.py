"""Power that goes: un-synced writes are dropped, torn and reordered, and the agent comes back.

One life of a real agent is recorded call by call. Then power goes before and after everything that
makes something durable or visible, in several ways each, and a real agent starts on what is left.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from fieldwise import archive
from fieldwise.client import Device
from fieldwise.errors import FieldwiseError
from tests.bundles import CLASSES, class_images, tiny_bundle
from tests.fakes.agent_process import END_SECONDS, wait_until
from tests.faults.conftest import Tried
from tests.faults.forked import Mother
from tests.faults.forked_agent import ForkedAgent, encoded
from tests.faults.power import Disk, Loss, contents, disk_after, explained
from tests.faults.recording import Kind, Op, Reader, children, command, syncs

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(
        shutil.which("strace") is None,
        reason="there is no strace here (`make services` gets it where there is apt)",
    ),
]
GROUP = 4
LESSONS = 24
WAYS = (Loss.ALL, Loss.NONE, Loss.SOME, Loss.SOME)
SHARES = 8  # of the points, for the workers of pytest-xdist


@dataclass(frozen=True, slots=True)
class Life:
    """What an agent did to its disk, and what it had said to whom at which moment."""

    before: Path
    root: Path
    ops: Sequence[Op]
    taught: Sequence[float]
    second: str  # digest of the backbone that it changed to


@pytest.fixture(scope="session")
def life(tmp_path_factory: pytest.TempPathFactory, mother: Mother) -> Life:
    folder = tmp_path_factory.mktemp("p")
    first = tiny_bundle(folder / "a", starter=True)
    second = tiny_bundle(folder / "b", seed=1, width=48, version="2.0.0", starter=True)
    agent = ForkedAgent(mother, folder / "s", commit_samples=str(GROUP))
    assert "in use" in agent.run_forked("backbone", "install", first)
    shutil.copytree(agent.folder, folder / "before")
    trace, marks = folder / "trace", folder / "marks"
    digest, _ = archive.unpack(second, folder / "unpacked")
    script = [
        {"file": str(folder / "begin")},
        {"event": "Targeted", "given": {"generation": 1, "digest": digest}},
        {"event": "Permitted", "given": {"generation": 1}},
    ]
    fleet = {"serve_files": str(folder / "unpacked"), "play": script}
    trap = json.dumps({"mark_steps": str(marks), **fleet})
    started = [sys.executable, "-m", "tests.faults.trapped", "agent", trap, "run"]
    with subprocess.Popen(
        [*command(trace), *started], env=agent.environment, stderr=subprocess.DEVNULL
    ) as recorded:
        with agent.device() as device:
            taught = [*teach(device, 0)]
            (folder / "begin").touch()
            wait_until(lambda: device.status().backbone == "tiny:2.0.0")
            taught += teach(device, LESSONS)
        # strace passes the signal on only to what it started: end that by its own id.
        (child,) = children(recorded.pid)
        os.kill(child, 15)
        recorded.wait(END_SECONDS)
    ops = Reader(agent.folder, marks, folder / "before").read(trace)
    return Life(folder / "before", agent.folder, ops, taught, digest)


def teach(device: Device, first: int) -> Iterator[float]:
    """Teach, and tell when each lesson was answered."""
    for number in range(first, first + LESSONS):
        name = CLASSES[number % len(CLASSES)]
        device.teach(class_images(name, 1, seed=number)[0], name, burst=f"{number}")
        yield time.time()


def test_the_recorded_life_writes_as_the_model_says(life: Life, tmp_path: Path) -> None:
    """Everything kept, the model's folder is the folder that the agent left."""
    disk = followed(life, len(life.ops))
    disk.lose_power(tmp_path / "s", Loss.NONE, Random(0))
    assert contents(tmp_path / "s") == contents(life.root)


def followed(life: Life, count: int) -> Disk:
    return disk_after(life.before, life.root, life.ops[:count])


# What an agent may forget to make durable: its files, those that it fetched, the names in its
# folders, its database.
FORGOTTEN: dict[str, Callable[[Path], bool]] = {
    "files": lambda path: not path.is_dir(),
    "downloads": lambda path: path.name.startswith("partial-"),
    "folders": Path.is_dir,
    "database": lambda path: path.name.startswith("state.sqlite"),
}


@pytest.mark.parametrize("what", FORGOTTEN)
def test_an_agent_that_forgets_to_sync_is_noticed(
    what: str, life: Life, mother: Mother, tmp_path: Path
) -> None:
    ops = [
        replace(op, kind=Kind.MARK)
        if op.kind is Kind.SYNC and FORGOTTEN[what](Path(op.path))
        else op
        for op in life.ops
    ]
    assert ops != life.ops
    disk = followed(replace(life, ops=ops), len(ops))
    disk.lose_power(tmp_path / "s", Loss.ALL, Random(0))
    with pytest.raises((AssertionError, FieldwiseError)):
        assert_comes_back(ForkedAgent(mother, tmp_path / "s"), life, len(ops))


@pytest.mark.parametrize("share", range(SHARES))
def test_whenever_power_goes_the_agent_comes_back_with_a_working_pair(
    share: int,
    life: Life,
    mother: Mother,
    tmp_path_factory: pytest.TempPathFactory,
    tried: Tried,
) -> None:
    places = sorted(set(syncs(life.ops)))[share::SHARES]
    chance = Random(share)
    tried("power lost under the agent", len(places) * len(WAYS))
    for place in places:
        disk = followed(life, place)
        for way in WAYS:
            folder = tmp_path_factory.mktemp("c")
            disk.lose_power(folder / "s", way, chance)
            told = f"power lost at op {place}, {way} of what was not durable is gone"
            with explained(told):
                assert_comes_back(ForkedAgent(mother, folder / "s"), life, place)
            shutil.rmtree(folder)


def assert_comes_back(agent: ForkedAgent, life: Life, place: int) -> None:
    state = encoded(agent.journal())
    assert state in possible(life.ops[:place], state), state
    agent.start()
    try:
        with agent.device() as device:
            assert device.status().backbone in served(life, state)
            assert device.predict(class_images("red", 1)[0]).best in CLASSES
            learning = device.status().learning
            kept = learning.samples + learning.select_samples + learning.judge_samples
            answered = sum(moment < life.ops[place - 1].seconds for moment in life.taught)
            assert kept >= answered - GROUP, f"{answered} lessons were answered, {kept} are kept"
    finally:
        agent.kill()
    assert not list(agent.folder.glob("*.altered")), "the ledger seems to have been altered"


def served(life: Life, state: dict[str, Any]) -> set[str]:
    """What may serve: what the journal names, or what it is about to change to."""
    second = {"tiny:2.0.0"}
    return second if state["in_use"]["digest"] == life.second else {"tiny:1.0.0"} | second


def possible(ops: Sequence[Op], untouched: dict[str, Any]) -> list[dict[str, Any]]:
    """The journal's state that was durable, and the ones that were being written."""
    marks = [json.loads(op.data) for op in ops if op.kind is Kind.MARK]
    written = [number for number, mark in enumerate(marks) if "written" in mark]
    if not written:
        return [untouched, *(mark["intended"] for mark in marks)]
    newest = written[-1]
    return [marks[newest]["written"], *(mark["intended"] for mark in marks[newest + 1 :])]
