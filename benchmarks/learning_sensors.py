"""Learning from a sensor's readings over random features, on sets that scikit-learn ships.

In the words of the sets: wine is "the results of a chemical analysis of wines grown in the same
region in Italy by three different cultivators", thirteen measurements each; digits are bitmaps of
32 x 32 "divided into nonoverlapping blocks of 4x4", and the 64 readings are how many pixels of each
are on.

A bundle is packed from the learned rows as a device's owner would do it: their means and scales,
and 1,024 random features. Then every row is asked and learned once, in random order (prequential),
and at the end the rows that were set aside are asked (final). Beside it stands what trains jointly
on all learned rows at once: logistic regression with cross-validated strength on the standardised
readings themselves, and on the same random features. The mean of five draws of rows and features,
with its standard error.
"""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn import datasets
from sklearn.linear_model import LogisticRegressionCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from agent.learning.embedder import OnnxEmbedder
from agent.learning.heads.discriminant import Cadence, Discriminant
from agent.learning.heads.head import predict
from agent.learning.heads.lane import Lane
from agent.learning.settings import LearningSettings
from benchmarks import learning_data
from bundler.pack import PackRequest, pack
from demonstration.bound import joint_accuracy
from fieldwise.features import to_rows
from fieldwise.head import empty
from fieldwise.readings import of_numbers

SETS = {"wine": datasets.load_wine, "digits": datasets.load_digits}
DRAWS = 5
SET_ASIDE = 0.3
LABEL = "class"
SETTINGS = LearningSettings()
STRENGTHS = (0.01, 0.1, 1.0, 10.0, 100.0)


def figures(embedder: OnnxEmbedder, work: Path) -> dict[str, float]:
    """Accuracies in per cent of both sets."""
    del embedder  # of images
    found: dict[str, float] = {}
    for name, load in SETS.items():
        rows, targets = load(return_X_y=True)
        labels = [f"class {target}" for target in targets]
        draws = [_draw(rows, labels, work / f"{name}.csv", seed) for seed in range(DRAWS)]
        for key in draws[0]:
            values = [draw[key] for draw in draws]
            found[f"{name}.{key}"] = float(np.mean(values))
            found[f"{name}.{key}.standard_error"] = float(np.std(values, ddof=1) / np.sqrt(DRAWS))
    return found


def _draw(
    rows: NDArray[np.float64], labels: Sequence[str], table: Path, seed: int
) -> dict[str, float]:
    order = np.random.default_rng(seed).permutation(len(rows))
    aside, learned = np.split(order, [round(SET_ASIDE * len(rows))])
    names = [[labels[place] for place in places] for places in (learned, aside)]
    embedder = _packed(rows[learned], names[0], table, seed)
    grids = [_grids(embedder, rows[places]) for places in (learned, aside)]
    before, after = _streamed(embedder, grids[0], names[0], grids[1], names[1])
    unit = float(1 << embedder.manifest.transform.grid_bits)
    joint = joint_accuracy(grids[0] / unit, names[0], grids[1] / unit, names[1])
    plain = make_pipeline(
        StandardScaler(),
        LogisticRegressionCV(
            Cs=STRENGTHS,
            max_iter=2000,
            scoring="accuracy",
            l1_ratios=(0.0,),
            use_legacy_attributes=False,
        ),
    )
    plain.fit(rows[learned], names[0])
    return {
        "prequential": before,
        "final": after,
        "joint_on_readings": 100 * float(plain.score(rows[aside], names[1])),
        "joint_on_features": 100 * (joint or 0.0),
    }


def _packed(
    rows: NDArray[np.float64], labels: Sequence[str], table: Path, seed: int
) -> OnnxEmbedder:
    """A bundle of the learned rows alone: the others have no say in means and scales."""
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*(f"reading {place}" for place in range(rows.shape[1])), LABEL])
        writer.writerows([*row, label] for row, label in zip(rows.tolist(), labels, strict=True))
    request = PackRequest(
        target=table.with_suffix(".bundle"), readings=table, label=LABEL, seed=seed
    )
    return learning_data.open_bundle(pack(request).path, table.parent / "parts")


def _grids(embedder: OnnxEmbedder, rows: NDArray[np.float64]) -> NDArray[np.int16]:
    fitted = [embedder.fit(of_numbers(row)) for row in rows]
    return to_rows(embedder.embed(fitted), embedder.manifest.columns, embedder.manifest.transform)


def _streamed(
    embedder: OnnxEmbedder,
    grid: NDArray[np.int16],
    labels: Sequence[str],
    test: NDArray[np.int16],
    test_labels: Sequence[str],
) -> tuple[float, float]:
    """Ask, then learn, row by row; per cent right on the way, and of the others at the end."""
    manifest = embedder.manifest
    nothing = empty(embedder.bundle, manifest.transform, manifest.feature_width)
    lane = Lane(
        "main",
        manifest.columns[0],
        nothing,
        frozenset({Discriminant.name}),
        SETTINGS.shrinkage,
        Cadence(SETTINGS.solve_growth, SETTINGS.solve_samples_min),
    )
    right = 0
    for row, label in zip(grid, labels, strict=True):
        right += predict(lane.keepers[Discriminant.name].head, row[None]) == [label]
        lane.learn(row[None], [label])
    lane.settle()
    said = predict(lane.keepers[Discriminant.name].head, test)
    final = sum(one == other for one, other in zip(said, test_labels, strict=True))
    return 100 * right / len(labels), 100 * final / len(test_labels)
