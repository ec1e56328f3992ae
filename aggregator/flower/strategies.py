"""Flower's strategies by name, as far as rows of heads can be aggregated by them.

A strategy is named as Flower spells it and takes the arguments that Flower gives it, of which here
are those that are numbers; how many devices are sampled is not its business. ``proven`` ones are
held to an oracle of their own in the tests. ``devices_min`` is an option of each, as it is
one of applying it class by class. Not here are FedProx, whose only difference is on the
device; QFedAvg, which needs losses that no device sends; those of trees; and the wrappers for
differential privacy, which would have to see an update whole (noise is added on the device).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flwr.serverapp.strategy import (
    Bulyan,
    FedAdagrad,
    FedAdam,
    FedAvg,
    FedAvgM,
    FedMedian,
    FedTrimmedAvg,
    FedYogi,
    Krum,
    MultiKrum,
    Strategy,
)

from fieldwise.errors import Fault, FieldwiseError

# Nobody is sampled, since the orchestrator has chosen; and nobody is waited for.
_NOBODY: Mapping[str, Any] = {
    "min_train_nodes": 0,
    "min_evaluate_nodes": 0,
    "min_available_nodes": 0,
}
DEVICES_MIN = "devices_min"
DEVICES_USUAL = 2  # a row that one device alone has made would be that device's
_ADAPTIVE = {"eta": float, "eta_l": float, "tau": float}


@dataclass(frozen=True, slots=True)
class Known:
    """A strategy of Flower's.

    Attributes:
        kind: Its class.
        arguments: What it takes, with their types.
        keeps: Attributes that it needs again in the next round.
        robust: Whether some hostile devices are not to move it.
        proven: Whether an oracle of the tests vouches for it.
    """

    kind: Callable[..., Strategy]
    arguments: Mapping[str, type[int] | type[float]]
    keeps: tuple[str, ...] = ()
    robust: bool = False
    proven: bool = False


KNOWN: Mapping[str, Known] = {
    "FedAvg": Known(FedAvg, {}, proven=True),
    "FedAvgM": Known(
        FedAvgM,
        {"server_learning_rate": float, "server_momentum": float},
        keeps=("momentum_vector",),
        proven=True,
    ),
    "FedMedian": Known(FedMedian, {}, robust=True, proven=True),
    "FedTrimmedAvg": Known(FedTrimmedAvg, {"beta": float}, robust=True, proven=True),
    "Krum": Known(Krum, {"num_malicious_nodes": int}, robust=True, proven=True),
    "MultiKrum": Known(
        MultiKrum, {"num_malicious_nodes": int, "num_nodes_to_select": int}, robust=True
    ),
    "Bulyan": Known(Bulyan, {"num_malicious_nodes": int}, robust=True),
    "FedAdagrad": Known(FedAdagrad, _ADAPTIVE, keeps=("m_t", "v_t")),
    "FedAdam": Known(
        FedAdam, {**_ADAPTIVE, "beta_1": float, "beta_2": float}, keeps=("m_t", "v_t")
    ),
    "FedYogi": Known(
        FedYogi, {**_ADAPTIVE, "beta_1": float, "beta_2": float}, keeps=("m_t", "v_t")
    ),
}


def known(name: str) -> Known:
    """Return a strategy.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for a name that is none here.
    """
    if name not in KNOWN:
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT,
            f"{name[:64]} is no strategy that rows of heads are aggregated by;"
            f" there are {', '.join(KNOWN)}",
        )
    return KNOWN[name]


def maker(name: str, options: Mapping[str, float]) -> Callable[[], Strategy]:
    """Return what makes a fresh strategy, which was tried once.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for a name or an option that is not known here, or
            that the strategy refuses.
    """
    found = known(name)
    devices_min(options)
    arguments = {
        each: _argument(name, found, each, value)
        for each, value in options.items()
        if each != DEVICES_MIN
    }

    def make() -> Strategy:
        return found.kind(**_NOBODY, **arguments)

    try:
        make()
    except (TypeError, ValueError) as error:
        raise FieldwiseError(Fault.INVALID_ARGUMENT, f"{name} refuses its options") from error
    return make


def devices_min(options: Mapping[str, float]) -> int:
    """How many devices have to have sent a class.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for anything but a whole number above 0.
    """
    value = options.get(DEVICES_MIN, DEVICES_USUAL)
    if value < 1 or value != int(value):
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT, f"{DEVICES_MIN} is {value:g}; it is a whole number from 1 on"
        )
    return int(value)


def _argument(name: str, found: Known, argument: str, value: float) -> float:
    if argument not in found.arguments:
        known_ones = ", ".join([*found.arguments, DEVICES_MIN])
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT,
            f"{name} has no option {argument[:64]}; it has {known_ones}",
        )
    kind = found.arguments[argument]
    if kind is int and value != int(value):
        raise FieldwiseError(Fault.INVALID_ARGUMENT, f"{argument} of {name} is a whole number")
    return kind(value)
