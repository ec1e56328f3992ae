"""How well unseen classes are told apart, by several statistics, and what each costs.

    python -m benchmarks.novelty [--work DIR] [--json FILE]

A fifth of the classes is left out, the rest learned; of the test images those of left-out classes
are new. Five draws of the classes; AUROC with its standard error, and microseconds a prediction
beyond the scores. The last column is the share of known test images called novel at a rate of 5 %,
and of new ones, with half of the known test images as the held-out share.
"""

import argparse
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agent.learning.measures.novelty import unlikeness_of, yardstick
from benchmarks.learning_data import Features, backbone, data_folder, features, find

DRAWS, LEFT_OUT, SHRINKAGE, RATE, UNIT = 5, 5, 0.3, 0.05, 4096
Matrix = NDArray[np.float64]


def statistics(known: Matrix, labels: NDArray[np.int64], seen: Matrix) -> dict[str, Matrix]:
    """Statistics of novelty, and the scores, of samples seen float64[N,D]."""
    counts = np.bincount(labels)
    means = np.zeros((len(counts), known.shape[1]))
    np.add.at(means, labels, known)
    means /= counts[:, None]
    within = (known.T @ known - (means.T * counts) @ means) / len(known)
    ridge = SHRINKAGE * np.trace(within) / len(within) * np.eye(len(within))
    precision = np.linalg.inv(within + ridge)
    centre = known.mean(axis=0)
    spread = (means - centre).T * counts @ (means - centre) / len(known)
    background = np.linalg.inv(within + spread + ridge)
    weights = means @ precision
    scores = seen @ weights.T - (weights * means).sum(axis=1) / 2
    nearest = np.einsum("nd,nd->n", seen @ precision, seen) - 2 * scores.max(axis=1)
    moved = seen - centre
    return {
        "scores": scores,
        "least Mahalanobis": nearest,
        "relative Mahalanobis": nearest - np.einsum("nd,nd->n", moved @ background, moved),
        "best score": -scores.max(axis=1),
        "mean less best": unlikeness_of(scores.astype(np.float32)).astype(np.float64),
    }


def auroc(known: Matrix, new: Matrix) -> float:
    """Chance that a new sample is more unlike than a known one; ties count half."""
    ordered = np.sort(known)
    below = np.searchsorted(ordered, new, "left") + np.searchsorted(ordered, new, "right")
    return float(below.mean() / 2 / len(known))


def draw(held: Features, seed: int) -> dict[str, float]:
    chance = np.random.default_rng(seed)
    labels, test = np.array(held.train_labels), np.array(held.test_labels)
    names = np.unique(labels)
    left_out = chance.choice(names, len(names) // LEFT_OUT, replace=False)
    stays = ~np.isin(labels, left_out)
    kept = np.setdiff1d(names, left_out)
    place = np.searchsorted(kept, labels[stays])
    found = statistics(held.train[stays] / UNIT, place, held.test / UNIT)
    is_new = np.isin(test, left_out)
    scores = found.pop("scores").astype(np.float32)
    result = {name: 100 * auroc(each[~is_new], each[is_new]) for name, each in found.items()}
    known = chance.permutation(np.flatnonzero(~is_new))
    half = len(known) // 2
    stick = yardstick(scores[known[:half]], np.ones(half, bool), RATE)
    for name, rows in (("false alarms", known[half:]), ("new found", np.flatnonzero(is_new))):
        told = [stick.judge(float(each)) for each in unlikeness_of(scores[rows])]
        result[name] = 100 * float(np.mean([each is not None and each.novel for each in told]))
    return result


def cost_micros(width: int, classes: int) -> dict[str, float]:
    chance = np.random.default_rng(0)
    precision = chance.normal(size=(width, width)).astype(np.float32)
    row = chance.normal(size=(1, width)).astype(np.float32)
    scores = chance.normal(size=(1, classes)).astype(np.float32)
    stick = yardstick(
        chance.normal(size=(500, classes)).astype(np.float32), np.ones(500, bool), RATE
    )
    return {
        "x'Px": _micros(lambda: (row @ precision) @ row.T),
        "mean less best, judged": _micros(lambda: stick.judge(float(unlikeness_of(scores)[0]))),
    }


def _micros(work: Callable[[], object], times: int = 1000) -> float:
    """The quickest of many: what the machine does beside it is no part of the cost."""
    seconds = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begun)
    return 1e6 * min(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description="Novelty statistics on the image sets.")
    parser.add_argument("--work", type=Path, default=Path("output"))
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    chosen.work.mkdir(parents=True, exist_ok=True)
    figures: dict[str, Mapping[str, float]] = {"micros": cost_micros(1280, 81)}
    for images in find(data_folder()):
        held = features(images, backbone(chosen.work), chosen.work)
        draws = [draw(held, seed) for seed in range(DRAWS)]
        for name in draws[0]:
            values = np.array([each[name] for each in draws])
            error = values.std(ddof=1) / len(values) ** 0.5
            print(f"{images.name:12}{name:24}{values.mean():6.1f} +- {error:.1f}")
            figures[f"{images.name}.{name}"] = {"mean": float(values.mean()), "error": float(error)}
    print(figures["micros"])
    if chosen.json:
        chosen.json.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
