"""Time of an image from its bytes to learned and remembered, by stage, ours and in eager torch.

Both sides do the same: decode and fit, embed, score, learn, and remember in the device's own SQLite
store, the features and the image, in groups. Ours is the agent's own code with everything that it
does besides: four heads are asked and kept in step, the sample is placed by its scene, tested
before it is learned, and watched by the drift detectors. The other side is the same network in
eager torch with the published recursion, which scores with the inverse covariance and the means as
they are.

Solves are kept out of the rounds and added by the agent's cadence: after ``WARM`` samples there is
one in so many images, on either side. That is in the other side's favour. The published program
inverts before every prediction that follows a step, which here is every image.

A stopwatch is in exactly one stage at any time, so that stages add up to the whole.
"""

import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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
from agent.learning.embedder import Fitted, Names, OnnxEmbedder, View
from agent.learning.forgetting import Selection
from agent.learning.learner import Learner
from agent.learning.pair import Pair
from agent.learning.samples import Counters, Group, Sample, Share
from agent.learning.settings import HoldoutSettings, LearningSettings
from benchmarks import learning_data, learning_published
from benchmarks.drawn_features import CLASSES, WARM, warm_statistics
from benchmarks.learning_data import BACKBONE, SIZE
from fieldwise.bundle import Manifest, Preprocessing
from fieldwise.images import encode_exemplar, load, to_input
from fieldwise.inputs import Input

IMAGES, ALONE_IMAGES, ROUNDS = 256, 64, 5
NO_SOLVE = 10.0  # growth that no round comes to
SETTINGS = LearningSettings(
    holdout=HoldoutSettings(select_share=0, judge_share=0), solve_growth=NO_SOLVE
)
IMAGES_A_SOLVE = LearningSettings().solve_growth * WARM
WATCH = "watch"  # what belongs to no other stage: placing, testing, counting
ALONE = "alone"  # the network with nothing else between: no stage, but the floor of one
Stages = dict[str, float]
Round = Callable[[], Stages]


class Stopwatch:
    """Processor time by stage."""

    def __init__(self) -> None:
        self._seconds: Stages = defaultdict(float)
        self._stage = WATCH
        self._since = time.process_time()

    @contextmanager
    def of(self, stage: str) -> Iterator[None]:
        """Be in a stage, and afterwards in the one that was before."""
        before = self._stage
        self._enter(stage)
        try:
            yield
        finally:
            self._enter(before)

    def taken(self) -> Stages:
        """Seconds of each stage since this was last asked."""
        self._enter(self._stage)
        seconds, self._seconds = dict(self._seconds), defaultdict(float)
        return seconds

    def _enter(self, stage: str) -> None:
        now = time.process_time()
        self._seconds[self._stage] += now - self._since
        self._stage, self._since = stage, now


class TimedEmbedder:
    """An embedder whose stages are timed."""

    def __init__(self, embedder: OnnxEmbedder, watch: Stopwatch) -> None:
        self._embedder, self._watch = embedder, watch

    @property
    def bundle(self) -> str:
        return self._embedder.bundle

    @property
    def manifest(self) -> Manifest:
        return self._embedder.manifest

    @property
    def variant(self) -> str:
        return self._embedder.variant

    @property
    def views(self) -> tuple[View, ...]:
        return self._embedder.views

    def fit(self, sample: Input, views: Names | None = None) -> Fitted:
        with self._watch.of("decode"):
            return self._embedder.fit(sample, views)

    def embed(self, fitted: Sequence[Fitted], views: Names | None = None) -> NDArray[np.float32]:
        with self._watch.of("network"):
            return self._embedder.embed(fitted, views)


class TimedPair(Pair):
    """A pair whose stages are timed."""

    watch: Stopwatch

    def grid(self, sample: Input) -> NDArray[np.int16]:
        with self.watch.of("grid"):
            return super().grid(sample)

    def answers(self, row: NDArray[np.int16]) -> dict[str, str]:
        with self.watch.of("score"):
            return super().answers(row)

    def learn(self, grid: NDArray[np.int16], class_names: Sequence[str]) -> None:
        with self.watch.of("learn"):
            super().learn(grid, class_names)


class TimedSamples(DatabaseSamples):
    """A store whose two calls on the way of an image are timed."""

    def __init__(self, file: Path, watch: Stopwatch) -> None:
        super().__init__(Database(file))
        self._watch = watch

    def chosen(self, selection: Selection, sequence: int, limit: int) -> Sequence[Sample]:
        with self._watch.of("remember"):
            return super().chosen(selection, sequence, limit)

    def commit(self, group: Group) -> None:
        with self._watch.of("remember"):
            super().commit(group)


def figures(embedder: OnnxEmbedder, work: Path) -> dict[str, float]:
    """Milliseconds an image, in all and by stage; what the network takes alone; the ratios."""
    learning_published.one_thread()
    contents, small = _contents(), _in_int8(work)
    with TemporaryDirectory() as folder:
        sides = {
            "ours": _our_path(embedder, contents, Path(folder) / "ours.sqlite"),
            "torch_eager": _torch_path(embedder, contents, Path(folder) / "theirs.sqlite"),
            "ours_int8": _our_path(small, contents, Path(folder) / "int8.sqlite"),
        }
        taken = _rounds(sides)
    found = _told(taken)
    theirs = found["image_ms.torch_eager"]
    found["image_times_faster"] = theirs / found["image_ms.ours"]
    found["image_times_faster.int8"] = theirs / found["image_ms.ours_int8"]
    solved_always = theirs + found["solve_ms.torch_eager"] * (1 - 1 / IMAGES_A_SOLVE)
    found["image_ms.torch_eager_inverting_each_time"] = solved_always
    found["image_times_faster.inverting_each_time"] = solved_always / found["image_ms.ours"]
    return found


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


def _contents() -> list[bytes]:
    sets = learning_data.find(learning_data.data_folder())
    if not sets:
        print("timing on drawn images instead of photographs")
        return drawn_images()
    stride = max(1, len(sets[0].train) // IMAGES)
    return [path.read_bytes() for path, _ in sets[0].train[::stride]][:IMAGES]


def _in_int8(work: Path) -> OnnxEmbedder:
    bundle = learning_data.int8_bundle(work)
    return learning_data.open_bundle(bundle, work / "parts-int8", variant="int8")


def _told(taken: dict[str, Stages]) -> dict[str, float]:
    found: dict[str, float] = {}
    for side, stages in taken.items():
        found[f"network_ms.{side}"] = stages.pop(ALONE)
        found[f"solve_ms.{side}"] = stages["solve"]
        stages["solve"] /= IMAGES_A_SOLVE
        found[f"image_ms.{side}"] = sum(stages.values())
        found |= {f"image_ms.{side}.{stage}": taken for stage, taken in stages.items()}
    return found


def _rounds(sides: dict[str, Round]) -> dict[str, Stages]:
    """Median milliseconds of each stage, sides in turn, after one round that does not count."""
    rounds: dict[str, list[Stages]] = {side: [] for side in sides}
    for turn in range(ROUNDS + 1):
        for side, run in sides.items():
            stages = run()
            if turn:
                rounds[side].append(stages)
    return {
        side: {
            stage: 1000 * statistics.median(each[stage] for each in of_side) for stage in of_side[0]
        }
        for side, of_side in rounds.items()
    }


def _our_path(embedder: OnnxEmbedder, contents: Sequence[bytes], file: Path) -> Round:
    watch = Stopwatch()
    pair = TimedPair(TimedEmbedder(embedder, watch), [warm_statistics(embedder)], 0, SETTINGS)
    pair.watch = watch
    chance = Random(1)  # noqa: S311  # chooses images, no secret
    learner = Learner(pair, TimedSamples(file, watch), SETTINGS, chance)
    taught = iter(range(1 << 30))
    ready = [embedder.fit(content) for content in contents[:ALONE_IMAGES]]

    def network_alone() -> None:
        for fitted in ready:
            embedder.embed([fitted])

    def run() -> Stages:
        watch.taken()
        for place, content in enumerate(contents):
            number = next(taught)
            learner.teach(f"s{number}", content, f"class {place % CLASSES}", "", 10.0 * number)
        learner.flush()
        stages = _an_image(watch.taken(), len(contents))
        return stages | _apart(pair.settle, network_alone)

    return run


def _torch_path(embedder: OnnxEmbedder, contents: Sequence[bytes], file: Path) -> Round:
    network = learning_published.backbone(BACKBONE, SIZE)
    head = learning_published.StreamingDiscriminant(embedder.manifest.feature_width, CLASSES)
    head.total = WARM
    store = DatabaseSamples(Database(file))
    preprocessing = embedder.manifest.views[0].input
    assert isinstance(preprocessing, Preprocessing)
    watch = Stopwatch()
    taught = iter(range(1, 1 << 30))
    ready = [
        torch.from_numpy(to_input(load(content, preprocessing)[None], preprocessing))
        for content in contents[:ALONE_IMAGES]
    ]

    def network_alone() -> None:
        for pixels in ready:
            network(pixels)

    def run() -> Stages:
        waiting: list[Sample] = []
        watch.taken()
        for place, content in enumerate(contents):
            label = place % CLASSES
            with watch.of("decode"):
                pixels = load(content, preprocessing)
            with watch.of("network"):
                feature = network(torch.from_numpy(to_input(pixels[None], preprocessing)))[0]
            with watch.of("score"):
                head.scores(feature).argmax().item()
            with watch.of("learn"):
                head.fit(feature, label)
            with watch.of("remember"):
                grid = (feature.numpy() * 100).astype(np.int16)
                waiting.append(_remembered(next(taught), label, embedder.bundle, grid, content))
                if len(waiting) == SETTINGS.group_samples:
                    store.commit(Group(tuple(waiting), (), Counters()))
                    waiting.clear()
        return _an_image(watch.taken(), len(contents)) | _apart(head.solve, network_alone)

    return run


def _remembered(
    number: int, label: int, bundle: str, grid: NDArray[np.int16], content: bytes
) -> Sample:
    return Sample(
        id=f"s{number}",
        sequence=number,
        time=0.0,
        class_name=f"class {label}",
        burst="b",
        share=Share.LEARN,
        bundle=bundle,
        grid=grid,
        image=encode_exemplar(content),
    )


def _an_image(taken: Stages, images: int) -> Stages:
    return {stage: seconds / images for stage, seconds in taken.items()}


def _apart(solve: Callable[[], None], network_alone: Callable[[], None]) -> Stages:
    return {"solve": _seconds(solve), ALONE: _seconds(network_alone) / ALONE_IMAGES}


def _seconds(work: Callable[[], None]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun
