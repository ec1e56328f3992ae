"""How well, how fast and how small a device learns: `python -m benchmarks.learning --json FILE`.

Image sets are looked for in FIELDWISE_DATA (default ../shared/data); what is not there is said and
skipped. Features are computed once and kept in the work folder. One thread is used throughout.
"""

import argparse
import json
import platform
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from agent.learning.embedder import OnnxEmbedder
from benchmarks import (
    learning_accuracy,
    learning_best,
    learning_data,
    learning_lowshot,
    learning_memory,
    learning_replay,
    learning_sensors,
    learning_speed,
    threads,
)
from benchmarks.learning_data import Features
from fieldwise.bundle import Transform

Figures = dict[str, float]


def accuracy(features: Features, transform: Transform, name: str) -> Figures:
    found = {
        f"{name}.train_images": float(len(features.train)),
        f"{name}.test_images": float(len(features.test)),
    }
    for key, value in learning_accuracy.figures(features, transform).items():
        found[f"{name}.{key}"] = value
    return found


def probe(features: Features, transform: Transform, name: str) -> Figures:
    print(f"fitting the joint probe of {name}; this takes minutes")
    found = learning_accuracy.joint(features, transform)
    return {} if found is None else {f"{name}.joint_linear_probe": found}


ON_SETS: Mapping[str, Callable[[Features, Transform, str], Figures]] = {
    "accuracy": accuracy,
    "probe": probe,
    "lowshot": learning_lowshot.figures,
    "replay": learning_replay.replay,
}
"""Parts that are measured on every image set."""

ON_MACHINE: Mapping[str, Callable[[OnnxEmbedder, Path], Figures]] = {
    "memory": learning_memory.figures,
    "best": learning_best.figures,
    "sensors": learning_sensors.figures,
    "speed": learning_speed.figures,
}
"""Parts that are measured on the machine; times come last, when nothing else is left to do."""

PARTS = (*ON_SETS, *ON_MACHINE)


def measure(parts: Sequence[str], embedder: OnnxEmbedder, work: Path) -> Figures:
    """The figures of some parts, each printed as soon as its part is done."""
    found: Figures = {}
    if set(parts) & ON_SETS.keys():
        for images in learning_data.find(learning_data.data_folder()):
            features = learning_data.features(images, embedder, work)
            for part, on_set in ON_SETS.items():
                if part in parts:
                    found |= _told(on_set(features, embedder.manifest.transform, images.name))
    for part, on_machine in ON_MACHINE.items():
        if part in parts:
            found |= _told(on_machine(embedder, work))
    return found


def _told(figures: Figures) -> Figures:
    for name, value in figures.items():
        print(f"{name:52} {round(value, 3)}", flush=True)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.learning", description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("--work", type=Path, help="folder for the bundle and the features")
    parser.add_argument("--only", nargs="*", choices=PARTS, default=list(PARTS))
    arguments = parser.parse_args()
    work = arguments.work or Path(tempfile.gettempdir()) / "fieldwise-benchmarks"
    work.mkdir(parents=True, exist_ok=True)
    embedder = learning_data.backbone(work)
    found = measure(arguments.only, embedder, work)
    if arguments.json:
        about = {"machine": platform.processor() or platform.machine()}
        arguments.json.write_text(json.dumps(about | found, indent=2) + "\n")


if __name__ == "__main__":
    threads.hold_to_one("benchmarks.learning")
    main()
