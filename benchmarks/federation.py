"""What federation gives and costs: `python -m benchmarks.federation --json FILE`.

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

from benchmarks import federation_accuracy, federation_round, learning_data, threads

SEEDS = 5
PARTS = ("accuracy", "round")

Figures = Mapping[str, float]


def accuracy(work: Path, seeds: int) -> Iterator[Figures]:
    """Means over seeds and their standard deviations, set by set."""
    found = learning_data.find(learning_data.data_folder())
    embedder = learning_data.backbone(work) if found else None
    for images in found:
        assert embedder is not None
        of = federation_accuracy.numbered(learning_data.features(images, embedder, work))
        runs = []
        for each in federation_accuracy.figures(of, seeds):
            runs.append(each)
            print(f"{images.name}: {len(runs)} of {seeds} seeds", flush=True)
        yield _summary(images.name, runs)


def _summary(name: str, runs: Sequence[Figures]) -> Figures:
    means = {f"{name}, {each}": float(np.mean([run[each] for run in runs])) for each in runs[0]}
    spread = {f"{name}, {each}, sd": float(np.std([run[each] for run in runs])) for each in runs[0]}
    return means | spread


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.federation", description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("--work", type=Path, help="folder for the bundle and features")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--only", nargs="*", choices=PARTS, default=list(PARTS))
    arguments = parser.parse_args()
    work = arguments.work or Path(tempfile.gettempdir()) / "fieldwise-benchmarks"
    work.mkdir(parents=True, exist_ok=True)
    found: dict[str, float] = {}
    for part in arguments.only:
        measured = accuracy(work, arguments.seeds) if part == "accuracy" else [_round()]
        for figures in measured:
            for name, value in figures.items():
                print(f"{name:60} {round(value, 3)}", flush=True)
            found |= figures
            if arguments.json:
                about = {"machine": platform.processor() or platform.machine()}
                arguments.json.write_text(json.dumps(about | found, indent=2) + "\n")


def _round() -> Figures:
    made = federation_round.figures()
    return {f"round of {federation_round.DEVICES:,}, {name}": each for name, each in made.items()}


if __name__ == "__main__":
    threads.hold_to_one("benchmarks.federation")
    main()
