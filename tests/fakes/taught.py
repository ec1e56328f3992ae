"""A learner over a store that outlives it, taught drawn images by their number."""

from collections.abc import Callable
from random import Random
from typing import Any

from agent.learning.catch_up import open_pair
from agent.learning.forgetting import Forgotten, Selection
from agent.learning.kept import Kept
from agent.learning.learner import Learner
from agent.learning.samples import Group
from agent.learning.settings import (
    HoldoutSettings,
    LearningSettings,
)
from agent.learning.unlearning import without_absent
from fieldwise.head import Statistics
from tests.fakes.embedder import ProjectionEmbedder
from tests.fakes.samples import MemorySamples
from tests.fakes.scenes import Scenes

PLAIN = LearningSettings(holdout=HoldoutSettings(select_share=0, judge_share=0))
ALL_HELD = LearningSettings(
    holdout=HoldoutSettings(select_share=0.4, judge_share=0.4, learned_first=2)
)
START = 1000.0
MINUTE = 60.0


class Device:
    """A learner over a store that outlives it; sample n is of class n modulo 6."""

    def __init__(
        self,
        settings: LearningSettings = PLAIN,
        store: MemorySamples | None = None,
        starters: tuple[Statistics, ...] = (),
        skip: Callable[[int], bool] = lambda number: False,
    ) -> None:
        self.store = store or MemorySamples()
        self.embedder = ProjectionEmbedder()
        self.settings = settings
        self.starters = starters
        self.images = [Scenes(number).image(number % 6) for number in range(60)]
        self.skip = skip
        self.start()

    def start(self) -> None:
        pair = open_pair(self.embedder, self.brought(""), self.store, self.settings)
        self.learner = Learner(pair, self.store, self.settings, Random(7), starters=self.brought)

    def brought(self, bundle: str) -> tuple[Statistics, ...]:
        """The starter head as an agent reads it from its bundle."""
        return without_absent(self.starters, self.store.absent(), self.store.holdout_key())

    def teach(self, start: int, end: int) -> None:
        for number in range(start, end):
            if not self.skip(number):
                self.learner.teach(f"s{number}", self.images[number], name(number), "", at(number))

    def forget(self, *, strict: bool = False, **meant: Any) -> Forgotten:
        selection = Selection(**meant)
        return self.learner.forget(selection, strict=strict).forgotten

    def statistics(self) -> Statistics:
        return self.learner.pair.statistics()

    def evict(self) -> None:
        """Let go all that a snapshot holds already."""
        self.learner.close()
        images = tuple(each.id for each in self.store.remembered())
        self.store.commit(Group((), images, self.store.counters()))
        self.store.save_snapshot(self.learner.pair.snapshot(), 0)


def name(number: int) -> str:
    return f"class {number % 6}"


def at(number: int) -> float:
    return START + MINUTE * number


def kept_of(device: Device, number: int, label: str = "") -> Kept:
    row = device.learner.pair.grid(device.images[number])[0]
    return Kept(f"s{number}", at(number), device.learner.pair.bundle, row, None, label)
