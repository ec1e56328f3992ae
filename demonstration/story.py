"""The demonstration from the first start to the last ledger, one step a function.

Three devices join, get a first backbone and learn what they see. Then a second backbone is rolled
out while applications keep asking for predictions, and one device loses its power. What was found
goes into the report; whether it is good enough is decided there.
"""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from threadpoolctl import threadpool_limits

from demonstration import backbones, streams
from demonstration.asking import Answers, asking
from demonstration.board import Board, Row
from demonstration.features import Backbone
from demonstration.fleet import Agent, Fleet
from demonstration.report import (
    Answer,
    Departed,
    DeviceFindings,
    Examination,
    Findings,
    KillFindings,
    Switch,
)
from demonstration.streams import Sample, Stream
from demonstration.watching import watching
from fieldwise.errors import FieldwiseError

ARRIVAL_SECONDS = 60  # for a backbone to come into use on every device; some ten are normal
AFTERWARDS_SECONDS = 1.0  # applications go on asking a little, over the new pair
SETTLE_SECONDS = 1.5  # what is learned is on disk within one

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class Options:
    """What the person chose.

    ``images`` is a folder of class folders, None for digits; all state and logs go to ``folder``.
    """

    images: Path | None
    folder: Path


@dataclass(frozen=True, slots=True)
class Examined:
    """A device's answers to its test images, and what joint training would have had right."""

    backbone: str
    answers: tuple[Answer, ...]
    bound: float | None

    def against(self, test: tuple[Sample, ...]) -> Examination:
        pairs = zip(self.answers, test, strict=True)
        right = sum(answer.class_name == sample.class_name for answer, sample in pairs)
        return Examination(self.backbone, right, len(test), self.bound)


def run(options: Options, board: Board) -> tuple[Findings, str]:
    """Play the whole story.

    Returns:
        What was found, and NAME:VERSION of the backbone that every device should have at the end.

    Raises:
        FieldwiseError: When the story cannot go on.
    """
    began = time.monotonic()
    with ExitStack() as stack:
        # Three devices are computed for at the same time; more threads would only wait.
        stack.enter_context(threadpool_limits(limits=1))
        pool = stack.enter_context(ThreadPoolExecutor(max_workers=len(streams.DEVICES)))
        board.say("Packing two backbones (once; the bundles are kept in the cache)")
        packing = backbones.pack_both(pool)
        worlds = see(options.images)
        board.open(Row(stream.device, stream.condition) for stream in worlds.values())
        fleet = stack.enter_context(Fleet(options.folder, worlds))
        story = Story(fleet, worlds, pool, board)
        stack.enter_context(watching(fleet.agents.values(), board))
        devices, kill, title = story.play(packing, options.folder)
    name = str(options.images) if options.images else "handwritten digits"
    return Findings(name, time.monotonic() - began, devices, kill), title


def see(images: Path | None) -> Mapping[str, Stream]:
    """Give every device its stream, by name."""
    if images is None:
        seen = streams.streams(streams.digits(), streams.Limits())
    else:
        seen = streams.streams(streams.folder(images), streams.FOLDER_LIMITS)
    return {stream.device: stream for stream in seen}


class Story:
    """The steps, over one running fleet.

    Args:
        fleet: The processes.
        worlds: What each device sees.
        pool: Threads, one a device.
        board: Told what happens.
    """

    def __init__(
        self,
        fleet: Fleet,
        worlds: Mapping[str, Stream],
        pool: ThreadPoolExecutor,
        board: Board,
    ) -> None:
        self._fleet = fleet
        self._worlds = worlds
        self._pool = pool
        self._board = board

    def play(
        self, packing: tuple[Future[Path], Future[Path]], folder: Path
    ) -> tuple[tuple[DeviceFindings, ...], KillFindings, str]:
        self.join()
        first = Backbone(packing[0].result(), folder / "first")
        self.bring_first(packing[0].result(), first.title)
        learned = self.teach()
        before = self.examine(first, learned)
        second = Backbone(packing[1].result(), folder / "second")
        switches = self.switch(packing[1].result(), second.title)
        after = self.examine(second, learned)
        kill = self.kill(next(iter(self._worlds)))
        devices = tuple(
            DeviceFindings(
                name=name,
                condition=stream.condition,
                classes=stream.classes,
                taught=len(stream.train),
                learned=len(learned[name]),
                before=before[name].against(stream.test),
                after=after[name].against(stream.test),
                switch=switches[name],
                departed=departed(self._fleet.agents[name]),
            )
            for name, stream in self._worlds.items()
        )
        return devices, kill, second.title

    def join(self) -> None:
        """Make a ticket; every agent joins with it and starts."""
        self._board.say("Starting the orchestrator and making a ticket for three devices")
        self._fleet.wait_for_orchestrator()
        ticket = self._fleet.create_ticket(uses=len(self._worlds))
        self._board.say("The devices join and start")
        self._each(lambda agent: agent.join(ticket))
        self._each(lambda agent: agent.start())

    def bring_first(self, bundle: Path, title: str) -> None:
        """Push and roll out the backbone that the devices begin with."""
        self._board.say(f"Rolling out {title}, the first backbone of the devices")
        self._fleet.push(bundle)
        self._fleet.start_rollout(title)
        self._each(lambda agent: agent.wait_for_backbone(title, ARRIVAL_SECONDS))

    def teach(self) -> Mapping[str, tuple[Sample, ...]]:
        """Every device sees its stream once, class by class; return what it learned, by device."""
        self._board.say("Every device learns its own stream, image by image, class by class")
        return self._each(lambda agent: teach(agent, self._worlds[agent.name]))

    def examine(
        self, backbone: Backbone, learned: Mapping[str, tuple[Sample, ...]]
    ) -> Mapping[str, Examined]:
        """Ask for every test image, and compute the joint upper bound on the same features."""
        self._board.say(f"Testing {backbone.title} against joint training")

        def one(agent: Agent) -> Examined:
            stream = self._worlds[agent.name]
            answers = ask_all(agent, stream)
            right = sum(
                answer.class_name == sample.class_name
                for answer, sample in zip(answers, stream.test, strict=True)
            )
            self._board.note(agent.name, test_accuracy=right / len(answers))
            bound = backbone.joint_bound(learned[agent.name], stream.test)
            return Examined(agent.device.status().backbone, answers, bound)

        return self._each(one)

    def switch(self, bundle: Path, title: str) -> Mapping[str, Switch]:
        """Roll out the second backbone while an application on every device keeps asking."""
        self._fleet.push(bundle)
        self._board.say(f"Rolling out {title}; applications keep asking")
        with ExitStack() as stack:
            answers = {
                name: stack.enter_context(self._asking(agent))
                for name, agent in self._fleet.agents.items()
            }
            began = time.monotonic()
            self._fleet.start_rollout(title)
            arrivals = self._each(lambda agent: arrive(agent, title, began))
            time.sleep(AFTERWARDS_SECONDS)
        return {
            name: Switch(seconds, answers[name].predictions, answers[name].failures, obstacle)
            for name, (seconds, obstacle) in arrivals.items()
        }

    def _asking(self, agent: Agent) -> AbstractContextManager[Answers]:
        images = [sample.pixels for sample in self._worlds[agent.name].test]
        return asking(agent.device.predict, images)

    def kill(self, name: str) -> KillFindings:
        """SIGKILL one agent, start it again, and compare what it knows."""
        agent, stream = self._fleet.agents[name], self._worlds[name]
        time.sleep(SETTLE_SECONDS)
        samples, answers = agent.samples(), ask_all(agent, stream)
        self._board.say(f"Killing {name}, and starting it again")
        agent.kill()
        agent.start()
        return KillFindings(
            name=name,
            samples_before=samples,
            samples_after=agent.samples(),
            answers_before=answers,
            answers_after=ask_all(agent, stream),
        )

    def _each(self, deed: Callable[[Agent], ResultT]) -> Mapping[str, ResultT]:
        """Do something on all devices at the same time."""
        done = self._pool.map(deed, self._fleet.agents.values())
        return dict(zip(self._fleet.agents, done, strict=True))


def teach(agent: Agent, stream: Stream) -> tuple[Sample, ...]:
    """Teach a whole stream; return the samples that were learned and not set aside."""
    taught = [
        (sample, agent.device.teach(sample.pixels, sample.class_name, burst=sample.scene))
        for sample in stream.train
    ]
    return tuple(sample for sample, outcome in taught if outcome.share == "learn")


def ask_all(agent: Agent, stream: Stream) -> tuple[Answer, ...]:
    """The device's answer to each of its test images, in order."""
    predictions = [agent.device.predict(sample.pixels) for sample in stream.test]
    best = [prediction.classes[0] for prediction in predictions]
    return tuple(Answer(each.name, each.confidence) for each in best)


def arrive(agent: Agent, title: str, began: float) -> tuple[float | None, str]:
    """Seconds until a backbone serves on the device, or None and why it does not."""
    try:
        agent.wait_for_backbone(title, ARRIVAL_SECONDS)
    except FieldwiseError as error:
        return None, error.sentence
    return time.monotonic() - began, ""


def departed(agent: Agent) -> tuple[Departed, ...]:
    """What left the device, by its ledger."""
    totals = agent.call("ledger")["totals"]
    return tuple(
        Departed(kind, total["messages"], total["bytes"]) for kind, total in sorted(totals.items())
    )
