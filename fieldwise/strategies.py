"""Which strategies make a head of many devices' rows, and with which options.

They are Flower's, under the names that Flower has for them; what they do is Flower's, too, and only
the aggregator has it. This is what can be said of them without it, so that a plan with a strategy
or an option that there is not is refused before anything starts, and the aggregator goes by the
same table. Options are numbers. Bounds are those outside of which a strategy refuses, comes to
nothing or runs away; what is wise within them is the operator's to know.

``devices_min`` is an option of every strategy, as it is one of applying it class by class. Not here
are FedProx, whose only difference is on the device; QFedAvg, which needs losses that no device
sends; those of trees; and the wrappers for differential privacy, which would have to see an update
whole (noise is added on the device).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

DEVICES_MIN = "devices_min"
DEVICES_USUAL = 2  # a row that one device alone has made would be that device's
DEVICES_MOST = 10_000_000  # more than any fleet
TINY = 1e-12  # of what has to be above nothing
NAMED_CHARACTERS = 40


@dataclass(frozen=True, slots=True)
class Option:
    """A number that a strategy takes: from ``low`` on, below ``high``."""

    low: float
    high: float
    is_whole: bool = False

    def takes(self, value: float) -> bool:
        """Tell whether a value is one; none that is not finite is."""
        return self.low <= value < self.high and (not self.is_whole or value == int(value))

    def __str__(self) -> str:
        """What to write."""
        if self.is_whole:
            return f"a whole number from {int(self.low)} on"
        low = "above 0" if self.low == TINY else f"from {self.low:g}"
        return f"a number {low}, below {self.high:g}"


@dataclass(frozen=True, slots=True)
class Known:
    """What can be said of a strategy.

    Attributes:
        options: What it takes beside ``devices_min``, by name.
        robust: Whether some hostile devices are not to move it.
        proven: Whether an oracle of the tests vouches for it.
    """

    options: Mapping[str, Option]
    robust: bool = False
    proven: bool = False


_HOSTILE = Option(0, DEVICES_MOST, is_whole=True)
_MANY = Option(1, DEVICES_MOST, is_whole=True)
_RATE = Option(TINY, 100)
_SHARE = Option(0, 1)
_ADAPTIVE = {"eta": _RATE, "eta_l": _RATE, "tau": _RATE}
_MOMENTS = {**_ADAPTIVE, "beta_1": _SHARE, "beta_2": _SHARE}

KNOWN: Mapping[str, Known] = MappingProxyType(
    {
        "FedAvg": Known({}, proven=True),
        "FedAvgM": Known({"server_learning_rate": _RATE, "server_momentum": _SHARE}, proven=True),
        "FedMedian": Known({}, robust=True, proven=True),
        "FedTrimmedAvg": Known({"beta": Option(0, 0.5)}, robust=True, proven=True),
        "Krum": Known({"num_malicious_nodes": _HOSTILE}, robust=True, proven=True),
        "MultiKrum": Known(
            {"num_malicious_nodes": _HOSTILE, "num_nodes_to_select": _MANY}, robust=True
        ),
        "Bulyan": Known({"num_malicious_nodes": _HOSTILE}, robust=True),
        "FedAdagrad": Known(_ADAPTIVE),
        "FedAdam": Known(_MOMENTS),
        "FedYogi": Known(_MOMENTS),
    }
)


def options_of(name: str) -> Mapping[str, Option]:
    """Return every option of a strategy that is known."""
    return {**KNOWN[name].options, DEVICES_MIN: _MANY}


def mistakes(name: str, options: Mapping[str, float]) -> Iterator[str]:
    """Yield what is wrong with a strategy and its options, as ``KEY: what is wrong; what to do``.

    Total: no name and no number, however odd, makes it raise.
    """
    if name not in KNOWN:
        yield (
            f"strategy: {name[:NAMED_CHARACTERS]!r} is none that rows of heads are aggregated by; "
            f"write one of {', '.join(KNOWN)}"
        )
        return
    taken = options_of(name)
    for option, value in options.items():
        if option not in taken:
            yield (
                f"options: {name} has no option {option[:NAMED_CHARACTERS]!r}; "
                f"it has {', '.join(taken)}"
            )
        elif not taken[option].takes(value):
            yield f"options: {option} of {name} is {value:g}; write {taken[option]}"
