"""Maps between backbones as a file that a publisher may ship in a bundle: safetensors.

For each view of the new backbone, by its place P: ``P.matrix`` float32[E,D], ``P.offset``
float32[E] and ``P.residual`` float32[E(E+1)/2], the upper triangle row by row. One metadata entry,
``fieldwise``, is a JSON object: for each view the name of the old view that its map is from, on how
many pairs it was fitted and what share of the variance it leaves. Which bundle it is from stands in
the manifest that names the file. The same maps always give the same bytes.

A map says where features go and nothing else, so rubbish in it can cost accuracy but run nothing;
what no publisher can have fitted is refused all the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray
from safetensors import deserialize
from safetensors.numpy import save

from fieldwise.affine import AffineMap
from fieldwise.bundle import FEATURES_MAX, VIEWS_MAX, Name, Preprocessing, View
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.tensor_file import KEY, LENGTH_BYTES, RUBBISH, metadata_of, refuse

BYTES_MAX = 512 * 1024**2  # two backbones of the widest features take 403 MB
HEADER_BYTES_MAX = 16 * 1024
NUMBER_BYTES = 4
ENTRY_MAX = 1e4  # of a matrix between features of unit length; fitted ones stay below ten
TRACE_MAX = 4.0  # two features of unit length are at most 2 apart
_PARTS = ("matrix", "offset", "residual")


@dataclass(frozen=True, slots=True, eq=False)
class ViewMap:
    """The map to one view of a backbone.

    Attributes:
        source: Name of the old backbone's view that it is from.
        through: The map.
    """

    source: str
    through: AffineMap


class _View(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    source: Name
    pairs: Annotated[int, Meta(ge=1, le=2**53)]
    error: Annotated[float, Meta(ge=0, le=1e6)]


class _Metadata(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: Literal[1]
    views: Annotated[tuple[_View, ...], Meta(min_length=1, max_length=VIEWS_MAX)]


def nearest_view(views: Sequence[View], new: View) -> int:
    """The place of the old view to carry a new one from: of its name, else of the nearest size."""
    far = [(view.name != new.name, _apart(view, new)) for view in views]
    return far.index(min(far))


def bytes_between(before: Sequence[int], widths: Sequence[int]) -> int:
    """Most bytes of a file of maps between two backbones: what is larger is none.

    Args:
        before: Widths of the old backbone's views.
        widths: Of the new backbone's views.
    """
    numbers = sum(width * (max(before) + 1) + width * (width + 1) // 2 for width in widths)
    return LENGTH_BYTES + HEADER_BYTES_MAX + NUMBER_BYTES * numbers


def encode(maps: Sequence[ViewMap]) -> bytes:
    """Write the maps to all views of a backbone, in their order."""
    tensors: dict[str, NDArray[np.float32]] = {}
    for place, each in enumerate(maps):
        residual = each.through.residual
        triangle = np.concatenate([row[start:] for start, row in enumerate(residual)])
        parts = (each.through.matrix, each.through.offset, triangle)
        for name, part in zip(_PARTS, parts, strict=True):
            tensors[f"{place}.{name}"] = part.astype(np.float32)
    views = (_View(each.source, each.through.pairs, each.through.error) for each in maps)
    metadata = _Metadata(1, tuple(views))
    return save(tensors, {KEY: msgspec.json.encode(metadata, order="sorted").decode()})


def decode(content: bytes, widths: Sequence[int]) -> tuple[ViewMap, ...]:
    """Read maps and check everything that can be checked of them.

    Args:
        content: The file's bytes.
        widths: Of the new backbone's views.

    Raises:
        FieldwiseError: ``BUNDLE_INVALID`` for anything but maps to views of these widths.
    """
    try:
        return _read(content, widths)
    except RUBBISH as error:
        raise FieldwiseError(
            Fault.BUNDLE_INVALID, f"the map between backbones is not valid: {error}"
        ) from error


def _apart(one: View, other: View) -> float:
    """How far two views' input sizes are from each other."""
    if not isinstance(one.input, Preprocessing) or not isinstance(other.input, Preprocessing):
        return 0.0
    return abs(log(one.input.size / other.input.size))


def _read(content: bytes, widths: Sequence[int]) -> tuple[ViewMap, ...]:
    metadata = metadata_of(content, _Metadata, BYTES_MAX, HEADER_BYTES_MAX)
    found = dict(deserialize(content))  # type: ignore[no-untyped-call]  # ships no types
    if len(metadata.views) != len(widths) or len(found) != len(_PARTS) * len(widths):
        refuse(f"maps to {len(metadata.views)} views instead of {len(widths)}")
    return tuple(
        ViewMap(view.source, _assembled(view, found, place, width))
        for place, (view, width) in enumerate(zip(metadata.views, widths, strict=True))
    )


def _assembled(view: _View, found: dict[str, Any], place: int, width: int) -> AffineMap:
    matrix, offset, triangle = (_tensor(found[f"{place}.{name}"]) for name in _PARTS)
    taken = matrix.shape[-1]
    if matrix.shape != (width, taken) or not 1 <= taken <= FEATURES_MAX:
        refuse(f"a matrix {list(matrix.shape)} to {width} features")
    if offset.shape != (width,) or triangle.shape != (width * (width + 1) // 2,):
        refuse(f"an offset {list(offset.shape)} and a residual {list(triangle.shape)}")
    if not all((np.abs(each) <= ENTRY_MAX).all() for each in (matrix, offset, triangle)):
        refuse("numbers that no fit gives")
    residual = np.empty((width, width))
    upper = np.triu_indices(width)
    residual[upper] = triangle
    residual.T[upper] = triangle
    spread = np.diag(residual)
    bound = np.sqrt(np.outer(spread.clip(0), spread.clip(0))) * 1.001 + 1e-9
    if (spread < 0).any() or spread.sum() > TRACE_MAX or (np.abs(residual) > bound).any():
        refuse("a residual that is no covariance")
    return AffineMap(matrix, offset, residual, view.pairs, view.error)


def _tensor(found: dict[str, Any]) -> NDArray[np.float64]:
    if found["dtype"] != "F32":
        refuse(f"a tensor of type {found['dtype']}")
    tensor = np.frombuffer(found["data"], "<f4").reshape(found["shape"])
    return tensor.astype(np.float64)
