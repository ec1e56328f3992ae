"""Which wave a device is in: a hash, so that all come to the same answer and no one stores it.

The hash of the rollout's number and the device's id is a fraction, 0 to 1, that nobody can choose
and that is another one in every rollout. A rollout has a threshold for each wave, rising to 1; a
device is in the first wave whose threshold is above its fraction. Thresholds are laid between the
fractions of the devices that there are at the start, so that a wave of five has exactly five of
them. Whoever joins later falls in by his own fraction, and moves nobody else.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import sha256

from orchestrator.rollout.plan import Wave

FRACTION_BITS = 53  # what a double holds exactly
FRACTIONS_KEPT = 32_768  # a hundred bytes each


@lru_cache(FRACTIONS_KEPT)  # a look asks for every device's
def fraction_of(device: str, number: int) -> float:
    """Return a device's fraction in the rollout of that number, 0 to less than 1."""
    drawn = int.from_bytes(sha256(f"{number}/{device}".encode()).digest()[:8])
    return float(drawn >> (64 - FRACTION_BITS)) / float(1 << FRACTION_BITS)


def thresholds_of(waves: Sequence[Wave], fractions: Iterable[float]) -> tuple[float, ...]:
    """Return a threshold for each wave, so that they cut these fractions as planned.

    The last wave takes the rest, whatever it says. Where there are too few devices the first waves
    get theirs.
    """
    ordered = sorted(fractions)
    thresholds: list[float] = []
    end = 0
    for wave in waves[:-1]:
        end = min(len(ordered), end + _devices(wave, len(ordered)))
        thresholds.append(_between(ordered, end))
    return (*thresholds, 1.0)


def wave_of(thresholds: Sequence[float], fraction: float) -> int:
    """Return the wave of a fraction, from 0 on; without any threshold it is the first."""
    return bisect_right(thresholds[:-1], fraction)


def _devices(wave: Wave, cohort: int) -> int:
    if wave.devices is not None:
        return wave.devices
    share = 1.0 if wave.share is None else wave.share
    return max(1, math.floor(share * cohort + 0.5))


def _between(ordered: Sequence[float], end: int) -> float:
    """Return what is above so many of the fractions and above none of the others."""
    if end >= len(ordered):
        return 1.0
    return (ordered[end - 1] + ordered[end]) / 2 if end else 0.0
