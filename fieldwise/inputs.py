"""What a backbone takes in: an image, as a file or as pixels, or the readings of a sensor.

A bundle's views may look at one sample in several ways. Its forms, the distinct inputs of its
views, are listed once; fitting decodes a sample once and brings it to every form that is wanted.
"""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from fieldwise import images, readings
from fieldwise.bundle import Manifest, Preprocessing, Readings
from fieldwise.errors import Fault, FieldwiseError

Input = bytes | NDArray[np.uint8] | NDArray[np.float32]
Form = Preprocessing | Readings
Array = NDArray[Any]


def forms_of(manifest: Manifest) -> tuple[Form, ...]:
    """The distinct inputs of a bundle's views, in their order."""
    return tuple(dict.fromkeys(view.input for view in manifest.views))


def fit(sample: Input, forms: Sequence[Form], side: int) -> tuple[Array, ...]:
    """Bring a sample to each of some forms: uint8[S,S,3] or float32[W].

    Args:
        sample: An encoded image, pixels uint8[H,W,3], readings float32[W] or their remembered
            bytes.
        forms: All of one kind.
        side: Of the largest square that any view of the bundle takes, in pixels. Images are decoded
            to it whichever forms are wanted, or a form would depend on what else was.

    Raises:
        FieldwiseError: ``IMAGE_INVALID``, ``READINGS_INVALID``.
    """
    squares = [form for form in forms if isinstance(form, Preprocessing)]
    if squares:
        return tuple(images.fit_each(_picture(sample), squares, side))
    return tuple(_fitted(sample, form) for form in forms if isinstance(form, Readings))


def to_input(samples: Array, form: Form) -> NDArray[np.float32]:
    """Turn fitted samples, uint8[N,S,S,3] or float32[N,W], into a graph's input."""
    if isinstance(form, Preprocessing):
        return images.to_input(samples, form)
    return readings.to_input(samples, form)


def exemplar(sample: Input) -> bytes:
    """The bytes by which to remember a sample for later backbones.

    Raises:
        FieldwiseError: ``IMAGE_INVALID``, ``READINGS_INVALID``.
    """
    if isinstance(sample, bytes):
        return sample if readings.is_encoded(sample) else images.encode_exemplar(sample)
    if sample.dtype == np.float32:
        return readings.encode(cast("NDArray[np.float32]", sample))
    return images.encode_exemplar(_picture(sample))


def _picture(sample: Input) -> bytes | NDArray[np.uint8]:
    if isinstance(sample, bytes):
        if readings.is_encoded(sample):
            raise FieldwiseError(
                Fault.IMAGE_INVALID, "the backbone takes images and these are readings"
            )
        return sample
    if sample.dtype != np.uint8:
        raise FieldwiseError(
            Fault.IMAGE_INVALID,
            f"pixels are {sample.dtype}{list(sample.shape)} instead of uint8[H, W, 3]",
        )
    return cast("NDArray[np.uint8]", sample)


def _fitted(sample: Input, form: Readings) -> NDArray[np.float32]:
    if isinstance(sample, bytes):
        if not readings.is_encoded(sample):
            raise FieldwiseError(
                Fault.READINGS_INVALID, "the backbone takes readings and this is an image"
            )
        return readings.fit(sample, form)
    return readings.fit(cast("NDArray[np.float32]", sample), form)
