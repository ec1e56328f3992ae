import numpy as np
import pytest
from numpy.typing import NDArray

from agent.learning.heads.decayed import FOLD_ROWS, DecayedDiscriminant
from agent.learning.heads.discriminant import Cadence, Discriminant, rows_of
from agent.learning.heads.head import predict
from agent.learning.heads.solving import Means, solve
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.symmetric import SymmetricSum
from tests.fakes.worlds import NO_ROWS, accuracy, blobs, gathered

CADENCE = Cadence(0.2, 64)
WIDTH = 8


def keeper(half_life: float, width: int = WIDTH) -> DecayedDiscriminant:
    return DecayedDiscriminant(width, 4096.0, half_life, 0.3, CADENCE)


def shuffled(classes: int, each: int, seed: int = 1) -> tuple[NDArray[np.int16], list[str]]:
    grid, labels = blobs(classes, each, WIDTH, seed=seed)
    order = np.random.default_rng(seed).permutation(len(grid))
    return grid[order], [labels[place] for place in order]


@pytest.mark.parametrize("samples", [5, FOLD_ROWS, 3 * FOLD_ROWS + 7])
def test_its_sums_are_those_of_the_definition(samples: int) -> None:
    grid, labels = shuffled(3, 100)
    grid, labels = grid[:samples], labels[:samples]
    found = keeper(30.0)
    found.learn(grid, labels)
    found.settle()
    weights = 0.5 ** (np.arange(samples - 1, -1, -1) / 30.0)
    names = tuple(dict.fromkeys(labels))
    own = np.array([[label == name for label in labels] for name in names]) * weights
    rows = grid.astype(float)
    means = Means(names, own.sum(axis=1), own @ rows, 4096.0, weights.sum())
    scatter = SymmetricSum(rows.T @ (rows * weights[:, None]))
    wanted, offsets = rows_of(means, solve(scatter, means, 0.3))
    assert found.total == pytest.approx(weights.sum())
    assert found.head.classes == names
    assert found.head.weights == pytest.approx(wanted, rel=1e-3, abs=1e-3)
    assert found.head.offsets == pytest.approx(offsets, rel=1e-3, abs=1e-2)


def test_with_an_endless_half_life_it_is_the_discriminant() -> None:
    grid, labels = shuffled(4, 40)
    found = keeper(1e12)
    found.learn(grid, labels)
    found.settle()
    exact = Discriminant(gathered(grid, labels), 0.3, CADENCE).head
    queries, _ = blobs(4, 20, WIDTH, seed=7)
    assert predict(found.head, queries) == predict(exact, queries)


def test_in_a_world_that_drifts_it_beats_what_lets_nothing_fade() -> None:
    """Halfway through, the classes trade places."""
    grid, labels = shuffled(4, 150)
    later = [f"class {(int(label[-1]) + 1) % 4}" for label in labels]
    fading, accumulator = keeper(100.0), gathered(grid[:0], [])
    exact = Discriminant(accumulator, 0.3, CADENCE)
    for names in (labels, later):
        fading.learn(grid, names)
        accumulator.learn(grid, names)
    exact.settle()
    queries, before = shuffled(4, 30, seed=9)
    now = [f"class {(int(label[-1]) + 1) % 4}" for label in before]
    assert accuracy(predict(fading.head, queries), now) > 0.8
    assert accuracy(predict(exact.head, queries), now) < 0.6


def test_a_new_class_is_known_at_once_and_a_faded_one_is_gone() -> None:
    grid, labels = shuffled(2, 20)
    found = keeper(10.0)
    found.learn(grid, labels)
    found.learn(-grid[:1], ["new"])
    assert "new" in found.head.classes
    for _ in range(20):
        found.learn(grid[:10], ["class 0"] * 10)
    found.settle()
    assert found.head.classes == ("class 0",)


@pytest.mark.parametrize("cut", [0, 1, 70, 150])
def test_restored_it_learns_on_to_the_same_bits(cut: int) -> None:
    grid, labels = shuffled(3, 60)
    whole, first, again = keeper(50.0), keeper(50.0), keeper(50.0)
    whole.learn(grid[:cut], labels[:cut])
    whole.content()
    first.learn(grid[:cut], labels[:cut])
    again.restore(first.content())
    for each in (whole, again):
        for place in range(cut, len(grid)):
            each.learn(grid[place : place + 1], [labels[place]])
        each.settle()
    assert again.head.classes == whole.head.classes
    assert np.array_equal(again.head.weights, whole.head.weights)
    assert again.content() == whole.content()


def test_what_is_taken_back_leaves_no_trace() -> None:
    grid, labels = shuffled(3, 10)
    untouched = keeper(50.0).content()
    for forget in ("unlearn", "drop_class"):
        found = keeper(50.0)
        found.learn(grid, labels)
        if forget == "unlearn":
            found.unlearn(grid[:1], labels[:1])
        else:
            found.drop_class("class 1")
        assert found.content() == untouched
        assert predict(found.head, grid[:1]) == [""]
        found.learn(NO_ROWS.reshape(0, WIDTH), [])


def test_rubbish_is_refused_and_changes_nothing() -> None:
    grid, labels = shuffled(3, 10)
    found = keeper(50.0)
    found.learn(grid, labels)
    before = found.content()
    nan = before.replace(found.content()[-200:-192], np.float64("nan").tobytes())
    for content in (b"", b"rubbish", before[:-9], keeper(50.0, 9).content(), nan):
        with pytest.raises(FieldwiseError) as caught:
            found.restore(content)
        assert caught.value.fault is Fault.STATE_DAMAGED
    assert found.content() == before
