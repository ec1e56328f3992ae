import numpy as np
import pytest

from agent.learning.pair import Pair, fresh_pair, restored_pair
from agent.learning.samples import Sample, Share
from agent.learning.settings import LearningSettings
from fieldwise import head
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.images import encode_exemplar
from tests.fakes.embedder import WIDTH, ProjectionEmbedder
from tests.fakes.scenes import Scenes

SETTINGS = LearningSettings()
EMBEDDER = ProjectionEmbedder()


def taught(count: int) -> Pair:
    pair, scenes = fresh_pair(EMBEDDER, (), SETTINGS), Scenes(0)
    for number in range(count):
        pair.learn(pair.grid(scenes.image(number % 6)), [scenes.names[number % 6]])
    return pair


def stored(pair: Pair, number: int, share: Share, *, with_features: bool) -> Sample:
    scenes = Scenes(number)
    image = scenes.image(number % 6)
    return Sample(
        f"s{number}",
        number,
        0.0,
        scenes.names[number % 6],
        "scene",
        share,
        pair.bundle if with_features else "another",
        pair.grid(image)[0],
        None if with_features else encode_exemplar(image),
    )


def test_a_fresh_pair_knows_nothing() -> None:
    assert fresh_pair(EMBEDDER, (), SETTINGS).rank(Scenes(0).image(0), 5).classes == ()


def test_features_and_images_teach_the_same() -> None:
    by_features, by_images = taught(0), taught(0)
    numbers = range(1, 20)
    by_features.absorb(
        [stored(by_features, number, Share.LEARN, with_features=True) for number in numbers]
    )
    by_images.absorb(
        [stored(by_images, number, Share.LEARN, with_features=False) for number in numbers]
    )
    assert by_features.statistics().same_as(by_images.statistics())
    assert by_features.covered == by_images.covered == 19


def test_held_out_samples_are_covered_and_not_learned() -> None:
    pair = taught(6)
    assert pair.absorb([stored(pair, 9, Share.JUDGE, with_features=True)]) == 0
    assert pair.total == 6
    assert pair.covered == 9


def test_a_snapshot_gives_back_the_same_pair() -> None:
    pair = taught(50)
    pair.covered = 50
    again = restored_pair(EMBEDDER, pair.snapshot(), SETTINGS)
    pair.settle()
    assert again.statistics().same_as(pair.statistics())
    assert (again.covered, again.saved) == (50, 50)
    assert np.array_equal(again.head.weights, pair.head.weights)


def test_statistics_of_another_backbone_make_no_pair() -> None:
    foreign = head.empty("b" * 64, EMBEDDER.manifest.transform, WIDTH)
    with pytest.raises(FieldwiseError) as caught:
        Pair(EMBEDDER, [foreign], 0, SETTINGS)
    assert caught.value.fault is Fault.BUNDLE_INVALID


def test_a_head_that_was_handed_out_stays_as_it_is() -> None:
    pair = taught(30)
    held, before = pair.head, pair.head.weights.copy()
    scenes = Scenes(4)
    for number in range(30):
        pair.learn(pair.grid(scenes.image(number % 6)), [scenes.names[number % 6]])
    pair.settle()
    assert np.array_equal(held.weights, before)
