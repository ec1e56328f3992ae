"""A pair that serves and others that may take its place, over a store in memory."""

from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from agent.learning.catch_up import open_pair
from agent.learning.embedder import Fitted, Names
from agent.learning.kept import Kept
from agent.learning.learner import Learner
from agent.learning.pair import Pair
from agent.learning.samples import Origin
from agent.learning.settings import HoldoutSettings, LearningSettings
from agent.learning.stopping import never
from agent.predictions import RecentPredictions, Stopwatch
from tests.fakes.agent import TurnedClock
from tests.fakes.embedder import ProjectionEmbedder
from tests.fakes.samples import MemorySamples
from tests.fakes.scenes import Scenes

if TYPE_CHECKING:
    from agent.ports import SampleStore

HALF_HELD = LearningSettings(
    holdout=HoldoutSettings(select_share=0.2, judge_share=0.4, learned_first=2)
)


class TimedEmbedder(ProjectionEmbedder):
    """Takes its time by a clock, and sees only some of an image where it is told to.

    Args:
        name: Another name is another backbone.
        clock: What its time passes on.
        seconds: What an image takes.
        sight: Share of its features that say anything.
    """

    def __init__(
        self, name: str, clock: TurnedClock, seconds: float = 0.01, sight: float = 1.0
    ) -> None:
        super().__init__(name)
        self._clock, self.seconds = clock, seconds
        self._weights[:, round(sight * self._weights.shape[1]) :] = 0

    def embed(self, fitted: Sequence[Fitted], views: Names | None = None) -> NDArray[np.float32]:
        self._clock.seconds += self.seconds * len(fitted)
        return super().embed(fitted, views)


class Bench:
    """What serves on a device, as the use cases of an update see it."""

    def __init__(self, settings: LearningSettings = HALF_HELD) -> None:
        self.clock = TurnedClock()
        self.store: SampleStore = MemorySamples()
        self.stopwatch = Stopwatch()
        self.recent = RecentPredictions(1000, 1 << 24)
        self.scenes = Scenes(0)
        self.settings = settings
        self.embedder = TimedEmbedder("one", self.clock)
        pair = open_pair(self.embedder, (), self.store, settings)
        self.learner: Learner | None = Learner(pair, self.store, settings, Random(7))
        self._taught = 0

    @property
    def serving(self) -> Learner:
        assert self.learner is not None
        return self.learner

    def teach(self, scenes: int, each: int = 1, origin: Origin = Origin.TAUGHT) -> None:
        """Teach scenes of ``each`` images, the classes in turn."""
        for _ in range(scenes):
            place = self._taught % len(self.scenes.names)
            scene = f"scene {self._taught}"
            for number in range(each):
                sample, time = f"s{self._taught}-{number}", 1000.0 + 60 * self._taught
                image, name = self.scenes.image(place), self.scenes.names[place]
                self.serving.teach(sample, image, name, scene, time, origin)
            self._taught += 1
        self.serving.flush()

    def predict(self, count: int) -> None:
        """Answer images that nobody labels."""
        for number in range(count):
            image = self.scenes.image(number % len(self.scenes.names))
            began, pair = self.clock.seconds, self.serving.pair
            look = pair.look(image, top=5)
            self.stopwatch.answer(self.clock.seconds - began)
            self.recent.put(Kept(f"p{number}", 0.0, pair.bundle, look.row, image))

    def rival(self, name: str = "two", *, seconds: float = 0.01, sight: float = 1.0) -> Pair:
        """Another pair, made as an update makes it."""
        embedder = TimedEmbedder(name, self.clock, seconds, sight)
        pair = self.serving.rebuild(embedder, (), lambda _: None, never)
        self.serving.embed_held_out(pair, never)
        return pair
