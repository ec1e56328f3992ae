"""Between the operator API's messages and ``orchestrator.views``, total both ways."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from fieldwise.v1alpha1 import operator_pb2, rollout_pb2
from orchestrator.fleet.device import DeviceState
from orchestrator.rollout.machine import Phase, Place
from orchestrator.rpc.translate import (
    digest_from,
    digest_to,
    facts_from,
    facts_to,
    report_from,
    report_to,
    revision_from,
    revision_to,
    target_from,
    target_to,
    word_from,
    words,
)
from orchestrator.views import (
    BackboneView,
    DeviceView,
    FleetView,
    LookView,
    RolloutView,
    StopView,
    TicketView,
    VariantView,
)

ViewT = TypeVar("ViewT")

STATES = words(DeviceState, operator_pb2.DeviceState, "DEVICE_STATE")
ROLLOUT_PHASES = {
    Phase.RUNNING: rollout_pb2.ROLLOUT_PHASE_RUNNING,
    Phase.STOPPED: rollout_pb2.ROLLOUT_PHASE_HELD,
    Phase.COMPLETE: rollout_pb2.ROLLOUT_PHASE_COMPLETE,
    Phase.SUPERSEDED: rollout_pb2.ROLLOUT_PHASE_SUPERSEDED,
}


def ticket_from(message: operator_pb2.Ticket) -> TicketView:
    return TicketView(
        id=message.id,
        created_at=moment_from(message.create_time),
        expires_at=moment_from(message.expire_time),
        uses_allowed=message.uses_allowed,
        uses=message.uses,
        revoked=message.revoked,
        tags=dict(message.tags),
    )


def ticket_to(ticket: TicketView) -> operator_pb2.Ticket:
    return operator_pb2.Ticket(
        id=ticket.id,
        create_time=moment_to(ticket.created_at),
        expire_time=moment_to(ticket.expires_at),
        uses_allowed=ticket.uses_allowed,
        uses=ticket.uses,
        revoked=ticket.revoked,
        tags=dict(ticket.tags),
    )


def device_from(message: operator_pb2.FleetDevice) -> DeviceView:
    return DeviceView(
        id=message.id,
        tags=dict(message.tags),
        state=word_from(STATES, message.state, "device state"),
        enrolled_at=moment_from(message.enrol_time),
        seen_at=optional(message, "check_in_time", moment_from),
        certificate_expires_at=moment_from(message.certificate_expire_time),
        facts=facts_from(message.facts),
        report=optional(message, "report", report_from),
        target=optional(message, "target", target_from),
        settings=optional(message, "settings", revision_from),
    )


def device_to(device: DeviceView) -> operator_pb2.FleetDevice:
    return operator_pb2.FleetDevice(
        id=device.id,
        tags=dict(device.tags),
        state=STATES[device.state],
        enrol_time=moment_to(device.enrolled_at),
        check_in_time=moment_to(device.seen_at) if device.seen_at else None,
        certificate_expire_time=moment_to(device.certificate_expires_at),
        facts=facts_to(device.facts),
        report=report_to(device.report) if device.report else None,
        target=target_to(device.target) if device.target else None,
        settings=revision_to(device.settings) if device.settings else None,
    )


def backbone_from(message: operator_pb2.Backbone) -> BackboneView:
    return BackboneView(
        digest=digest_from(message.digest),
        name=message.name,
        version=message.version,
        epoch=message.epoch,
        publisher=message.publisher,
        licence=message.licence,
        source=message.source,
        feature_width=message.feature_width,
        image_size=message.image_size,
        variants=tuple(VariantView(each.name, each.graph_bytes) for each in message.variants),
        starter_classes=message.starter_classes,
        created_at=moment_from(message.create_time),
        devices=message.devices,
        looks=tuple(
            LookView(each.name, each.image_size, each.readings, each.feature_width)
            for each in message.looks
        ),
    )


def backbone_to(backbone: BackboneView) -> operator_pb2.Backbone:
    return operator_pb2.Backbone(
        digest=digest_to(backbone.digest),
        name=backbone.name,
        version=backbone.version,
        epoch=backbone.epoch,
        publisher=backbone.publisher,
        licence=backbone.licence,
        source=backbone.source,
        feature_width=backbone.feature_width,
        image_size=backbone.image_size,
        variants=[
            operator_pb2.BackboneVariant(name=each.name, graph_bytes=each.graph_bytes)
            for each in backbone.variants
        ],
        starter_classes=backbone.starter_classes,
        create_time=moment_to(backbone.created_at),
        devices=backbone.devices,
        looks=[
            operator_pb2.BackboneLook(
                name=each.name,
                image_size=each.image_size,
                readings=each.readings,
                feature_width=each.feature_width,
            )
            for each in backbone.looks
        ],
    )


def rollout_from(message: rollout_pb2.Rollout) -> RolloutView:
    counts = {place: getattr(message.counts, place.value) for place in Place}
    return RolloutView(
        id=message.id,
        digest=digest_from(message.bundle_digest),
        title=message.bundle_name,
        cohort=message.cohort,
        phase=word_from(ROLLOUT_PHASES, message.phase, "rollout phase"),
        created_at=moment_from(message.create_time),
        ended_at=optional(message, "end_time", moment_from),
        counts={place: count for place, count in counts.items() if count},
    )


def rollout_to(rollout: RolloutView) -> rollout_pb2.Rollout:
    counts = {place.value: count for place, count in rollout.counts.items()}
    return rollout_pb2.Rollout(
        id=rollout.id,
        bundle_digest=digest_to(rollout.digest),
        bundle_name=rollout.title,
        cohort=rollout.cohort,
        phase=ROLLOUT_PHASES[rollout.phase],
        counts=rollout_pb2.RolloutCounts(**counts),
        create_time=moment_to(rollout.created_at),
        end_time=moment_to(rollout.ended_at) if rollout.ended_at else None,
    )


def stop_from(message: operator_pb2.StopRolloutResponse) -> StopView:
    return StopView(rollout_from(message.rollout), message.may_still_start, message.within_seconds)


def stop_to(stop: StopView) -> operator_pb2.StopRolloutResponse:
    return operator_pb2.StopRolloutResponse(
        rollout=rollout_to(stop.rollout),
        may_still_start=stop.may_still_start,
        within_seconds=stop.within_seconds,
    )


def fleet_from(message: operator_pb2.GetFleetStatusResponse) -> FleetView:
    return FleetView(
        version=message.version,
        fleet=message.fleet,
        devices_by_state=dict(message.devices_by_state),
        devices_by_backbone=dict(message.devices_by_backbone),
        rollouts_running=message.rollouts_running,
        tickets_open=message.tickets_open,
    )


def fleet_to(fleet: FleetView) -> operator_pb2.GetFleetStatusResponse:
    return operator_pb2.GetFleetStatusResponse(
        version=fleet.version,
        fleet=fleet.fleet,
        devices_by_state=dict(fleet.devices_by_state),
        devices_by_backbone=dict(fleet.devices_by_backbone),
        rollouts_running=fleet.rollouts_running,
        tickets_open=fleet.tickets_open,
    )


def optional(message: Message, name: str, convert: Callable[[Any], ViewT]) -> ViewT | None:
    return convert(getattr(message, name)) if message.HasField(name) else None


def moment_from(message: Timestamp) -> datetime:
    return message.ToDatetime(tzinfo=UTC)


def moment_to(when: datetime) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(when)
    return message
