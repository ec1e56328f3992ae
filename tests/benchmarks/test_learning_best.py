import numpy as np
import pytest

from benchmarks import learning_best as best
from benchmarks.learning_best import Half, Setting

CLASSES = ("apple", "pear", "plum")
LABELS = np.repeat(np.array(CLASSES), 30)


def half(noise: float, seed: int, view: str = "a") -> Half:
    """Rows around a mean of their class; more noise is a worse view."""
    means = np.random.default_rng(0).standard_normal((3, 24))
    rows = np.repeat(means, 30, axis=0)
    rows = rows + noise * np.random.default_rng(seed).standard_normal(rows.shape)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return Half({view: np.rint(rows * 4096).astype(np.int16)}, LABELS)


def both(one: Half, other: Half) -> Half:
    return Half({**one.grids, **other.grids}, LABELS)


def test_a_run_of_photographs_is_in_one_fold_and_every_fold_has_every_class() -> None:
    folds = best._folds(LABELS)
    for name in CLASSES:
        own = folds[name == LABELS]
        assert sorted(set(own.tolist())) == [0, 1, 2]
        assert (np.diff(own) != 0).sum() == 2, "consecutive photographs stay together"


def test_the_better_view_is_chosen_and_only_among_those_that_fit() -> None:
    train = both(half(0.2, 1, "good"), half(4.0, 2, "bad"))
    test = both(half(0.2, 3, "good"), half(4.0, 4, "bad"))
    times = {("fp32", ("good",)): 5.0, ("fp32", ("bad",)): 2.0}
    setting, expected = best._chosen({"fp32": (train, test)}, times)
    assert setting.views == ("good",)
    assert expected > 90
    assert best._accuracy(setting, train, test, {}) > 90
    slow, _ = best._chosen({"fp32": (train, test)}, {("fp32", ("bad",)): 2.0})
    assert slow.views == ("bad",)


def test_where_nothing_is_better_the_defaults_stay_and_the_fastest_serves() -> None:
    train = both(half(0.01, 1, "a"), half(0.01, 2, "b"))
    times = {("fp32", ("a",)): 5.0, ("fp32", ("b",)): 2.0}
    setting, expected = best._chosen({"fp32": (train, train)}, times)
    assert setting == Setting("fp32", ("b",), best.DEFAULT_MEMBERS, 1.0)
    assert expected == 100


@pytest.mark.parametrize(("gained", "changes"), [(30, True), (1, False)])
def test_a_default_gives_way_only_to_more_than_its_noise(gained: int, changes: bool) -> None:
    default, other = (
        Setting("fp32", ("a",), best.DEFAULT_MEMBERS, factor) for factor in (1.0, 3.0)
    )
    right = {default: np.zeros(90, bool), other: np.zeros(90, bool)}
    right[other][np.arange(gained) * 3] = True
    right[default][1] = True
    chosen = best._ahead(default, [other], right, np.repeat(np.arange(30), 3))
    assert chosen == (other if changes else default)
