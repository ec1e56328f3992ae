"""Statistics as a file: safetensors, so that reading one can run nothing.

Tensors: ``counts`` int64[K], ``sums`` float64[K,D], ``scatter`` float64[D(D+1)/2], the upper
triangle row by row. One metadata entry, ``fieldwise``, is a JSON object with the classes, the
bundle's digest, the transform and the orphans, where there are any. The same statistics always give
the same bytes.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray
from safetensors import deserialize
from safetensors.numpy import save

from fieldwise.bundle import Digest, Transform
from fieldwise.class_name import check_class_name
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.head import Statistics, samples_max
from fieldwise.tensor_file import KEY, RUBBISH, metadata_of, refuse

# A class name that none may have is rubbish, too.
_RUBBISH = (FieldwiseError, *RUBBISH)
HEADER_OVERHEAD = 4096  # bytes of a header without class names
NAME_BYTES_MAX = 1024  # 128 characters, each up to four bytes, escaped twice at worst


@dataclass(frozen=True, slots=True)
class Limits:
    """What ``decode`` accepts.

    10,000 classes of 1,280-d features are 109 MB; the widest backbone with few classes 268 MB.
    """

    bytes_max: int = 512 * 1024**2
    width_max: int = 8192
    classes_max: int = 10_000


class Metadata(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the tensors belong to."""

    format: Literal[1]
    bundle: Digest
    transform: Transform
    classes: tuple[str, ...]
    orphans: Annotated[int, Meta(ge=0, le=2**53)] = 0


def encode(statistics: Statistics) -> bytes:
    """Write statistics as safetensors."""
    metadata = Metadata(
        1, statistics.bundle, statistics.transform, statistics.classes, statistics.orphans
    )
    triangle = np.concatenate([row[place:] for place, row in enumerate(statistics.scatter)])
    return save(
        {"counts": statistics.counts, "sums": statistics.sums, "scatter": triangle},
        {KEY: msgspec.json.encode(metadata, order="sorted").decode()},
    )


def decode(
    content: bytes, limits: Limits | None = None, fault: Fault = Fault.STATE_DAMAGED
) -> Statistics:
    """Read statistics and check everything that can be checked of them.

    Args:
        content: The file's bytes.
        limits: Sizes to accept.
        fault: What rubbish means here: ``STATE_DAMAGED`` for a device's own file,
            ``BUNDLE_INVALID`` for a starter head.

    Raises:
        FieldwiseError: ``fault`` for anything but statistics within the limits.
    """
    bounds = limits or Limits()
    try:
        metadata, tensors = _parse(content, bounds)
        return _assemble(metadata, tensors, bounds)
    except _RUBBISH as error:
        raise FieldwiseError(fault, f"the head's statistics are not valid: {error}") from error


def _parse(content: bytes, limits: Limits) -> tuple[Metadata, dict[str, NDArray[Any]]]:
    header_max = HEADER_OVERHEAD + NAME_BYTES_MAX * limits.classes_max
    metadata = metadata_of(content, Metadata, limits.bytes_max, header_max)
    kinds = {"counts": ("I64", "<i8"), "sums": ("F64", "<f8"), "scatter": ("F64", "<f8")}
    found = dict(deserialize(content))  # type: ignore[no-untyped-call]  # ships no types
    if found.keys() != kinds.keys():
        refuse("tensors other than counts, sums and scatter")
    tensors = {}
    for name, (label, kind) in kinds.items():
        if found[name]["dtype"] != label:
            refuse(f"{name} of type {found[name]['dtype']}")
        tensors[name] = np.frombuffer(found[name]["data"], kind).reshape(found[name]["shape"])
    return metadata, tensors


def _assemble(metadata: Metadata, tensors: dict[str, NDArray[Any]], limits: Limits) -> Statistics:
    counts, sums, triangle = tensors["counts"], tensors["sums"], tensors["scatter"]
    classes = len(metadata.classes)
    width = sums.shape[-1]
    if sums.shape != (classes, width) or counts.shape != (classes,):
        refuse(f"{classes} classes with tensors {list(counts.shape)} and {list(sums.shape)}")
    if not 1 <= width <= limits.width_max or classes > limits.classes_max:
        refuse(f"{classes} classes of {width}-d features")
    if triangle.shape != (width * (width + 1) // 2,):
        refuse(f"a scatter of {triangle.shape} for {width}-d features")
    if list(metadata.classes) != sorted(set(metadata.classes)):
        refuse("classes that are not sorted, or not each there once")
    for name in metadata.classes:
        check_class_name(name)
    _check_numbers(metadata, counts, sums, triangle)
    return Statistics(
        metadata.bundle,
        metadata.transform,
        metadata.classes,
        counts,
        sums,
        _square(triangle, width),
        metadata.orphans,
    )


def _square(triangle: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    scatter = np.empty((width, width))
    start = 0
    for place in range(width):
        row = triangle[start : start + width - place]
        scatter[place, place:] = row
        scatter[place:, place] = row
        start += len(row)
    return scatter


def _check_numbers(
    metadata: Metadata,
    counts: NDArray[np.int64],
    sums: NDArray[np.float64],
    triangle: NDArray[np.float64],
) -> None:
    transform = metadata.transform
    if (counts < 1).any() or (counts > samples_max(transform)).any():
        refuse("a count out of range")
    total = sum(counts.tolist()) + metadata.orphans
    if total > samples_max(transform):
        refuse(f"{total:,} samples, past the bound of exactness")
    unit = float(1 << transform.grid_bits)
    if not (np.abs(sums) <= counts[:, None] * unit).all() or (sums != np.rint(sums)).any():
        refuse("a sum that no samples have")
    # What rounding moved when classes were forgotten: at most half of a row for every orphan.
    bound = total * unit * unit + metadata.orphans * sums.shape[1]
    if not (np.abs(triangle) <= bound).all() or (triangle != np.rint(triangle)).any():
        refuse("a scatter that no samples have")
