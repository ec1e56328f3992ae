"""What operators see: the records that the operator API answers with and commands print.

They are made from the fleet's own records by the servicers, and read off the wire by clients, who
have no others. Digests are hexadecimal, moments are UTC.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from fieldwise.bundle import Preprocessing, Readings, View
from orchestrator.enrolment.ticket import Ticket
from orchestrator.fleet.device import Device, DeviceState, Facts, Target
from orchestrator.fleet.ledger import NOTHING_TOLD, LedgerRecord
from orchestrator.fleet.report import Report
from orchestrator.fleet.settings import SettingsRevision
from orchestrator.rollout.backbone import Backbone


@dataclass(frozen=True, slots=True)
class TicketView:
    """A ticket without its secret."""

    id: str
    created_at: datetime
    expires_at: datetime
    uses_allowed: int
    uses: int
    revoked: bool
    tags: Mapping[str, str]
    needs_word: bool = False


@dataclass(frozen=True, slots=True)
class DeviceView:
    """A member and how the fleet sees it at this moment."""

    id: str
    tags: Mapping[str, str]
    state: DeviceState
    enrolled_at: datetime
    seen_at: datetime | None
    certificate_expires_at: datetime
    facts: Facts
    report: Report | None
    target: Target | None
    settings: SettingsRevision | None
    ledger: LedgerRecord = NOTHING_TOLD
    denied_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class VariantView:
    """One executable form of a backbone and the size of its graphs."""

    name: str
    graph_bytes: int


@dataclass(frozen=True, slots=True)
class LookView:
    """One look at a sample: an image of a size, or readings; the other of both is 0."""

    name: str
    image_size: int
    readings: int
    feature_width: int


@dataclass(frozen=True, slots=True)
class BackboneView:
    """A published backbone and how many devices run it now."""

    digest: str
    name: str
    version: str
    epoch: int
    publisher: str
    licence: str
    source: str
    feature_width: int
    image_size: int
    variants: tuple[VariantView, ...]
    starter_classes: int
    created_at: datetime
    devices: int = 0
    looks: tuple[LookView, ...] = ()
    recalled_at: datetime | None = None

    @property
    def title(self) -> str:
        return f"{self.name}:{self.version}"


@dataclass(frozen=True, slots=True)
class FleetView:
    """The whole fleet in a few counts; rollouts are those of which devices may still move."""

    version: str
    fleet: str
    devices_by_state: Mapping[str, int]
    devices_by_backbone: Mapping[str, int]
    rollouts_running: int
    tickets_open: int
    rollouts_by_phase: Mapping[str, int] = field(default_factory=dict)


def moment(seconds: float) -> datetime:
    """Return seconds since 1970 as a UTC moment, to the microsecond."""
    return datetime.fromtimestamp(seconds, UTC)


def view_ticket(ticket: Ticket) -> TicketView:
    return TicketView(
        id=ticket.id,
        created_at=moment(ticket.created_at),
        expires_at=moment(ticket.expires_at),
        uses_allowed=ticket.uses_allowed,
        uses=ticket.uses,
        revoked=ticket.revoked,
        tags=dict(ticket.tags),
        needs_word=ticket.needs_word,
    )


def view_device(device: Device, state: DeviceState) -> DeviceView:
    seen_at = device.standing.seen_at
    return DeviceView(
        id=device.id,
        tags=dict(device.tags),
        state=state,
        enrolled_at=moment(device.enrolled_at),
        seen_at=None if seen_at is None else moment(seen_at),
        certificate_expires_at=moment(device.key.expires_at),
        facts=device.facts,
        report=device.report,
        target=device.standing.target,
        settings=device.settings,
        ledger=device.ledger,
        denied_at=None if device.denied_at is None else moment(device.denied_at),
    )


def view_backbone(backbone: Backbone, devices: int) -> BackboneView:
    manifest = backbone.manifest
    return BackboneView(
        digest=backbone.digest,
        name=manifest.name,
        version=manifest.version,
        epoch=manifest.epoch,
        publisher=manifest.publisher,
        licence=manifest.licence,
        source=manifest.source,
        feature_width=manifest.feature_width,
        image_size=manifest.image_size,
        variants=tuple(VariantView(each.name, each.graph_bytes) for each in manifest.variants),
        starter_classes=manifest.starter_classes,
        created_at=moment(backbone.created_at),
        devices=devices,
        looks=tuple(map(_view_look, manifest.views)),
        recalled_at=None if backbone.recalled_at is None else moment(backbone.recalled_at),
    )


def _view_look(view: View) -> LookView:
    return LookView(
        view.name,
        view.input.size if isinstance(view.input, Preprocessing) else 0,
        view.input.width if isinstance(view.input, Readings) else 0,
        view.width,
    )
