from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from agent.learning import contending
from agent.learning.carrying import with_exact
from agent.learning.contending import FOLDS, USUAL, Chosen, Known, Start, choose
from agent.learning.settings import HeadName, HeadSettings, LearningSettings
from agent.learning.tuning import SAMPLES_MIN, SCENES_MIN, HeldOut
from fieldwise.bundle import Transform
from fieldwise.head import Statistics, empty, learn

WIDTH, CLASSES = 16, 5
SETTINGS = LearningSettings()
VIEW = "main"
Rows = NDArray[np.int16]
NOTHING = HeldOut(np.zeros((0, WIDTH), np.int16), [], [])


def samples(seed: int, each: int, *, shifted: float = 0.0) -> tuple[Rows, list[str]]:
    """Blobs; ``shifted`` moves every class's centre elsewhere, as a map that is wrong would."""
    centres = np.random.default_rng(1).normal(0, 0.2, (CLASSES, WIDTH))
    centres = np.roll(centres, 1, axis=0) * shifted + centres * (1 - shifted)
    chance = np.random.default_rng(seed)
    labels = np.repeat(np.arange(CLASSES), each)
    rows = centres[labels] + chance.normal(0, 0.12, (len(labels), WIDTH))
    names = [f"class {label}" for label in labels]
    return np.rint(np.clip(rows, -1, 1) * 4096).astype(np.int16), names


def of(rows: Rows, names: list[str]) -> Statistics:
    return learn(empty("a" * 64, Transform(), WIDTH), rows, names)


def known(exact: Statistics, carried: Statistics, pairs: int = 100) -> list[Known]:
    return [Known(VIEW, slice(0, WIDTH), exact, carried, pairs)]


def held(seed: int, each: int = 20, scene: int = 2) -> HeldOut:
    rows, names = samples(seed, each)
    return HeldOut(rows, names, [f"scene {place // scene}" for place in range(len(names))])


def chosen(
    exact: Statistics,
    carried: Statistics,
    select: HeldOut = NOTHING,
    exemplars: HeldOut = NOTHING,
    settings: LearningSettings = SETTINGS,
) -> Chosen:
    return choose(known(exact, carried), (VIEW,), settings, select, exemplars)


GOOD, WRONG = of(*samples(2, 60)), of(*samples(3, 60, shifted=1.0))


def test_held_out_samples_turn_away_what_a_wrong_map_carried() -> None:
    found = chosen(of(*samples(4, 12)), WRONG, held(5))
    assert found.start is Start.REFIT
    assert "held-out samples" in found.sentence


def test_held_out_samples_keep_what_was_carried_well() -> None:
    found = chosen(of(*samples(4, 1)), GOOD, held(5))
    assert found.start is not Start.REFIT


def test_without_held_out_samples_exemplars_turn_it_away_as_well() -> None:
    rows, names = samples(6, 12)
    exemplars = HeldOut(rows, names, [f"scene {place // 2}" for place in range(len(names))])
    found = chosen(of(rows, names), WRONG, NOTHING, exemplars)
    assert found.start is Start.REFIT
    assert "exemplars" in found.sentence


def test_held_out_samples_are_asked_before_exemplars() -> None:
    rows, names = samples(6, 12)
    exemplars = HeldOut(rows, names, [f"scene {place}" for place in range(len(names))])
    assert "held-out" in chosen(of(rows, names), GOOD, held(5), exemplars).sentence


@pytest.mark.parametrize(
    "select",
    [
        NOTHING,
        held(5, each=SAMPLES_MIN // CLASSES - 1),
        held(5, each=20, scene=100 // (SCENES_MIN - 1) + 1),
    ],
)
def test_too_few_samples_or_scenes_leave_what_is_usually_best_and_say_so(select: HeldOut) -> None:
    found = chosen(of(*samples(4, 12)), WRONG, select)
    assert found.start is USUAL
    assert "too few" in found.sentence


def test_samples_of_classes_that_nobody_knows_do_not_count() -> None:
    select = held(5)
    strange = replace(select, class_names=["never met"] * len(select.class_names))
    assert "too few" in chosen(of(*samples(4, 12)), WRONG, strange).sentence


def test_scenes_decide_and_not_how_many_images_they_have() -> None:
    """One scene that is repeated a hundred times must not decide alone."""
    rows, names = samples(4, 12)
    odd, _ = samples(7, 1, shifted=1.0)
    few, few_names = samples(8, 2)
    grid = np.concatenate([few, np.repeat(odd[:1], 100, axis=0)])
    scenes = [f"scene {place}" for place in range(len(few_names))] + ["one"] * 100
    select = HeldOut(grid, [*few_names, *["class 0"] * 100], scenes)
    assert chosen(of(rows, names), GOOD, select).start is USUAL


def test_a_candidate_that_cannot_be_solved_is_never_right() -> None:
    scatter = GOOD.scatter.copy()
    scatter[0, 1] = scatter[1, 0] = 2.0**40
    broken = replace(GOOD, scatter=scatter)
    assert chosen(of(*samples(4, 12)), broken, held(5)).start in {Start.REFIT, Start.MEANS}


@pytest.mark.parametrize("best", [start for start in Start if start is not USUAL])
def test_exemplars_turn_away_or_keep_but_choose_no_covariance(
    best: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples_asked = held(5)
    right = np.ones(len(samples_asked.bursts), bool)
    monkeypatch.setattr(
        contending._Asking, "right", lambda _, start: right if start is best else ~right
    )
    exact = of(*samples(4, 12))
    assert chosen(exact, GOOD, samples_asked).start is best
    by_exemplars = chosen(exact, GOOD, exemplars=samples_asked).start
    assert by_exemplars is (best if best is Start.REFIT else USUAL)


def test_a_mixed_covariance_counts_each_side_by_what_tells_it() -> None:
    exact = of(*samples(4, 12))
    spare = exact.total - CLASSES
    for pairs, share in ((spare, 1 / 2), (9 * spare, 9 / 10)):
        (one,) = known(exact, GOOD, pairs)
        wanted = with_exact(GOOD, exact, share)
        assert np.array_equal(one.beginning(Start.MIXED).scatter, wanted.scatter)
    (few,) = known(of(*samples(4, 1)), GOOD, CLASSES)  # nothing of the exemplars tells of it
    carried = few.beginning(Start.CARRIED)
    assert np.array_equal(few.beginning(Start.MIXED).scatter, carried.scatter)


def test_folds_leave_each_scene_out_as_a_whole_and_once() -> None:
    rows, names = samples(6, 6)
    exact = of(rows, names)
    (one,) = known(exact, GOOD)
    scenes = np.arange(len(names)) // 2 % FOLDS
    left = exact
    for fold in range(FOLDS):
        own = scenes == fold
        labels = [name for name, mine in zip(names, own, strict=True) if mine]
        assert one.less(rows[own], labels).exact.total == exact.total - int(own.sum())
        left = replace(one, exact=left).less(rows[own], labels).exact
    assert left.total == 0


def test_heads_that_sums_do_not_decide_do_not_choose() -> None:
    heads = HeadSettings(enabled=(HeadName.DECAYED, HeadName.GRADIENT))
    found = chosen(of(*samples(4, 12)), WRONG, held(5), settings=LearningSettings(heads=heads))
    assert found.start is Start.REFIT
