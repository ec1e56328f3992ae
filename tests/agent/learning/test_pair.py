from collections.abc import Sequence

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from agent.learning.embedder import Fitted, Names, View
from agent.learning.heads.head import Head, LinearHead
from agent.learning.pair import Pair, fresh_pair
from agent.learning.restoring import restored_pair
from agent.learning.samples import Sample, Share
from agent.learning.settings import HeadName, HeadSettings, LearningSettings
from agent.learning.tuning import Tuning
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
    assert fresh_pair(EMBEDDER, (), SETTINGS).look(Scenes(0).image(0), 5).ranking.classes == ()


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


def enabled(*names: HeadName, half_life_samples: float = 2000.0) -> LearningSettings:
    return LearningSettings(heads=HeadSettings(enabled=names, half_life_samples=half_life_samples))


def equal(one: Head, other: Head) -> bool:
    assert isinstance(one, LinearHead)
    assert isinstance(other, LinearHead)
    return (
        one.classes == other.classes
        and np.array_equal(one.weights, other.weights)
        and np.array_equal(one.offsets, other.offsets)
    )


def drawn(seed: int, samples: int, width: int = WIDTH) -> tuple[NDArray[np.int16], list[str]]:
    chance = np.random.default_rng(seed)
    names = [f"class {place}" for place in chance.integers(0, 4, samples)]
    return chance.integers(-900, 901, (samples, width)).astype(np.int16), names


def test_every_enabled_head_answers_and_the_first_one_serves() -> None:
    pair = taught(60)
    assert pair.champion == "average"
    row = pair.grid(Scenes(3).image(2))[0]
    answers = pair.answers(row)
    assert set(answers) == {"average", "discriminant", "ridge", "nearest-mean"}
    assert set(answers.values()) <= set(Scenes(0).names)
    assert pair.look(Scenes(3).image(2), 1).ranking.best == answers["average"]


def test_another_head_serves_from_one_prediction_to_the_next() -> None:
    pair = taught(60)
    pair.serve("nearest-mean")
    assert pair.champion == "nearest-mean"
    assert pair.head is pair.heads["nearest-mean"]
    with pytest.raises(FieldwiseError) as caught:
        pair.serve("gradient")
    assert caught.value.fault is Fault.NOT_FOUND
    pair.configure(enabled(HeadName.DISCRIMINANT, HeadName.RIDGE))
    assert pair.champion == "discriminant"
    pair.serve("ridge")
    pair.configure(enabled(HeadName.DISCRIMINANT, HeadName.RIDGE, HeadName.AVERAGE))
    assert pair.champion == "ridge"


def test_a_tuning_changes_heads_and_confidences_and_outlives_a_restart() -> None:
    pair = taught(60)
    untuned = pair.head
    before = pair.look(Scenes(3).image(2), 6).ranking
    assert not pair.calibrated
    tuning = Tuning(
        samples=50,
        shrinkage_factor=3.0,
        members=("nearest-mean", "discriminant"),
        temperatures={"main/nearest-mean": 2.0, "main/discriminant": 5.0},
        confidences={"average": 40.0},
    )
    pair.adopt(tuning)
    pair.serve("average")
    assert not equal(pair.head, untuned)
    assert (pair.calibrated, pair.temperature) == (True, 40.0)
    after = pair.look(Scenes(3).image(2), 6).ranking
    assert after.confidences[0] < before.confidences[0]
    pair.settle()
    again = restored_pair(EMBEDDER, pair.snapshot(), SETTINGS)
    assert again.tuning == tuning
    assert equal(again.head, pair.head)
    pair.adopt(Tuning())
    assert equal(pair.head, restored_pair(EMBEDDER, taught(60).snapshot(), SETTINGS).head)


def test_a_champion_outlives_a_restart_if_it_is_still_enabled() -> None:
    pair = taught(20)
    pair.serve("ridge")
    assert restored_pair(EMBEDDER, pair.snapshot(), SETTINGS).champion == "ridge"
    changed = enabled(HeadName.DISCRIMINANT)
    assert restored_pair(EMBEDDER, pair.snapshot(), changed).champion == "discriminant"


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 1000), st.integers(0, 40), st.integers(0, 40), st.permutations(list(range(40)))
)
def test_order_and_restarts_leave_no_trace_in_any_closed_form_head(
    seed: int, cut: int, other_cut: int, order: list[int]
) -> None:
    grid, names = drawn(seed, 40)
    whole = fresh_pair(EMBEDDER, (), SETTINGS)
    whole.learn(grid, names)
    broken = fresh_pair(EMBEDDER, (), SETTINGS)
    first, last = sorted((cut, other_cut))
    for part in (order[:first], order[first:last], order[last:]):
        for place in part:
            broken.learn(grid[place : place + 1], [names[place]])
        broken = restored_pair(EMBEDDER, broken.snapshot(), SETTINGS)
    for pair in (whole, broken):
        pair.settle()
    assert broken.statistics().same_as(whole.statistics())
    for name, head_of_whole in whole.heads.items():
        assert equal(broken.heads[name], head_of_whole)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.sets(st.integers(0, 29)))
def test_what_was_unlearned_was_never_there_for_any_closed_form_head(
    seed: int, taken: set[int]
) -> None:
    grid, names = drawn(seed, 30)
    kept = [place for place in range(30) if place not in taken]
    pair, never_met = fresh_pair(EMBEDDER, (), SETTINGS), fresh_pair(EMBEDDER, (), SETTINGS)
    pair.learn(grid, names)
    pair.unlearn(grid[list(taken)], [names[place] for place in taken])
    never_met.learn(grid[kept], [names[place] for place in kept])
    for each in (pair, never_met):
        each.settle()
    assert pair.statistics().same_as(never_met.statistics())
    for name, wanted in never_met.heads.items():
        assert equal(pair.heads[name], wanted)


def test_a_forgotten_class_is_gone_from_every_head() -> None:
    grid, names = drawn(1, 60)
    every = enabled(*(name for name in HeadName if name is not HeadName.GRADIENT))
    pair = fresh_pair(EMBEDDER, (), every)
    pair.learn(grid, names)
    held = [place for place, name in enumerate(names) if name == "class 1"]
    assert pair.forget_class("class 1") == len(held) == pair.orphans
    for name, each in pair.heads.items():
        assert "class 1" not in each.classes, name
        assert len(each.classes) == (0 if name == "decayed" else 3)
    pair.settle()
    assert "class 1" not in pair.head.classes


def test_a_head_that_lets_the_past_fade_goes_on_after_a_restart() -> None:
    fading = enabled(HeadName.AVERAGE, HeadName.DECAYED, half_life_samples=50.0)
    grid, names = drawn(2, 150)
    whole = fresh_pair(EMBEDDER, (), fading)
    whole.learn(grid[:90], names[:90])
    again = restored_pair(EMBEDDER, whole.snapshot(), fading)
    for pair in (whole, again):
        pair.learn(grid[90:], names[90:])
        pair.settle()
    assert equal(again.heads["decayed"], whole.heads["decayed"])
    again.configure(msgspec.structs.replace(fading, shrinkage=1.0))
    assert len(again.heads["decayed"].classes) == 4
    assert not equal(again.heads["decayed"], whole.heads["decayed"])


class TwoViews(ProjectionEmbedder):
    """Its second view is slow, and each says that it was computed."""

    def __init__(self) -> None:
        super().__init__("two views")
        half = WIDTH // 2
        self.views = (
            View("quick", slice(0, half), 0, 0.001),
            View("slow", slice(half, WIDTH), 1, 0.02),
        )
        self.computed: list[Names | None] = []

    def embed(self, fitted: Sequence[Fitted], views: Names | None = None) -> NDArray[np.float32]:
        self.computed.append(views)
        features = super().embed(fitted, views)
        for view in self.views:
            if views is not None and view.name not in views:
                features[:, view.columns] = 0
        return features


def test_all_views_are_learned_and_predictions_look_at_those_that_fit_into_the_time() -> None:
    embedder, scenes = TwoViews(), Scenes(0)
    pair = fresh_pair(embedder, (), SETTINGS)
    for number in range(40):
        pair.learn(pair.grid(scenes.image(number % 6)), [scenes.names[number % 6]])
    assert set(embedder.computed) == {None}
    assert pair.statistics(0).total == pair.statistics(1).total == 40
    assert pair.look(scenes.image(1), 1).ranking.best == scenes.names[1]
    assert embedder.computed[-1] == {"quick"}
    assert isinstance(pair.head, LinearHead)
    assert not pair.head.weights[:, WIDTH // 2 :].any()
    pair.configure(msgspec.structs.replace(SETTINGS, heads=HeadSettings(image_seconds_max=1.0)))
    pair.look(scenes.image(1), 1)
    assert embedder.computed[-1] is None  # all of them
    assert isinstance(pair.head, LinearHead)
    assert pair.head.weights.any(axis=0).sum() > WIDTH // 2


def test_a_tuning_decides_which_views_predictions_look_at() -> None:
    embedder, scenes = TwoViews(), Scenes(0)
    pair = fresh_pair(embedder, (), SETTINGS)
    for number in range(40):
        pair.learn(pair.grid(scenes.image(number % 6)), [scenes.names[number % 6]])
    pair.adopt(Tuning(views=("slow",)))
    assert pair.look(scenes.image(1), 1).ranking.best == scenes.names[1]
    assert embedder.computed[-1] == {"slow"}
    pair.settle()
    again = restored_pair(embedder, pair.snapshot(), SETTINGS)
    assert equal(again.head, pair.head)
    assert again.statistics(1).same_as(pair.statistics(1))
    pair.adopt(Tuning(views=("a view of an older bundle",)))
    pair.look(scenes.image(1), 1)
    assert embedder.computed[-1] == {"quick"}
