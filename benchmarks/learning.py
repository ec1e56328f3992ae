"""How well, how fast and how small a device learns: `python -m benchmarks.learning --json FILE`.

Image sets are looked for in FIELDWISE_DATA (default ../shared/data); what is not there is said and
skipped. Features are computed once and kept in the work folder. One thread is used throughout.
"""

import argparse
import json
import platform
import tempfile
from pathlib import Path

from agent.learning.embedder import OnnxEmbedder
from benchmarks import (
    learning_accuracy,
    learning_data,
    learning_memory,
    learning_published,
    learning_speed,
    threads,
)

PARTS = ("accuracy", "probe", "speed", "memory")


def accuracy(embedder: OnnxEmbedder, work: Path, parts: list[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for images in learning_data.find(learning_data.data_folder()):
        features = learning_data.features(images, embedder, work)
        transform = embedder.manifest.transform
        found[f"{images.name}.train_images"] = len(features.train)
        found[f"{images.name}.test_images"] = len(features.test)
        if "accuracy" in parts:
            before, after = learning_accuracy.streamed(features, transform)
            found[f"{images.name}.accuracy_at_cadence"] = before
            found[f"{images.name}.accuracy"] = after
        if "probe" in parts:
            print(f"fitting the joint probe of {images.name}; this takes minutes")
            probe = learning_accuracy.joint(features, transform)
            if probe is not None:
                found[f"{images.name}.joint_linear_probe"] = probe
    return found


def speed(embedder: OnnxEmbedder) -> dict[str, float]:
    learning_published.one_thread()
    sets = learning_data.find(learning_data.data_folder())
    if sets:
        stride = max(1, len(sets[0].train) // learning_speed.IMAGES)
        files = [path for path, _ in sets[0].train[::stride]][: learning_speed.IMAGES]
        contents = [path.read_bytes() for path in files]
    else:
        print("timing on drawn images instead of photographs")
        contents = learning_speed.drawn_images()
    found = learning_speed.step_milliseconds(embedder)
    found |= learning_speed.image_milliseconds(embedder, contents)
    found["step_times_faster"] = found["step_ms.published_slda_torch"] / found["step_ms.ours"]
    found["image_times_faster"] = found["image_ms.torch_eager"] / found["image_ms.ours"]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.learning", description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("--work", type=Path, help="folder for the bundle and the features")
    parser.add_argument("--only", nargs="*", choices=PARTS, default=list(PARTS))
    arguments = parser.parse_args()
    work = arguments.work or Path(tempfile.gettempdir()) / "fieldwise-benchmarks"
    work.mkdir(parents=True, exist_ok=True)
    embedder = learning_data.backbone(work)
    figures: dict[str, float | str] = {"machine": platform.processor() or platform.machine()}
    if {"accuracy", "probe"} & set(arguments.only):
        figures |= accuracy(embedder, work, arguments.only)
    if "speed" in arguments.only:
        figures |= speed(embedder)
    if "memory" in arguments.only:
        figures |= learning_memory.agent_resident(work)
    for name, value in figures.items():
        print(f"{name:36} {value if isinstance(value, str) else round(value, 3)}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    threads.hold_to_one("benchmarks.learning")
    main()
