"""Whole lives by chance: whatever happened, the statistics are those of the samples on record.

Teaching, correcting, forgetting, waiting for the time to learn, kills, orderly ends and other
backbones come in a random order, on a real database. All images are held and losslessly so.
"""

import secrets
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import numpy as np
import pytest
from msgspec.structs import replace

from agent.device.database import Database
from agent.device.samples import DatabaseSamples
from agent.learning.catch_up import open_pair
from agent.learning.forgetting import Selection
from agent.learning.kept import Kept
from agent.learning.learner import Learner
from agent.learning.samples import Origin, Share
from agent.learning.settings import HoldoutSettings, LearningSettings
from agent.learning.stopping import never
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.head import Accumulator, Statistics, empty
from fieldwise.inputs import exemplar
from tests.fakes.embedder import ProjectionEmbedder
from tests.fakes.scenes import Scenes

if TYPE_CHECKING:
    from agent.learning.pair import Pair

STEPS = 150
BACKBONES = (ProjectionEmbedder("one"), ProjectionEmbedder("two"))
IMAGES = [Scenes(number).image(number % 6) for number in range(30)]
LABELS = (Origin.CORRECTED, Origin.ASKED, Origin.SELF)
STORED = frozenset({Share.LEARN})


class Life:
    """A device to which things happen."""

    def __init__(self, store: DatabaseSamples, seed: int) -> None:
        self.chance = Random(seed)
        self.store = store
        self.embedder = BACKBONES[0]
        self.settings = LearningSettings(
            group_samples=self.chance.choice([1, 4, 8]),
            snapshot_samples=self.chance.choice([3, 10, 50]),
            holdout=HoldoutSettings(select_share=0.2, judge_share=0.2, learned_first=2),
        )
        self.kept: list[Kept] = []
        self.made: list[Pair] = []
        self.now = 1000.0
        self.may_learn = True
        self.start()

    def start(self) -> None:
        self.made = []
        pair = open_pair(self.embedder, (), self.store, self.settings)
        self.learner = Learner(pair, self.store, self.settings, Random(7), lambda: self.may_learn)

    def live(self) -> None:
        """One thing happens."""
        self.now += self.chance.choice([1, 2, 30])
        happen = (self.teach, self.label, self.forget, self.turn, self.end, self.make, self.swap)
        self.chance.choices(happen, (55, 20, 5, 8, 5, 4, 4))[0]()

    def teach(self) -> None:
        image, pair = self.chance.choice(IMAGES), self.learner.pair
        name, row = f"s{len(self.kept)}", pair.grid(image)[0]
        self.kept.append(Kept(name, self.now, pair.bundle, row, exemplar(image)))
        self.learner.teach(name, image, self.a_class(), "", self.now)

    def label(self) -> None:
        for kept in self.chance.sample(self.kept[-30:], min(1, len(self.kept))):
            self.learner.label(kept, self.a_class(), self.now, self.chance.choice(LABELS))

    def forget(self) -> None:
        one = Selection(sample_id=f"s{self.chance.randrange(len(self.kept) + 1)}")
        several = Selection(class_name=self.a_class()), Selection(since=self.now - 40)
        try:
            meant = self.chance.choice((one, *several))
            self.learner.forget(meant, strict=self.chance.random() < 0.3)
        except FieldwiseError as error:
            assert error.fault is Fault.NOT_FOUND  # noqa: PT017 - any other is a failure

    def turn(self) -> None:
        """The time for learning begins or ends, a tick comes, a little is caught up with."""
        self.may_learn = self.chance.random() < 0.5
        self.learner.tick(self.now, self.now)
        if self.may_learn:
            self.learner.catch_up(lambda: True)

    def end(self) -> None:
        """In order, or by a kill, which may take the group that waits."""
        if self.chance.random() < 0.3:
            self.learner.close()
        self.start()

    def make(self) -> None:
        other = BACKBONES[self.embedder is BACKBONES[0]]
        self.made.append(self.learner.rebuild(other, (), lambda _: None, never))

    def swap(self) -> None:
        """A pair that was made some time ago comes to serve, or one that served before."""
        if not self.made:
            return
        pair = self.made.pop()
        if pair.bundle != self.embedder.bundle:
            other = next(each for each in BACKBONES if each.bundle == pair.bundle)
            try:
                old = self.learner.swap(pair)
            except FieldwiseError as error:  # it holds what was taken back: it is made again
                assert error.fault is Fault.CONFLICT  # noqa: PT017 - it need not be refused
                old = self.learner.swap(self.learner.rebuild(other, (), lambda _: None, never))
            self.made, self.embedder = [old], other

    def a_class(self) -> str:
        return f"class {self.chance.randrange(6)}"

    def recorded(self) -> Statistics:
        """The statistics of what is on record."""
        self.learner.flush()
        self.learner.catch_up(never)
        pair = self.learner.pair
        held = self.store.samples_after(0, 10_000, pair.bundle, STORED)
        sums = Accumulator(empty(pair.bundle, pair.embedder.manifest.transform, 24))
        sums.learn(*pair.features_of(held))
        return sums.statistics()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DatabaseSamples]:
    monkeypatch.setattr(secrets, "token_bytes", bytes)  # what is held out is the same every time
    database = Database(tmp_path / "state.sqlite")
    yield DatabaseSamples(database)
    database.close()


@pytest.mark.parametrize("seed", range(12))
def test_whatever_happens_the_statistics_are_those_of_what_is_on_record(
    store: DatabaseSamples, seed: int
) -> None:
    life = Life(store, seed)
    for step in range(STEPS):
        life.live()
        if step % 30 == 29:
            assert life.recorded().same_as(life.learner.pair.statistics())
    life.start()
    assert life.recorded().same_as(life.learner.pair.statistics())
    assert life.learner.pair.orphans == 0


class Cramped(Life):
    """A device with room for few images, which people correct and forget no less."""

    def __init__(self, store: DatabaseSamples, seed: int) -> None:
        self.room = Random(seed).choice([0, 4_000, 20_000])
        super().__init__(store, seed)

    def start(self) -> None:
        self.settings = replace(self.settings, exemplar_bytes_max=self.room, passing_pairs=0)
        super().start()

    def label(self) -> None:
        try:
            super().label()
        except FieldwiseError as error:  # what was learned of it, or what it showed, is not held
            assert error.fault in {Fault.CONFLICT, Fault.NOT_FOUND}  # noqa: PT017 - as above

    def check(self) -> None:
        """What is known by estimate is known, and sums are such as samples have."""
        pair = self.learner.pair
        known = pair.statistics()
        assert (known.counts > 0).all()
        assert (np.diag(known.scatter) >= 0).all()
        for name, carried in pair.carried.items():
            assert 0 < carried <= pair.count(name)


@pytest.mark.parametrize("seed", range(10))
def test_whatever_is_carried_over_and_taken_back_sums_stay_those_of_samples(
    store: DatabaseSamples, seed: int
) -> None:
    life = Cramped(store, seed)
    for _ in range(STEPS):
        life.live()
        life.check()
