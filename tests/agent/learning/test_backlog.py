"""Learning that waits for its time: the head lags, and nothing is lost."""

from random import Random

import msgspec
import pytest

from agent.learning.catch_up import open_pair
from agent.learning.learner import Learner
from agent.learning.samples import Share
from agent.learning.settings import MIB, HoldoutSettings, LearningSettings
from agent.learning.stopping import never
from fieldwise.errors import Fault, FieldwiseError
from tests.fakes.embedder import ProjectionEmbedder
from tests.fakes.samples import MemorySamples
from tests.fakes.scenes import Scenes

PLAIN = LearningSettings(holdout=HoldoutSettings(select_share=0, judge_share=0))
HALF_HELD = LearningSettings(
    holdout=HoldoutSettings(select_share=0.25, judge_share=0.25, learned_first=2)
)


class Device:
    """A learner whose time for learning a test opens and closes."""

    def __init__(self, settings: LearningSettings = PLAIN) -> None:
        self.open = True
        self.settings = settings
        self.store = MemorySamples()
        self.scenes = Scenes(0)
        self.taught = 0
        self.start()

    def start(self) -> None:
        pair = open_pair(ProjectionEmbedder(), (), self.store, self.settings)
        self.learner = Learner(pair, self.store, self.settings, Random(7), lambda: self.open)

    def teach(self, count: int, classes: int = 6) -> list[Share | None]:
        shares = []
        for _ in range(count):
            place = self.taught % classes
            image, name = self.scenes.image(place), self.scenes.names[place]
            time = 1000.0 + 60 * self.taught
            shares.append(self.learner.teach(f"s{self.taught}", image, name, "", time).share)
            self.taught += 1
        return shares

    def same_as(self, other: "Device") -> bool:
        mine, its = self.learner.pair, other.learner.pair
        return mine.statistics().same_as(its.statistics())


def never_closed(taught: int, settings: LearningSettings = PLAIN) -> Device:
    device = Device(settings)
    device.teach(taught)
    return device


def test_outside_its_time_a_sample_is_recorded_and_the_head_lags() -> None:
    device = Device()
    device.teach(20)
    device.open = False
    device.teach(30)
    assert device.learner.behind == 30
    assert device.learner.pair.total == 20
    assert device.learner.figures().learned == 50
    device.learner.flush()
    assert device.store.last_sequence() == 50


@pytest.mark.parametrize("settings", [PLAIN, HALF_HELD])
def test_caught_up_it_knows_the_same_to_the_bit_as_if_it_had_never_waited(
    settings: LearningSettings,
) -> None:
    device = Device(settings)
    for turn in range(6):
        device.open = turn % 2 == 0
        device.teach(20 + turn)
        if turn == 3:
            device.open = True
            device.learner.catch_up(never)
    device.open = True
    device.learner.catch_up(never)
    assert device.learner.behind == 0
    assert device.same_as(never_closed(device.taught, settings))


def test_samples_wait_behind_those_that_wait_even_when_the_time_has_come() -> None:
    device = Device()
    device.open = False
    device.teach(3)
    device.open = True
    device.teach(4)
    assert device.learner.behind == 7
    device.learner.catch_up(never)
    assert device.learner.pair.total == 7
    device.teach(1)
    assert (device.learner.behind, device.learner.pair.total) == (0, 8)


def test_a_restart_or_a_kill_loses_nothing_of_what_waits() -> None:
    for closed in (True, False):
        device = Device()
        device.teach(10)
        device.open = False
        device.teach(40)
        if closed:
            device.learner.close()
        else:
            device.learner.flush()
        device.start()
        assert device.learner.behind == 0  # what is read anyhow at the start is learned there
        assert device.same_as(never_closed(50))


def test_catching_up_stops_when_it_is_asked_to_and_goes_on_later() -> None:
    device = Device()
    device.open = False
    device.teach(100)
    device.learner.catch_up(lambda: True)
    assert 0 < device.learner.pair.total < 100
    assert device.learner.behind == 100  # it is settled only at the end
    device.learner.catch_up(never)
    assert (device.learner.behind, device.learner.pair.total) == (0, 100)
    assert device.same_as(never_closed(100))


def test_what_waits_is_bounded_and_more_is_refused_until_it_was_learned() -> None:
    width = 2 * ProjectionEmbedder().manifest.feature_width
    room = msgspec.structs.replace(PLAIN, feature_log_bytes_max=5 * width)
    device = Device(room)
    device.open = False
    device.teach(5)
    with pytest.raises(FieldwiseError) as caught:
        device.teach(1)
    assert caught.value.fault is Fault.BUSY
    assert device.learner.figures().learned == 5
    device.open = True
    device.learner.catch_up(never)
    device.open = False
    device.teach(5)


def test_a_snapshot_while_samples_wait_covers_only_what_was_learned() -> None:
    often = msgspec.structs.replace(PLAIN, snapshot_samples=8, exemplar_bytes_max=64 * MIB)
    device = Device(often)
    device.teach(16)
    device.open = False
    device.teach(64)
    device.learner.flush()
    snapshot = device.store.load_snapshot(device.learner.pair.bundle)
    assert snapshot is not None
    assert snapshot.sequence <= 16
    device.start()
    assert device.same_as(never_closed(80, often))


def test_first_samples_of_a_class_that_wait_count_as_learned_first() -> None:
    """Else every sample of a new class would be learned for as long as all of them wait."""
    device = Device(HALF_HELD)
    device.open = False
    shares = device.teach(60, classes=1)
    assert shares[:2] == [Share.LEARN, Share.LEARN]
    assert {Share.SELECT, Share.JUDGE} & set(shares)


def test_another_backbone_has_learned_what_waited_once_it_serves() -> None:
    device = Device()
    device.open = False
    device.teach(12)
    other = open_pair(ProjectionEmbedder("other"), (), device.store, device.settings)
    device.learner.swap(other)
    assert (device.learner.behind, device.learner.pair.total) == (0, 12)
