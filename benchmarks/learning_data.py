"""Image sets and their features. Both are optional: what is not there is said and skipped."""

import hashlib
import os
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from agent.learning.embedder import OnnxEmbedder
from bundler.pack import PackRequest, pack
from fieldwise import archive
from fieldwise.features import to_rows

SETS = ("grocery", "caltech101")
BACKBONE, SIZE = "efficientnet-lite0", 128
BATCH = 32
SUFFIXES = (".jpg", ".jpeg", ".png")
TOLD_EVERY_SECONDS = 10.0
CALIBRATION_IMAGES = 128


@dataclass(frozen=True, slots=True)
class ImageSet:
    """Files of a set with their class, sorted by class: the order of a stream class by class."""

    name: str
    train: tuple[tuple[Path, str], ...]
    test: tuple[tuple[Path, str], ...]


@dataclass(frozen=True, slots=True)
class Features:
    """Grids int16[N,D] of both halves, with their classes."""

    train: NDArray[np.int16]
    train_labels: list[str]
    test: NDArray[np.int16]
    test_labels: list[str]


def find(root: Path) -> list[ImageSet]:
    """The image sets under a folder; says which are not there."""
    found = []
    for name in SETS:
        images = image_set(root / name)
        if images is None:
            say_missing(name, root)
        else:
            found.append(images)
    return found


def say_missing(name: str, root: Path) -> None:
    """Say that a set is not there, and what to do about it."""
    print(f"skipped: no {name} in {root} (set FIELDWISE_DATA to the folder that holds it)")


def image_set(root: Path) -> ImageSet | None:
    """The set train/CLASS/* and test/CLASS/* of a folder; None where either has no image."""
    images = ImageSet(root.name, _labelled(root / "train"), _labelled(root / "test"))
    return images if images.train and images.test else None


def data_folder() -> Path:
    return Path(os.environ.get("FIELDWISE_DATA", "../shared/data"))


def bundle_file(work: Path) -> Path:
    """The bundle, packed once and then taken from the work folder."""
    bundle = work / f"{BACKBONE}-{SIZE}.bundle"
    if not bundle.exists():
        print(f"packing {BACKBONE} at {SIZE} px")
        pack(PackRequest(target=bundle, backbone=BACKBONE, size=SIZE))
    return bundle


def int8_bundle(work: Path) -> Path:
    """The same backbone with an int8 variant, calibrated on photographs where there are any."""
    bundle = work / f"{BACKBONE}-{SIZE}-int8.bundle"
    if not bundle.exists():
        print(f"packing {BACKBONE} at {SIZE} px with int8")
        with TemporaryDirectory() as folder:
            _write_calibration(Path(folder))
            pack(
                PackRequest(
                    target=bundle, backbone=BACKBONE, size=SIZE, int8=True, calibrate=Path(folder)
                )
            )
    return bundle


def backbone(work: Path) -> OnnxEmbedder:
    """EfficientNet-Lite0 at 128 px, ready to compute features."""
    return open_bundle(bundle_file(work), work / "parts")


def open_bundle(bundle: Path, parts: Path, variant: str = "fp32") -> OnnxEmbedder:
    """A variant of a bundle file, unpacked into a folder."""
    digest, manifest = archive.unpack(bundle, parts)
    chosen = next(each for each in manifest.variants if each.name == variant)
    graphs = [parts / graph.digest for graph in chosen.graphs]
    return OnnxEmbedder(graphs, digest, manifest, chosen.name)


def features(images: ImageSet, embedder: OnnxEmbedder, work: Path) -> Features:
    """Grids of a set, computed once for a bundle and a list of files."""
    listed = "\n".join(
        f"{path.parent.name}/{path.name} {path.stat().st_size}"
        for path, _ in images.train + images.test
    )
    key = hashlib.sha256(f"{embedder.bundle}\n{listed}".encode()).hexdigest()[:16]
    cache = work / f"{images.name}-{key}.npz"
    if not cache.exists():
        print(
            f"computing features of {len(images.train) + len(images.test):,} {images.name} images"
        )
        np.savez(cache, train=_grids(images.train, embedder), test=_grids(images.test, embedder))
    with np.load(cache) as held:
        return Features(
            held["train"],
            [label for _, label in images.train],
            held["test"],
            [label for _, label in images.test],
        )


def _labelled(folder: Path) -> tuple[tuple[Path, str], ...]:
    return tuple(
        (path, path.parent.name)
        for path in sorted(folder.glob("*/*.*"))
        if path.suffix.lower() in SUFFIXES
    )


def _grids(files: tuple[tuple[Path, str], ...], embedder: OnnxEmbedder) -> NDArray[np.int16]:
    columns = [view.columns for view in embedder.views]
    transform = embedder.manifest.transform
    rows = []
    told = time.monotonic()
    for start in range(0, len(files), BATCH):
        if time.monotonic() - told > TOLD_EVERY_SECONDS:
            told = time.monotonic()
            print(f"  {start:,} of {len(files):,} images", flush=True)
        batch = [embedder.fit(path.read_bytes()) for path, _ in files[start : start + BATCH]]
        rows.append(to_rows(embedder.embed(batch), columns, transform))
    return np.concatenate(rows)


def _write_calibration(folder: Path) -> None:
    sets = find(data_folder())
    if sets:
        files = [path for path, _ in sets[0].train]
        chosen = Random(0).sample(files, min(CALIBRATION_IMAGES, len(files)))  # noqa: S311 - a draw
        for number, path in enumerate(chosen):
            (folder / f"{number}{path.suffix}").write_bytes(path.read_bytes())
        return
    chance = np.random.default_rng(0)
    for number in range(CALIBRATION_IMAGES):
        pixels = chance.integers(0, 256, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((224, 224)).save(folder / f"{number}.png")
