"""What devices give to campaigns, as far as the orchestrator keeps books of it.

What is in an update lies in files of its own; nothing here holds a number of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from fieldwise.federation import Consent, HeadOffer, HeadSpace, RoundOffer, RoundStep, RowKind

DECLINING = frozenset(
    {RoundStep.NOT_AGREED, RoundStep.TOO_FEW, RoundStep.UNSUITABLE, RoundStep.NO_HOOK}
)


class Answer(StrEnum):
    """How a device that was asked stands to the round."""

    TAKEN = "taken"
    DECLINED = "declined"  # nothing that may leave, no agreement, another backbone, no hook to ask
    REFUSED = "refused"  # what it sent was none


@dataclass(frozen=True, slots=True)
class UpdateHead:
    """What an update says of itself.

    Attributes:
        rows: How many there are.
        digest: SHA-256 of its content (``fieldwise.federation.content_digest``), hexadecimal.
        bytes: Of the content.
        kind: Of its rows.
        level: What is in it.
        base_version: The version that weights were trained from.
    """

    rows: int
    digest: str
    bytes: int
    kind: RowKind
    level: Consent
    base_version: int = 0


class UpdateState(StrEnum):
    """How the books have an update."""

    EXPECTED = "expected"
    TAKEN = "taken"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Contribution:
    """An update that was taken.

    Attributes:
        alias: Stands for the device within its campaign; from 1 on.
        round: That it was sent in.
        update: What it says of itself; the content lies under ``update.digest``.
    """

    alias: int
    round: int
    update: UpdateHead


@dataclass(frozen=True, slots=True)
class Part:
    """How a device stands to a campaign.

    Attributes:
        asked: The newest round that it was asked in; 0 for none.
        answer: To that round; None while nothing is known.
        digest: Of the update that was taken in that round; empty for none.
        head_version: The newest head that it told to have judged.
    """

    asked: int = 0
    answer: Answer | None = None
    digest: str = ""
    head_version: int = 0


NO_PART = Part()


def is_taken(part: Part, update: UpdateHead) -> bool:
    """Tell whether this very update was taken in the newest round that asked its device."""
    return part.answer is Answer.TAKEN and part.digest == update.digest


@dataclass(frozen=True, slots=True)
class Offers:
    """What campaigns have for a device at a check-in."""

    round: RoundOffer | None = None
    head: HeadOffer | None = None


NOTHING_OFFERED = Offers()


@dataclass(frozen=True, slots=True)
class Submission:
    """An update that a device is about to send: for which round, of which space, what it says."""

    campaign: str
    round: int
    space: HeadSpace
    update: UpdateHead


def superseded(
    level: Consent, kind: RowKind, newest_first: Sequence[tuple[int, frozenset[int]]]
) -> frozenset[int]:
    """Return the rounds whose updates of one device are not needed beside its later ones.

    Args:
        level: Of the campaign.
        kind: Of the campaign.
        newest_first: Rounds with the classes of the update that was taken in each.
    """
    gone: set[int] = set()
    covered: set[int] = set()
    for place, (round_number, classes) in enumerate(newest_first):
        whole = level is Consent.STATISTICS or kind is RowKind.WEIGHTS
        if place and (whole or classes <= covered):
            gone.add(round_number)
        covered |= classes
    return frozenset(gone)
