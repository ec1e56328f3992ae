"""What is done to a row before it leaves: shortened to a norm, and blurred where that is asked for.

The noise on a row is drawn from a generator that the device's secret, the row and the amount of
noise decide. Sending the same row again sends the same numbers: whoever asks a hundred times for
it cannot average the noise away.
"""

import hashlib
import hmac

import numpy as np
from numpy.typing import NDArray

from agent.federation.sharing import Content


def softened(
    content: Content, unit: float, norm_max: float, noise: float, secret: bytes
) -> NDArray[np.float32]:
    """The mean float32[D] of a class in units of the grid, as it may leave.

    Args:
        content: What was learned of the class.
        unit: Length of a feature on the grid.
        norm_max: Longest mean, in lengths of a feature; 0 for no bound.
        noise: Standard deviation of the noise on every number, in ``norm_max``, or in the length of
            a feature where there is no bound.
        secret: The device's own.
    """
    mean = content.sums / content.samples
    if norm_max:
        length = float(np.linalg.norm(mean)) / unit
        mean = mean * min(1.0, norm_max / length) if length else mean
    if noise:
        deviation = noise * (norm_max or 1.0) * unit
        mean = mean + _noise(content, deviation, secret)
    return mean.astype(np.float32)


def _noise(content: Content, deviation: float, secret: bytes) -> NDArray[np.float64]:
    said = f"noise {deviation!r} {content.digest()}".encode()
    digest = hmac.digest(secret, said, hashlib.sha256)
    dice = np.random.Generator(np.random.PCG64(int.from_bytes(digest, "little")))
    return dice.normal(0.0, deviation, len(content.sums))
