"""A bundle's golden samples: what every device must compute the recorded features of."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load

from fieldwise.bundle import Manifest, Readings
from fieldwise.errors import Fault, FieldwiseError

SAMPLES_MAX = 64  # that are read; bundles have a handful


def read_golden(
    path: Path, manifest: Manifest, variant: str
) -> tuple[NDArray[Any], NDArray[np.float32]]:
    """The golden samples and one variant's recorded features.

    Returns:
        Images uint8[N,S,S,3] of the largest view's size, or readings float32[N,W]; float32[N,D].

    Raises:
        FieldwiseError: ``BUNDLE_INVALID`` when the file is not what the manifest says.
    """
    size = manifest.image_size
    try:
        tensors: dict[str, NDArray[Any]] = load(path.read_bytes())
        samples = tensors["images" if size else "readings"]
        features = tensors[f"features.{variant}"]
    except (OSError, KeyError, RecursionError, TypeError, ValueError, SafetensorError) as error:
        raise _invalid(f"the golden file of {manifest.title} cannot be read: {error}") from error
    if not samples.ndim:
        raise _invalid("golden samples are one number")
    wanted = _wanted(manifest, len(samples))
    if (samples.dtype, samples.shape) != wanted:
        raise _invalid(f"golden samples are {samples.dtype}{list(samples.shape)}")
    if features.dtype != np.float32 or features.shape != (len(samples), manifest.feature_width):
        raise _invalid(f"golden features are {features.dtype}{list(features.shape)}")
    if not 1 <= len(samples) <= SAMPLES_MAX:
        raise _invalid(f"{len(samples):,} golden samples; the limit is {SAMPLES_MAX}")
    return samples, features


def _wanted(manifest: Manifest, count: int) -> tuple[np.dtype[Any], tuple[int, ...]]:
    size, form = manifest.image_size, manifest.views[0].input
    if isinstance(form, Readings):
        return np.dtype(np.float32), (count, form.width)
    return np.dtype(np.uint8), (count, size, size, 3)


def _invalid(sentence: str) -> FieldwiseError:
    return FieldwiseError(Fault.BUNDLE_INVALID, sentence)
