"""Between the messages of campaigns and ``orchestrator.campaign_views``, total both ways.

A field of a plan that is absent has the plan's default. Whether a plan makes sense is not asked
here: ``orchestrator.federation.plan_rules``.
"""

from collections.abc import Mapping
from typing import Any

from fieldwise.federation import HeadOutcome
from fieldwise.federation_messages import CONSENTS, KINDS, space_from, space_to
from fieldwise.v1alpha1 import campaign_pb2, federation_pb2
from orchestrator.campaign_views import CampaignView, HeadView, RoundView
from orchestrator.federation.phases import CampaignPhase, RoundPhase
from orchestrator.federation.plan import CampaignPlan
from orchestrator.rpc.translate import (
    digest_from,
    digest_to,
    fields_of,
    shortened,
    word_from,
    words,
)
from orchestrator.rpc.translate_views import moment_from, moment_to, optional

NAME_BYTES_MAX = 256  # as the wire has it; a cluster and an issuer know longer names

CAMPAIGN_PHASES = words(CampaignPhase, campaign_pb2.CampaignPhase, "CAMPAIGN_PHASE")
ROUND_PHASES = words(RoundPhase, campaign_pb2.RoundPhase, "ROUND_PHASE")
# A device that does not agree is offered no head, and so counted nowhere.
COUNTED: Mapping[HeadOutcome, str] = {
    HeadOutcome.ADOPTED: "adopted",
    HeadOutcome.NOT_CHOSEN: "not_chosen",
    HeadOutcome.HARM: "harm",
    HeadOutcome.TOO_FEW: "too_few",
    HeadOutcome.UNSUITABLE: "unsuitable",
}
MAY_BE_ABSENT = (
    "rounds",
    "quorum",
    "participants",
    "over_selection",
    "deadline_seconds",
    "pause_seconds",
    "norm_max",
    "noise",
    "samples_min",
)
PLAIN = (
    "round",
    "wanted",
    "asked",
    "taken",
    "declined",
    "refused",
    "unchanged",
    "bytes",
    "version",
    "classes",
    "classes_held_back",
    "rows_left_out",
)
USUAL = CampaignPlan("", ())


def plan_from(message: campaign_pb2.CampaignPlan) -> CampaignPlan:
    """Read a plan.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for an enumerator without a meaning.
    """
    return CampaignPlan(
        backbone=message.backbone,
        classes=tuple(message.classes),
        cohort=message.cohort,
        kind=_choice(KINDS, message.kind, USUAL.kind),
        level=_choice(CONSENTS, message.level, USUAL.level),
        strategy=message.strategy or USUAL.strategy,
        options=dict(message.options),
        only_idle=message.only_idle,
        only_on_conditions=message.only_on_conditions,
        **{name: getattr(message, name) for name in MAY_BE_ABSENT if message.HasField(name)},
    )


def plan_to(plan: CampaignPlan, *, with_classes: bool = True) -> campaign_pb2.CampaignPlan:
    return campaign_pb2.CampaignPlan(
        backbone=plan.backbone,
        classes=plan.classes if with_classes else (),
        cohort=plan.cohort,
        kind=KINDS[plan.kind],
        level=CONSENTS[plan.level],
        strategy=plan.strategy,
        options=dict(plan.options),
        only_idle=plan.only_idle,
        only_on_conditions=plan.only_on_conditions,
        **{name: getattr(plan, name) for name in MAY_BE_ABSENT},
    )


def campaign_from(message: campaign_pb2.Campaign) -> CampaignView:
    return CampaignView(
        id=message.id,
        plan=plan_from(message.plan),
        phase=word_from(CAMPAIGN_PHASES, message.phase, "phase of a campaign"),
        reason=message.reason,
        created_at=moment_from(message.create_time),
        created_by=message.create_by,
        ended_at=optional(message, "end_time", moment_from),
        round=optional(message, "round", round_from),
        rounds_committed=message.rounds_committed,
        rounds_missed=message.rounds_missed,
        rounds_unchanged=message.rounds_unchanged,
        head=optional(message, "head", head_from),
        devices=message.devices,
        agreed=message.agreed,
    )


def campaign_to(campaign: CampaignView, *, with_classes: bool = True) -> campaign_pb2.Campaign:
    return campaign_pb2.Campaign(
        id=campaign.id,
        plan=plan_to(campaign.plan, with_classes=with_classes),
        phase=CAMPAIGN_PHASES[campaign.phase],
        reason=campaign.reason,
        create_time=moment_to(campaign.created_at),
        create_by=shortened(campaign.created_by, NAME_BYTES_MAX),
        end_time=moment_to(campaign.ended_at) if campaign.ended_at else None,
        round=round_to(campaign.round) if campaign.round else None,
        rounds_committed=campaign.rounds_committed,
        rounds_missed=campaign.rounds_missed,
        rounds_unchanged=campaign.rounds_unchanged,
        head=head_to(campaign.id, campaign.head) if campaign.head else None,
        devices=campaign.devices,
        agreed=campaign.agreed,
    )


def round_from(message: campaign_pb2.CampaignRound) -> RoundView:
    return RoundView(
        phase=word_from(ROUND_PHASES, message.phase, "phase of a round"),
        opened_at=moment_from(message.open_time),
        deadline=moment_from(message.deadline),
        ended_at=optional(message, "end_time", moment_from),
        **{name: getattr(message, name) for name in PLAIN},
    )


def round_to(seen: RoundView) -> campaign_pb2.CampaignRound:
    plain = fields_of(seen)
    return campaign_pb2.CampaignRound(
        phase=ROUND_PHASES[seen.phase],
        open_time=moment_to(seen.opened_at),
        deadline=moment_to(seen.deadline),
        end_time=moment_to(seen.ended_at) if seen.ended_at else None,
        **{name: plain[name] for name in PLAIN},
    )


def head_from(message: campaign_pb2.HeadVersion) -> HeadView:
    counts = {outcome: getattr(message, name) for outcome, name in COUNTED.items()}
    return HeadView(
        version=message.head.version,
        digest=digest_from(message.head.digest),
        bytes=message.head.bytes,
        space=space_from(message.head.space),
        created_at=moment_from(message.create_time),
        round=message.round,
        back_to=message.back_to,
        outcomes={outcome: count for outcome, count in counts.items() if count},
    )


def head_to(campaign: str, seen: HeadView) -> campaign_pb2.HeadVersion:
    counts = {name: seen.outcomes.get(outcome, 0) for outcome, name in COUNTED.items()}
    return campaign_pb2.HeadVersion(
        head=federation_pb2.GlobalHead(
            campaign_id=campaign,
            version=seen.version,
            digest=digest_to(seen.digest),
            bytes=seen.bytes,
            space=space_to(seen.space),
        ),
        create_time=moment_to(seen.created_at),
        round=seen.round,
        back_to=seen.back_to,
        **counts,
    )


def _choice(table: Mapping[Any, Any], value: int, usual: Any) -> Any:
    """Return the word of an enumerator, the usual one where it is unspecified."""
    return word_from(table, value, "choice of a plan") if value else usual
