from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, repeat

import numpy as np
import pytest
from numpy.typing import NDArray

from agent.learning.heads.average import Average, Member
from agent.learning.heads.discriminant import Discriminant
from agent.learning.heads.head import predict
from agent.learning.heads.lane import Lane
from agent.learning.heads.ridge import BalancedRidge
from agent.learning.stopping import Stopped, never
from agent.learning.tuning import (
    DEFAULT_MEMBERS,
    FACTORS,
    SAMPLES_MIN,
    SCENES_MIN,
    Bounds,
    HeldOut,
    Learned,
    Tuning,
    tune,
    views_within,
)
from tests.fakes.worlds import accuracy, blobs, gathered, uneven

WIDTH = 20


def free(views: frozenset[str]) -> float:
    del views
    return 0.0


BOUNDS = Bounds(0.3, free, 0.01)


def learned(grid: NDArray[np.int16], labels: list[str], view: str = "main") -> Learned:
    statistics = gathered(grid, labels).statistics()
    return Learned(view, slice(0, grid.shape[1]), statistics)


def held(grid: NDArray[np.int16], labels: Sequence[str], scene_samples: int = 4) -> HeldOut:
    """In random order, a scene being samples that follow each other."""
    order = np.random.default_rng(0).permutation(len(grid))
    scenes = [f"scene {place // scene_samples}" for place in range(len(grid))]
    return HeldOut(grid[order], [labels[place] for place in order], scenes)


def world(each: int = 10) -> tuple[Learned, HeldOut]:
    return learned(*blobs(6, each, WIDTH)), held(*blobs(6, 20, WIDTH, seed=2))


def test_too_few_samples_scenes_or_classes_leave_the_defaults_and_say_so() -> None:
    one, many = world()
    few = HeldOut(many.grid[:29], many.class_names[:29], many.bursts[:29])
    alike = replace(many, bursts=["one scene"] * len(many.bursts))
    single = replace(many, class_names=["class 1"] * len(many.class_names))
    unknown = replace(many, class_names=["never learned"] * len(many.class_names))
    for held_out in (few, alike, single, unknown):
        found = tune([one], held_out, BOUNDS, never)
        assert found == Tuning(samples=len(held_out.bursts), sentence=found.sentence)
        assert "the defaults stay" in found.sentence
    assert (SAMPLES_MIN, SCENES_MIN) == (30, 8)


def test_it_is_a_function_of_what_it_is_given() -> None:
    one, held_out = world()
    assert tune([one], held_out, BOUNDS, never) == tune([one], held_out, BOUNDS, never)


def test_a_default_stays_unless_another_choice_is_better_by_more_than_its_noise() -> None:
    """Where all shrinkages do alike, chance alone must not choose."""
    chosen = []
    for seed in range(12):
        one = learned(*blobs(6, 40, WIDTH, seed=100 + seed))
        chosen.append(tune([one], held(*blobs(6, 20, WIDTH, seed=seed)), BOUNDS, never))
    assert sum(each.shrinkage_factor == 1 for each in chosen) >= 10


def test_too_strong_a_shrinkage_is_found_out() -> None:
    one = learned(*uneven([14] * 12, 60, spread=0.2))
    held_out = held(*uneven([40] * 12, 60, seed=2, spread=0.2), scene_samples=1)
    found = tune([one], held_out, replace(BOUNDS, shrinkage=3.0), never)
    assert found.shrinkage_factor == min(FACTORS)
    assert "shrinkage 1," in found.sentence


def test_the_average_it_names_is_the_average_that_a_pair_will_serve() -> None:
    one, held_out = world()
    found = tune([one], held_out, BOUNDS, never)
    assert set(found.temperatures) == {f"main/{name}" for name in found.members}
    assert all(value > 0 for value in found.temperatures.values())
    assert {"average", "discriminant", "ridge", "nearest-mean"} == set(found.confidences)
    wanted = frozenset(found.members)
    lane = Lane("main", one.columns, one.statistics, wanted, 0.3 * found.shrinkage_factor)
    members = [Member(f"main/{name}", lane.linear[name], one.columns) for name in found.members]
    head = Average("average", members, WIDTH, found.temperatures).head
    assert accuracy(predict(head, held_out.grid), list(held_out.class_names)) > 0.7


def test_confidences_are_calibrated_on_what_is_held_out() -> None:
    """The mean confidence of the best class is about the accuracy, on samples never looked at."""
    one = learned(*uneven([10] * 12, 60, spread=0.2))
    found = tune([one], held(*uneven([40] * 12, 60, seed=2, spread=0.2)), BOUNDS, never)
    fresh, names = uneven([200] * 12, 60, seed=3, spread=0.2)
    lane = Lane("main", one.columns, one.statistics, frozenset(), 0.3 * found.shrinkage_factor)
    head = lane.linear["discriminant"].head
    right = accuracy(predict(head, fresh), names)
    scores = head.scores(fresh).astype(float)

    def confidence(temperature: float) -> float:
        belief = np.exp((scores - scores.max(axis=1, keepdims=True)) / temperature)
        return float((1 / belief.sum(axis=1)).mean())

    assert abs(confidence(found.confidences["discriminant"]) - right) < 0.04
    assert confidence(1.0) > right + 0.05  # too sure, as the discriminant is


def two_views(noise: int) -> tuple[list[Learned], HeldOut]:
    """A view that tells classes apart and one that tells nothing."""
    grid, labels = blobs(6, 20, WIDTH)
    queries, names = blobs(6, 30, WIDTH, seed=2)
    chance = np.random.default_rng(noise)
    blind = chance.integers(-500, 501, (len(grid), WIDTH)).astype(np.int16)
    blind_too = chance.integers(-500, 501, (len(queries), WIDTH)).astype(np.int16)
    views = [
        Learned("blind", slice(0, WIDTH), gathered(blind, labels).statistics()),
        Learned("sharp", slice(WIDTH, 2 * WIDTH), gathered(grid, labels).statistics()),
    ]
    return views, held(np.hstack([blind_too, queries]), names)


def test_the_views_that_do_best_within_the_time_are_chosen() -> None:
    views, held_out = two_views(1)

    def seconds(names: frozenset[str]) -> float:
        return 0.006 * len(names)

    found = tune(views, held_out, Bounds(0.3, seconds, 0.01), never)
    assert found.views == ("sharp",)
    assert "views sharp" in found.sentence
    assert set(found.temperatures) == {f"sharp/{name}" for name in found.members}


def test_no_views_are_chosen_that_take_longer_than_stated() -> None:
    views, held_out = two_views(1)
    times = {"blind": 0.001, "sharp": 0.02}

    def seconds(names: frozenset[str]) -> float:
        return sum(times[name] for name in names)

    found = tune(views, held_out, Bounds(0.3, seconds, 0.01), never)
    assert found.views == ("blind",)


def test_views_are_added_in_order_while_they_fit() -> None:
    times = {"a": 5.0, "b": 6.0, "c": 4.0}

    def seconds(names: frozenset[str]) -> float:
        return sum(times[name] for name in names)

    assert views_within(["a", "b", "c"], seconds, 10.0) == ("a", "c")
    assert views_within(["b"], seconds, 1.0) == ("b",)  # one has to be computed


def test_it_stops_when_asked_to() -> None:
    one, held_out = world()
    answers = chain([False], repeat(object=True))
    with pytest.raises(Stopped):
        tune([one], held_out, BOUNDS, lambda: next(answers))


def test_the_default_of_a_tuning_is_the_default_average() -> None:
    assert Tuning().members == DEFAULT_MEMBERS == (Discriminant.name, BalancedRidge.name)
