"""A map from an older bundle's features to those of the bundle that is packed.

Devices that come from the older bundle carry over with it what they learned
(``fieldwise.affine``). They fit one of their own as well, on what they hold; a publisher's is of
many more images, though not of theirs, so theirs begins with it. Any images like those that devices
see will do, without labels: some thousands are as good as more.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from bundler import image_folder
from bundler.assembly import Parts
from bundler.backbone import Backbone
from bundler.extractor import BATCH, Views
from bundler.pack import Progress
from fieldwise import affine_file, archive
from fieldwise.affine import PAIRS_MIN, PairSums, fit
from fieldwise.affine_file import ViewMap, nearest_view
from fieldwise.bundle import Manifest, Transform
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.features import to_grid

_REPORT_EVERY = 500  # images; a few seconds of work


def with_map(
    parts: Parts, older: Path, folder: Path, transform: Transform, progress: Progress
) -> Parts:
    """Add a map from an older bundle, fitted on the images of a folder, searched deeply.

    Raises:
        FieldwiseError: What is wrong with the older bundle; ``INVALID_ARGUMENT`` where it takes
            readings, or images are missing or too few; ``IMAGE_INVALID`` naming a file.
    """
    paths = image_folder.find(folder)
    if len(paths) < PAIRS_MIN:
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT, f"{folder} holds {len(paths)} images; a map takes {PAIRS_MIN}"
        )
    with TemporaryDirectory() as unpacked:
        digest, manifest = archive.unpack(older, Path(unpacked))
        before = _backbone(manifest, Path(unpacked))
    if not before.side:
        raise FieldwiseError(Fault.INVALID_ARGUMENT, f"{manifest.title} takes no images")
    old = Views(before, before.graphs)
    new = Views(parts.backbone, next(iter(parts.graphs.values())))
    sources = [nearest_view(before.views, view) for view in parts.backbone.views]
    units = (float(1 << manifest.transform.grid_bits), float(1 << transform.grid_bits))
    sums = [
        PairSums(units, (before.views[source].width, view.width))
        for source, view in zip(sources, parts.backbone.views, strict=True)
    ]
    for start in range(0, len(paths), BATCH):
        if start and start // _REPORT_EVERY != (start - BATCH) // _REPORT_EVERY:
            progress(f"looked at {start:,} of {len(paths):,} images with both")
        batch = paths[start : start + BATCH]
        x = _grids(old, batch, manifest.transform)
        y = _grids(new, batch, transform)
        for each, source, rows in zip(sums, sources, y, strict=True):
            each.add(x[source], rows, keep=True)
    return replace(parts, maps=((digest, affine_file.encode(_fitted(sums, sources, before))),))


def _fitted(sums: Sequence[PairSums], sources: Sequence[int], before: Backbone) -> list[ViewMap]:
    found = []
    for each, source in zip(sums, sources, strict=True):
        through = fit(each)
        assert through is not None  # there are enough pairs
        found.append(ViewMap(before.views[source].name, through))
    return found


def _grids(views: Views, paths: Sequence[Path], transform: Transform) -> list[NDArray[np.int16]]:
    images = [image_folder.load(path, views.forms, views.side) for path in paths]
    return [to_grid(features, transform) for features in views.features(images)]


def _backbone(manifest: Manifest, folder: Path) -> Backbone:
    graphs = [(folder / graph.digest).read_bytes() for graph in manifest.variants[0].graphs]
    return Backbone(manifest.name, manifest.views, tuple(graphs), manifest.licence, manifest.source)
