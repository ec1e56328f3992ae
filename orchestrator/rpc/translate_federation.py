"""What campaigns and devices say to one another: offers, tasks, heads of updates."""

from fieldwise.federation import HeadOffer, RoundOffer, content_bytes
from fieldwise.federation_messages import CONSENTS, KINDS, space_from, space_to, word_of
from fieldwise.v1alpha1 import device_pb2, federation_pb2
from orchestrator.federation.contribution import Submission, UpdateHead
from orchestrator.federation.offering import head_offer, round_offer
from orchestrator.federation.receiving import Task
from orchestrator.rpc.translate import digest_from, digest_to, whole


def round_to(offer: RoundOffer) -> device_pb2.RoundOffer:
    return device_pb2.RoundOffer(
        campaign_id=offer.campaign,
        round=offer.round,
        level=CONSENTS[offer.level],
        space=space_to(offer.space),
        kind=KINDS[offer.kind],
        seconds=offer.seconds,
        only_idle=offer.only_idle,
        only_on_conditions=offer.only_on_conditions,
    )


def head_to(offer: HeadOffer) -> federation_pb2.GlobalHead:
    return federation_pb2.GlobalHead(
        campaign_id=offer.campaign,
        version=offer.version,
        digest=digest_to(offer.digest),
        bytes=offer.bytes,
        space=space_to(offer.space),
    )


def task_to(task: Task) -> device_pb2.FetchTaskResponse:
    campaign, plan = task.campaign, task.campaign.plan
    head = head_offer(campaign)
    return device_pb2.FetchTaskResponse(
        round=round_to(round_offer(campaign, task.seconds)),
        classes=[
            federation_pb2.SharedClass(id=number, name=name)
            for number, name in enumerate(plan.classes, start=1)
        ],
        head=head_to(head) if head else None,
        norm_max=plan.norm_max,
        noise=plan.noise,
        samples_min=plan.samples_min,
    )


def submission_from(header: federation_pb2.UpdateHeader) -> Submission:
    """Read what an update says of itself.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for what no update says, or no database holds.
    """
    space = space_from(header.space)
    kind, level = word_of(KINDS, header.kind), word_of(CONSENTS, header.level)
    update = UpdateHead(
        rows=header.rows,
        digest=digest_from(header.content_digest),
        bytes=whole(content_bytes(space, kind, level, header.rows), "bytes"),
        kind=kind,
        level=level,
        base_version=whole(header.base_version, "base_version"),
    )
    return Submission(header.campaign_id, header.round, space, update)
