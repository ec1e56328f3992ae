"""What agents send while they learn, change backbones, are diagnosed and federate: no canary.

Everything that the orchestrator is sent is recorded, headers included. Words are planted in names
of classes, scenes, keys and files, in the environment and in paths, an image among the samples.
Builds of the agent that leak them are caught, so the search would see it.
"""

import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fieldwise.client import Device
from tests.bundles import CLASSES, class_images, tiny_bundle
from tests.fakes.agent_process import AgentProcess, wait_until
from tests.leaving.leaking import LEAKS
from tests.leaving.searching import Canaries, found_in
from tests.leaving.site import (
    LeakingProcess,
    Planted,
    Recorded,
    Recording,
    entries_of,
    features_of,
    planted,
    recorded,
)
from tests.orchestrators import Orchestrator

pytestmark = pytest.mark.timeout(900)
LESSONS = 20
APART = 0.03  # of the canary's features from a mean of a class: twice what counts as found
LOOKED_SECONDS = 120.0
CHECK_INS = 24  # as many as a word has letters, and some


@dataclass(frozen=True, slots=True)
class Site:
    orchestrator: Orchestrator
    recording: Recording
    states: Path

    def ask(self, *arguments: str) -> object:
        return self.orchestrator.json(*arguments)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder, states = tmp_path_factory.mktemp("server"), tmp_path_factory.mktemp("d")
    with recorded(folder, states) as (orchestrator, recording):
        yield Site(orchestrator, recording, states)


def settings_of(canaries: Planted, folder: Path) -> dict[str, str]:
    """Settings in force with words in them, and a hook whose path is one."""
    hook = folder / canaries.words["hook"]
    hook.write_text("#!/bin/sh\nexit 0\n")
    hook.chmod(0o755)
    return {
        "commit_samples": "1",
        "probation_minutes": "0",
        "update_hook": str(hook),
        "shared_classes": ",".join(CLASSES),
        "critical_classes": canaries.words["class"],
    }


def made(kind: type[AgentProcess], site: Site, canaries: Planted, files: Path) -> AgentProcess:
    agent = kind(site.states / canaries.words["folder"], **settings_of(canaries, files))
    agent.environment[f"NOTE_{canaries.words['variable']}"] = canaries.words["variable"]
    agent.environment["PWD"] = f"/home/{canaries.words['config']}"
    return agent


def learn(agent: AgentProcess, canaries: Planted, seed: int = 0) -> None:
    """Learn enough of each class that is shared, and more of the one that is not."""
    with agent.device() as device:
        for name in CLASSES:
            for number, image in enumerate(class_images(name, LESSONS, seed=seed)):
                device.teach(image, name, burst=f"{canaries.words['burst']} {name} {seed} {number}")
        teach_canaries(device, canaries)


def live(agent: AgentProcess, canaries: Planted, folder: Path) -> None:
    """Learn, predict and be corrected, with canaries in all of it; some of it goes wrong."""
    words = canaries.words
    picture = folder / f"{words['file']}.png"
    Image.fromarray(canaries.image).save(picture)
    learn(agent, canaries)
    assert agent.run("teach", CLASSES[0], picture).returncode == 0
    (folder / f"{words['file']}.jpg").write_bytes(b"no image")
    assert agent.run("predict", folder / f"{words['file']}.jpg").returncode != 0


def teach_canaries(device: Device, canaries: Planted) -> None:
    words = canaries.words
    for number in range(3):
        device.teach(
            canaries.image, words["class"], burst=f"{words['burst']} {number}", key=words["key"]
        )
    answer = device.predict(canaries.image)
    device.feedback(answer.id, words["class"])


def roll_out(site: Site, agents: list[AgentProcess], folder: Path, version: str) -> None:
    """The same graph under another version: nothing that a device could judge to be worse."""
    bundle = tiny_bundle(folder / f"b{version}", name="left", version=version)
    site.ask("backbone", "push", str(bundle))
    rollout = site.ask("rollout", "start", f"left:{version}")["id"]
    for agent in agents:
        with agent.device() as device:
            while device.status().backbone != f"left:{version}":
                if site.ask("rollout", "show", rollout)["phase"] == "reverted":
                    # Replicas remember the signed list of before for some seconds.
                    rollout = site.ask("rollout", "start", f"left:{version}")["id"]
                time.sleep(0.5)


def diagnose(site: Site, agent: AgentProcess, device: str) -> None:
    site.ask("device", "diagnose", device)
    wait_until(lambda: bool(agent.ask("diagnose", "list")["requests"]))
    agent.ask("diagnose", "approve")
    wait_until(lambda: site.ask("device", "diagnose", device)["state"] == "given")


def federate(site: Site, agents: list[AgentProcess], level: str) -> None:
    """Let devices give what they agreed to, each once more."""
    before = [_updates(agent) for agent in agents]
    for agent in agents:
        agent.ask("consent", level)
    classes = [f"--class={name}" for name in CLASSES]
    limits = ("--rounds=1", f"--level={level}")
    started = site.ask("federation", "start", "left:2", *classes, *limits)
    for agent, known in zip(agents, before, strict=True):
        wait_until(lambda asked=agent, least=known: _updates(asked) > least)
    site.ask("federation", "stop", started["id"])


def _updates(agent: AgentProcess) -> int:
    totals = agent.ask("ledger")["totals"]
    return int(totals.get("federation update", {}).get("messages", 0))


@dataclass(frozen=True, slots=True)
class Life:
    """What two devices have sent in a life, and what they wrote down of it."""

    planted: dict[str, Planted]
    agents: dict[str, AgentProcess]
    calls: list[Recorded]


@pytest.fixture(scope="module")
def life(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    agents: dict[str, AgentProcess] = {}
    words: dict[str, Planted] = {}
    roll_out(site, [], tmp_path_factory.mktemp("first"), "1")
    try:
        for _ in range(2):
            canaries, folder = planted(), tmp_path_factory.mktemp("a")
            agent = made(AgentProcess, site, canaries, folder)
            device = agent.ask("join", site.ask("ticket", "create")["token"])["device_id"]
            agents[device], words[device] = agent, canaries
            agent.start()
            with agent.device() as asked:
                wait_until(lambda asked=asked: asked.status().backbone == "left:1")
            live(agent, canaries, folder)
        both = list(agents.values())
        roll_out(site, both, tmp_path_factory.mktemp("second"), "2")
        for device, agent in agents.items():
            diagnose(site, agent, device)
        federate(site, both, "weights")
        for device, agent in agents.items():
            learn(agent, words[device], 1)
        federate(site, both, "statistics")
        both[0].ask("leave")
        for agent in both:
            agent.stop()
        yield Life(words, agents, site.recording.devices_calls())
    finally:
        for agent in agents.values():
            if agent.process is not None:
                agent.stop()


def test_everything_that_devices_can_do_was_done(life: Life) -> None:
    kinds = Counter(call.kind for call in life.calls)
    assert set(kinds) >= {
        *("enrolment", "check-in", "download request", "diagnosis", "leave"),
        *("task request", "federation update"),
    }
    assert kinds["federation update"] >= 4
    assert kinds["check-in"] > 20


def test_no_canary_has_left_in_any_form(life: Life) -> None:
    blobs = [blob for call in life.calls for blob in call.blobs()]
    for canaries in life.planted.values():
        assert found_in(blobs, canaries.canaries(0)) == set()


def test_the_canary_s_features_are_like_nothing_that_may_leave() -> None:
    """What is looked for would be seen: no mean of a class points where the canary does."""
    for _ in range(5):
        canary = planted()
        for seed in (0, 1):
            own = features_of(canary.image, seed)
            for name in CLASSES:
                means = [features_of(image, seed) for image in class_images(name, LESSONS)]
                mean = np.mean(means, axis=0)
                cosine = own @ mean / (np.linalg.norm(own) * np.linalg.norm(mean))
                assert np.sqrt(1 - cosine**2) > APART


def test_each_message_has_its_entry_in_order_to_the_byte_and_before_it_came(life: Life) -> None:
    for device, agent in life.agents.items():
        told: dict[str, list[Recorded]] = defaultdict(list)
        for call in life.calls:
            if call.device == device and call.messages:
                told[call.kind].append(call)
        noted: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for entry in entries_of(agent):
            if entry["kind"] not in {"enrolment", "consent"}:
                noted[entry["kind"]].append((entry["number"], entry["bytes"]))
        sizes = {kind: [call.size for call in calls] for kind, calls in told.items()}
        assert {kind: [size for _, size in them] for kind, them in noted.items()} == sizes
        for kind, calls in told.items():
            for call, (number, _) in zip(calls, noted[kind], strict=True):
                assert call.noted[0][str(agent.folder)] >= number


def test_as_many_messages_came_as_the_totals_say(life: Life) -> None:
    written: Counter[str] = Counter()
    size: Counter[str] = Counter()
    for agent in life.agents.values():
        for kind, total in agent.ask("ledger")["totals"].items():
            written[kind] += total["messages"]
            size[kind] += total["bytes"]
    del written["consent"], size["consent"]
    calls = [call for call in life.calls if call.messages]
    assert Counter(call.kind for call in calls) == written
    assert sum(call.size for call in calls) == sum(size.values())


def test_the_head_that_the_fleet_was_told_is_in_the_ledger(site: Site, life: Life) -> None:
    device, agent = list(life.agents.items())[1]
    ledger = site.ask("device", "show", device)["ledger"]
    heads = [ledger["newest"]["head"], *(each["head"] for each in ledger["marks"])]
    flags = [f"--head={each['number']}:{each['digest']}" for each in heads]
    assert agent.ask("ledger", "verify", *flags)["heads"] == len(heads) >= 2
    assert ledger["rewritings"] == 0


@pytest.mark.parametrize("leak", LEAKS)
def test_a_build_that_leaks_is_caught(leak: str, site: Site, tmp_path: Path) -> None:
    canaries = planted()
    agent = made(LeakingProcess, site, canaries, tmp_path)
    assert isinstance(agent, LeakingProcess)
    agent.leak, agent.canaries = leak, tmp_path / "canaries"
    told = {
        "word": canaries.words["class"],
        "image": canaries.image.tolist(),
        "feature": features_of(canaries.image).tolist(),
    }
    agent.canaries.write_text(json.dumps(told))
    agent.environment["FIELDWISE_AGENT_DIAGNOSE"] = "always"
    device = agent.ask("join", site.ask("ticket", "create")["token"])["device_id"]
    if leak == "diagnosis":
        site.ask("device", "diagnose", device)
    looked_for = canaries.canaries(0)
    before = len(site.recording.calls())
    agent.start()
    try:
        found = _caught(site, before, looked_for)
    finally:
        agent.stop()
    word, image = leak not in IMAGES | VECTORS, leak in IMAGES
    assert word == any(each.startswith("word") for each in found)
    assert image == ("image 0" in found)
    assert (leak in VECTORS) == any(each.startswith("features") for each in found)


IMAGES = {leak for leak in LEAKS if "image" in leak or "jpeg" in leak}
VECTORS = {leak for leak in LEAKS if "features" in leak}


def _caught(site: Site, before: int, canaries: Canaries) -> set[str]:
    """Look again as calls come, until something is found or enough of them came.

    A build whose messages are refused waits ever longer between them.
    """
    end = time.monotonic() + LOOKED_SECONDS
    while time.monotonic() < end:
        time.sleep(0.5)
        calls = site.recording.calls()[before:]
        blobs = [blob for call in calls for blob in call.blobs()]
        if found := found_in(blobs, canaries):
            return found
        if sum(call.kind == "check-in" and bool(call.messages) for call in calls) > CHECK_INS:
            break
    return set()
