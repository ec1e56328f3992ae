"""Packing, step by step: backbone, variants, golden vectors, starter, manifest, file."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from msgspec import UNSET
from numpy.typing import NDArray

from bundler import golden
from bundler.backbone import Backbone, joined
from bundler.extractor import Views
from bundler.pack import Packed, PackRequest, Progress
from bundler.views import ViewRequest
from fieldwise import archive, graph, inputs
from fieldwise.bundle import (
    FileReference,
    Manifest,
    MapReference,
    Readings,
    Requirements,
    Transform,
    Variant,
    decode_manifest,
    digest_of,
    encode_manifest,
)
from fieldwise.errors import Fault, FieldwiseError

SESSION_MIB, GRAPH_COPIES = 12, 3.5
FLOAT32, INT8 = "fp32", "int8"
TRANSFORM = Transform()  # power and length bring a discriminant 0.4 to 1 point on photographs
_ERROR_MAX = {FLOAT32: golden.FLOAT32_ERROR_MAX, INT8: golden.INT8_ERROR_MAX}
_BY_NAME, _FROM_FILE = "bundler.efficientnet", "bundler.onnx_file"


@dataclass(frozen=True, slots=True)
class Parts:
    """What goes into a bundle: each view's graph by variant's name (the first is the main one).

    ``maps`` are files by the digest of the bundle that they are from.
    """

    backbone: Backbone
    graphs: dict[str, tuple[bytes, ...]]
    golden: bytes
    starter: tuple[bytes, ...] = ()
    starter_classes: int = 0
    maps: tuple[tuple[str, bytes], ...] = ()


def assemble(request: PackRequest, looks: Sequence[ViewRequest], progress: Progress) -> Packed:
    """Make the bundle file that a checked request describes; raises as ``bundler.pack.pack``."""
    backbone = load(request, looks, progress)
    progress("computing golden vectors")
    parts = _with_golden(backbone, {FLOAT32: backbone.graphs}, request.seed)
    check(parts, request)  # before the long steps
    if request.calibrate:
        quantise = import_module("bundler.quantise").quantise
        int8 = quantise(backbone, request.calibrate, request.seed, progress)
        parts = _with_golden(backbone, {**parts.graphs, INT8: int8}, request.seed)
    if request.starter:
        progress(f"learning a starter head from {request.starter}")
        with_starter = import_module("bundler.starter").with_starter
        parts = with_starter(parts, request.starter, TRANSFORM, progress)
    if request.map_from and request.map_images:
        progress(f"fitting a map from {request.map_from} on {request.map_images}")
        with_map = import_module("bundler.map_from").with_map
        parts = with_map(parts, request.map_from, request.map_images, TRANSFORM, progress)
    progress(f"writing {request.target}")
    return write(parts, request)


def load(request: PackRequest, looks: Sequence[ViewRequest], progress: Progress) -> Backbone:
    """Load every backbone that is looked through, each once, and join them.

    Raises:
        FieldwiseError: As ``bundler.pack.pack``.
    """
    if request.readings:
        progress(f"reading {request.readings}")
        drawn: Backbone = import_module("bundler.random_features").load(request)
        return drawn
    sources: dict[object, list[ViewRequest]] = {}
    for look in looks:
        sources.setdefault(look.backbone or look.onnx, []).append(look)
    loaded = []
    for source, group in sources.items():
        progress(f"loading {source}")
        module = import_module(_BY_NAME if isinstance(source, str) else _FROM_FILE)
        loaded.append(module.load(request, group))
    return loaded[0] if len(loaded) == 1 else joined(loaded)


def check(parts: Parts, request: PackRequest) -> Manifest:
    """Describe the parts in a manifest and look at them as their receiver will.

    Raises:
        FieldwiseError: as ``describe``, and ``BUNDLE_INVALID`` as ``graph.inspect``.
    """
    manifest = describe(parts, request)
    contents = {digest_of(each): each for graphs in parts.graphs.values() for each in graphs}
    for variant in manifest.variants:
        graph.inspect_all(manifest, variant, contents.__getitem__)
    return manifest


def write(parts: Parts, request: PackRequest) -> Packed:
    """Check the parts and write the bundle file.

    Raises:
        FieldwiseError: as ``check``, ``INVALID_ARGUMENT`` when the file cannot be written there.
    """
    manifest = check(parts, request)
    graphs = [each for variant in parts.graphs.values() for each in variant]
    every = [*graphs, parts.golden, *parts.starter, *(content for _, content in parts.maps)]
    contents = {digest_of(content): content for content in every}
    try:
        digest = archive.write(request.target, manifest, contents)
    except OSError as error:
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT, f"{request.target} cannot be written: {error.strerror}"
        ) from error
    return Packed(request.target, manifest, digest)


def describe(parts: Parts, request: PackRequest) -> Manifest:
    """The manifest of these parts.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` when a value of the request does not fit in it.
    """
    backbone = parts.backbone
    manifest = Manifest(
        format=1,
        name=request.name or backbone.name,
        version=request.version,
        epoch=request.epoch,
        publisher=request.publisher,
        licence=backbone.licence,
        source=backbone.source,
        views=backbone.views,
        transform=TRANSFORM,
        variants=tuple(
            Variant(name, tuple(map(reference, graphs)), _ERROR_MAX[name])
            for name, graphs in parts.graphs.items()
        ),
        golden=reference(parts.golden),
        requirements=Requirements(memory_mib=memory_needed(parts.graphs.values())),
        starter=tuple(map(reference, parts.starter)),
        starter_classes=parts.starter_classes,
        maps=tuple(MapReference(before, reference(content)) for before, content in parts.maps)
        or UNSET,
    )
    return _checked(manifest)


def memory_needed(variants: Iterable[Sequence[bytes]]) -> int:
    """MiB that a device must have free to run the graphs of the smallest of these variants.

    Measured with ONNX Runtime on one core, Lite0 and Lite1 at 128 and 224 px, fp32 and int8: 12 MiB
    and 3.5 times the file hold the file's bytes, the engine's copy, the packed weights and the
    activations of one sample, with 0 to 19 MiB to spare.
    """
    needed = [
        sum(SESSION_MIB + GRAPH_COPIES * len(content) / 2**20 for content in set(graphs))
        for graphs in variants
    ]
    return math.ceil(min(needed))


def reference(content: bytes) -> FileReference:
    """Digest and size of a file."""
    return FileReference(digest_of(content), len(content))


def _checked(manifest: Manifest) -> Manifest:
    try:
        return decode_manifest(encode_manifest(manifest))
    except FieldwiseError as error:
        raise FieldwiseError(Fault.INVALID_ARGUMENT, error.sentence) from error


def _with_golden(backbone: Backbone, graphs: dict[str, tuple[bytes, ...]], seed: int) -> Parts:
    form = backbone.views[0].input
    samples: NDArray[Any] = (
        golden.draw_readings(form, seed)
        if isinstance(form, Readings)
        else golden.draw(backbone.side, seed)
    )
    features = {
        name: _features(name, Views(backbone, each), samples) for name, each in graphs.items()
    }
    return Parts(backbone, graphs, golden.encode(samples, features))


def _features(name: str, views: Views, samples: NDArray[Any]) -> NDArray[np.float32]:
    found = views.features([inputs.fit(each, views.forms, views.side) for each in samples])
    for features in found:
        if not np.isfinite(features).all() or not features.any(axis=1).all():
            raise FieldwiseError(
                Fault.GRAPH_FAILED, f"variant {name} computes no usable features of golden samples"
            )
    return np.concatenate(found, axis=1)
