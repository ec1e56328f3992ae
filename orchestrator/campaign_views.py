"""What operators see of campaigns, as ``orchestrator.views`` has it for everything else."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from fieldwise.federation import HeadOutcome, HeadSpace
from orchestrator.federation.campaign import Campaign, HeadVersion, Round
from orchestrator.federation.phases import CampaignPhase, RoundPhase
from orchestrator.federation.plan import CampaignPlan
from orchestrator.views import moment

Outcomes = Mapping[HeadOutcome, int]


@dataclass(frozen=True, slots=True)
class RoundView:
    """A round; ``asked`` to ``bytes`` as of the last look, the rest of what came of it."""

    round: int
    phase: RoundPhase
    opened_at: datetime
    deadline: datetime
    ended_at: datetime | None
    wanted: int
    asked: int
    taken: int
    declined: int
    refused: int
    unchanged: int
    bytes: int
    version: int
    classes: int
    classes_held_back: int
    rows_left_out: int


@dataclass(frozen=True, slots=True)
class HeadView:
    """A version of a campaign's head, and how many devices said what came of it."""

    version: int
    digest: str
    bytes: int
    space: HeadSpace
    created_at: datetime
    round: int
    back_to: int
    outcomes: Outcomes = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CampaignView:
    """A campaign; its plan names the backbone that was found.

    ``devices`` has the members of its cohort, ``agreed`` those of them whose owners agree to it.
    """

    id: str
    plan: CampaignPlan
    phase: CampaignPhase
    reason: str
    created_at: datetime
    created_by: str
    ended_at: datetime | None
    round: RoundView | None
    rounds_committed: int
    rounds_missed: int
    rounds_unchanged: int
    head: HeadView | None
    devices: int = 0
    agreed: int = 0


def view_round(seen: Round) -> RoundView:
    return RoundView(
        round=seen.number,
        phase=seen.phase,
        opened_at=moment(seen.opened_at),
        deadline=moment(seen.deadline),
        ended_at=None if seen.ended_at is None else moment(seen.ended_at),
        wanted=seen.wanted,
        asked=seen.tally.asked,
        taken=seen.tally.taken,
        declined=seen.tally.declined,
        refused=seen.tally.refused,
        unchanged=seen.tally.unchanged,
        bytes=seen.tally.bytes,
        version=seen.version,
        classes=seen.classes,
        classes_held_back=seen.classes_held_back,
        rows_left_out=seen.rows_left_out,
    )


def view_head(seen: HeadVersion, space: HeadSpace, outcomes: Outcomes) -> HeadView:
    return HeadView(
        version=seen.version,
        digest=seen.digest,
        bytes=seen.bytes,
        space=space,
        created_at=moment(seen.created_at),
        round=seen.round,
        back_to=seen.back_to,
        outcomes=dict(outcomes),
    )


def view_campaign(
    seen: Campaign, outcomes: Outcomes, devices: int = 0, agreed: int = 0
) -> CampaignView:
    return CampaignView(
        id=seen.id,
        plan=replace(seen.plan, backbone=seen.title),
        phase=seen.phase,
        reason=seen.reason,
        created_at=moment(seen.created_at),
        created_by=seen.created_by,
        ended_at=None if seen.ended_at is None else moment(seen.ended_at),
        round=view_round(seen.round) if seen.round else None,
        rounds_committed=seen.committed,
        rounds_missed=seen.missed,
        rounds_unchanged=seen.unchanged,
        head=view_head(seen.head, seen.space, outcomes) if seen.head else None,
        devices=devices,
        agreed=agreed,
    )
