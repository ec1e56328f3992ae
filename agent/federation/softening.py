"""What is done to a row before it leaves: blurred, shortened to a norm, and blurred more.

The owner's noise comes first, and is decided by the device's secret, the row and the owner's amount
alone. Whatever a campaign asks for, however often and under whatever bounds, is worked out from the
row that is blurred already: nobody can average that noise away, and a short bound makes it no
smaller beside the row. What a campaign asks for beyond it is added at the end, decided by the
secret, the row and what is missing: the same question gets the same numbers.
"""

import hashlib
import hmac

import numpy as np
from numpy.typing import NDArray

from agent.federation.sharing import Content


def softened(
    content: Content, unit: float, own: float, norm_max: float, asked: float, secret: bytes
) -> NDArray[np.float32]:
    """The mean float32[D] of a class in units of the grid, as it may leave.

    Args:
        content: What was learned of the class.
        unit: Length of a feature on the grid.
        own: Standard deviation of the owner's noise on every number, in lengths of a feature.
        norm_max: Longest mean, in lengths of a feature; 0 for no bound.
        asked: Standard deviation of the noise that a campaign wants there to be at least, in
            ``norm_max``, or in lengths of a feature where there is no bound.
        secret: The device's own.
    """
    mean = content.sums / content.samples
    return blurred(mean, content.digest(), unit, own, norm_max, asked, secret)


def blurred(
    row: NDArray[np.float64],
    identity: str,
    unit: float,
    own: float,
    norm_max: float,
    asked: float,
    secret: bytes,
) -> NDArray[np.float32]:
    """A row float32[N] as it may leave.

    Args:
        row: float64[N].
        identity: What tells it from every other row: equal ones are blurred alike.
        unit: What counts as a length of 1.
        own: As of ``softened``, as are the others; all in that unit.
        norm_max: Longest row.
        asked: Standard deviation of the noise that a campaign wants.
        secret: The device's own.
    """
    share = 1.0
    if own:
        row = row + _noise(len(row), identity, "owner", own * unit, secret)
    if norm_max and (length := float(np.linalg.norm(row)) / unit):
        share = min(1.0, norm_max / length)
        row = row * share
    more = (asked * (norm_max or 1.0)) ** 2 - (own * share) ** 2
    if more > 0:
        row = row + _noise(len(row), identity, "campaign", float(np.sqrt(more)) * unit, secret)
    return row.astype(np.float32)


def _noise(
    length: int, identity: str, whose: str, deviation: float, secret: bytes
) -> NDArray[np.float64]:
    said = f"noise {whose} {deviation!r} {identity}".encode()
    digest = hmac.digest(secret, said, hashlib.sha256)
    dice = np.random.Generator(np.random.PCG64(int.from_bytes(digest, "little")))
    return dice.normal(0.0, deviation, length)
