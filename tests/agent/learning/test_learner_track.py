"""What a learner keeps of how it did: across restarts, damage, other heads and forgetting."""

from random import Random

import numpy as np

from agent.learning.catch_up import open_pair
from agent.learning.forgetting import Selection
from agent.learning.learner import Learner
from agent.learning.measures.track_record import decode
from agent.learning.settings import HoldoutSettings, LearningSettings
from agent.learning.stopping import never
from tests.fakes.embedder import ProjectionEmbedder
from tests.fakes.samples import MemorySamples
from tests.fakes.scenes import Scenes

SETTINGS = LearningSettings(
    holdout=HoldoutSettings(select_share=0.3, judge_share=0, learned_first=2), novelty_rate=0.1
)


class Device:
    def __init__(self) -> None:
        self.store, self.embedder = MemorySamples(), ProjectionEmbedder()
        self.scenes, self.taught = Scenes(3, noise=20.0), 0
        self.start()

    def start(self) -> None:
        pair = open_pair(self.embedder, (), self.store, SETTINGS)
        self.learner = Learner(pair, self.store, SETTINGS, Random(7))

    def teach(self, count: int) -> None:
        for _ in range(count):
            place, number = self.taught % 6, self.taught
            name = self.scenes.names[place]
            image = self.scenes.image(place)
            self.learner.teach(f"s{number}", image, name, "", 1000.0 + 60 * number)
            self.taught += 1


def test_what_was_measured_outlives_an_orderly_restart() -> None:
    device = Device()
    device.teach(60)
    device.learner.checkpoint()
    before = device.learner.track().encode()
    device.learner.close()
    device.start()
    assert device.learner.track().encode() == before
    assert device.learner.total().samples == 60


def test_a_kill_takes_detail_but_no_total() -> None:
    device = Device()
    device.teach(60)
    device.learner.flush()
    device.start()
    track = device.learner.track()
    assert device.learner.total().samples == 60
    assert 0 < sum(tally.samples for tally in track.tallies.values()) <= 60


def test_a_record_that_cannot_be_read_loses_no_sample() -> None:
    device = Device()
    device.teach(60)
    device.learner.close()
    learned = device.learner.figures()
    device.store._track = b"rubbish"
    device.start()
    assert device.learner.figures() == learned
    assert "damaged" in device.learner.track().loss
    device.teach(20)
    device.learner.close()
    device.start()
    assert device.learner.track().loss == ""


def test_a_head_solved_from_sums_has_no_gap_to_a_batch_solve_once_it_is_settled() -> None:
    device = Device()
    device.teach(150)
    device.learner.pair.settle()
    device.learner.checkpoint()
    samples, differ = device.learner.track().gap
    assert samples == device.learner.figures().select > 0
    assert differ == 0


def test_held_out_samples_let_it_tell_what_is_new() -> None:
    device = Device()
    device.teach(200)
    assert device.learner.tracker.judge(0.0) is None
    device.learner.tune(never)
    known = [
        device.learner.pair.look(device.scenes.image(place % 6), 5).ranking for place in range(60)
    ]
    chance = np.random.default_rng(0)
    strange = [
        device.learner.pair.look(chance.integers(0, 256, (64, 64, 3), np.uint8), 5).ranking
        for _ in range(60)
    ]
    told = [
        sum(
            novelty.novel
            for each in some
            if (novelty := device.learner.tracker.judge(each.unlikeness))
        )
        for some in (known, strange)
    ]
    assert told[0] <= 15
    assert told[1] > told[0] + 15


def test_a_forgotten_class_is_named_nowhere_in_what_is_stored() -> None:
    device = Device()
    device.teach(60)
    device.learner.checkpoint()
    device.learner.close()
    name = device.scenes.names[2]
    assert name in decode(device.store.track()).tallies
    device.learner.forget(Selection(class_name=name))
    assert name.encode() not in device.store.track()
    assert name not in device.learner.track().tallies
