"""Time of one learning step, and of an image from its bytes to learned, ours and in eager torch.

Processor time of one thread, so that other work on the machine counts little; the two sides in turn
on the same samples, the median of several rounds. An image goes the same way on both sides: decode
and fit, embed, score, learn, remember in the device's own SQLite store. Ours is the agent's own
code with everything that it does. The other side steps and predicts as published, but inverts the
covariance at our cadence, where the published program inverts it for every prediction.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from agent.device.database import Database
from agent.device.samples import DatabaseSamples
from agent.learning.embedder import OnnxEmbedder
from agent.learning.heads.keeper import Keeper
from agent.learning.learner import Learner
from agent.learning.pair import Pair
from agent.learning.samples import Counters, Group, Sample, Share
from agent.learning.settings import HoldoutSettings, LearningSettings
from benchmarks import learning_data, learning_published, our_heads
from benchmarks.learning_data import BACKBONE, SIZE
from fieldwise.bundle import Preprocessing
from fieldwise.head import Accumulator, Statistics, empty, learn
from fieldwise.images import encode_exemplar, load, to_input

CLASSES, WARM, STEPS, IMAGES, ROUNDS = 80, 2000, 512, 128, 5
SETTINGS = LearningSettings(holdout=HoldoutSettings(select_share=0, judge_share=0))


def figures(embedder: OnnxEmbedder, work: Path) -> dict[str, float]:
    """All times, and how many times faster ours are."""
    learning_published.one_thread()
    sets = learning_data.find(learning_data.data_folder())
    if sets:
        stride = max(1, len(sets[0].train) // IMAGES)
        contents = [path.read_bytes() for path, _ in sets[0].train[::stride]][:IMAGES]
    else:
        print("timing on drawn images instead of photographs")
        contents = drawn_images()
    found = step_milliseconds(embedder) | solve_milliseconds(embedder)
    found |= image_milliseconds(embedder, _in_int8(work), contents)
    found["step_times_faster"] = found["step_ms.published_slda_torch"] / found["step_ms.ours"]
    found["image_times_faster"] = found["image_ms.torch_eager"] / found["image_ms.ours"]
    return found


def drawn_grid(samples: int, width: int, seed: int) -> tuple[NDArray[np.int16], list[str]]:
    """Features as a Lite model has them: half zero, of unit length on a 12-bit grid."""
    chance = np.random.default_rng(seed)
    rows = np.sqrt(np.maximum(chance.standard_normal((samples, width)), 0))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    labels = [f"class {place % CLASSES}" for place in range(samples)]
    return np.rint(rows * 4096).astype(np.int16), labels


def step_milliseconds(embedder: OnnxEmbedder) -> dict[str, float]:
    """A learning step: ours amortised over its folds, with and without keeping the head."""
    width = embedder.manifest.feature_width
    grid, labels = drawn_grid(STEPS, width, 1)
    accumulator = Accumulator(_warm_statistics(embedder))
    published = learning_published.StreamingDiscriminant(width, CLASSES)
    tensors = [torch.from_numpy(row / np.float32(4096)).float() for row in grid]
    indices = [int(label.split()[1]) for label in labels]

    def ours() -> None:
        for row, label in zip(grid, labels, strict=True):
            accumulator.learn(row[None], [label])

    def with_head(name: str) -> Callable[[], None]:
        kept = Accumulator(_warm_statistics(embedder))
        keepers = our_heads.HEADS[name](kept)

        def run() -> None:
            for row, label in zip(grid, labels, strict=True):
                kept.learn(row[None], [label])
                for keeper in keepers:
                    keeper.learn(row[None], [label])

        return run

    def theirs() -> None:
        for feature, index in zip(tensors[:64], indices, strict=False):
            published.fit(feature, index)

    times = _rounds([ours, theirs, with_head("discriminant"), with_head("average")])
    return {
        "step_ms.ours": times[0] / STEPS,
        "step_ms.published_slda_torch": times[1] / 64,
        "step_ms.ours_with_head_kept": times[2] / STEPS,
        "step_ms.ours_with_average_kept": times[3] / STEPS,
    }


def solve_milliseconds(embedder: OnnxEmbedder) -> dict[str, float]:
    """Making a head exactly that of its sums: the discriminant, and what the others add to it."""
    accumulator = Accumulator(_warm_statistics(embedder))
    kept = our_heads.HEADS["average"](accumulator)
    sides: list[Callable[[], None]] = [kept[0].settle, _settling(kept)]
    times = _rounds(sides)
    return {"solve_ms": times[0], "solve_ms.with_average": times[1]}


def _settling(keepers: Sequence[Keeper]) -> Callable[[], None]:
    def run() -> None:
        for keeper in keepers:
            keeper.settle()

    return run


def _in_int8(work: Path) -> OnnxEmbedder:
    bundle = learning_data.int8_bundle(work)
    return learning_data.open_bundle(bundle, work / "parts-int8", variant="int8")


def image_milliseconds(
    embedder: OnnxEmbedder, small: OnnxEmbedder, contents: Sequence[bytes]
) -> dict[str, float]:
    """An image from its bytes to learned and remembered."""
    labels = [f"class {place % CLASSES}" for place in range(len(contents))]
    with TemporaryDirectory() as folder:
        ours = _our_path(embedder, contents, labels, Path(folder) / "ours.sqlite")
        theirs = _torch_path(embedder, contents, labels, Path(folder) / "theirs.sqlite")
        ours_int8 = _our_path(small, contents, labels, Path(folder) / "int8.sqlite")
        times = _rounds([ours, theirs, ours_int8])
    return {
        "image_ms.ours": times[0] / len(contents),
        "image_ms.torch_eager": times[1] / len(contents),
        "image_ms.ours_int8": times[2] / len(contents),
    }


def drawn_images() -> list[bytes]:
    """JPEG photographs of noise at 224 px, for machines without the image sets."""
    chance = np.random.default_rng(4)
    found = []
    for _ in range(IMAGES):
        coarse = chance.integers(0, 256, (28, 28, 3), dtype=np.uint8)
        target = BytesIO()
        Image.fromarray(coarse).resize((224, 224), Image.Resampling.BICUBIC).save(target, "JPEG")
        found.append(target.getvalue())
    return found


def _our_path(
    embedder: OnnxEmbedder, contents: Sequence[bytes], labels: list[str], file: Path
) -> Callable[[], None]:
    learner = Learner(
        Pair(embedder, [_warm_statistics(embedder)], 0, SETTINGS),
        DatabaseSamples(Database(file)),
        SETTINGS,
        Random(1),  # noqa: S311  # chooses images, no secret
    )
    taught = iter(range(1 << 30))

    def run() -> None:
        for content, label in zip(contents, labels, strict=True):
            number = next(taught)
            learner.teach(f"s{number}", content, label, "", 10.0 * number)
        learner.flush()

    return run


def _torch_path(
    embedder: OnnxEmbedder, contents: Sequence[bytes], labels: list[str], file: Path
) -> Callable[[], None]:
    network = learning_published.backbone(BACKBONE, SIZE)
    head = learning_published.StreamingDiscriminant(embedder.manifest.feature_width, CLASSES)
    store = DatabaseSamples(Database(file))
    preprocessing = embedder.manifest.views[0].input
    assert isinstance(preprocessing, Preprocessing)
    taught = iter(range(1, 1 << 30))
    head.total = solved = WARM

    def run() -> None:
        nonlocal solved
        waiting: list[Sample] = []
        for content, label in zip(contents, labels, strict=True):
            pixels = to_input(load(content, preprocessing)[None], preprocessing)
            feature = network(torch.from_numpy(pixels))[0]
            head.scores(feature).argmax().item()
            head.fit(feature, int(label.split()[1]))
            if head.total >= (1 + SETTINGS.solve_growth) * solved:
                head.solve()
                solved = head.total
            number = next(taught)
            grid = (feature.numpy() * 100).astype(np.int16)
            waiting.append(
                Sample(
                    f"s{number}",
                    number,
                    0.0,
                    label,
                    "b",
                    Share.LEARN,
                    embedder.bundle,
                    grid,
                    encode_exemplar(content),
                )
            )
            if len(waiting) == SETTINGS.group_samples:
                store.commit(Group(tuple(waiting), (), Counters()))
                waiting.clear()

    return run


def _warm_statistics(embedder: OnnxEmbedder) -> Statistics:
    transform, width = embedder.manifest.transform, embedder.manifest.feature_width
    return learn(empty(embedder.bundle, transform, width), *drawn_grid(WARM, width, 2))


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
