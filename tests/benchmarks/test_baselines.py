from collections.abc import Callable

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.baselines import (
    WINNERS_NIC,
    Baseline,
    Joint,
    Naive,
    PublishedDiscriminant,
    Replay,
)
from fieldwise.bundle import Transform
from fieldwise.features import to_grid

WIDTH, UNIT = 24, 4096.0
QUICK = msgspec.structs.replace(
    WINNERS_NIC, learning_rate=0.05, replay_epochs=8, memory_bytes_max=100_000
)


def batches(seed: int, each: int = 40) -> list[tuple[NDArray[np.int16], list[str]]]:
    """Four classes, one in a batch."""
    chance, fixed = np.random.default_rng(seed), np.random.default_rng(5)
    found = []
    for name in "abcd":
        rows = fixed.standard_normal(WIDTH) + 0.8 * chance.standard_normal((each, WIDTH))
        found.append((to_grid(rows.astype(np.float32), Transform(power=1)), [name] * each))
    return found


def accuracy(baseline: Baseline) -> float:
    right = [
        said == wanted
        for grid, labels in batches(2)
        for said, wanted in zip(baseline.predict(grid), labels, strict=True)
    ]
    return float(np.mean(right))


def taught(baseline: Baseline) -> Baseline:
    for grid, labels in batches(1):
        baseline.fit_batch(grid, labels)
    baseline.finish()
    return baseline


@pytest.mark.parametrize(
    "made",
    [
        lambda: Replay(WIDTH, UNIT, QUICK),
        lambda: PublishedDiscriminant(WIDTH, UNIT),
        lambda: Joint(WIDTH, UNIT),
    ],
)
def test_every_method_but_the_naive_one_knows_all_classes_at_the_end(
    made: Callable[[], Baseline],
) -> None:
    baseline = taught(made())
    assert accuracy(baseline) > 0.9
    assert baseline.bytes_held() > 4 * WIDTH * 4


def test_naive_fine_tuning_forgets_and_holds_nothing_but_its_head() -> None:
    baseline = taught(Naive(WIDTH, UNIT, QUICK))
    assert accuracy(baseline) < accuracy(taught(Replay(WIDTH, UNIT, QUICK))) - 0.1
    assert baseline.bytes_held() == 4 * (WIDTH + 1) * 4


def test_every_method_answers_between_batches() -> None:
    grid, labels = batches(1)[0]
    for baseline in (
        Naive(WIDTH, UNIT, QUICK),
        Replay(WIDTH, UNIT, QUICK),
        PublishedDiscriminant(WIDTH, UNIT),
        Joint(WIDTH, UNIT),
    ):
        baseline.fit_batch(grid, labels)
        assert set(baseline.predict(grid)) == {"a"}
