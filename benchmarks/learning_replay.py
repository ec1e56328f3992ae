"""Replay with review beside the default head, at equal bytes and at other multiples of them.

The stream is the training half class by class in ten experiences, classes in an order drawn from
the seed, samples of a class as the files lie. The default head is settled at its end, the gradient
head reviewed; both are then asked for the test half. *Bytes* are what is written to disk to resume:
the encoded statistics of the default head on one side, weights, memory and what waits on the other.

The settings of the gradient head are the product's defaults. They were chosen on the training
halves alone: a quarter of every class, a contiguous run of its files, was held out of the stream.
"""

import time
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from agent.learning.heads.gradient import GradientKeeper
from agent.learning.heads.head import Head, predict
from agent.learning.settings import GradientSettings
from benchmarks import learning_accuracy, our_heads
from benchmarks.learning_data import Features
from fieldwise.bundle import Transform
from fieldwise.head import Accumulator, empty
from fieldwise.head_file import encode

SEEDS = (0, 1, 2)
EXPERIENCES = 10
MULTIPLES = {"quarter_of_bytes": 0.25, "equal_bytes": 1.0, "100_times_bytes": 100.0}


@dataclass(frozen=True, slots=True)
class _Run:
    accuracy: float
    size: int
    rows: int
    milliseconds: float


def replay(features: Features, transform: Transform, name: str) -> dict[str, float]:
    """Per cent right of both methods on a set, with standard errors over the seeds."""
    default = [_default(features, transform, seed) for seed in SEEDS]
    found = _summary(f"replay.{name}.default", default)
    for label, multiple in MULTIPLES.items():
        budget = int(multiple * default[0].size)
        runs = [_gradient(features, transform, seed, budget) for seed in SEEDS]
        found |= _summary(f"replay.{name}.{label}", runs)
        found[f"replay.{name}.{label}.rows"] = runs[0].rows
    return found


def experiences(labels: list[str], seed: int) -> list[NDArray[np.int64]]:
    """Places of the samples of each experience: its classes one after the other."""
    names = np.random.default_rng(seed).permutation(sorted(set(labels)))
    given = np.array(labels)
    return [
        np.concatenate([np.flatnonzero(given == name) for name in part])
        for part in np.array_split(names, EXPERIENCES)
    ]


def _default(features: Features, transform: Transform, seed: int) -> _Run:
    accumulator = Accumulator(empty("0" * 64, transform, features.train.shape[1]))
    keepers = our_heads.HEADS[learning_accuracy.DEFAULT](accumulator)
    started = time.process_time()
    for part in experiences(features.train_labels, seed):
        for place in part:
            row, label = features.train[place][None], [features.train_labels[place]]
            accumulator.learn(row, label)
            for keeper in keepers:
                keeper.learn(row, label)
    for keeper in keepers:
        keeper.settle()
    return _run(keepers[-1].head, features, len(encode(accumulator.statistics())), 0, started)


def _gradient(features: Features, transform: Transform, seed: int, budget: int) -> _Run:
    width, unit = features.train.shape[1], float(1 << transform.grid_bits)
    settings = msgspec.structs.replace(GradientSettings(), seed=seed)
    held = settings.batch_samples * width * 2  # what may wait
    weights = len(set(features.train_labels)) * (width + 1) * 4
    room = max(0, budget - weights - held)
    keeper = GradientKeeper(width, unit, msgspec.structs.replace(settings, memory_bytes_max=room))
    started = time.process_time()
    for part in experiences(features.train_labels, seed):
        for place in part:
            keeper.learn(features.train[place][None], [features.train_labels[place]])
    keeper.settle()
    return _run(keeper.head, features, len(keeper.content()), keeper.remembered, started)


def _run(head: Head, features: Features, size: int, rows: int, started: float) -> _Run:
    milliseconds = 1000 * (time.process_time() - started) / len(features.train)
    said = np.array(predict(head, features.test))
    accuracy = 100 * float(np.mean(said == np.array(features.test_labels)))
    return _Run(accuracy, size, rows, milliseconds)


def _summary(key: str, runs: list[_Run]) -> dict[str, float]:
    accuracies = np.array([run.accuracy for run in runs])
    return {
        f"{key}.accuracy": float(accuracies.mean()),
        f"{key}.standard_error": float(accuracies.std(ddof=1) / np.sqrt(len(runs))),
        f"{key}.megabytes": runs[0].size / 1e6,
        f"{key}.ms_a_sample": float(np.mean([run.milliseconds for run in runs])),
    }
