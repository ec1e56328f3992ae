"""A round of three real agents, and what federation adds to an agent's memory.

Four daemons learn the same images, three of them agree to share weights, and one does not: what it
holds at the same moments is what the others are compared with. A round is a campaign of one round,
from the command that starts it until its head is committed; that its aggregator has to start is in
it. Devices check in as often as Flower's SuperNodes look for work.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.federation_programs import (
    Orchestrator,
    Running,
    children,
    forget_peak,
    memory,
    processor_seconds_of_tree,
    wait_until,
)
from benchmarks.learning_image import drawn_images
from demonstration.calling import call
from demonstration.processes import environment, program
from fieldwise.client import Device

AGENTS, CAMPAIGNS = 3, 3
CLASSES, LESSONS = 20, 20  # of each class: two of twenty are held out to choose by, two to judge by
CHECK_IN_SECONDS = 3  # as Flower's SuperNodes
SETTLED_SECONDS = 5.0


class _Agent(Running):
    """A daemon that is a member and has learned."""

    def __init__(self, folder: Path, ticket: str, bundle: Path) -> None:
        self._variables = environment(
            FIELDWISE_AGENT_STATE_FOLDER=str(folder), FIELDWISE_AGENT_SHARED_CLASSES="all"
        )
        self.call("join", ticket)
        self.call("backbone", "install", bundle)
        log = folder.with_suffix(".log")
        super().__init__([program("fieldwise-agent"), "run"], self._variables, log)
        self._device = Device(folder / "applications" / "socket", wait_seconds=600)
        self._teach()

    def call(self, *words: str | Path) -> Any:
        return call("fieldwise-agent", words, self._variables)

    def _teach(self) -> None:
        images = drawn_images()
        for number in range(CLASSES * LESSONS):
            image, name = images[number % len(images)], f"class {number % CLASSES}"
            self._device.teach(image, name, burst=f"scene {number}")


def figures(bundle: Path) -> dict[str, float]:
    """Seconds of a round, and the memory of an agent with and without."""
    with TemporaryDirectory(dir="/tmp") as name:  # short: paths of sockets are
        return _ours(Path(name), bundle)


def beside(theirs: Mapping[str, float], ours: Mapping[str, float]) -> dict[str, float]:
    """How many times what we take Flower takes; nothing where either was not measured."""
    return {
        f"flower.times_{kind}": theirs[f"flower.{kind}"] / ours[f"fleet.{kind}"]
        for kind in ("s_a_round", "processor_s_a_round")
        if f"flower.{kind}" in theirs and f"fleet.{kind}" in ours
    }


def _ours(folder: Path, bundle: Path) -> dict[str, float]:
    with ExitStack() as stack:
        server = stack.enter_context(Orchestrator(folder, CHECK_IN_SECONDS))
        digest = str(server.operate("backbone", "push", bundle)["backbone"]["digest"])
        ticket = server.ticket(AGENTS + 1)
        agents = [
            stack.enter_context(_Agent(folder / f"a{each}", ticket, bundle))
            for each in range(AGENTS + 1)
        ]
        print(f"fleet: {len(agents)} agents have learned", flush=True)
        *partners, _ = agents
        time.sleep(SETTLED_SECONDS)
        for each in agents:
            forget_peak(each.pid)
        before = [memory(each.pid) for each in agents]
        for each in partners:
            each.call("consent", "weights")
        wait_until(lambda: _dry_run(server, digest) == AGENTS, "the consent of all", every=1.0)
        found = _rounds(server, digest, partners)
        time.sleep(SETTLED_SECONDS)
        return found | _memory(before, [memory(each.pid) for each in agents])


def _plan(digest: str) -> list[str]:
    return ["federation", "start", digest, *(f"--class=class {each}" for each in range(CLASSES))]


def _dry_run(server: Orchestrator, digest: str) -> int:
    return int(server.operate(*_plan(digest), "--dry-run")["agreed"])


def _rounds(server: Orchestrator, digest: str, partners: Sequence[_Agent]) -> dict[str, float]:
    pids = [server.pid, *(each.pid for each in partners)]
    seconds, processor = [], []
    for _ in range(CAMPAIGNS):
        before, began = sum(map(processor_seconds_of_tree, pids)), time.monotonic()
        campaign = str(server.operate(*_plan(digest))["id"])
        wait_until(partial(_is_complete, server, campaign), "a round", every=0.5)
        seconds.append(time.monotonic() - began)
        wait_until(partial(_is_weighed, server, campaign), "what devices make of it", every=1.0)
        processor.append(sum(map(processor_seconds_of_tree, pids)) - before)
    outcomes = server.operate("federation", "show", campaign)["head"]["outcomes"]
    return {
        "s_a_round": sum(seconds) / len(seconds),
        "processor_s_a_round": sum(processor) / len(processor),
        "devices_that_adopted": float(outcomes.get("adopted", 0)),
    }


def _is_complete(server: Orchestrator, campaign: str) -> bool:
    return server.phase(campaign) == "complete"


def _is_weighed(server: Orchestrator, campaign: str) -> bool:
    head = server.operate("federation", "show", campaign)["head"]
    over = not children(server.pid)  # the aggregator has ended, and its time is known
    return over and sum(head["outcomes"].values()) >= AGENTS


def _memory(
    before: Sequence[Mapping[str, float]], after: Sequence[Mapping[str, float]]
) -> dict[str, float]:
    """Of agents of which the last does not federate."""
    found: dict[str, float] = {}
    for kind in after[0]:
        *on, off = (each[kind] for each in after)
        grown = [late[kind] - early[kind] for early, late in zip(before, after, strict=True)]
        mean = sum(on) / len(on)
        more = sum(grown[:-1]) / len(on) - grown[-1]
        found |= {f"agent_{kind}": mean, f"agent_{kind}.off": off, f"agent_{kind}.more": more}
    return found
