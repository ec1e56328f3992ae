"""What an aggregator needs from the world."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from aggregator.work import Campaign, Contribution, Kept, Opening, RoundPhase, RoundResult
from fieldwise.bundle import Digest
from fieldwise.federation import Update


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An update that is none.

    Attributes:
        rows: How many it said to have.
        why: A sentence.
    """

    rows: int
    why: str


class Orchestrator(Protocol):
    """The orchestrator; every call may be made again after a lost answer.

    Each raises ``FieldwiseError``: ``UNREACHABLE``, ``UNAVAILABLE`` or ``BUSY`` for what passes,
    ``UNAUTHENTICATED`` where another aggregator took over.
    """

    def campaign(self) -> Campaign:
        """What is to be done, and how far it is."""

    def open_round(self) -> Opening:
        """Open the round after the last that ended, or name the one that is under way."""

    def await_round(self, number: int, seconds: int) -> RoundPhase:
        """Wait until a round is over for devices, at most so many seconds."""

    def updates(self, number: int) -> Iterator[tuple[int, Update | Unreadable]]:
        """The standing updates of a closed round by alias; of one alias the oldest first."""

    def fetch(self, digest: Digest) -> bytes:
        """The file of a head or of what a strategy keeps, checked against its digest."""

    def commit(self, result: RoundResult) -> int:
        """End a round; returns the version that came of it, the same when called again.

        Without a head it is missed, and 0 is returned; ``ILLEGAL_COMMAND`` when called again.
        """

    def give_up(self, reason: str) -> None:
        """End the campaign, for a reason without values."""


class Clock(Protocol):
    """Time, of which an aggregator only ever lets some pass."""

    def sleep(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True, eq=False)
class Aggregated:
    """What a strategy made of a round.

    Attributes:
        rows: float32[D] by class; those that too few devices sent, or of which it made nothing
            finite, are not there.
        kept: What it wants back next time, by class.
    """

    rows: Mapping[int, NDArray[np.float32]]
    kept: Mapping[int, Kept]


class Strategies(Protocol):
    """What makes one row of many, class by class."""

    def check(self, name: str, options: Mapping[str, float]) -> None:
        """Refuse what no strategy can be made of.

        Raises:
            FieldwiseError: ``INVALID_ARGUMENT``.
        """

    def is_robust(self, name: str) -> bool:
        """Whether a strategy is one that some hostile devices are not to move."""

    def aggregate(
        self,
        campaign: Campaign,
        current: Mapping[int, NDArray[np.float32]],
        kept: Mapping[int, Kept],
        collect: Callable[[], Sequence[Contribution]],
    ) -> Aggregated:
        """Ask for contributions and make rows of them.

        Args:
            campaign: What says how.
            current: The newest head's rows, by class.
            kept: What the strategy kept with them, by class.
            collect: Returns what devices gave; called once.
        """
