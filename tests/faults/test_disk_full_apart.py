"""A disk that is full at the kinds of write that no member of a fleet comes to on a good day.

The first start, what an owner has forgotten, and what goes because a setting has changed. As in
``test_disk_full_anywhere`` each is refused once by the kernel, and then there is room again.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.bundles import CLASSES, class_images, tiny_bundle
from tests.fakes.agent_process import wait_until
from tests.faults.conftest import Tried
from tests.faults.forked import Mother
from tests.faults.forked_agent import Client, ForkedAgent
from tests.faults.test_disk_full_anywhere import NOT_IN_A_LIFE, kinds
from tests.faults.trails import trail_of

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]
FIRST_STARTS = (
    "database.Database._migrate",
    "samples.DatabaseSamples._read_holdout_key",
    "ledger.LedgerFile._begin",
)
BOUNDED = {"disk_bytes_max": "100000000"}
FORGETTING: Mapping[str, Mapping[str, str]] = {  # with the settings of the agent that forgets
    "forgetting.ForgettingSamples.forget": {},
    "forgetting.ForgettingSamples.set_absent": {},
    "forgetting.ForgettingSamples._scrub_if_due": {},
    "dropping.forget_images_apart": BOUNDED,
}
DROPPING = "predictions.DatabasePredictions.apply"
USED_AT = {"dropping.forget_images_apart": "forgetting.forget_images_apart"}  # imported by name
APART = {*FIRST_STARTS, *FORGETTING, DROPPING}
LESSONS = 12


def test_the_kinds_of_both_lists_are_all_kinds() -> None:
    assert set(NOT_IN_A_LIFE) >= APART
    assert set(kinds()) >= APART


def trap_at(kind: str, trail: Path) -> dict[str, Any]:
    module, _, function = USED_AT.get(kind, kind).partition(".")
    given = {"module": f"agent.device.{module}", "function": function, "trail": str(trail)}
    return {"leave_no_room": given}


def teach(agent: ForkedAgent, lessons: range) -> None:
    with agent.device() as device:
        for number in lessons:
            name = CLASSES[number % len(CLASSES)]
            device.teach(class_images(name, 1, seed=number)[0], name, burst=f"{number}")


def counted(agent: ForkedAgent) -> int:
    with agent.device() as device:
        learning = device.status().learning
    return learning.samples + learning.select_samples + learning.judge_samples


@pytest.mark.parametrize("kind", FIRST_STARTS)
def test_a_first_start_without_room_says_so_and_the_next_one_succeeds(
    kind: str, mother: Mother, tmp_path_factory: pytest.TempPathFactory, tried: Tried
) -> None:
    tried("a full disk at a kind of write")
    folder = tmp_path_factory.mktemp("d")
    agent, trail = ForkedAgent(mother, folder / "s"), folder / "trail"
    child = agent.begin(trap_at(kind, trail))
    child.wait()
    assert len(trail_of(trail)) == 1
    assert "Traceback" not in child.told()
    assert "no room left" in child.told(), child.told()
    installed = agent.run_forked("backbone", "install", tiny_bundle(folder / "b", starter=True))
    assert "in use" in installed
    agent.start()
    teach(agent, range(LESSONS))
    assert counted(agent) == LESSONS
    agent.stop()


@pytest.mark.parametrize("kind", FORGETTING)
def test_what_is_forgotten_without_room_is_forgotten_when_there_is_room(
    kind: str, mother: Mother, tmp_path_factory: pytest.TempPathFactory, tried: Tried
) -> None:
    tried("a full disk at a kind of write")
    folder = tmp_path_factory.mktemp("d")
    agent = ForkedAgent(mother, folder / "s", commit_samples="1", **FORGETTING[kind])
    agent.run_forked("backbone", "install", tiny_bundle(folder / "b", starter=True))
    agent.start()
    teach(agent, range(LESSONS))
    agent.stop()
    gone, again = CLASSES[0], range(LESSONS, LESSONS + len(CLASSES))
    with Client(agent.socket) as client:
        agent.start(trap_at(kind, folder / "trail"))
        wait_until(lambda: "{" in agent.run_forked("forget", f"--class={gone}", "--yes", "--json"))
        left = LESSONS - LESSONS // len(CLASSES)
        assert counted(agent) == left
        for number in again:
            wait_until(partial(is_taught, agent, number))
        assert len(trail_of(folder / "trail")) == 1
        agent.kill()
        agent.start()
        assert counted(agent) == left + len(again)
        agent.stop()
    assert client.failures == []


def is_taught(agent: ForkedAgent, number: int) -> bool:
    teach(agent, range(number, number + 1))  # raises where there was no room for it
    return True


def test_predictions_that_shall_not_be_kept_go_when_there_is_room(
    mother: Mother, tmp_path_factory: pytest.TempPathFactory, tried: Tried
) -> None:
    tried("a full disk at a kind of write")
    folder = tmp_path_factory.mktemp("d")
    keeping = ForkedAgent(mother, folder / "s")
    keeping.run_forked("backbone", "install", tiny_bundle(folder / "b", starter=True))
    keeping.start()
    with keeping.device() as device:
        prediction = device.predict(class_images("red", 1)[0])
    keeping.stop()
    agent = ForkedAgent(mother, folder / "s", predictions_durable="false")
    child = agent.begin(trap_at(DROPPING, folder / "trail"))
    wait_until(lambda: agent.socket.exists() or child.ended())
    assert len(trail_of(folder / "trail")) == 1
    assert "Traceback" not in child.told()
    agent.kill()
    agent.start()
    assert prediction.id not in agent.run_forked("ask", "--json")
    with agent.device() as device:
        assert device.predict(class_images("red", 1)[0]).best in CLASSES
    agent.stop()
