"""The best setting within ten milliseconds an image: views, variant, heads and shrinkage.

One bundle has every view that is asked about, in fp32 and int8; its int8 ranges come from images of
the training halves. What a set of views takes is measured: from a photograph's bytes to an answer,
processor time of one thread, the median over photographs of the fastest of several rounds. Among
those that fit into the time the views are taken that do best, under the defaults, in
cross-validation on the training half alone; shrinkage and heads are changed where that is ahead by
more than its own noise, and heads are weighed by temperatures that are fitted to what their folds
held out, as on a device (``agent.learning.tuning``). Its folds are runs of consecutive photographs
of a class, so that photographs of one scene are not on both sides; even so they flatter, since
scenes of one day are alike. The test half is looked at once, with the setting that was chosen.

Beside the ends of two networks at several sizes there is one view of two depths. That it is stage 4
was decided on the training halves too (docs/benchmarks.md).

Also here: what int8 costs in accuracy at 128 px.
"""

import hashlib
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agent.learning.embedder import OnnxEmbedder
from agent.learning.heads.discriminant import Discriminant
from agent.learning.heads.lane import Lane
from agent.learning.heads.ridge import BalancedRidge
from agent.learning.measures.calibration import fit_temperature
from agent.learning.settings import LearningSettings
from agent.learning.tuning import DEFAULT_MEMBERS, STANDARD_ERRORS, furthest_ahead
from benchmarks import learning_data
from benchmarks.learning_data import ImageSet
from bundler.pack import PackRequest, pack
from bundler.views import ViewRequest
from fieldwise.bundle import Transform
from fieldwise.features import to_grid
from fieldwise.head import Accumulator, empty

MILLISECONDS_MAX = 10.0
LOOKS = (  # as many as fit into a bundle's features
    *(ViewRequest(backbone="efficientnet-lite0", size=size) for size in (128, 160, 224)),
    *(ViewRequest(backbone="efficientnet-lite1", size=size) for size in (128, 192)),
    ViewRequest(backbone="efficientnet-lite0", size=224, depth=(4, 0)),
)
VARIANTS = ("fp32", "int8")
VIEWS_TOGETHER = 3
MEMBERS = ((Discriminant.name,), (BalancedRidge.name,))
FACTORS = (1 / 3, 1.0, 3.0)  # times the default shrinkage, as the device tunes it
FOLDS = 3
TIMED_IMAGES, TIMED_ROUNDS = 12, 15
SHRINKAGE = LearningSettings().shrinkage
SMALL = "efficientnet-lite0-128"
TRANSFORM = Transform()  # what the bundler states

Scores = NDArray[np.float64]
Part = tuple[str, str]  # a view and a head on it
Times = dict[tuple[str, tuple[str, ...]], float]


@dataclass(frozen=True, slots=True)
class Setting:
    """What is chosen: a variant, views by name, heads, and the shrinkage's factor."""

    variant: str
    views: tuple[str, ...]
    members: tuple[str, ...]
    factor: float

    def __str__(self) -> str:
        return (
            f"{self.variant} {' + '.join(self.views)}, {' + '.join(self.members)},"
            f" shrinkage {SHRINKAGE * self.factor:.2g}"
        )


@dataclass(frozen=True, slots=True, eq=False)
class Half:
    """Grids int16[N,D] of one half of a set, by view, and the classes."""

    grids: dict[str, NDArray[np.int16]]
    labels: NDArray[np.str_]

    def part(self, chosen: NDArray[np.bool_]) -> "Half":
        """Some of its samples."""
        return Half({view: grid[chosen] for view, grid in self.grids.items()}, self.labels[chosen])


def figures(embedder: OnnxEmbedder, work: Path) -> dict[str, float]:
    """The best settings, what they take, and what int8 costs."""
    del embedder  # of one view
    sets = learning_data.find(learning_data.data_folder())
    if not sets:
        return {}
    bundle = _bundle(sets, work)
    embedders = {name: learning_data.open_bundle(bundle, work / "parts", name) for name in VARIANTS}
    stride = max(1, len(sets[0].train) // TIMED_IMAGES)
    contents = [path.read_bytes() for path, _ in sets[0].train[::stride]][:TIMED_IMAGES]
    milliseconds = _within_time(embedders, contents)
    found: dict[str, float] = {}
    drops = []
    for images in sets:
        halves = {
            variant: _halves(images, embedders[variant], milliseconds, variant, work)
            for variant in VARIANTS
        }
        setting, expected = _chosen(halves, milliseconds)
        train, test = halves[setting.variant]
        right = _accuracy(setting, train, test, _temperatures(setting, train))
        print(f"{images.name}: {setting}; {expected:.1f} expected by cross-validation")
        found[f"{images.name}.accuracy_best"] = right
        found[f"{images.name}.accuracy_best_ms"] = milliseconds[setting.variant, setting.views]
        plain = [
            _accuracy(Setting(variant, (SMALL,), (Discriminant.name,), 1.0), *halves[variant], {})
            for variant in VARIANTS
        ]
        drops.append(plain[0] - plain[1])
        found[f"{images.name}.int8_accuracy_drop"] = drops[-1]
    return found | {"int8.accuracy_drop": max(drops)}


def _bundle(sets: Sequence[ImageSet], work: Path) -> Path:
    """The bundle with every view, packed once."""
    target = work / "best.bundle"
    if not target.exists():
        request = PackRequest(
            target=target,
            views=LOOKS,
            int8=True,
            calibrate=_training_images(sets, work / "calibration"),
            name="best",
        )
        pack(request, print)
    return target


def _training_images(sets: Sequence[ImageSet], folder: Path) -> Path:
    """A folder of links to the training halves: no test image may decide a range."""
    for images in sets:
        for path, _ in images.train:
            link = folder / images.name / path.parent.name / path.name
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.exists():
                link.symlink_to(path.resolve())
    return folder


def _within_time(embedders: dict[str, OnnxEmbedder], contents: Sequence[bytes]) -> Times:
    """What every set of views takes that fits into the time, in milliseconds."""
    found: Times = {}
    for count in range(1, VIEWS_TOGETHER + 1):
        asked = [
            (variant, views)
            for variant, embedder in embedders.items()
            for views in combinations([view.name for view in embedder.views], count)
            if all((variant, part) in found for part in combinations(views, count - 1) if part)
        ]
        for (variant, views), taken in _milliseconds(embedders, asked, contents).items():
            print(f"{variant} {' + '.join(views)}: {taken:.2f} ms", flush=True)
            if taken <= MILLISECONDS_MAX:
                found[variant, views] = taken
    return found


def _milliseconds(
    embedders: dict[str, OnnxEmbedder],
    asked: Sequence[tuple[str, tuple[str, ...]]],
    contents: Sequence[bytes],
) -> Times:
    """From an image's bytes to scores of a hundred classes: the median over images.

    Of each image the fastest of several rounds counts, and every set has its turn in each round:
    what else the machine does only ever adds.
    """
    least = {each: [float("inf")] * len(contents) for each in asked}
    for _ in range(TIMED_ROUNDS):
        for variant, views in asked:
            times = least[variant, views]
            for place, content in enumerate(contents):
                taken = _once(embedders[variant], frozenset(views), content)
                times[place] = min(times[place], taken)
    return {each: statistics.median(times) for each, times in least.items()}


def _once(embedder: OnnxEmbedder, views: frozenset[str], content: bytes) -> float:
    transform = embedder.manifest.transform
    columns = [view.columns for view in embedder.views if view.name in views]
    weights = np.ones((sum(each.stop - each.start for each in columns), 100), np.float32)
    begun = time.process_time()
    features = embedder.embed([embedder.fit(content, views)], views)
    grids = [to_grid(features[:, each], transform) for each in columns]
    (np.concatenate(grids, axis=1).astype(np.float32) @ weights).argmax()
    return 1000 * (time.process_time() - begun)


def _halves(
    images: ImageSet,
    embedder: OnnxEmbedder,
    milliseconds: Times,
    variant: str,
    work: Path,
) -> tuple[Half, Half]:
    """Training and test half, by every view that fits into the time by itself."""
    views = [views[0] for name, views in milliseconds if name == variant and len(views) == 1]
    found = []
    for part, files in (("train", images.train), ("test", images.test)):
        grids = {
            view: _grids(embedder, view, [path for path, _ in files], work, f"{images.name}-{part}")
            for view in views
        }
        found.append(Half(grids, np.array([label for _, label in files])))
    return found[0], found[1]


def _grids(
    embedder: OnnxEmbedder, view: str, files: Sequence[Path], work: Path, label: str
) -> NDArray[np.int16]:
    """Features of one view, computed once."""
    listed = "\n".join(f"{path.parent.name}/{path.name}" for path in files)
    key = hashlib.sha256(f"{embedder.bundle}{embedder.variant}{listed}".encode()).hexdigest()[:16]
    cache = work / f"best-{label}-{view}-{key}.npy"
    if not cache.exists():
        print(
            f"computing {len(files):,} features of {label}, {embedder.variant} {view}", flush=True
        )
        columns = next(each.columns for each in embedder.views if each.name == view)
        names, transform = frozenset({view}), embedder.manifest.transform
        rows = []
        for start in range(0, len(files), learning_data.BATCH):
            batch = files[start : start + learning_data.BATCH]
            fitted = [embedder.fit(path.read_bytes(), names) for path in batch]
            rows.append(to_grid(embedder.embed(fitted, names)[:, columns], transform))
        np.save(cache, np.concatenate(rows))
    found: NDArray[np.int16] = np.load(cache)
    return found


def _chosen(halves: dict[str, tuple[Half, Half]], milliseconds: Times) -> tuple[Setting, float]:
    """The setting that cross-validation on the training half speaks for, and how well it does."""
    right = _cross_validated(halves, milliseconds)
    usual = [Setting(variant, views, DEFAULT_MEMBERS, 1.0) for variant, views in milliseconds]
    best = max(usual, key=lambda each: (right[each].sum(), -milliseconds[each.variant, each.views]))
    blocks = _blocks(next(iter(halves.values()))[0].labels)
    for others in (
        [replace(best, factor=factor) for factor in FACTORS],
        [replace(best, members=members) for members in MEMBERS],
    ):
        best = _ahead(best, others, right, blocks)
    return best, 100 * float(right[best].mean())


def _ahead(
    default: Setting,
    others: Sequence[Setting],
    right: dict[Setting, NDArray[np.bool_]],
    blocks: NDArray[np.int64],
) -> Setting:
    """Another setting where it is ahead by more than its own noise, in the device's own terms."""
    return furthest_ahead(default, others, right.__getitem__, blocks, STANDARD_ERRORS)


def _cross_validated(
    halves: dict[str, tuple[Half, Half]], milliseconds: Times
) -> dict[Setting, NDArray[np.bool_]]:
    """Which training images each setting has right when their fold was not learned."""
    right: dict[Setting, NDArray[np.bool_]] = {}
    for variant, (train, _) in halves.items():
        folds = _folds(train.labels)
        for fold, factor in product(range(FOLDS), FACTORS):
            out = folds == fold
            scores = _scores(train.part(~out), train.part(out), factor)
            for setting in _settings(variant, milliseconds, factor):
                said = _said(scores, setting, np.unique(train.labels[~out]))
                found = right.setdefault(setting, np.zeros(len(folds), bool))
                found[out] = said == train.labels[out]
    return right


def _settings(variant: str, milliseconds: Times, factor: float) -> Iterator[Setting]:
    for (name, views), members in product(milliseconds, (DEFAULT_MEMBERS, *MEMBERS)):
        if name == variant:
            yield Setting(variant, views, members, factor)


def _temperatures(setting: Setting, train: Half) -> dict[Part, float]:
    """What divides the scores of each head of a setting, by what every fold held out."""
    folds, classes = _folds(train.labels), np.unique(train.labels)
    scores: dict[Part, Scores] = {}
    for fold in range(FOLDS):
        out = folds == fold
        if not np.array_equal(np.unique(train.labels[~out]), classes):
            return {}  # a class that is in one fold only: the model's temperatures have to do
        for part, found in _scores(
            _seen(setting, train).part(~out), train.part(out), setting.factor
        ).items():
            scores.setdefault(part, np.zeros((len(folds), len(classes))))[out] = found
    labels = np.searchsorted(classes, train.labels)
    return {
        part: fit_temperature(found.astype(np.float32), labels) for part, found in scores.items()
    }


def _accuracy(
    setting: Setting, train: Half, test: Half, temperatures: Mapping[Part, float]
) -> float:
    scores = _scores(_seen(setting, train), test, setting.factor)
    weighed = {part: found / temperatures.get(part, 1.0) for part, found in scores.items()}
    said = _said(weighed, setting, np.unique(train.labels))
    return 100 * float((said == test.labels).mean())


def _seen(setting: Setting, half: Half) -> Half:
    """A half through the views of a setting alone."""
    return Half({view: half.grids[view] for view in setting.views}, half.labels)


def _scores(train: Half, test: Half, factor: float) -> dict[Part, Scores]:
    """Log-odds float64[N,K] of each view's heads, once all of a half is learned."""
    found = {}
    wanted = frozenset({Discriminant.name, BalancedRidge.name})
    for view, grid in train.grids.items():
        accumulator = Accumulator(empty("0" * 64, TRANSFORM, grid.shape[1]))
        accumulator.learn(grid, train.labels.tolist())
        whole = slice(0, grid.shape[1])
        lane = Lane(view, whole, accumulator.statistics(), wanted, SHRINKAGE * factor)
        for name, keeper in lane.linear.items():
            scores = keeper.head.scores(test.grids[view]).astype(np.float64)
            found[view, name] = scores / keeper.temperature
    return found


def _said(
    scores: dict[Part, Scores], setting: Setting, classes: NDArray[np.str_]
) -> NDArray[np.str_]:
    parts = [scores[part] for part in product(setting.views, setting.members)]
    said: NDArray[np.str_] = classes[np.sum(parts, axis=0).argmax(axis=1)]
    return said


def _folds(labels: NDArray[np.str_]) -> NDArray[np.int64]:
    """For each sample its fold: of every class consecutive runs of as many samples."""
    return _blocks(labels) % FOLDS


def _blocks(labels: NDArray[np.str_]) -> NDArray[np.int64]:
    """For each sample the run that it belongs to."""
    blocks = np.zeros(len(labels), np.int64)
    for number, name in enumerate(np.unique(labels)):
        places = np.flatnonzero(labels == name)
        blocks[places] = FOLDS * number + np.arange(len(places)) * FOLDS // len(places)
    return blocks
