"""Between the operator API's messages and ``orchestrator.views``, total both ways."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from fieldwise.v1alpha1 import operator_pb2
from orchestrator.fleet.device import DeviceState
from orchestrator.fleet.ledger import NOTHING_TOLD
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
from orchestrator.rpc.translate_ledgers import ledger_from, ledger_to
from orchestrator.views import (
    BackboneView,
    DeviceView,
    FleetView,
    LookView,
    TicketView,
    VariantView,
)

ViewT = TypeVar("ViewT")

STATES = words(DeviceState, operator_pb2.DeviceState, "DEVICE_STATE")


def ticket_from(message: operator_pb2.Ticket) -> TicketView:
    return TicketView(
        id=message.id,
        created_at=moment_from(message.create_time),
        expires_at=moment_from(message.expire_time),
        uses_allowed=message.uses_allowed,
        uses=message.uses,
        revoked=message.revoked,
        tags=dict(message.tags),
        needs_word=message.needs_word,
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
        needs_word=ticket.needs_word,
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
        ledger=optional(message, "ledger", ledger_from) or NOTHING_TOLD,
        denied_at=optional(message, "deny_time", moment_from),
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
        ledger=ledger_to(device.ledger) if device.ledger.newest else None,
        deny_time=moment_to(device.denied_at) if device.denied_at else None,
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
        recalled_at=optional(message, "recall_time", moment_from),
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
        recall_time=moment_to(backbone.recalled_at) if backbone.recalled_at else None,
    )


def fleet_from(message: operator_pb2.GetFleetStatusResponse) -> FleetView:
    return FleetView(
        version=message.version,
        fleet=message.fleet,
        devices_by_state=dict(message.devices_by_state),
        devices_by_backbone=dict(message.devices_by_backbone),
        rollouts_running=message.rollouts_running,
        tickets_open=message.tickets_open,
        rollouts_by_phase=dict(message.rollouts_by_phase),
    )


def fleet_to(fleet: FleetView) -> operator_pb2.GetFleetStatusResponse:
    return operator_pb2.GetFleetStatusResponse(
        version=fleet.version,
        fleet=fleet.fleet,
        devices_by_state=dict(fleet.devices_by_state),
        devices_by_backbone=dict(fleet.devices_by_backbone),
        rollouts_running=fleet.rollouts_running,
        tickets_open=fleet.tickets_open,
        rollouts_by_phase=dict(fleet.rollouts_by_phase),
    )


def optional(message: Message, name: str, convert: Callable[[Any], ViewT]) -> ViewT | None:
    return convert(getattr(message, name)) if message.HasField(name) else None


def moment_from(message: Timestamp) -> datetime:
    return message.ToDatetime(tzinfo=UTC)


def moment_to(when: datetime) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(when)
    return message
