"""Time of one learning step and of a solve, ours and the published recursion in eager torch.

Processor time of one thread, so that other work on the machine counts little; the two sides in turn
on the same samples, the median of several rounds. The published program steps and inverts its
covariance for every prediction; a step here leaves that out on both sides, which favours it. The
whole way of an image is measured in ``benchmarks.learning_image``.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from agent.learning.embedder import OnnxEmbedder
from agent.learning.heads.keeper import Keeper
from benchmarks import learning_image, learning_published, our_heads
from benchmarks.drawn_features import CLASSES, drawn_grid, warm_statistics
from fieldwise.head import Accumulator

STEPS, ROUNDS = 512, 5
PUBLISHED_STEPS = 64  # it is slow


def figures(embedder: OnnxEmbedder, work: Path) -> dict[str, float]:
    """All times, and how many times faster ours are."""
    learning_published.one_thread()
    found = step_milliseconds(embedder) | solve_milliseconds(embedder)
    found["step_times_faster"] = found["step_ms.published_slda_torch"] / found["step_ms.ours"]
    return found | learning_image.figures(embedder, work)


def step_milliseconds(embedder: OnnxEmbedder) -> dict[str, float]:
    """A learning step: ours amortised over its folds, with and without keeping the head."""
    width = embedder.manifest.feature_width
    grid, labels = drawn_grid(STEPS, width, 1)
    accumulator = Accumulator(warm_statistics(embedder))
    published = learning_published.StreamingDiscriminant(width, CLASSES)
    tensors = [torch.from_numpy(row / np.float32(4096)).float() for row in grid]
    indices = [int(label.split()[1]) for label in labels]

    def ours() -> None:
        for row, label in zip(grid, labels, strict=True):
            accumulator.learn(row[None], [label])

    def with_head(name: str) -> Callable[[], None]:
        kept = Accumulator(warm_statistics(embedder))
        keepers = our_heads.HEADS[name](kept)

        def run() -> None:
            for row, label in zip(grid, labels, strict=True):
                kept.learn(row[None], [label])
                for keeper in keepers:
                    keeper.learn(row[None], [label])

        return run

    def theirs() -> None:
        for feature, index in zip(tensors[:PUBLISHED_STEPS], indices, strict=False):
            published.fit(feature, index)

    times = _rounds([ours, theirs, with_head("discriminant"), with_head("average")])
    return {
        "step_ms.ours": times[0] / STEPS,
        "step_ms.published_slda_torch": times[1] / PUBLISHED_STEPS,
        "step_ms.ours_with_head_kept": times[2] / STEPS,
        "step_ms.ours_with_average_kept": times[3] / STEPS,
    }


def solve_milliseconds(embedder: OnnxEmbedder) -> dict[str, float]:
    """Making a head exactly that of its sums: the discriminant, and what the others add to it."""
    accumulator = Accumulator(warm_statistics(embedder))
    kept = our_heads.HEADS["average"](accumulator)
    sides: list[Callable[[], None]] = [kept[0].settle, _settling(kept)]
    times = _rounds(sides)
    return {"solve_ms": times[0], "solve_ms.with_average": times[1]}


def _settling(keepers: Sequence[Keeper]) -> Callable[[], None]:
    def run() -> None:
        for keeper in keepers:
            keeper.settle()

    return run


def _rounds(sides: list[Callable[[], None]]) -> list[float]:
    """Median milliseconds of each side, in turn, after one round that does not count."""
    times: list[list[float]] = [[] for _ in sides]
    for turn in range(ROUNDS + 1):
        for place, side in enumerate(sides):
            begun = time.process_time()
            side()
            if turn:
                times[place].append(1000 * (time.process_time() - begun))
    return [statistics.median(each) for each in times]
