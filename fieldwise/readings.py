"""Readings of a sensor: the other thing, beside images, that a backbone may take in.

A sample is float32[W], in the order that the bundle states. It is remembered as its own bytes
behind a mark that no image file begins with, so that neither is ever taken for the other.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldwise.bundle import READINGS_MAX, Readings
from fieldwise.errors import Fault, FieldwiseError

MARK = b"\x89fieldwise readings 1\n"
_LITTLE = np.dtype("<f4")


def check(sample: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return readings as given when they are finite float32[W] within the limit.

    Raises:
        FieldwiseError: ``READINGS_INVALID`` when they are not.
    """
    if sample.dtype != np.float32 or sample.ndim != 1 or not sample.size:
        raise _invalid(f"readings are {sample.dtype}{list(sample.shape)} instead of float32[W]")
    if sample.size > READINGS_MAX:
        raise _invalid(f"there are {sample.size:,} readings; the limit is {READINGS_MAX:,}")
    wrong = np.flatnonzero(~np.isfinite(sample))
    if wrong.size:
        raise _invalid(f"reading {wrong[0] + 1} is {sample[wrong[0]]}, not a finite number")
    return sample


def fit(sample: bytes | NDArray[np.float32], form: Readings) -> NDArray[np.float32]:
    """Return a sample as the backbone takes it, float32[W].

    Args:
        sample: The readings, or the bytes by which they are remembered.
        form: What the bundle states.

    Raises:
        FieldwiseError: ``READINGS_INVALID`` for anything but W finite readings.
    """
    values = decode(sample) if isinstance(sample, bytes) else check(sample)
    if len(values) != form.width:
        raise _invalid(f"there are {len(values):,} readings; the backbone takes {form.width:,}")
    return values


def to_input(samples: NDArray[np.float32], form: Readings) -> NDArray[np.float32]:
    """Turn float32[N,W] into the graph's input float32[N,W]."""
    mean, scale = (np.array(values, np.float32) for values in (form.mean, form.scale))
    return (samples - mean) / scale


def encode(sample: NDArray[np.float32]) -> bytes:
    """The bytes by which to remember readings.

    Raises:
        FieldwiseError: ``READINGS_INVALID`` as ``check``.
    """
    return MARK + check(sample).astype(_LITTLE).tobytes()


def is_encoded(content: bytes) -> bool:
    """Whether bytes are remembered readings and no image."""
    return content.startswith(MARK)


def decode(content: bytes) -> NDArray[np.float32]:
    """Readings float32[W] from the bytes by which they are remembered.

    Raises:
        FieldwiseError: ``READINGS_INVALID`` for any other bytes.
    """
    values = content[len(MARK) :]
    if not is_encoded(content) or len(values) % _LITTLE.itemsize:
        raise _invalid("these bytes are not readings")
    return check(np.frombuffer(values, _LITTLE).astype(np.float32))


def of_numbers(numbers: Sequence[float] | NDArray[Any]) -> NDArray[np.float32]:
    """Readings from numbers of any kind.

    Raises:
        FieldwiseError: ``READINGS_INVALID`` for what float32 cannot hold, or too many.
    """
    with np.errstate(over="ignore"):  # what overflows is refused as infinite
        return check(np.asarray(numbers).astype(np.float32))


def _invalid(sentence: str) -> FieldwiseError:
    return FieldwiseError(Fault.READINGS_INVALID, sentence)
