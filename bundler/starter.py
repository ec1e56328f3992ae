"""A starter head: what a new device knows before it has learned anything.

It is the statistics of the publisher's own images, one folder a class, over the features of the
main variant, for each view. A device adds to them as to its own. The manifest names them by digest,
so they cannot name the manifest's; they are bound to the digest of their view's graph instead, and
whoever has verified the manifest binds them to the bundle (``fieldwise.head.rebind``).
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unicodedata import normalize

from bundler import image_folder
from bundler.assembly import Parts
from bundler.extractor import BATCH, Views
from bundler.pack import Progress
from fieldwise import head_file
from fieldwise.bundle import Transform, digest_of
from fieldwise.class_name import check_class_name
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.features import to_grid
from fieldwise.head import Accumulator, empty

CLASSES_MIN = 2  # with one class there is nothing to tell apart
CLASSES_MAX = 10_000  # as many as a manifest may state
_REPORT_EVERY = 500  # images; a few seconds of work


def with_starter(parts: Parts, folder: Path, transform: Transform, progress: Progress) -> Parts:
    """Add a starter head for each view, learned from a folder of class folders.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for fewer than two classes or one without images,
            ``CLASS_INVALID`` for a folder's name, ``IMAGE_INVALID`` naming a file.
    """
    labelled = list(_labelled(folder))
    graphs, views = next(iter(parts.graphs.values())), parts.backbone.views
    extractor = Views(parts.backbone, graphs)
    accumulators = [
        Accumulator(empty(digest_of(graph), transform, view.width))
        for graph, view in zip(graphs, views, strict=True)
    ]
    for start in range(0, len(labelled), BATCH):
        if start and start // _REPORT_EVERY != (start - BATCH) // _REPORT_EVERY:
            progress(f"learned {start:,} of {len(labelled):,} images")
        batch = labelled[start : start + BATCH]
        images = [image_folder.load(path, extractor.forms, extractor.side) for _, path in batch]
        found = extractor.features(images)
        for accumulator, features in zip(accumulators, found, strict=True):
            accumulator.learn(to_grid(features, transform), [name for name, _ in batch])
    statistics = [accumulator.statistics() for accumulator in accumulators]
    return replace(
        parts,
        starter=tuple(head_file.encode(each) for each in statistics),
        starter_classes=len(statistics[0].classes),
    )


def _labelled(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every image with its class, sorted by folder; some systems spell folders decomposed."""
    for inner in _class_folders(folder):
        name = check_class_name(normalize("NFC", inner.name))
        for path in image_folder.find(inner):
            yield name, path


def _class_folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise FieldwiseError(Fault.INVALID_ARGUMENT, f"{folder} is not a folder")
    inside = (each for each in folder.iterdir() if each.is_dir())
    folders = sorted(each for each in inside if not each.name.startswith("."))
    if not CLASSES_MIN <= len(folders) <= CLASSES_MAX:
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT,
            f"{folder} holds {len(folders):,} class folders instead of {CLASSES_MIN} to"
            f" {CLASSES_MAX:,}",
        )
    return folders
