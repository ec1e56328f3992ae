import numpy as np
import pytest

from aggregator import spread
from aggregator.work import Contribution
from fieldwise.federation import HeadSpace, Row

SPACE = HeadSpace("a" * 64, "b" * 64, (3, 2))
WHOLE = HeadSpace("a" * 64, "b" * 64, (5,))


def covariance() -> np.ndarray:
    root = np.random.default_rng(1).normal(size=(5, 5))
    return root @ root.T * 100


def seen(
    dice: np.random.Generator, devices: int, classes: int, count: int = 40
) -> list[Contribution]:
    """Devices with means of so many samples from classes with one covariance."""
    centres = dice.normal(0, 500, (classes, 5))
    root = np.linalg.cholesky(covariance())
    return [
        Contribution(
            alias,
            {
                each: Row(
                    each,
                    count,
                    (centres[each] + root @ dice.normal(size=5) / count**0.5).astype(np.float32),
                )
                for each in range(classes)
            },
        )
        for alias in range(devices)
    ]


def centres_of(contributions: list[Contribution]) -> dict[int, np.ndarray]:
    """What a robust strategy would make of them."""
    ids = contributions[0].rows
    return {
        each: np.median([found.rows[each].values for found in contributions], axis=0)
        for each in ids
    }


def estimate(contributions: list[Contribution]) -> list[np.ndarray]:
    made = spread.factors(contributions, centres_of(contributions), SPACE)
    return [each.T.astype(np.float64) @ each for each in made]


def test_the_spread_of_means_comes_to_the_covariance_within_classes() -> None:
    found = estimate(seen(np.random.default_rng(2), devices=40, classes=60))
    for each, truth in zip(found, (covariance()[:3, :3], covariance()[3:, 3:]), strict=True):
        assert np.linalg.norm(each - truth) < 0.15 * np.linalg.norm(truth)


def test_it_is_the_formula_of_the_paper_where_every_class_weighs_the_same() -> None:
    contributions = seen(np.random.default_rng(4), devices=3, classes=2)
    by_hand = np.zeros((5, 5))
    for class_id in range(2):
        means = np.stack([each.rows[class_id].values for each in contributions]).astype(float)
        apart = means - means.mean(axis=0)
        by_hand += 40 * apart.T @ apart / 2 / 2
    found = estimate(contributions)
    assert found[0] == pytest.approx(by_hand[:3, :3], rel=1e-4, abs=1e-2)
    assert found[1] == pytest.approx(by_hand[3:, 3:], rel=1e-4, abs=1e-2)


def test_a_factor_has_no_more_rows_than_it_needs() -> None:
    for devices, classes, rows in ((2, 1, 1), (2, 2, 2), (3, 1, 2), (5, 7, 5)):
        found = seen(np.random.default_rng(4), devices, classes)
        (made,) = spread.factors(found, centres_of(found), WHOLE)
        assert made.shape == (rows, 5)


def test_no_row_of_a_factor_tells_how_far_a_device_is_from_the_others() -> None:
    contributions = seen(np.random.default_rng(8), devices=2, classes=2)
    (made,) = spread.factors(contributions, centres_of(contributions), WHOLE)
    for class_id in range(2):
        means = np.stack([each.rows[class_id].values for each in contributions])
        apart = means[0] - means.mean(axis=0)
        along = made @ apart / np.linalg.norm(made, axis=1) / np.linalg.norm(apart)
        assert (np.abs(along) < 0.999).all()


def test_folding_many_means_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    contributions = seen(np.random.default_rng(5), devices=6, classes=20)
    at_once = estimate(contributions)
    monkeypatch.setattr(spread, "FOLD_ROWS", 7)
    for one, other in zip(estimate(contributions), at_once, strict=True):
        assert one == pytest.approx(other, rel=1e-5)


def test_classes_of_one_device_say_nothing() -> None:
    alone = [Contribution(1, {0: Row(0, 20, np.ones(5, np.float32))})]
    assert spread.factors(alone, {0: np.ones(5, np.float32)}, SPACE) == ()
    apart = [*alone, Contribution(2, {1: Row(1, 20, np.ones(5, np.float32))})]
    assert spread.factors(apart, {each: np.ones(5, np.float32) for each in (0, 1)}, SPACE) == ()
    assert spread.factors([], {}, SPACE) == ()


def test_classes_that_were_held_back_are_left_aside() -> None:
    contributions = seen(np.random.default_rng(6), devices=3, classes=2)
    centres = centres_of(contributions)
    del centres[1]
    assert len(spread.factors(contributions, centres, SPACE)[0]) == 2


def test_equal_means_have_no_spread_and_do_no_harm() -> None:
    same = [Contribution(each, {0: Row(0, 20, np.ones(5, np.float32))}) for each in range(9)]
    found = spread.factors(same, {0: np.ones(5, np.float32)}, SPACE)
    assert all(np.abs(each).max() < 1e-6 for each in found)


def test_a_hostile_mean_does_not_widen_the_estimate() -> None:
    contributions = seen(np.random.default_rng(7), devices=8, classes=10)
    honest = estimate(contributions)
    far = {each: Row(each, 400, np.full(5, 5000, np.float32)) for each in range(10)}
    hostile = spread.factors(
        [*contributions, Contribution(99, far)], centres_of(contributions), SPACE
    )
    for one, other in zip(hostile, honest, strict=True):
        assert np.trace(one.T @ one) == pytest.approx(np.trace(other), rel=1e-3)
