import numpy as np
import pytest
from numpy.typing import NDArray

from demonstration.bound import joint_accuracy, row_space


def cloud(seed: int, distance: float) -> tuple[NDArray[np.float64], list[str]]:
    """Twelve points of each of three classes around means a distance apart, 40 dimensions."""
    chance = np.random.default_rng(seed)
    labels = np.repeat(np.arange(3), 12)
    points = chance.normal(size=(36, 40)) + distance * np.eye(40)[labels]
    return points / np.linalg.norm(points, axis=1, keepdims=True), [str(each) for each in labels]


def test_classes_far_apart_are_told_apart() -> None:
    assert joint_accuracy(*cloud(0, distance=30), *cloud(1, distance=30)) == 1.0


def test_classes_in_one_place_are_guessed() -> None:
    found = joint_accuracy(*cloud(0, distance=0), *cloud(1, distance=0))
    assert found is not None
    assert found < 0.7


@pytest.mark.parametrize("counts", [[12], [12, 2]])
def test_too_little_to_cross_validate_has_no_bound(counts: list[int]) -> None:
    points, _ = cloud(0, distance=1)
    labels = [str(label) for label, count in enumerate(counts) for _ in range(count)]
    assert joint_accuracy(points[: len(labels)], labels, points, ["0"] * 36) is None


def test_the_smaller_problem_keeps_every_product_of_two_samples() -> None:
    points, _ = cloud(0, distance=1)
    reduced = points @ row_space(points)
    assert reduced.shape == (36, 36)
    assert np.allclose(reduced @ reduced.T, points @ points.T)
