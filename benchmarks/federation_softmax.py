"""Flower's stock FedAvg on softmax heads, as a newcomer to Flower would set it up."""

from collections.abc import Iterator, Sequence

import numpy as np
from flwr.app import Array, ArrayRecord, MetricRecord, RecordDict
from flwr.serverapp.strategy import FedAvg
from numpy.typing import NDArray

from aggregator.flower.grid import SERVER, envelope, message_of
from benchmarks.federation_devices import Sight

EPOCHS, BATCH = 5, 32
# All are measured, and each seed's best on the test set counts: it is not held back.
RATES = (64.0, 256.0)
UNIT = 4096.0


def rounds(
    devices: Sequence[Sight], classes: int, number: int, rate: float, seed: int
) -> Iterator[NDArray[np.float32]]:
    """The global head float32[K+1,D+1] after each round; row 0 is of no class."""
    dice = np.random.default_rng(seed)
    width = devices[0].grid.shape[1]
    weights = np.zeros((classes + 1, width + 1), np.float32)
    strategy = FedAvg()
    for turn in range(1, number + 1):
        replies = []
        for alias, device in enumerate(devices, 2):
            trained = _trained(weights, device, rate, dice)
            content = RecordDict(
                {
                    "arrays": ArrayRecord({"head": Array(trained)}),
                    "metrics": MetricRecord({"num-examples": len(device.labels)}),
                }
            )
            replies.append(message_of(content, envelope(alias, SERVER, str(turn))))
        made, _ = strategy.aggregate_train(turn, replies)
        assert made is not None
        weights = made["head"].numpy()
        yield weights


def predicted(weights: NDArray[np.float32], grid: NDArray[np.int16]) -> NDArray[np.int64]:
    scores = grid.astype(np.float32) / UNIT @ weights[:, :-1].T + weights[:, -1]
    found: NDArray[np.int64] = 1 + scores[:, 1:].argmax(axis=1)
    return found


def _trained(
    start: NDArray[np.float32], device: Sight, rate: float, dice: np.random.Generator
) -> NDArray[np.float32]:
    weights = start.copy()
    rows = np.ones((len(device.labels), start.shape[1]), np.float32)
    rows[:, :-1] = device.grid / UNIT
    for _ in range(EPOCHS):
        order = dice.permutation(len(rows))
        for first in range(0, len(rows), BATCH):
            batch = order[first : first + BATCH]
            error = _softmax(rows[batch] @ weights.T)
            error[np.arange(len(batch)), device.labels[batch]] -= 1
            weights -= rate / len(batch) * error.T @ rows[batch]
    return weights


def _softmax(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    found = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: NDArray[np.float32] = found / found.sum(axis=1, keepdims=True)
    return shares
