"""Packing, step by step: backbone, variants, golden vectors, starter, manifest, file."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module

import numpy as np
from numpy.typing import NDArray

from bundler import golden
from bundler.backbone import Backbone
from bundler.extractor import Extractor
from bundler.pack import Packed, PackRequest, Progress
from fieldwise import archive, graph
from fieldwise.bundle import (
    FileReference,
    Manifest,
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
_LOADERS = {False: "bundler.efficientnet", True: "bundler.onnx_file"}


@dataclass(frozen=True, slots=True)
class Parts:
    """What goes into a bundle: graphs by variant's name (the first is the main one)."""

    backbone: Backbone
    graphs: dict[str, bytes]
    golden: bytes
    starter: bytes | None = None
    starter_classes: int = 0


def assemble(request: PackRequest, progress: Progress) -> Packed:
    """Make the bundle file that a checked request describes; raises as ``bundler.pack.pack``."""
    progress(f"loading {request.backbone or request.onnx}")
    backbone: Backbone = import_module(_LOADERS[request.onnx is not None]).load(request)
    progress("computing golden vectors")
    parts = _with_golden(backbone, {FLOAT32: backbone.graph}, request.seed)
    check(parts, request)  # before the long steps
    if request.calibrate:
        quantise = import_module("bundler.quantise").quantise
        int8 = quantise(backbone, request.calibrate, request.seed, progress)
        parts = _with_golden(backbone, {**parts.graphs, INT8: int8}, request.seed)
    if request.starter:
        progress(f"learning a starter head from {request.starter}")
        with_starter = import_module("bundler.starter").with_starter
        parts = with_starter(parts, request.starter, TRANSFORM, progress)
    progress(f"writing {request.target}")
    return write(parts, request)


def check(parts: Parts, request: PackRequest) -> Manifest:
    """Describe the parts in a manifest and look at them as their receiver will.

    Raises:
        FieldwiseError: as ``describe``, and ``BUNDLE_INVALID`` as ``graph.inspect``.
    """
    manifest = describe(parts, request)
    for content in parts.graphs.values():
        graph.inspect(content, manifest)
    return manifest


def write(parts: Parts, request: PackRequest) -> Packed:
    """Check the parts and write the bundle file.

    Raises:
        FieldwiseError: as ``check``, ``INVALID_ARGUMENT`` when the file cannot be written there.
    """
    manifest = check(parts, request)
    every = [*parts.graphs.values(), parts.golden, *([parts.starter] if parts.starter else [])]
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
        feature_width=backbone.width,
        preprocessing=backbone.preprocessing,
        transform=TRANSFORM,
        variants=tuple(
            Variant(name, reference(content), _ERROR_MAX[name])
            for name, content in parts.graphs.items()
        ),
        golden=reference(parts.golden),
        requirements=Requirements(memory_mib=memory_needed(parts.graphs.values())),
        starter=reference(parts.starter) if parts.starter else None,
        starter_classes=parts.starter_classes,
    )
    return _checked(manifest)


def memory_needed(graphs: Iterable[bytes]) -> int:
    """MiB that a device must have free to run the smallest of these graphs.

    Measured with ONNX Runtime on one core, Lite0 to Lite2 at 96 to 224 px, fp32 and int8: 12 MiB
    for the session and 3.4 times the file for its bytes, the engine's copy and the packed weights,
    within 2 MiB; the input's size hardly counts.
    """
    smallest = min(len(content) for content in graphs)
    return math.ceil(SESSION_MIB + GRAPH_COPIES * smallest / 2**20)


def reference(content: bytes) -> FileReference:
    """Digest and size of a file."""
    return FileReference(digest_of(content), len(content))


def _checked(manifest: Manifest) -> Manifest:
    try:
        return decode_manifest(encode_manifest(manifest))
    except FieldwiseError as error:
        raise FieldwiseError(Fault.INVALID_ARGUMENT, error.sentence) from error


def _with_golden(backbone: Backbone, graphs: dict[str, bytes], seed: int) -> Parts:
    images = golden.draw(backbone.preprocessing.size, seed)
    return Parts(backbone, graphs, golden.encode(images, _features(backbone, graphs, images)))


def _features(
    backbone: Backbone, graphs: dict[str, bytes], images: NDArray[np.uint8]
) -> dict[str, NDArray[np.float32]]:
    found = {
        name: Extractor(content, backbone.preprocessing).features(images)
        for name, content in graphs.items()
    }
    for name, features in found.items():
        if not np.isfinite(features).all() or not features.any(axis=1).all():
            raise FieldwiseError(
                Fault.GRAPH_FAILED, f"variant {name} computes no usable features of golden images"
            )
    return found
