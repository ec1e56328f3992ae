"""What a change of backbone costs: `python -m benchmarks.migration --json FILE`.

Image sets are looked for in FIELDWISE_DATA (default ../shared/data); what is not there is said and
skipped. Bundles and features are made once and kept in the work folder.
"""

import argparse
import json
import platform
import tempfile
from collections.abc import Iterator
from pathlib import Path

from agent.learning.embedder import OnnxEmbedder
from benchmarks import learning_data, migration_accuracy, migration_switch, threads
from benchmarks.migration_accuracy import Switch
from bundler.pack import PackRequest, pack

BEFORE = ("efficientnet-lite0", 128)
TARGETS = {"lite1-128": ("efficientnet-lite1", 128), "lite0-224": ("efficientnet-lite0", 224)}
PARTS = ("accuracy", "switch")


def bundle(backbone: str, size: int, work: Path) -> Path:
    """A bundle file, packed once."""
    file = work / f"{backbone}-{size}.bundle"
    if not file.exists():
        print(f"packing {backbone} at {size} px")
        pack(PackRequest(target=file, backbone=backbone, size=size))
    return file


def opened(backbone: str, size: int, work: Path) -> OnnxEmbedder:
    return learning_data.open_bundle(bundle(backbone, size, work), work / "parts")


def accuracy(work: Path) -> Iterator[dict[str, float]]:
    """Every row of every set and target."""
    old = opened(*BEFORE, work)
    for images in learning_data.find(learning_data.data_folder()):
        before = learning_data.features(images, old, work)
        for target, (backbone, size) in TARGETS.items():
            after = learning_data.features(images, opened(backbone, size, work), work)
            yield from migration_accuracy.figures(Switch(images.name, before, after), target)


def switch(work: Path) -> Iterator[dict[str, float]]:
    """What a running agent goes through."""
    found = learning_data.find(learning_data.data_folder())
    if found:
        yield migration_switch.figures(
            found[0], bundle(*BEFORE, work), bundle(*TARGETS["lite0-224"], work)
        )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.migration", description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("--work", type=Path, help="folder for bundles and features")
    parser.add_argument("--only", nargs="*", choices=PARTS, default=list(PARTS))
    arguments = parser.parse_args()
    work = arguments.work or Path(tempfile.gettempdir()) / "fieldwise-benchmarks"
    work.mkdir(parents=True, exist_ok=True)
    found: dict[str, float] = {}
    for part, measured in (("accuracy", accuracy), ("switch", switch)):
        if part not in arguments.only:
            continue
        for figures in measured(work):
            for name, value in figures.items():
                print(f"{name:60} {round(value, 3)}", flush=True)
            found |= figures
            if arguments.json:
                about = {"machine": platform.processor() or platform.machine()}
                arguments.json.write_text(json.dumps(about | found, indent=2) + "\n")


if __name__ == "__main__":
    threads.hold_to_one("benchmarks.migration")
    main()
