"""The agent's closed-form heads over one accumulator, as the agent sets them by default."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from agent.learning.heads.average import Average, Member
from agent.learning.heads.discriminant import Cadence, Discriminant
from agent.learning.heads.keeper import Keeper
from agent.learning.heads.nearest_mean import NearestMean
from agent.learning.heads.ridge import BalancedRidge
from agent.learning.settings import LearningSettings
from fieldwise.bundle import Transform
from fieldwise.head import Accumulator, empty, learn

SETTINGS = LearningSettings()


def nearest_mean(accumulator: Accumulator) -> list[Keeper]:
    return [NearestMean(accumulator)]


def discriminant(accumulator: Accumulator) -> list[Keeper]:
    cadence = Cadence(SETTINGS.solve_growth, SETTINGS.solve_samples_min)
    return [Discriminant(accumulator, SETTINGS.shrinkage, cadence)]


def ridge(accumulator: Accumulator) -> list[Keeper]:
    cadence = Cadence(SETTINGS.solve_growth, SETTINGS.solve_samples_min)
    based = Discriminant(accumulator, SETTINGS.shrinkage, cadence)
    return [based, BalancedRidge(accumulator, based)]


def average(accumulator: Accumulator) -> list[Keeper]:
    cadence = Cadence(SETTINGS.solve_growth, SETTINGS.solve_samples_min)
    based = Discriminant(accumulator, SETTINGS.shrinkage, cadence)
    mixed = BalancedRidge(accumulator, based)
    whole = slice(0, accumulator.width)
    members = [Member("discriminant", based, whole), Member("ridge", mixed, whole)]
    return [based, mixed, Average("average", members, accumulator.width, {})]


HEADS: Mapping[str, Callable[[Accumulator], list[Keeper]]] = {
    "nearest-mean": nearest_mean,
    "discriminant": discriminant,
    "ridge": ridge,
    "average": average,
}
"""Keepers in the order in which they are told of samples; the last is the head of that name."""


def accumulated(
    grid: NDArray[np.int16], labels: Sequence[str], transform: Transform
) -> Accumulator:
    """Statistics of samples int16[N,D]; the same in any order."""
    return Accumulator(learn(empty("0" * 64, transform, grid.shape[1]), grid, labels))


def settled(name: str, accumulator: Accumulator) -> Keeper:
    """A head exactly as the statistics give it."""
    keepers = HEADS[name](accumulator)
    for keeper in keepers:
        keeper.settle()
    return keepers[-1]
