"""What operators see of signed backbones, as ``orchestrator.views`` has it for everything else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from fieldwise.trust import Listed, PublisherReport, PublisherTrouble, Role
from orchestrator.trust.documents import Document
from orchestrator.trust.upkeep import PublisherKeys, signs
from orchestrator.views import moment

BACKBONES_MAX, DEVICES_MAX = 2000, 100  # what the wire takes
ORDER = (Role.ROOT, Role.TARGETS, Role.SNAPSHOT, Role.TIMESTAMP)


@dataclass(frozen=True, slots=True)
class MetadataView:
    """Metadata of one kind; ``is_online`` tells whether the server can sign it by itself."""

    role: Role
    version: int
    expires_at: datetime
    key_ids: tuple[str, ...]
    threshold: int
    is_online: bool


@dataclass(frozen=True, slots=True)
class ListedView:
    """A backbone that is listed, or pushed, or both."""

    digest: str
    name: str
    version: str
    epoch: int
    is_listed: bool
    is_pushed: bool
    is_recalled: bool

    @property
    def waits(self) -> str:
        """What a publisher is to sign: that it may be installed, or that it may not any more."""
        if self.is_pushed and not self.is_listed and not self.is_recalled:
            return "listing"
        return "delisting" if self.is_listed and self.is_recalled else ""


@dataclass(frozen=True, slots=True)
class DeviceTrustView:
    """Devices that say the same of their publisher."""

    root_version: int
    targets_version: int
    floor_epoch: int
    trouble: PublisherTrouble | None
    devices: int


@dataclass(frozen=True, slots=True)
class TrustView:
    """All that there is to know of it."""

    metadata: tuple[MetadataView, ...]
    floor_epoch: int
    backbones: tuple[ListedView, ...]
    devices: tuple[DeviceTrustView, ...]
    online_key_ids: tuple[str, ...]

    def of(self, role: Role) -> MetadataView | None:
        return next((each for each in self.metadata if each.role is role), None)


@dataclass(frozen=True, slots=True)
class PublishedView:
    """What is in force after a publisher sent something."""

    root_version: int
    targets_version: int
    floor_epoch: int
    changed: bool


def view_trust(
    state: Mapping[Role, Document],
    keys: PublisherKeys,
    pushed: Sequence[tuple[Listed, bool]],
    heard: Mapping[PublisherReport, int],
) -> TrustView:
    """Put it together; ``pushed`` has each backbone with whether it was recalled, newest first."""
    targets = state.get(Role.TARGETS)
    listed = targets.listed if targets else {}
    return TrustView(
        metadata=tuple(_metadata(state, role, keys) for role in ORDER if role in state),
        floor_epoch=targets.floor if targets else 0,
        backbones=tuple(_backbones(listed, pushed))[:BACKBONES_MAX],
        devices=tuple(map(_devices, sorted(heard.items(), key=_most)))[:DEVICES_MAX],
        online_key_ids=tuple(keys.online),
    )


def _metadata(state: Mapping[Role, Document], role: Role, keys: PublisherKeys) -> MetadataView:
    document, root = state[role], state[Role.ROOT]
    return MetadataView(
        role=role,
        version=document.version,
        expires_at=moment(document.expires_at),
        key_ids=root.key_ids(role),
        threshold=root.threshold(role),
        is_online=signs(role, keys, root),
    )


def _backbones(
    listed: Mapping[str, Listed], pushed: Sequence[tuple[Listed, bool]]
) -> list[ListedView]:
    known = {each.digest for each, _ in pushed}
    found = [
        _view(each, is_listed=each.digest in listed, is_pushed=True, is_recalled=recalled)
        for each, recalled in pushed
        if each.digest in listed or not recalled
    ]
    found += [
        _view(each, is_listed=True, is_pushed=False, is_recalled=False)
        for each in listed.values()
        if each.digest not in known
    ]
    return found


def _view(each: Listed, *, is_listed: bool, is_pushed: bool, is_recalled: bool) -> ListedView:
    return ListedView(
        each.digest, each.name, each.version, each.epoch, is_listed, is_pushed, is_recalled
    )


def _most(item: tuple[PublisherReport, int]) -> tuple[int, str]:
    report, devices = item
    return -devices, repr(report)


def _devices(item: tuple[PublisherReport, int]) -> DeviceTrustView:
    report, devices = item
    return DeviceTrustView(
        report.root_version, report.targets_version, report.floor_epoch, report.trouble, devices
    )
