"""Golden vectors: images and the features that every device must compute from them.

The images are drawn, not taken, so nobody's photographs travel: each is pink noise (energy falls
with frequency, as in photographs) with correlated colours, over which a few soft and hard-edged
shapes lie. That exercises every channel of a network trained on photographs, where white noise or a
flat colour would drive most of them to zero. The pixels themselves are in the bundle, so a platform
that would draw them differently compares the same ones. There is one set, of the largest view's
size; smaller views are fitted from it, so what brings an image to its size is under test too.
Readings are drawn from a normal distribution with the means and scales that the view states.

How far a device may be off differs by variant. Float32 differs between processors only in the order
of sums, about 1e-6 of a feature vector's length; 1e-3 leaves room for engines that fuse or use
tensor cores and still catches a slight change of the pixels (a shift by one of them gives 0.2).
Int8 differs more: engines fuse and round differently, and a value off by one step early on spreads;
EfficientNet-Lite0 with and without fusing differs by 0.05. 0.2 lets that through and refuses
kernels that saturate, which are off by 0.7 (``bundler.quantise``).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from fieldwise.bundle import Readings

SAMPLES = 4  # enough to exercise all channels; at 224 px they are 0.6 MB of the bundle
FLOAT32_ERROR_MAX = 1e-3
INT8_ERROR_MAX = 0.2
_SHAPES = 6
_CHANNEL_MIX = np.array([[0.9, 0.3, 0.1], [0.9, 0.0, -0.15], [0.9, -0.3, 0.1]])
_SHARPNESS = (3.0, 40.0)  # of an ellipse's rim: soft and hard


def draw(size: int, seed: int) -> NDArray[np.uint8]:
    """Draw the golden images uint8[SAMPLES,size,size,3]."""
    chance = np.random.default_rng(seed)
    return np.stack([_draw_one(size, chance) for _ in range(SAMPLES)])


def draw_readings(form: Readings, seed: int) -> NDArray[np.float32]:
    """Draw golden readings float32[SAMPLES,W], as far apart as the stated scales say."""
    spread = np.random.default_rng(seed).standard_normal((SAMPLES, form.width))
    return np.asarray(form.mean + spread * np.array(form.scale), np.float32)


def encode(samples: NDArray[Any], features: dict[str, NDArray[np.float32]]) -> bytes:
    """The golden file: samples and, by variant's name, the features float32[N,D] of each."""
    named = {f"features.{name}": np.ascontiguousarray(each) for name, each in features.items()}
    kind = "images" if samples.dtype == np.uint8 else "readings"
    return save({kind: np.ascontiguousarray(samples), **named})


def _draw_one(size: int, chance: np.random.Generator) -> NDArray[np.uint8]:
    planes = np.stack([_pink_noise(size, chance) for _ in range(3)], axis=-1)
    canvas = 120 + 50 * planes @ _CHANNEL_MIX.T
    for _ in range(_SHAPES):
        cover = _ellipse(size, chance)[..., None]
        canvas = (1 - cover) * canvas + cover * chance.uniform(0, 255, 3)
    return np.asarray(np.clip(np.rint(canvas), 0, 255), np.uint8)


def _pink_noise(size: int, chance: np.random.Generator) -> NDArray[np.float64]:
    rows, columns = np.fft.fftfreq(size), np.fft.rfftfreq(size)
    frequency = np.hypot(rows[:, None], columns[None, :])
    frequency[0, 0] = np.inf  # no mean
    spectrum = np.fft.rfft2(chance.standard_normal((size, size))) / frequency
    plane = np.fft.irfft2(spectrum, s=(size, size))
    return np.asarray(plane / plane.std(), np.float64)


def _ellipse(size: int, chance: np.random.Generator) -> NDArray[np.float64]:
    """How much an ellipse covers each pixel, 0 to 1."""
    y, x = np.mgrid[0:size, 0:size] / size
    middle_y, middle_x = chance.uniform(0.1, 0.9, 2)
    height, width = chance.uniform(0.05, 0.3, 2)
    distance = np.hypot((y - middle_y) / height, (x - middle_x) / width)
    rim = chance.uniform(*_SHARPNESS)
    return np.asarray(1 / (1 + np.exp(np.clip(rim * (distance - 1), -50, 50))), np.float64)
