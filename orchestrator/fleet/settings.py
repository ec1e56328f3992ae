"""Device settings that an operator steers from afar: an allow-list, and never consent.

A revision replaces the one before as a whole; a field that is None is the device's own value.
"""

import math
from dataclasses import dataclass

from fieldwise.errors import Fault, FieldwiseError

EXEMPLAR_BYTES = (
    1 << 20,
    1 << 36,
)  # 1 MiB holds a few dozen images; 64 GiB is a large disk's share
SHRINKAGE = (0.001, 10.0)  # below, the covariance stays singular; above, only the means are left
RETENTION_DAYS_MAX = 36_500  # a century: longer than any device, and its seconds fit 32 bits


@dataclass(frozen=True, slots=True)
class DeviceSettings:
    """What may be steered; units as the names say.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` on creation with a value out of its bounds.
    """

    exemplar_bytes_max: int | None = None
    shrinkage: float | None = None
    learning_paused: bool | None = None
    retention_days: int | None = None

    def __post_init__(self) -> None:
        _check("exemplar_bytes_max", self.exemplar_bytes_max, *EXEMPLAR_BYTES)
        _check("shrinkage", self.shrinkage, *SHRINKAGE)
        _check("retention_days", self.retention_days, 0, RETENTION_DAYS_MAX)


@dataclass(frozen=True, slots=True)
class SettingsRevision:
    """Settings of one device; the revision rises with every change for it."""

    revision: int
    settings: DeviceSettings


def _check(name: str, value: float | None, low: float, high: float) -> None:
    if value is None:
        return
    if not math.isfinite(value) or not low <= value <= high:
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT, f"{name} is {value:g}; it goes from {low:g} to {high:g}"
        )
