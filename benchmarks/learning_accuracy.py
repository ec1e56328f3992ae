"""Accuracy of one pass, class by class, beside a probe that sees everything at once."""

from agent.learning.discriminant import Discriminant
from agent.learning.settings import LearningSettings
from benchmarks.learning_data import Features
from demonstration.bound import joint_accuracy
from fieldwise.bundle import Transform
from fieldwise.head import Accumulator, empty

SETTINGS = LearningSettings()


def streamed(features: Features, transform: Transform) -> tuple[float, float]:
    """Learn the training half sample by sample; per cent right on the test half.

    Returns:
        Once as the cadence left the head, and once with the head solved at the end.
    """
    accumulator = Accumulator(empty("0" * 64, transform, features.train.shape[1]))
    discriminant = Discriminant(
        SETTINGS.shrinkage, SETTINGS.solve_growth, SETTINGS.solve_samples_min
    )
    for row, label in zip(features.train, features.train_labels, strict=True):
        accumulator.learn(row[None], [label])
        if discriminant.due(accumulator.total):
            discriminant.solve(accumulator)
        else:
            discriminant.follow(accumulator, label)
    before = _accuracy(discriminant, features)
    discriminant.solve(accumulator)
    return before, _accuracy(discriminant, features)


def joint(features: Features, transform: Transform) -> float | None:
    """Per cent right of logistic regression on the same features, C by cross-validation."""
    unit = float(1 << transform.grid_bits)
    found = joint_accuracy(
        features.train / unit, features.train_labels, features.test / unit, features.test_labels
    )
    return None if found is None else 100 * found


def _accuracy(discriminant: Discriminant, features: Features) -> float:
    said = discriminant.head.predict(features.test)
    right = sum(one == other for one, other in zip(said, features.test_labels, strict=True))
    return 100 * right / len(said)
