"""A device that is about to move to another backbone, and what passes by meanwhile."""

from random import Random

import numpy as np
from numpy.typing import NDArray

from agent.device.samples import DatabaseSamples
from agent.learning.catch_up import Progress, open_pair
from agent.learning.kept import Kept
from agent.learning.learner import Learner
from agent.learning.moving import Means
from agent.learning.passing import Passing
from agent.learning.samples import Group, Share
from agent.learning.settings import HoldoutSettings, LearningSettings
from fieldwise.head import Statistics
from tests.fakes.embedder import WIDTH, ProjectionEmbedder
from tests.fakes.samples import MemorySamples
from tests.fakes.scenes import Scenes

SETTINGS = LearningSettings(holdout=HoldoutSettings(learned_first=2))
OLD, NEW = ProjectionEmbedder("old"), ProjectionEmbedder("new", WIDTH + 5)
TAUGHT = 180


def ignore(progress: Progress) -> None:
    """Nobody looks on."""


class Device:
    """A learner whose memory kept the images of a few learned samples only."""

    def __init__(
        self,
        kept: int,
        store: MemorySamples | DatabaseSamples | None = None,
        settings: LearningSettings = SETTINGS,
    ) -> None:
        self.store = store or MemorySamples()
        self.scenes = Scenes(0)
        self.settings = settings
        self.learner = Learner(
            open_pair(OLD, (), self.store, settings), self.store, settings, Random(3)
        )
        for number in range(TAUGHT):
            self.teach(number)
        self.learner.flush()
        images = [each.id for each in self.store.remembered() if each.share is Share.LEARN]
        self.store.commit(Group((), tuple(images[kept:]), self.store.counters()))
        self.learned = len(images)

    def teach(self, number: int) -> None:
        place = number % 6
        name = self.scenes.names[place]
        self.learner.teach(f"s{number}", self.scenes.image(place), name, "", 1000.0 + 60 * number)

    def right(self, learner: Learner, count: int = 300) -> float:
        scenes = Scenes(7)
        said = [
            learner.pair.look(scenes.image(place % 6), 5).ranking.best == scenes.names[place % 6]
            for place in range(count)
        ]
        return sum(said) / count


def kept(image: NDArray[np.uint8], number: int = 0, bundle: str = "") -> Kept:
    return Kept(f"p{number}", 0.0, bundle, OLD_ROW, image)


OLD_ROW = np.zeros(WIDTH, np.int16)


def of_all(embedder: ProjectionEmbedder) -> Statistics:
    """What a device has learned that had this backbone all along."""
    store, scenes = MemorySamples(), Scenes(0)
    learner = Learner(open_pair(embedder, (), store, SETTINGS), store, SETTINGS, Random(3))
    for number in range(TAUGHT):
        place = number % 6
        learner.teach(
            f"s{number}", scenes.image(place), scenes.names[place], "", 1000.0 + 60 * number
        )
    return learner.pair.statistics()


class Traffic(Passing):
    """Passing with images that always come, up to a number."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self._scenes = Scenes(11)
        self.left = count
        self.seconds: list[float] = []

    def take(self, seconds: float) -> Kept | None:
        self.seconds.append(seconds)
        if not self.left:
            return None
        self.left -= 1
        return kept(self._scenes.image(self.left % 6), self.left)


def passing_by(count: int) -> Means:
    return Means(Traffic(count))
