"""Flower's strategies by name, as far as rows of heads can be aggregated by them.

A strategy is named as Flower spells it and takes the arguments that Flower gives it, of which here
are those that are numbers (``fieldwise.strategies``); how many devices are sampled is not its
business.
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

from fieldwise import strategies
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.strategies import DEVICES_MIN, DEVICES_USUAL

# Nobody is sampled, since the orchestrator has chosen; and nobody is waited for.
_NOBODY: Mapping[str, Any] = {
    "min_train_nodes": 0,
    "min_evaluate_nodes": 0,
    "min_available_nodes": 0,
}


@dataclass(frozen=True, slots=True)
class Stock:
    """A strategy of Flower's.

    Attributes:
        kind: Its class.
        keeps: Attributes that it needs again in the next round.
    """

    kind: Callable[..., Strategy]
    keeps: tuple[str, ...] = ()


STOCK: Mapping[str, Stock] = {
    "FedAvg": Stock(FedAvg),
    "FedAvgM": Stock(FedAvgM, ("momentum_vector",)),
    "FedMedian": Stock(FedMedian),
    "FedTrimmedAvg": Stock(FedTrimmedAvg),
    "Krum": Stock(Krum),
    "MultiKrum": Stock(MultiKrum),
    "Bulyan": Stock(Bulyan),
    "FedAdagrad": Stock(FedAdagrad, ("m_t", "v_t")),
    "FedAdam": Stock(FedAdam, ("m_t", "v_t")),
    "FedYogi": Stock(FedYogi, ("m_t", "v_t")),
}


def keeps(name: str) -> tuple[str, ...]:
    """Return the attributes that a strategy needs again in the next round."""
    return STOCK[name].keeps


def is_robust(name: str) -> bool:
    """Tell whether some hostile devices are not to move a strategy."""
    known = strategies.KNOWN.get(name)  # one that there is not is refused where it is made
    return known is not None and known.robust


def maker(name: str, options: Mapping[str, float]) -> Callable[[], Strategy]:
    """Return what makes a fresh strategy, which was tried once.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for a name or an option that is not known, or that the
            strategy refuses.
    """
    found = tuple(strategies.mistakes(name, options))
    if found:
        raise FieldwiseError(Fault.INVALID_ARGUMENT, " ".join(found))
    taken = strategies.options_of(name)
    arguments = {
        each: int(value) if taken[each].is_whole else float(value)
        for each, value in options.items()
        if each != DEVICES_MIN
    }

    def make() -> Strategy:
        return STOCK[name].kind(**_NOBODY, **arguments)

    try:
        make()
    except (TypeError, ValueError) as error:
        raise FieldwiseError(Fault.INVALID_ARGUMENT, f"{name} refuses its options") from error
    return make


def devices_min(options: Mapping[str, float]) -> int:
    """Return how many devices have to have sent a class, of options that are checked."""
    return int(options.get(DEVICES_MIN, DEVICES_USUAL))
