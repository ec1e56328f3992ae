"""Several heads as one: the average of calibrated scores.

Heads that err differently do better together. Beliefs p_i are pooled as their geometric mean
(Genest and Zidek, 1986, "Combining probability distributions", the logarithmic pool), that is the
mean of scores, each divided by its temperature: z = (1/m) sum_i z_i / T_i. Scores of linear heads
are linear, so the average is again *one* linear head, and predicting with it costs no more than
with one of its members. The same holds for several views of a sample: a member sees only its own
columns of a row, the others have weight 0 in it.

Temperatures come from held-out samples where there are any, else from the model (see
``discriminant``). Only their ratio decides which class wins, and there the model's are close: 260
and 340 between discriminant and ridge on the two reference sets, where those that make the test
labels most likely have 290 and 370.
"""

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from agent.learning.heads.head import LinearHead, no_head
from agent.learning.heads.keeper import SolvedFromSums

NAME = "average"


class Linear(Protocol):
    """A keeper of a linear head that knows its scale."""

    @property
    def head(self) -> LinearHead:
        """The head as it is now."""
        ...

    @property
    def temperature(self) -> float:
        """What divides its scores to make them log-odds under its model."""
        ...


@dataclass(frozen=True, slots=True)
class Member:
    """One head of an average.

    Attributes:
        label: What it is called among the members.
        keeper: Who keeps it.
        columns: Its columns in a row.
    """

    label: str
    keeper: Linear
    columns: slice


class Average(SolvedFromSums):
    """Keeps the average of its members' heads; a single member over whole rows is that member.

    Args:
        name: What the head is called.
        members: Whose heads are averaged; they are told of samples before this one is.
        width: Of a whole row.
        temperatures: Of members by label, chosen on held-out samples; others have their model's.
    """

    def __init__(
        self,
        name: str,
        members: Sequence[Member],
        width: int,
        temperatures: Mapping[str, float],
    ) -> None:
        self.name = name
        self._members = tuple(members)
        self._width = width
        self._temperatures = dict(temperatures)
        self._seen: tuple[LinearHead, ...] = ()
        self.head: LinearHead = no_head()
        self.settle()

    def learn(self, grid: NDArray[np.int16], class_names: Sequence[str]) -> None:
        """As ``Keeper.learn``."""
        del grid, class_names
        self.settle()

    def settle(self) -> None:
        """As ``Keeper.settle``; the members are settled already."""
        heads = tuple(member.keeper.head for member in self._members)
        if len(heads) == len(self._seen) and all(map(operator.is_, heads, self._seen)):
            return
        self._seen = heads
        alone = len(heads) == 1 and heads[0].weights.shape[1] in (0, self._width)
        self.head = heads[0] if alone else self._pooled()

    def unlearn(self, grid: NDArray[np.int16], class_names: Sequence[str]) -> None:
        """As ``Keeper.unlearn``."""
        del grid, class_names
        self.settle()

    def drop_class(self, name: str) -> None:
        """As ``Keeper.drop_class``; the members have dropped it already."""
        del name
        self.settle()

    def _pooled(self) -> LinearHead:
        classes = self._seen[0].classes
        weights = np.zeros((len(classes), self._width), np.float32)
        offsets = np.zeros(len(classes), np.float32)
        for member, head in zip(self._members, self._seen, strict=True):
            if not classes:
                break
            own = self._temperatures.get(member.label, member.keeper.temperature)
            if len(self._members) == 1:  # nothing to be weighed against: its scores as they are
                own = 1.0
            share = np.float32(1 / (own * len(self._members)))
            order = _order(head.classes, classes)
            weights[:, member.columns] += share * head.weights[order]
            offsets += share * head.offsets[order]
        return LinearHead(classes, weights, offsets, self._seen[0].unit)


def _order(given: tuple[str, ...], wanted: tuple[str, ...]) -> slice | list[int]:
    if given == wanted:
        return slice(None)
    place = {name: row for row, name in enumerate(given)}
    return [place[name] for name in wanted]
