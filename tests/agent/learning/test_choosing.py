from random import Random

import pytest

from agent.learning.catch_up import open_pair
from agent.learning.choosing import select_samples
from agent.learning.learner import Learner
from agent.learning.samples import Share
from agent.learning.settings import HoldoutSettings, LearningSettings
from agent.learning.stopping import Stopped, never
from tests.fakes.embedder import ProjectionEmbedder
from tests.fakes.samples import MemorySamples
from tests.fakes.scenes import Scenes

SETTINGS = LearningSettings(holdout=HoldoutSettings(select_share=0.3, judge_share=0.1))
EMBEDDER = ProjectionEmbedder()


def start(store: MemorySamples) -> Learner:
    return Learner(open_pair(EMBEDDER, (), store, SETTINGS), store, SETTINGS, Random(7))


def teach(learner: Learner, numbers: range) -> None:
    scenes = Scenes(0)
    for number in numbers:
        name, image = scenes.names[number % 6], scenes.image(number % 6)
        learner.teach(f"s{number}", image, name, "", 1000.0 + 60 * number)


def test_what_is_held_out_chooses_how_predictions_are_made() -> None:
    store = MemorySamples()
    learner = start(store)
    teach(learner, range(60))
    assert not learner.tuning_is_due
    teach(learner, range(60, 240))
    assert learner.tuning_is_due
    found = learner.tune(never)
    assert found.samples == learner.figures().select >= 30
    assert learner.pair.calibrated
    assert not learner.tuning_is_due
    again = start(store)
    assert again.pair.tuning == found
    assert not again.tuning_is_due


def test_a_tuning_that_is_stopped_changes_nothing() -> None:
    learner = start(MemorySamples())
    teach(learner, range(200))
    before = learner.pair.tuning
    with pytest.raises(Stopped):
        learner.tune(lambda: True)
    assert learner.pair.tuning == before


def test_nothing_but_what_is_set_aside_for_choosing_is_looked_at() -> None:
    store = MemorySamples()
    learner = start(store)
    teach(learner, range(100))
    learner.flush()
    found = select_samples(learner.pair, store, never)
    aside = store.samples_after(0, 1000, EMBEDDER.bundle, frozenset({Share.SELECT}))
    assert len(aside) > 5
    assert list(found.class_names) == [sample.class_name for sample in aside]
    assert list(found.bursts) == [sample.burst for sample in aside]
    assert found.grid.shape == (len(aside), EMBEDDER.manifest.feature_width)


def test_with_nothing_set_aside_there_is_nothing_to_look_at() -> None:
    store = MemorySamples()
    assert select_samples(start(store).pair, store, never).grid.shape[0] == 0
