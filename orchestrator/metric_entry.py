"""What a metric is, for the lists that name them."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    DISTRIBUTION = "distribution over devices"


@dataclass(frozen=True, slots=True)
class Entry:
    """One metric; a distribution appears as NAME_bucket with label ``le``, _gcount and _gsum."""

    name: str
    kind: Kind
    text: str
    labels: tuple[str, ...] = ()
