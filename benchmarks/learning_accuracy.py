"""Accuracy of one pass, in several orders, beside a probe that sees everything at once.

What a head knows is a function of sums, and sums do not depend on order: class by class, at random,
and one class in a few images a batch give the same statistics to the bit, which is asserted, and so
the same head. Chance enters in two places only: where the head is as its cadence left it, which
depends on the order; and where held-out scenes choose the settings, which depends on the scenes.
Both are means of ``SEEDS`` draws with their standard error. Every figure has the sampling error of
the test set besides.
"""

import math
from collections.abc import Mapping, Sequence
from random import Random

import numpy as np
from numpy.typing import NDArray

from agent.learning import tuning
from agent.learning.heads.head import Head, predict
from agent.learning.roster import Part, Roster
from agent.learning.tuning import Bounds, HeldOut, Learned, Tuning
from benchmarks import our_heads
from benchmarks.clvision.measures import mean_and_error
from benchmarks.clvision.protocols import Item, make_plan, stretches
from benchmarks.learning_data import Features
from demonstration.bound import joint_accuracy
from fieldwise.bundle import Transform
from fieldwise.head import Accumulator, empty

SEEDS = 3
DEFAULT = our_heads.SETTINGS.heads.enabled[0].value  # what the agent serves before it has chosen
SCENE_IMAGES = 5  # neighbouring files that count as one scene where scenes are held out
SELECT_SHARE = 0.1  # the agent's own
VIEW = "main"


def figures(features: Features, transform: Transform) -> dict[str, float]:
    """All accuracies of a set, in per cent, by key."""
    found: dict[str, float] = {}
    accumulator = our_heads.accumulated(features.train, features.train_labels, transform)
    for name in our_heads.HEADS:
        found[f"accuracy.{name}"] = accuracy(our_heads.settled(name, accumulator).head, features)
    found["accuracy"] = found[f"accuracy.{DEFAULT}"]
    found["accuracy_sampling_error"] = sampling_error(found["accuracy"], len(features.test))
    found |= in_orders(features, transform, accumulator)
    found |= summary("accuracy_tuned", [_tuned(features, accumulator, s) for s in range(SEEDS)])
    return found


def in_orders(features: Features, transform: Transform, known: Accumulator) -> dict[str, float]:
    """The same samples class by class, at random, and a class and a few images at a time."""
    found: dict[str, float] = {}
    statistics = known.statistics()
    for name, orders in _orders(features).items():
        before, after = [], []
        for order in orders:
            accumulator, left, settled = streamed(features, transform, order)
            assert accumulator.statistics().same_as(statistics), "the order changed the statistics"
            before.append(left)
            after.append(settled)
        assert len(set(after)) == 1, "the order changed the head"
        key = "" if name == "class_by_class" else f".{name}"
        found[f"accuracy.{name}"] = after[0]
        found |= summary(f"accuracy_at_cadence{key}", before)
    found["orders_bit_identical"] = float(sum(map(len, _orders(features).values())))
    return found


def streamed(
    features: Features, transform: Transform, order: Sequence[int]
) -> tuple[Accumulator, float, float]:
    """Learn the training half sample by sample, in an order.

    Returns:
        What was learned; per cent right on the test half once as the cadence left the default head,
        and once with the head solved at the end.
    """
    accumulator = Accumulator(empty("0" * 64, transform, features.train.shape[1]))
    keepers = our_heads.HEADS[DEFAULT](accumulator)
    for place in order:
        row, label = features.train[place][None], [features.train_labels[place]]
        accumulator.learn(row, label)
        for keeper in keepers:
            keeper.learn(row, label)
    before = accuracy(keepers[-1].head, features)
    for keeper in keepers:
        keeper.settle()
    return accumulator, before, accuracy(keepers[-1].head, features)


def joint(features: Features, transform: Transform) -> float | None:
    """Per cent right of logistic regression on the same features, C by cross-validation."""
    unit = float(1 << transform.grid_bits)
    found = joint_accuracy(
        features.train / unit, features.train_labels, features.test / unit, features.test_labels
    )
    return None if found is None else 100 * found


def accuracy(head: Head, features: Features) -> float:
    """Per cent right on the test half."""
    return right_share(head, features.test, features.test_labels)


def right_share(head: Head, grid: NDArray[np.int16], labels: Sequence[str]) -> float:
    said = predict(head, grid)
    return 100 * sum(one == other for one, other in zip(said, labels, strict=True)) / len(said)


def sampling_error(per_cent: float, samples: int) -> float:
    """Standard error of an accuracy, as far as the drawing of the test set makes it."""
    share = per_cent / 100
    return 100 * math.sqrt(share * (1 - share) / samples)


def _orders(features: Features) -> Mapping[str, list[Sequence[int]]]:
    items = [
        Item(place, label, session)
        for place, (label, session) in enumerate(
            zip(features.train_labels, _scenes(features.train_labels), strict=True)
        )
    ]
    count = len(items)
    singles: list[Sequence[int]] = []
    for seed in range(SEEDS):
        plan = make_plan("nic", items, seed)
        batches = [row for batch in plan.batches for row in batch]
        singles.append([*batches, *plan.validation])
    return {
        "class_by_class": [range(count)],
        "random_order": [
            Random(seed).sample(range(count), count)  # noqa: S311 - an order, no secret
            for seed in range(SEEDS)
        ],
        "single_class_batches": singles,
    }


def _scenes(labels: Sequence[str]) -> list[int]:
    """Stretches of about ``SCENE_IMAGES`` neighbouring files within each class."""
    scenes: list[int] = []
    for name in dict.fromkeys(labels):
        count = labels.count(name)
        scenes += stretches(count, max(1, round(count / SCENE_IMAGES)))
    return scenes


def _tuned(features: Features, whole: Accumulator, seed: int) -> float:
    """Choose by held-out scenes of the training half, then learn all of it with what was chosen."""
    scenes = [
        f"{label} {scene}"
        for label, scene in zip(features.train_labels, _scenes(features.train_labels), strict=True)
    ]
    names = sorted(set(scenes))
    chance = Random(seed)  # noqa: S311 - draws scenes, no secret
    chosen = set(chance.sample(names, round(SELECT_SHARE * len(names))))
    held = [place for place, scene in enumerate(scenes) if scene in chosen]
    rest = [place for place, scene in enumerate(scenes) if scene not in chosen]
    labels = features.train_labels
    learned = our_heads.accumulated(
        features.train[rest], [labels[place] for place in rest], whole.transform
    )
    select = HeldOut(
        features.train[held], [labels[place] for place in held], [scenes[place] for place in held]
    )
    columns = slice(0, whole.width)
    bounds = Bounds(our_heads.SETTINGS.shrinkage, lambda _: 0.0, 1.0)
    found = tuning.tune(
        [Learned(VIEW, columns, learned.statistics())], select, bounds, lambda: False
    )
    return accuracy(_tuned_head(found, whole), features)


def _tuned_head(found: Tuning, whole: Accumulator) -> Head:
    part = Part(VIEW, slice(0, whole.width), whole.statistics())
    return Roster([part], (VIEW,), our_heads.SETTINGS, found).keepers[DEFAULT].head


def summary(key: str, values: Sequence[float]) -> dict[str, float]:
    """The mean under a key, and its standard error beside it."""
    mean, error = mean_and_error(values)
    return {key: mean} | ({} if error is None else {f"{key}.standard_error": error})
