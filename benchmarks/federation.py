"""What federation gives and costs: `python -m benchmarks.federation --json FILE`.

Parts: what devices reach on all classes (`accuracy`) and on their own (`own`), what hostile devices
cost (`hostile`), and the time of a round of a thousand devices, of the aggregator alone by strategy
(`round`) and through the real programs (`thousand`); three real agents and their
memory (`fleet`), and Flower's own programs beside them (`flower`).

Image sets are looked for in FIELDWISE_DATA (default ../shared/data); what is not there is said and
skipped. The bundle and features are made once and kept in the work folder.
"""

import argparse
import json
import platform
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from agent.learning.embedder import Embedder
from benchmarks import (
    federation_accuracy,
    federation_fleet,
    federation_flower,
    federation_hostile,
    federation_own,
    federation_round,
    federation_thousand,
    learning_data,
    threads,
)
from benchmarks.federation_scoring import Numbered, numbered
from benchmarks.federation_table import cell, table

SEEDS = 5
OF_SETS = ("accuracy", "own", "hostile")
PARTS = (*OF_SETS, "round", "thousand", "fleet", "flower")

Figures = Mapping[str, float]


def _of_sets(work: Path, part: str, seeds: int) -> Iterator[Figures]:
    """Means over seeds and their standard deviations, set by set; after every seed those so far."""
    found = learning_data.find(learning_data.data_folder())
    embedder = learning_data.backbone(work) if found else None
    for images in found:
        assert embedder is not None
        of = numbered(learning_data.features(images, embedder, work))
        prefix = images.name if part == "accuracy" else f"{part}.{images.name}"
        runs = []
        for each in _runs(part, of, embedder, seeds):
            runs.append(each)
            print(f"{part}, {images.name}: {len(runs)} of {seeds} seeds", flush=True)
            yield {**_summary(prefix, runs), f"{prefix}.seeds": float(len(runs))}


def _runs(part: str, of: Numbered, embedder: Embedder, seeds: int) -> Iterator[Figures]:
    if part == "own":
        return federation_own.figures(of, embedder, seeds)
    if part == "hostile":
        return federation_hostile.figures(of, seeds)
    return federation_accuracy.figures(of, seeds)


def _summary(prefix: str, runs: Sequence[Figures]) -> Figures:
    found: dict[str, float] = {}
    for each in runs[0]:
        values = [run[each] for run in runs]
        found[f"{prefix}.{each}"] = float(np.mean(values))
        if len(values) > 1:
            found[f"{prefix}.{each}.sd"] = float(np.std(values, ddof=1))
    return found


def _measured(part: str, work: Path, seeds: int) -> Iterator[Figures]:
    if part in OF_SETS:
        return _of_sets(work, part, seeds)
    if part == "round":
        return iter([federation_round.figures()])
    if part == "flower":
        return iter([_prefixed(part, federation_flower.figures())])
    measure = {"thousand": federation_thousand.figures, "fleet": federation_fleet.figures}[part]
    return iter([_prefixed(part, measure(learning_data.bundle_file(work)))])


def _prefixed(part: str, figures: Figures) -> Figures:
    return {f"{part}.{name}": each for name, each in figures.items()}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.federation", description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures there, after every seed")
    parser.add_argument("--work", type=Path, help="folder for the bundle and features")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--only", nargs="*", choices=PARTS, default=list(PARTS))
    arguments = parser.parse_args()
    work = arguments.work or Path(tempfile.gettempdir()) / "fieldwise-benchmarks"
    work.mkdir(parents=True, exist_ok=True)
    found: dict[str, float] = {}
    for part in arguments.only:
        print(f"measuring: {part}", flush=True)
        for told in _measured(part, work, arguments.seeds):
            found |= told
            found |= federation_fleet.beside(found, found)
            if arguments.json:
                about = {"machine": platform.processor() or platform.machine()}
                arguments.json.write_text(json.dumps(about | found, indent=2) + "\n")
    for name in found:
        if not name.endswith(".sd"):
            print(f"{name:64} {cell(found, name):>16}")
    print("\n".join(table(found)))


if __name__ == "__main__":
    threads.hold_to_one("benchmarks.federation")
    main()
