"""What is measured of every device, and how a fleet's values are told: as distributions.

A measure is read off the numbers of a device's newest report, by name: ``part`` over the sum of
``whole``, or ``part`` times ``scale`` where there is no whole. A device counts only where
``known`` is above 0: most figures say nothing before the first sample. Stores that can count by
themselves read the same table, so that a look costs them one pass and sends a few hundred numbers
back, whatever the size of the fleet (``DeviceStore.spreads``).
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

RATIOS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0)  # where less is better
SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
COUNTS = (0.0, 1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6)
MIB = float(1 << 20)


class Measure(StrEnum):
    """What is measured."""

    ACCURACY = "accuracy"
    SILENCE = "silence"
    LOSS = "loss"
    CALIBRATION_ERROR = "calibration-error"
    DRIFT = "drift"
    DRIFT_ALARMS = "drift-alarms"
    NOVEL = "novel"
    LEARNED = "learned"
    LEARNING_SECONDS = "learning-seconds"
    WAITING = "waiting"
    SKIPPED = "skipped"
    PREDICTION_SECONDS = "prediction-seconds"
    PREDICTION_ERRORS = "prediction-errors"
    RESIDENT_BYTES = "resident-bytes"
    DISK_FREE_BYTES = "disk-free-bytes"
    CLOCK_OFF = "clock-off"


@dataclass(frozen=True, slots=True)
class Reading:
    """How a measure is read: names are those of the numbers in a report.

    ``bounds`` are the upper ends of the intervals that devices are counted in, ascending; what is
    above the last has an interval of its own.
    """

    part: str
    bounds: tuple[float, ...]
    known: str
    whole: tuple[str, ...] = ()
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Spread:
    """A distribution: devices in each interval, one more than there are bounds, and their sum."""

    bounds: tuple[float, ...]
    devices: tuple[int, ...]
    total: float = 0.0

    @property
    def known(self) -> int:
        """Devices of which the value is known."""
        return sum(self.devices)


# Those that no report has the number of: ``fleet.directory`` reads them off where a device stands.
SILENCE_BOUNDS = (
    15.0,
    30.0,
    60.0,
    120.0,
    180.0,
    300.0,
    600.0,
    3600.0,
    21_600.0,
    86_400.0,
    604_800.0,
)
LOSS_BOUNDS = (-0.2, -0.1, -0.05, -0.02, -0.01, 0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)

READINGS: Mapping[Measure, Reading] = {
    Measure.ACCURACY: Reading(
        "window_correct",
        (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 1.0),
        "window_samples",
        ("window_samples",),
    ),
    Measure.CALIBRATION_ERROR: Reading(
        "calibration_error_permille", RATIOS, "calibration_samples", scale=0.001
    ),
    Measure.DRIFT: Reading(
        "drift_permille", (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0), "samples", scale=0.001
    ),
    Measure.DRIFT_ALARMS: Reading(
        "drift_alarms", (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0), "samples"
    ),
    Measure.NOVEL: Reading("novelty_novel", RATIOS, "novelty_samples", ("novelty_samples",)),
    Measure.LEARNED: Reading("samples", COUNTS, "sequence"),
    Measure.LEARNING_SECONDS: Reading(
        "learning_p50_micros", SECONDS, "learning_p50_micros", scale=1e-6
    ),
    Measure.WAITING: Reading("waiting_samples", COUNTS, "sequence"),
    Measure.SKIPPED: Reading("skipped", RATIOS, "predictions", ("skipped", "predictions")),
    Measure.PREDICTION_SECONDS: Reading(
        "prediction_p99_micros", SECONDS, "prediction_p99_micros", scale=1e-6
    ),
    Measure.PREDICTION_ERRORS: Reading(
        "prediction_errors", RATIOS, "predictions", ("predictions", "prediction_errors")
    ),
    Measure.RESIDENT_BYTES: Reading(
        "resident_bytes",
        tuple(size * MIB for size in (64, 128, 192, 256, 384, 512, 768, 1024, 2048)),
        "resident_bytes",
    ),
    Measure.DISK_FREE_BYTES: Reading(
        "disk_free_bytes",
        tuple(size * MIB for size in (16, 64, 256, 1024, 4096, 16_384, 65_536)),
        "disk_free_bytes",
    ),
    Measure.CLOCK_OFF: Reading(
        "clock_off_seconds", (1.0, 5.0, 30.0, 60.0, 300.0, 3600.0, 86_400.0), "sequence"
    ),
}


def value_of(reading: Reading, numbers: Mapping[str, int]) -> float | None:
    """Return a device's value; None where it is not known."""
    if numbers[reading.known] <= 0:
        return None
    part = numbers[reading.part] * reading.scale
    return part / sum(numbers[name] for name in reading.whole) if reading.whole else part


def spread_of(bounds: tuple[float, ...], values: Iterable[float]) -> Spread:
    """Count values by interval; a value on a bound is in the interval that ends there."""
    devices, total = [0] * (len(bounds) + 1), 0.0
    for value in values:
        devices[bisect_left(bounds, value)] += 1
        total += value
    return Spread(bounds, tuple(devices), total)


def spreads_of(devices: Iterable[Mapping[str, int]]) -> Mapping[Measure, Spread]:
    """Return every measure's distribution over devices, each given as its report's numbers."""
    listed = list(devices)
    return {
        measure: spread_of(
            reading.bounds,
            (value for each in listed if (value := value_of(reading, each)) is not None),
        )
        for measure, reading in READINGS.items()
    }
