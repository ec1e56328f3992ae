"""A mix is chosen on one share of what is held out and judged on the other, alone."""

import tracemalloc

import numpy as np
import pytest
from numpy.typing import NDArray

from agent.federation.standing import Mix
from agent.federation.weighing import OWN, SolvedTrial, Weighed, weigh
from agent.learning.blending import Blend, Blending, Others, Still, Within, is_covariance, still
from agent.learning.pair import Pair
from agent.learning.settings import LearningSettings
from agent.learning.stopping import Stopped
from agent.learning.tuning import HeldOut
from agent.update.judging import JudgingRules
from fieldwise.bundle import Transform
from fieldwise.federation import HeadOutcome
from fieldwise.head import Accumulator, empty, learn
from fieldwise.symmetric import STRIP_ROWS
from tests.fakes.embedder import WIDTH, ProjectionEmbedder

CLASSES = ("a", "b", "c", "d")
EMBEDDER = ProjectionEmbedder()
MEANS = np.random.default_rng(3).normal(0, 500, (5, WIDTH))
RULES = JudgingRules(loss_min=0.0)


def rows(dice: np.random.Generator, place: int, count: int) -> NDArray[np.int16]:
    return np.rint(MEANS[place] + dice.normal(0, 700, (count, WIDTH))).astype(np.int16)


def held_out(seed: int, turned: int = 0, count: int = 30) -> HeldOut:
    """Samples of four classes, each a scene; ``turned`` names each class as another one."""
    dice = np.random.default_rng(seed)
    grid = np.concatenate([rows(dice, (place + turned) % 4, count) for place in range(4)])
    names = [name for name in CLASSES for _ in range(count)]
    return HeldOut(grid, names, [f"{seed}.{number}" for number in range(len(names))])


def trial() -> Pair:
    """Knows two samples of each class."""
    dice = np.random.default_rng(1)
    statistics = empty(EMBEDDER.bundle, EMBEDDER.manifest.transform, WIDTH)
    for place, name in enumerate(CLASSES):
        statistics = learn(statistics, rows(dice, place, 2), [name] * 2)
    return Pair(EMBEDDER, [statistics], 0, LearningSettings())


def within(square: NDArray[np.float64], samples: float = 1.0) -> Within:
    return Within(lambda rows: square[rows, rows.start :], samples)


def others(
    means: NDArray[np.float64] = MEANS, classes: tuple[str, ...] = (*CLASSES, "e")
) -> Others:
    round_all = within(np.eye(WIDTH) * 700.0**2, 400.0)
    counts = np.full(len(classes), 200.0)
    return Others(classes, counts, MEANS[: len(classes)].astype(np.float32), lambda _: round_all)


def beside(pair: Pair, says: Others) -> SolvedTrial:
    return SolvedTrial(pair, says, pair.mixing(says))


def weighed(select: HeldOut, judge: HeldOut, *, foreign: bool = False) -> Weighed:
    return weigh(beside(trial(), others()), select, judge, RULES, lambda: False, foreign=foreign)


def test_what_helps_on_both_is_adopted_with_a_fitted_temperature() -> None:
    found = weighed(held_out(5), held_out(6))
    assert found.outcome is HeadOutcome.ADOPTED
    assert found.mix.own < 1
    assert found.counts.only_new > found.counts.only_old
    assert set(found.mix.temperatures) == {"average"}
    assert (found.foreign, found.foreign_counts, found.mix.foreign) == (0, None, False)


def test_what_was_chosen_and_does_harm_is_refused() -> None:
    chosen = weighed(held_out(5), held_out(6)).mix
    says = Others(CLASSES, np.full(4, 200.0), np.roll(MEANS[:4], 1, 0).astype(np.float32), _spread)
    both = beside(trial(), says)
    turned = weigh(both, held_out(5, turned=3), held_out(6), RULES, lambda: False, foreign=False)
    assert chosen.own < 1
    assert turned.outcome is HeadOutcome.HARM
    assert turned.counts.scenes_worse > turned.counts.scenes_better


def _spread(view: int) -> Within:
    assert view == 0
    return within(np.eye(WIDTH) * 700.0**2, 400.0)


def test_too_few_to_choose_by_or_to_judge_by_leave_the_own_head() -> None:
    few = held_out(5, count=7)
    assert weighed(few, held_out(6)).outcome is HeadOutcome.TOO_FEW
    assert weighed(held_out(5), held_out(6, count=1)).outcome is HeadOutcome.TOO_FEW


def test_samples_of_classes_that_the_device_does_not_know_do_not_count() -> None:
    plain, strange = held_out(5), held_out(6)
    unknown = HeldOut(strange.grid, ["unknown"] * len(strange.bursts), strange.bursts)
    assert weighed(plain, unknown).outcome is HeadOutcome.TOO_FEW


def test_wanted_classes_of_others_are_counted_with_their_cost() -> None:
    found = weighed(held_out(5), held_out(6), foreign=True)
    assert (found.outcome, found.foreign, found.mix.foreign) == (HeadOutcome.ADOPTED, 1, True)
    assert found.foreign_counts is not None
    assert found.foreign_counts.samples == found.counts.samples
    assert found.foreign_counts.only_new <= found.foreign_counts.only_old


def test_a_trial_can_be_stopped() -> None:
    with pytest.raises(Stopped):
        weigh(
            beside(trial(), others()),
            held_out(5),
            held_out(6),
            RULES,
            lambda: True,
            foreign=False,
        )


def test_the_own_mix_is_the_own_head_to_the_bit() -> None:
    plain, mixed = trial(), trial()
    mixed.blend(Blending(others(), Mix(1.0, 0.0)))
    assert Mix(1.0, 0.0) == OWN
    assert plain.head.classes == mixed.head.classes
    grid = held_out(5).grid
    assert np.allclose(plain.head.scores(grid), mixed.head.scores(grid), rtol=1e-4, atol=1e-3)


def test_a_mix_of_all_statistics_is_learning_on_all() -> None:
    dice = np.random.default_rng(8)
    everything = trial().statistics()
    for place, name in enumerate(CLASSES):
        everything = learn(everything, rows(dice, place, 40), [name] * 40)
    sums = everything.sums
    scaled = sums / np.sqrt(everything.counts)[:, None]
    square = (everything.scatter - scaled.T @ scaled) / everything.total
    means = (sums / everything.counts[:, None]).astype(np.float32)
    says = Others(
        everything.classes,
        everything.counts.astype(np.float64),
        means,
        lambda _: within(square, float(everything.total)),
    )
    mixed = trial()
    mixed.blend(Blending(says, Mix(0.0, 1.0)))
    joint = Pair(EMBEDDER, [everything], 0, LearningSettings())
    grid = held_out(5).grid
    assert np.allclose(joint.head.scores(grid), mixed.head.scores(grid), rtol=1e-3, atol=1e-2)


def test_weighing_takes_no_more_than_a_square_and_three_quarters() -> None:
    """A copy of what was learned and what is solved, each half of a square, and strips."""
    width = 10 * STRIP_ROWS
    dice = np.random.default_rng(4)
    lane = Still("view", slice(0, width), Accumulator(empty("b" * 64, Transform(), width)))
    lane.accumulator.learn(dice.integers(-90, 91, (60, width)).astype(np.int16), ["a", "b"] * 30)
    factor = dice.normal(0, 9, (12, width))
    their = Within(lambda rows: factor[:, rows].T @ factor[:, rows.start :], 12.0)
    says = Others(("a", "b"), np.full(2, 9.0), np.zeros((2, width), np.float32), lambda _: their)
    heads = {"average": ("discriminant", "ridge")}
    tracemalloc.start()
    try:
        copied = [still(lane)]
        for mix in (OWN, Mix(0.5, 0.75), Mix(0.0, 1.0)):
            Blend(says, mix, copied, heads, ("view",), 0.1, {})
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 1.75 * 8 * width**2


def test_a_covariance_that_no_samples_have_is_told() -> None:
    good = np.cov(np.random.default_rng(2).normal(size=(5, 40)))
    for square in (good, np.zeros((3, 3)), np.outer(np.arange(4.0), np.arange(4.0))):
        assert is_covariance(len(square), within(square))
    for square in (-good, good * np.nan, np.diag([1.0, -0.5, 1.0])):
        assert not is_covariance(len(square), within(square))
