"""Federation between what the agent means and what travels, to the fleet and to the owner."""

import re
from collections.abc import Iterator

from google.protobuf.timestamp_pb2 import Timestamp

from agent.federation.standing import FederationState, SharedClass, Task
from agent.learning.names import stored_class_name
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import NOISE_MAX, NORM_MAX, Consent, HeadOffer, RoundOffer, Update
from fieldwise.federation_messages import (
    CONSENTS,
    DIGEST_BYTES,
    KINDS,
    parts_of,
    report_from,
    report_to,
    space_from,
    word_of,
)
from fieldwise.v1alpha1 import device_pb2, federation_pb2, local_pb2
from fieldwise.verdict_messages import counts_from, counts_to

CAMPAIGN = re.compile(r"[0-9a-z-]{1,32}")
END_MAX = 253_370_764_800.0  # the year 9999
SHARED_MAX = 10_000  # as many as one answer may have


def round_offer(message: device_pb2.RoundOffer) -> RoundOffer:
    """Read what is offered.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for what is none.
    """
    level = word_of(CONSENTS, message.level)
    if level is Consent.OFF:
        raise FieldwiseError(Fault.INVALID_ARGUMENT, "a round that asks for nothing")
    return RoundOffer(
        campaign=_campaign(message.campaign_id),
        round=message.round,
        level=level,
        space=space_from(message.space),
        kind=word_of(KINDS, message.kind),
        seconds=message.seconds,
        only_idle=message.only_idle,
        only_on_conditions=message.only_on_conditions,
    )


def head_offer(message: federation_pb2.GlobalHead) -> HeadOffer:
    """Read what is offered.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for what is none.
    """
    if len(message.digest) != DIGEST_BYTES:
        raise FieldwiseError(Fault.INVALID_ARGUMENT, "the digest of a head is not 32 bytes long")
    return HeadOffer(
        campaign=_campaign(message.campaign_id),
        version=message.version,
        digest=message.digest.hex(),
        bytes=message.bytes,
        space=space_from(message.space),
    )


def task_of(message: device_pb2.FetchTaskResponse) -> Task:
    """Read what a round asks for.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT``, ``CLASS_INVALID`` for what is none.
    """
    classes = {stored_class_name(each.name): each.id for each in message.classes}
    ids = set(classes.values())
    if len(ids) < len(message.classes) or min(ids, default=1) < 1:
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT, "a campaign with two classes of one id or name"
        )
    if not (0 <= message.norm_max <= NORM_MAX and 0 <= message.noise <= NOISE_MAX):
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT,
            f"no campaign has a bound of {message.norm_max:g} and a noise of {message.noise:g}",
        )
    return Task(
        offer=round_offer(message.round),
        classes=classes,
        head=head_offer(message.head) if message.HasField("head") else None,
        norm_max=message.norm_max,
        noise=message.noise,
        samples_min=message.samples_min,
    )


def submissions(update: Update) -> Iterator[device_pb2.SubmitUpdateRequest]:
    """An update as the messages of one call."""
    for part in parts_of(update):
        match part:
            case federation_pb2.UpdateHeader():
                yield device_pb2.SubmitUpdateRequest(header=part)
            case federation_pb2.ClassRows():
                yield device_pb2.SubmitUpdateRequest(rows=part)
            case federation_pb2.ScatterPiece():
                yield device_pb2.SubmitUpdateRequest(scatter=part)


def consent_request(consent: Consent, until: float | None) -> local_pb2.SetConsentRequest:
    request = local_pb2.SetConsentRequest(consent=CONSENTS[consent])
    if until is not None:
        request.until.FromNanoseconds(round(until * 1e9))
    return request


def consent_of(message: local_pb2.SetConsentRequest) -> tuple[Consent, float | None]:
    """Read what an owner agrees to, and until when.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for a consent that there is none of.
    """
    until = seconds_of(message.until) if message.HasField("until") else None
    if until is not None and not 0 <= until < END_MAX:
        raise FieldwiseError(Fault.INVALID_ARGUMENT, "a consent with an end that no calendar has")
    return word_of(CONSENTS, message.consent), until


def state_response(state: FederationState) -> local_pb2.GetFederationResponse:
    response = local_pb2.GetFederationResponse(
        consent=CONSENTS[state.consent],
        classes=[
            local_pb2.SharedClassState(
                name=each.name, samples=each.samples, changed=each.changed, ready=each.ready
            )
            for each in state.classes[:SHARED_MAX]
        ],
        updates=state.updates,
        bytes=state.bytes,
        kept_aside=state.kept_aside,
        foreign_classes=state.foreign_classes,
    )
    if state.until is not None:
        response.until.FromNanoseconds(round(state.until * 1e9))
    if state.report is not None:
        response.report.CopyFrom(report_to(state.report))
    if state.foreign is not None:
        response.foreign.CopyFrom(counts_to(state.foreign))
    return response


def state_of(message: local_pb2.GetFederationResponse) -> FederationState:
    """Read an answer.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for one that means nothing.
    """
    return FederationState(
        consent=word_of(CONSENTS, message.consent),
        until=seconds_of(message.until) if message.HasField("until") else None,
        classes=tuple(
            SharedClass(each.name, each.samples, each.changed, each.ready)
            for each in message.classes
        ),
        report=report_from(message.report) if message.HasField("report") else None,
        updates=message.updates,
        bytes=message.bytes,
        kept_aside=message.kept_aside,
        foreign_classes=message.foreign_classes,
        foreign=counts_from(message.foreign) if message.HasField("foreign") else None,
    )


def seconds_of(time: Timestamp) -> float:
    """Seconds since 1970."""
    return time.ToNanoseconds() / 1e9


def _campaign(text: str) -> str:
    if not CAMPAIGN.fullmatch(text):
        raise FieldwiseError(Fault.INVALID_ARGUMENT, "a campaign without an id")
    return text
