"""What operators see of signed backbones, between records and messages, both ways."""

from enum import StrEnum
from typing import TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from fieldwise.trust import PublisherTrouble, Role
from fieldwise.v1alpha1 import trust_pb2 as messages
from orchestrator.rpc.translate import invalid
from orchestrator.rpc.translate_views import moment_from
from orchestrator.trust_views import (
    DeviceTrustView,
    ListedView,
    MetadataView,
    PublishedView,
    TrustView,
)

NameT = TypeVar("NameT", bound=StrEnum)


def trust_to(view: TrustView) -> messages.GetTrustResponse:
    return messages.GetTrustResponse(
        metadata=[
            messages.MetadataState(
                role=each.role.value,
                version=each.version,
                expires_seconds=int(each.expires_at.timestamp()),
                key_ids=each.key_ids,
                threshold=each.threshold,
                is_online=each.is_online,
            )
            for each in view.metadata
        ],
        floor_epoch=view.floor_epoch,
        backbones=map(_listed_to, view.backbones),
        devices=[
            messages.DeviceTrust(
                root_version=each.root_version,
                targets_version=each.targets_version,
                floor_epoch=each.floor_epoch,
                trouble=each.trouble.value if each.trouble else "",
                devices=each.devices,
            )
            for each in view.devices
        ],
        online_key_ids=view.online_key_ids,
    )


def trust_from(message: messages.GetTrustResponse) -> TrustView:
    return TrustView(
        metadata=tuple(map(_metadata_from, message.metadata)),
        floor_epoch=message.floor_epoch,
        backbones=tuple(map(_listed_from, message.backbones)),
        devices=tuple(map(_devices_from, message.devices)),
        online_key_ids=tuple(message.online_key_ids),
    )


def published_to(view: PublishedView) -> messages.PublishMetadataResponse:
    return messages.PublishMetadataResponse(
        root_version=view.root_version,
        targets_version=view.targets_version,
        floor_epoch=view.floor_epoch,
        changed=view.changed,
    )


def published_from(message: messages.PublishMetadataResponse) -> PublishedView:
    return PublishedView(
        message.root_version, message.targets_version, message.floor_epoch, message.changed
    )


def _metadata_from(message: messages.MetadataState) -> MetadataView:
    return MetadataView(
        role=_named(Role, message.role, "role"),
        version=message.version,
        expires_at=moment_from(Timestamp(seconds=message.expires_seconds)),
        key_ids=tuple(message.key_ids),
        threshold=message.threshold,
        is_online=message.is_online,
    )


def _listed_to(each: ListedView) -> messages.ListedBackbone:
    return messages.ListedBackbone(
        digest=bytes.fromhex(each.digest),
        name=each.name,
        version=each.version,
        epoch=each.epoch,
        is_listed=each.is_listed,
        is_pushed=each.is_pushed,
        is_recalled=each.is_recalled,
    )


def _listed_from(message: messages.ListedBackbone) -> ListedView:
    return ListedView(
        digest=message.digest.hex(),
        name=message.name,
        version=message.version,
        epoch=message.epoch,
        is_listed=message.is_listed,
        is_pushed=message.is_pushed,
        is_recalled=message.is_recalled,
    )


def _devices_from(message: messages.DeviceTrust) -> DeviceTrustView:
    return DeviceTrustView(
        message.root_version,
        message.targets_version,
        message.floor_epoch,
        _named(PublisherTrouble, message.trouble, "trouble") if message.trouble else None,
        message.devices,
    )


def _named(kind: type[NameT], text: str, what: str) -> NameT:
    try:
        return kind(text)
    except ValueError as error:
        raise invalid(f"{text[:64]!r} is no {what} that this version knows") from error
