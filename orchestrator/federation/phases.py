"""Where a campaign and its newest round stand, and everything that moves them, as tables.

Both have a row for every phase, and nothing else changes one. What a table does not name has no
meaning in that phase; where it leads to the phase that it finds, it changes nothing.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class CampaignPhase(StrEnum):
    """What holds of a campaign as a whole."""

    RUNNING = "running"
    STOPPED = "stopped"  # an operator ended it
    COMPLETE = "complete"  # every round was made
    FAILED = "failed"  # its aggregator cannot go on


class CampaignTurn(StrEnum):
    """What moves a campaign."""

    STOP = "stop"
    GIVE_UP = "give up"
    LAST_ROUND = "last round"


class RoundPhase(StrEnum):
    """What holds of a round."""

    OPEN = "open"  # offered to devices; updates are taken
    CLOSED = "closed"  # enough updates are in; the aggregator works on them
    COMMITTED = "committed"  # a version of the head came of it
    MISSED = "missed"  # its quorum was not met
    UNCHANGED = "unchanged"  # devices answered, and too few had anything new: the head says it all
    DROPPED = "dropped"  # its campaign ended, or the head that it began with was taken back


class RoundTurn(StrEnum):
    """What moves a round."""

    ENOUGH = "enough"
    TOO_FEW = "too few"
    NOTHING_NEW = "nothing new"
    COMMIT = "commit"
    DROP = "drop"


CAMPAIGN_TURNS: Mapping[CampaignPhase, Mapping[CampaignTurn, CampaignPhase]] = MappingProxyType(
    {
        CampaignPhase.RUNNING: {
            CampaignTurn.STOP: CampaignPhase.STOPPED,
            CampaignTurn.GIVE_UP: CampaignPhase.FAILED,
            CampaignTurn.LAST_ROUND: CampaignPhase.COMPLETE,
        },
        CampaignPhase.STOPPED: {
            CampaignTurn.STOP: CampaignPhase.STOPPED,
            CampaignTurn.GIVE_UP: CampaignPhase.STOPPED,
        },
        CampaignPhase.COMPLETE: {
            CampaignTurn.STOP: CampaignPhase.COMPLETE,
            CampaignTurn.GIVE_UP: CampaignPhase.COMPLETE,
        },
        CampaignPhase.FAILED: {
            CampaignTurn.STOP: CampaignPhase.FAILED,
            CampaignTurn.GIVE_UP: CampaignPhase.FAILED,
        },
    }
)

ROUND_TURNS: Mapping[RoundPhase, Mapping[RoundTurn, RoundPhase]] = MappingProxyType(
    {
        RoundPhase.OPEN: {
            RoundTurn.ENOUGH: RoundPhase.CLOSED,
            RoundTurn.TOO_FEW: RoundPhase.MISSED,
            RoundTurn.NOTHING_NEW: RoundPhase.UNCHANGED,
            RoundTurn.DROP: RoundPhase.DROPPED,
        },
        RoundPhase.CLOSED: {
            RoundTurn.COMMIT: RoundPhase.COMMITTED,
            RoundTurn.TOO_FEW: RoundPhase.MISSED,
            RoundTurn.DROP: RoundPhase.DROPPED,
        },
        RoundPhase.COMMITTED: {RoundTurn.COMMIT: RoundPhase.COMMITTED},
        RoundPhase.MISSED: {},
        RoundPhase.UNCHANGED: {},
        RoundPhase.DROPPED: {},
    }
)

UNDER_WAY = frozenset({RoundPhase.OPEN, RoundPhase.CLOSED})
