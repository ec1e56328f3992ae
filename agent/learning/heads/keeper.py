"""A keeper keeps one head in step with what is learned."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from agent.learning.heads.head import Head


class SolvedFromSums:
    """The part of a keeper that is the same wherever the statistics are the whole state."""

    def content(self) -> bytes:
        """As ``Keeper.content``: nothing has to be kept beside the statistics."""
        return b""

    def restore(self, content: bytes) -> None:
        """As ``Keeper.restore``."""
        del content


class KeepsHead(Protocol):
    """Has a head that is replaced as learning goes on; it may be asked for from any thread."""

    @property
    def head(self) -> Head:
        """The head as it is now; it is replaced as a whole and never written to."""
        ...


class Keeper(KeepsHead, Protocol):
    """Replaces its head as learning goes on; used by one thread at a time.

    Closed-form keepers get the shared accumulator at construction. It has learned, or taken back,
    what they are told of just before they are told.
    """

    @property
    def name(self) -> str:
        """What the head is called, among all heads of a pair."""
        ...

    def learn(self, grid: NDArray[np.int16], class_names: Sequence[str]) -> None:
        """Take note of learned samples int16[N,D]; the head follows at the keeper's cadence."""
        ...

    def settle(self) -> None:
        """Make the head exactly that of all that was learned."""
        ...

    def unlearn(self, grid: NDArray[np.int16], class_names: Sequence[str]) -> None:
        """Take back samples int16[N,D] that were learned; the head is settled afterwards."""
        ...

    def drop_class(self, name: str) -> None:
        """Forget a class at once: the head no longer knows it."""
        ...

    def content(self) -> bytes:
        """What has to be kept beside the statistics to restore the head; empty where nothing."""
        ...

    def restore(self, content: bytes) -> None:
        """Go on from what ``content`` gave.

        Raises:
            FieldwiseError: ``STATE_DAMAGED`` for anything else.
        """
        ...
