"""What an aggregator is asked to do, and what comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from fieldwise.bundle import Digest
from fieldwise.federation import Consent, HeadSpace, Row, RowKind


class RoundPhase(StrEnum):
    """How far a round is."""

    OPEN = "open"
    CLOSED = "closed"
    COMMITTED = "committed"
    MISSED = "missed"
    DROPPED = "dropped"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign as its aggregator sees it.

    Attributes:
        id: Of the campaign.
        runs: False once it was stopped, is complete or has failed.
        kind: Of the rows.
        level: ``WEIGHTS`` or ``STATISTICS``.
        strategy: As Flower spells it.
        options: Of the strategy, by the names of its arguments.
        norm_max: Of weights, what devices shorten rows to; 0 for no bound.
        noise: Standard deviation of the noise that devices add, of ``norm_max``.
        classes: Names by id.
        space: What rows belong to.
        version: Of the newest head; 0 for none.
        head: Digest of its file; empty for none.
        state: Digest of what the strategy kept with it; empty for nothing.
        quorum: Devices without which a round makes no head.
    """

    id: str
    runs: bool
    kind: RowKind
    level: Consent
    strategy: str
    options: Mapping[str, float]
    norm_max: float
    noise: float
    classes: Mapping[int, str]
    space: HeadSpace
    version: int = 0
    head: Digest = ""
    state: Digest = ""
    quorum: int = 1


@dataclass(frozen=True, slots=True)
class Opening:
    """What came of asking for a round.

    Attributes:
        round: Its number; 0 where there is none to work on now.
        wait_seconds: Then, when to ask again.
    """

    round: int
    wait_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Tally:
    """What a round came to, in counts.

    Attributes:
        classes: Of the head.
        held_back: Classes that too few devices sent.
        left_out: Rows that were not usable.
    """

    classes: int
    held_back: int
    left_out: int


@dataclass(frozen=True, slots=True)
class RoundResult:
    """A round's end: the file of the head, and of what the strategy keeps, empty for nothing.

    Without a head the round is missed: too little of what devices gave is usable.
    """

    round: int
    tally: Tally
    head: bytes
    state: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Contribution:
    """The rows of a device that stand, as far as they are usable.

    Attributes:
        alias: Stands for the device within its campaign.
        rows: By class; their counts are what they are weighted by.
    """

    alias: int
    rows: Mapping[int, Row]


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """What a strategy keeps of a class between rounds.

    Attributes:
        steps: Rounds in which it made a row of the class.
        arrays: float32[D] by the name that the strategy has for it.
    """

    steps: int
    arrays: Mapping[str, NDArray[np.float32]]
