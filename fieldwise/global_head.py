"""A global head as a file: safetensors, so that reading one can run nothing.

Tensors: ``ids`` int64[K], the campaign's ids of the classes, rising; ``counts`` int64[K], the
samples behind each row; ``rows`` float32[K,D] means, or float32[K,D+1] weights with the bias last.
Of means there may also be, for each view at place P with D features, ``P.factor`` float32[R,D]: F
such that F'F estimates the covariance within classes from the spread of the devices' means (FedCOF,
arXiv 2412.14326). At the level of statistics there are in place of rows and factors ``sums``
float64[K,D] and for each view ``P.scatter`` float64[D(D+1)/2], the upper triangle row by row:
exact. The rows are then the means that follow from the sums.

One metadata entry, ``fieldwise``, is a JSON object with campaign, kind, level, space and the names
of the classes. The same head always gives the same bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray
from safetensors import deserialize
from safetensors.numpy import save

from fieldwise.bundle import FEATURES_MAX, VIEWS_MAX, Digest
from fieldwise.class_name import check_class_name
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import Consent, HeadSpace, RowKind
from fieldwise.head_file import HEADER_OVERHEAD, NAME_BYTES_MAX
from fieldwise.tensor_file import KEY, RUBBISH, metadata_of, refuse

CAMPAIGN_CHARACTERS_MAX = 32
ID_MAX = 2**32 - 1
EXACT_MAX = 2.0**53  # float64 counts by ones up to there
UNIT_MAX = 2.0**14  # the longest feature on the finest grid
VALUE_MAX = 2.0**24  # far above any mean or weight, far below what overflows when solved from
# A class name that none may have is rubbish, too.
_RUBBISH = (FieldwiseError, *RUBBISH)
_KINDS = {"I64": "<i8", "F32": "<f4", "F64": "<f8"}


@dataclass(frozen=True, slots=True, eq=False)
class GlobalHead:
    """What a campaign's rounds came to.

    Attributes:
        campaign: Id of the campaign.
        kind: Of its rows.
        level: ``WEIGHTS`` or ``STATISTICS``.
        space: What its rows belong to.
        ids: Of the classes, rising.
        classes: Their names.
        counts: int64[K].
        rows: float32[K,D] means, or float32[K,D+1] weights.
        factors: Of each view float32[R,D], R at most D; empty where the spread says nothing.
        sums: float64[K,D], exact; ``None`` at ``WEIGHTS``.
        scatter: Of each view float64[D(D+1)/2]; empty at ``WEIGHTS``.
    """

    campaign: str
    kind: RowKind
    level: Consent
    space: HeadSpace
    ids: tuple[int, ...]
    classes: tuple[str, ...]
    counts: NDArray[np.int64]
    rows: NDArray[np.float32]
    factors: tuple[NDArray[np.float32], ...] = ()
    sums: NDArray[np.float64] | None = None
    scatter: tuple[NDArray[np.float64], ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """What ``decode`` accepts.

    10,000 classes of 1,280-d features are 51 MB of means, or 115 MB of exact sums and scatter.
    """

    bytes_max: int = 512 * 1024**2
    width_max: int = 8192
    classes_max: int = 10_000


class _Space(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    bundle: Digest
    transform: Digest
    widths: Annotated[
        tuple[Annotated[int, Meta(ge=1, le=FEATURES_MAX)], ...],
        Meta(min_length=1, max_length=VIEWS_MAX),
    ]


class _Metadata(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: Literal[1]
    campaign: Annotated[str, Meta(min_length=1, max_length=CAMPAIGN_CHARACTERS_MAX)]
    kind: RowKind
    level: Literal["weights", "statistics"]
    space: _Space
    classes: tuple[str, ...]


def means_of(counts: NDArray[np.int64], sums: NDArray[np.float64]) -> NDArray[np.float32]:
    """The rows float32[K,D] of a head at the level of statistics."""
    return (sums / counts[:, None]).astype(np.float32)


def row_width(kind: RowKind, space: HeadSpace) -> int:
    """How many numbers a row has: where it is weights, a bias more than features."""
    return space.width + (1 if kind is RowKind.WEIGHTS else 0)


def triangle_length(width: int) -> int:
    """How many numbers the upper triangle of a square of a width has."""
    return width * (width + 1) // 2


def encode(head: GlobalHead) -> bytes:
    """Write a head as safetensors."""
    space = _Space(head.space.bundle, head.space.transform, head.space.widths)
    level: Any = head.level.value
    metadata = _Metadata(1, head.campaign, head.kind, level, space, head.classes)
    tensors: dict[str, NDArray[Any]] = {"ids": np.array(head.ids, np.int64), "counts": head.counts}
    if head.sums is None:
        tensors["rows"] = head.rows
        tensors |= {f"{place}.factor": each for place, each in enumerate(head.factors)}
    else:
        tensors["sums"] = head.sums
        tensors |= {f"{place}.scatter": each for place, each in enumerate(head.scatter)}
    # safetensors writes an array's memory as it lies, whatever its strides say.
    laid = {name: np.ascontiguousarray(each) for name, each in tensors.items()}
    return save(laid, {KEY: msgspec.json.encode(metadata, order="sorted").decode()})


def decode(
    content: bytes, limits: Limits | None = None, fault: Fault = Fault.STATE_DAMAGED
) -> GlobalHead:
    """Read a head and check everything that can be checked of it.

    Args:
        content: The file's bytes.
        limits: Sizes to accept.
        fault: What rubbish means here: ``STATE_DAMAGED`` for a file of one's own.

    Raises:
        FieldwiseError: ``fault`` for anything but a head within the limits.
    """
    bounds = limits or Limits()
    try:
        metadata = _parse(content, bounds)
        # A list of tensors; safetensors has refused overlaps, holes and lengths that do not fit.
        found = dict(deserialize(content))  # type: ignore[no-untyped-call]  # ships no types
        return _assemble(metadata, found)
    except _RUBBISH as error:
        raise FieldwiseError(fault, f"the global head is not valid: {error}") from error


def _parse(content: bytes, limits: Limits) -> _Metadata:
    header_max = HEADER_OVERHEAD + NAME_BYTES_MAX * limits.classes_max
    metadata = metadata_of(content, _Metadata, limits.bytes_max, header_max)
    width, classes = sum(metadata.space.widths), metadata.classes
    if width > limits.width_max or len(classes) > limits.classes_max:
        refuse(f"{len(classes):,} classes of {width:,}-d features")
    if len(set(classes)) != len(classes):
        refuse("a class that is there twice")
    for name in classes:
        check_class_name(name)
    return metadata


def _assemble(metadata: _Metadata, found: Mapping[str, Mapping[str, Any]]) -> GlobalHead:
    stated = metadata.space
    space = HeadSpace(stated.bundle, stated.transform, stated.widths)
    level, classes = Consent(metadata.level), len(metadata.classes)
    exact = level is Consent.STATISTICS
    if exact and metadata.kind is RowKind.WEIGHTS:
        refuse("statistics of weights")
    read = _Tensors(found)
    ids, counts = read.integers("ids", classes), read.integers("counts", classes)
    _check_ids(ids, counts)
    rows, sums = None, None
    factors: tuple[NDArray[np.float32], ...] = ()
    scatter: tuple[NDArray[np.float64], ...] = ()
    if exact:
        sums = read.numbers("sums", "F64", (classes, space.width))
        scatter = tuple(
            read.numbers(f"{place}.scatter", "F64", (triangle_length(width),))
            for place, width in enumerate(space.widths)
        )
        _check_exact(counts, sums, scatter)
        rows = means_of(counts, sums)
    else:
        rows = read.numbers("rows", "F32", (classes, row_width(metadata.kind, space)))
        factors = read.factors(metadata.kind, space)
        _check_bounded(rows, *factors)
    read.check_all_taken()
    return GlobalHead(
        metadata.campaign,
        metadata.kind,
        level,
        space,
        tuple(ids.tolist()),
        metadata.classes,
        counts,
        rows,
        factors,
        sums,
        scatter,
    )


class _Tensors:
    """Takes tensors by name out of a file that may hold anything."""

    def __init__(self, found: Mapping[str, Mapping[str, Any]]) -> None:
        self._left = dict(found)

    def numbers(self, name: str, kind: str, shape: tuple[int, ...]) -> NDArray[Any]:
        tensor = self._left.pop(name)
        if tensor["dtype"] != kind or tuple(tensor["shape"]) != shape:
            refuse(f"{name} is {tensor['dtype']}{tensor['shape']} instead of {kind}{list(shape)}")
        return np.frombuffer(tensor["data"], _KINDS[kind]).reshape(shape)

    def integers(self, name: str, length: int) -> NDArray[np.int64]:
        return self.numbers(name, "I64", (length,))

    def factors(self, kind: RowKind, space: HeadSpace) -> tuple[NDArray[np.float32], ...]:
        """Of every view, or of none."""
        if kind is RowKind.WEIGHTS or "0.factor" not in self._left:
            return ()
        return tuple(
            self._factor(f"{place}.factor", width) for place, width in enumerate(space.widths)
        )

    def _factor(self, name: str, width: int) -> NDArray[np.float32]:
        length = int(self._left[name]["shape"][0])
        if not 1 <= length <= width:
            refuse(f"{name} has {length:,} rows")
        return self.numbers(name, "F32", (length, width))

    def check_all_taken(self) -> None:
        if self._left:
            refuse(f"{len(self._left)} tensors that it should not have")


def _check_ids(ids: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
    if (ids[1:] <= ids[:-1]).any() or (ids < 1).any() or (ids > ID_MAX).any():
        refuse("ids that do not rise, or out of range")
    if (counts < 1).any() or sum(counts.tolist()) > EXACT_MAX:
        refuse("a count out of range")


def _check_bounded(*tensors: NDArray[np.float32]) -> None:
    # Row by row, so that looking takes no memory: a head may be as large as all else on a device.
    rows = (row for each in tensors for row in each)
    if not all(row.min() >= -VALUE_MAX and row.max() <= VALUE_MAX for row in rows):
        refuse("a number that is not finite, or too large")


def _check_exact(
    counts: NDArray[np.int64],
    sums: NDArray[np.float64],
    scatter: tuple[NDArray[np.float64], ...],
) -> None:
    if not (np.abs(sums) <= counts[:, None] * UNIT_MAX).all() or (sums != np.rint(sums)).any():
        refuse("a sum that no samples have")
    most = min(float(counts.sum()) * UNIT_MAX**2, EXACT_MAX)
    for each in scatter:
        if not (np.abs(each) <= most).all() or (each != np.rint(each)).any():
            refuse("a scatter that no samples have")
