"""What one to five samples of a class are worth: every head beside the nearest mean.

``lowshot.SET.N.HEAD``: per cent right where *every* class has N samples. ``newcomer.SET.N.HEAD``:
per cent of the test images of the poor classes that are found where one class in five has N samples
and the others all of theirs; this is how a new class looks when it comes to a device that knows
many. Means of ``SEEDS`` draws, with standard errors; ``over_nearest_mean`` is the mean of the
differences draw by draw, whose error is smaller because both heads see the same samples.
"""

from collections.abc import Iterator, Sequence
from random import Random

from benchmarks import our_heads
from benchmarks.learning_accuracy import right_share, summary
from benchmarks.learning_data import Features
from fieldwise.bundle import Transform

SHOTS = (1, 2, 3, 4, 5)
SEEDS = 3
POOR_SHARE = 0.2
SIMPLEST = "nearest-mean"


def figures(features: Features, transform: Transform, name: str) -> dict[str, float]:
    """Both tables of a set, by key."""
    draws: dict[str, list[float]] = {}
    for shots in SHOTS:
        for seed in range(SEEDS):
            for (kind, head), value in _measured(features, transform, shots, seed):
                draws.setdefault(f"{kind}.{name}.{shots}.{head}", []).append(value)
    found: dict[str, float] = {}
    for key, values in draws.items():
        stem, _, head = key.rpartition(".")
        found |= summary(key, values)
        if head != SIMPLEST:
            base = draws[f"{stem}.{SIMPLEST}"]
            over = [one - other for one, other in zip(values, base, strict=True)]
            found |= summary(f"{key}.over_nearest_mean", over)
    return found


def _measured(
    features: Features, transform: Transform, shots: int, seed: int
) -> Iterator[tuple[tuple[str, str], float]]:
    chance = Random(1000 * shots + seed)  # noqa: S311 - draws samples, no secret
    classes = sorted(set(features.train_labels))
    poor = set(chance.sample(classes, round(POOR_SHARE * len(classes))))
    few = _drawn(features.train_labels, set(classes), shots, chance)
    mixed = _drawn(features.train_labels, poor, shots, chance)
    asked = [place for place, label in enumerate(features.test_labels) if label in poor]
    for kind, chosen in (("lowshot", few), ("newcomer", mixed)):
        rows = features.train[chosen]
        labels = [features.train_labels[place] for place in chosen]
        accumulator = our_heads.accumulated(rows, labels, transform)
        places = range(len(features.test)) if kind == "lowshot" else asked
        grid = features.test[list(places)]
        truth = [features.test_labels[place] for place in places]
        for head in our_heads.HEADS:
            keeper = our_heads.settled(head, accumulator)
            yield (kind, head), right_share(keeper.head, grid, truth)


def _drawn(labels: Sequence[str], poor: set[str], shots: int, chance: Random) -> list[int]:
    """All places of rich classes, and so many of each poor one."""
    places: dict[str, list[int]] = {}
    for place, label in enumerate(labels):
        places.setdefault(label, []).append(place)
    kept: list[int] = []
    for label, held in places.items():
        kept += chance.sample(held, min(shots, len(held))) if label in poor else held
    return sorted(kept)
