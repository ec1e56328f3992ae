"""What a strategy keeps between rounds, as a file: safetensors, so that reading it runs nothing.

Tensors: ``ids`` int64[K], ``steps`` int64[K] and, by the name that the strategy has for it, such as
``momentum_vector``, float32[K,D]. One metadata entry, ``fieldwise``, names the strategy: what one
keeps says nothing to another.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray
from safetensors import deserialize
from safetensors.numpy import save

from aggregator.work import Kept
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.tensor_file import KEY, RUBBISH, metadata_of, refuse

BYTES_MAX = 1024**3  # two arrays for each of 10,000 classes of the widest features take 655 MB
HEADER_BYTES_MAX = 16 * 1024
STEPS_MAX = 2**32


class _Metadata(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: Literal[1]
    strategy: Annotated[str, Meta(min_length=1, max_length=64)]


def encode(strategy: str, kept: Mapping[int, Kept]) -> bytes:
    """Write what a strategy keeps; nothing, where it keeps nothing of any class."""
    names = sorted({name for each in kept.values() for name in each.arrays})
    if not names:
        return b""
    ids = sorted(kept)
    tensors: dict[str, NDArray[Any]] = {
        "ids": np.array(ids, np.int64),
        "steps": np.array([kept[each].steps for each in ids], np.int64),
    }
    for name in names:
        tensors[name] = np.stack([kept[each].arrays[name] for each in ids]).astype(np.float32)
    metadata = _Metadata(1, strategy)
    return save(tensors, {KEY: msgspec.json.encode(metadata, order="sorted").decode()})


def decode(content: bytes, strategy: str) -> dict[int, Kept]:
    """Read what a strategy kept.

    Raises:
        FieldwiseError: ``STATE_DAMAGED`` for anything but what this strategy keeps.
    """
    try:
        _check_header(content, strategy)
        found = dict(deserialize(content))  # type: ignore[no-untyped-call]  # ships no types
        return _assemble(found)
    except RUBBISH as error:
        raise FieldwiseError(
            Fault.STATE_DAMAGED, f"what the strategy kept is not valid: {error}"
        ) from error


def _check_header(content: bytes, strategy: str) -> None:
    metadata = metadata_of(content, _Metadata, BYTES_MAX, HEADER_BYTES_MAX)
    if metadata.strategy != strategy:
        refuse(f"it is of {metadata.strategy}")


def _assemble(found: dict[str, Any]) -> dict[int, Kept]:
    ids, steps = (_read(found.pop(name), "I64", "<i8") for name in ("ids", "steps"))
    arrays = {name: _read(each, "F32", "<f4") for name, each in found.items()}
    if ids.ndim != 1 or (ids[1:] <= ids[:-1]).any() or (ids < 1).any():
        refuse("ids that do not rise")
    if steps.shape != ids.shape or (steps < 0).any() or (steps > STEPS_MAX).any():
        refuse("steps out of range")
    for name, each in arrays.items():
        if each.ndim != 2 or len(each) != len(ids) or not np.isfinite(each).all():  # noqa: PLR2004 -- a row for each class
            refuse(f"{name} of shape {list(each.shape)}, or not finite")
    return {
        class_id: Kept(count, {name: each[place] for name, each in arrays.items()})
        for place, (class_id, count) in enumerate(zip(ids.tolist(), steps.tolist(), strict=True))
    }


def _read(tensor: Mapping[str, Any], label: str, kind: str) -> NDArray[Any]:
    if tensor["dtype"] != label:
        refuse(f"numbers of type {tensor['dtype']}")
    return np.frombuffer(tensor["data"], kind).reshape(tensor["shape"])
