"""The operator API as commands see it: every call, in the records of ``orchestrator.views``."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fieldwise import channel, wire
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.status import client_errors
from fieldwise.v1alpha1 import operator_pb2 as messages
from fieldwise.v1alpha1.account_pb2_grpc import AccountsStub
from fieldwise.v1alpha1.admission_pb2_grpc import AdmissionStub
from fieldwise.v1alpha1.audit_pb2_grpc import AuditStub
from fieldwise.v1alpha1.campaign_pb2_grpc import FederationStub
from fieldwise.v1alpha1.identity_pb2_grpc import IdentityStub
from fieldwise.v1alpha1.operator_pb2_grpc import OperatorStub
from fieldwise.v1alpha1.trust_pb2_grpc import TrustStub
from orchestrator.diagnosis_views import DiagnosisView
from orchestrator.fleet.settings import DeviceSettings
from orchestrator.paging import PAGE_SIZE_MAX, Page
from orchestrator.rpc import translate, translate_diagnoses
from orchestrator.rpc import translate_views as from_wire
from orchestrator.rpc.account_client import AccountClient
from orchestrator.rpc.applicant_client import ApplicantClient
from orchestrator.rpc.audit_client import AuditClient
from orchestrator.rpc.campaign_client import CampaignClient
from orchestrator.rpc.identity_client import IdentityClient
from orchestrator.rpc.rollout_client import RolloutClient
from orchestrator.rpc.trust_client import TrustClient
from orchestrator.views import (
    BackboneView,
    DeviceView,
    FleetView,
    TicketView,
)

if TYPE_CHECKING:
    from fieldwise.v1alpha1.operator_pb2_grpc import OperatorAsyncStub  # only the types have it

PUSH_SECONDS = 3600.0  # 2 GiB at 5 Mbit/s
PIECE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class CreatedTicket:
    """A fresh ticket and the string that a device joins with, which is shown once."""

    ticket: TicketView
    token: str


@dataclass(frozen=True, slots=True)
class Pushed:
    """A backbone as published, and whether it is new."""

    backbone: BackboneView
    created: bool


class OperatorClient(RolloutClient):
    """Calls one server; every method raises ``FieldwiseError`` and nothing else.

    Args:
        stub: The operator API over an open channel.
        campaigns: The calls about campaigns over the same.
        accounts: Those about accounts.
        applicants: The calls about devices that wait.
        audit: Those about the audit log.
        identities: Those about the identity of devices.
        trust: Those about signed backbones.
        token: The operator token.
    """

    def __init__(
        self,
        stub: "OperatorAsyncStub",
        campaigns: CampaignClient,
        accounts: AccountClient,
        applicants: ApplicantClient,
        audit: AuditClient,
        identities: IdentityClient,
        trust: TrustClient,
        token: str,
    ) -> None:
        super().__init__(stub, token)
        self.campaigns = campaigns
        self.accounts = accounts
        self.applicants = applicants
        self.audit = audit
        self.identities = identities
        self.trust = trust

    async def create_ticket(
        self,
        uses: int,
        lifetime_seconds: int,
        tags: Mapping[str, str],
        request: str = "",
        *,
        needs_word: bool = False,
    ) -> CreatedTicket:
        """Make a ticket; with the same request, the same one."""
        message = messages.CreateTicketRequest(
            uses=uses,
            lifetime_seconds=lifetime_seconds,
            tags=dict(tags),
            request=request,
            needs_word=needs_word,
        )
        answer = await self._insist(self._stub.CreateTicket, message)
        return CreatedTicket(from_wire.ticket_from(answer.ticket), answer.token)

    async def list_tickets(self, token: str = "") -> Page[TicketView]:
        request = messages.ListTicketsRequest(page_size=PAGE_SIZE_MAX, page_token=token)
        answer = await self._call(self._stub.ListTickets, request)
        tickets = tuple(from_wire.ticket_from(each) for each in answer.tickets)
        return Page(tickets, answer.next_page_token)

    async def revoke_ticket(self, ticket_id: str) -> TicketView:
        request = messages.RevokeTicketRequest(id=ticket_id)
        return from_wire.ticket_from((await self._call(self._stub.RevokeTicket, request)).ticket)

    async def list_devices(self, cohort: str, token: str = "") -> Page[DeviceView]:
        request = messages.ListDevicesRequest(
            page_size=PAGE_SIZE_MAX, page_token=token, cohort=cohort
        )
        answer = await self._call(self._stub.ListDevices, request)
        devices = tuple(from_wire.device_from(each) for each in answer.devices)
        return Page(devices, answer.next_page_token)

    async def get_device(self, device_id: str) -> DeviceView:
        request = messages.GetDeviceRequest(id=device_id)
        return from_wire.device_from((await self._call(self._stub.GetDevice, request)).device)

    async def update_tags(
        self, device_id: str, put: Mapping[str, str], drop: Sequence[str]
    ) -> DeviceView:
        request = messages.UpdateDeviceTagsRequest(id=device_id, set=dict(put), unset=drop)
        answer = await self._call(self._stub.UpdateDeviceTags, request)
        return from_wire.device_from(answer.device)

    async def ask_diagnosis(
        self, device_id: str, lifetime_seconds: int, *, again: bool
    ) -> DiagnosisView:
        """Ask a device for a diagnosis, or learn how an earlier request stands."""
        request = messages.AskDiagnosisRequest(
            device_id=device_id, lifetime_seconds=lifetime_seconds, again=again
        )
        answer = await self._call(self._stub.AskDiagnosis, request)
        return translate_diagnoses.asked_from(answer.asked)

    async def list_diagnoses(self, device_id: str) -> Sequence[DiagnosisView]:
        """The newest requests of a device, newest first."""
        request = messages.ListDiagnosesRequest(device_id=device_id)
        answer = await self._call(self._stub.ListDiagnoses, request)
        return [translate_diagnoses.asked_from(each) for each in answer.diagnoses]

    async def remove_device(self, device_id: str) -> None:
        await self._call(self._stub.DeleteDevice, messages.DeleteDeviceRequest(id=device_id))

    async def push_backbone(self, pieces: AsyncIterator[bytes]) -> Pushed:
        """Upload one bundle file in pieces of at most ``PIECE_BYTES``."""
        with client_errors():
            answer = await self._stub.PushBackbone(
                _push_requests(pieces), metadata=self._metadata, timeout=PUSH_SECONDS
            )
        wire.check(answer)
        return Pushed(from_wire.backbone_from(answer.backbone), answer.created)

    async def list_backbones(self, token: str = "") -> Page[BackboneView]:
        request = messages.ListBackbonesRequest(page_size=PAGE_SIZE_MAX, page_token=token)
        answer = await self._call(self._stub.ListBackbones, request)
        backbones = tuple(from_wire.backbone_from(each) for each in answer.backbones)
        return Page(backbones, answer.next_page_token)

    async def get_backbone(self, reference: str) -> BackboneView:
        request = messages.GetBackboneRequest(reference=reference)
        answer = await self._call(self._stub.GetBackbone, request)
        return from_wire.backbone_from(answer.backbone)

    async def apply_settings(self, cohort: str, settings: DeviceSettings) -> int:
        """Give a cohort new device settings; return how many devices got a new revision."""
        request = messages.ApplySettingsRequest(
            cohort=cohort, settings=translate.settings_to(settings)
        )
        devices: int = (await self._call(self._stub.ApplySettings, request)).devices
        return devices

    async def fleet(self) -> FleetView:
        request = messages.GetFleetStatusRequest()
        return from_wire.fleet_from(await self._call(self._stub.GetFleetStatus, request))


@asynccontextmanager
async def connect(address: str, authority: bytes, token: str) -> AsyncIterator[OperatorClient]:
    """Open the operator API of a server that the authority (PEM) vouches for.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for a malformed address or token.
    """
    if not token.isascii() or not token.isprintable():
        raise FieldwiseError(Fault.INVALID_ARGUMENT, "the operator token has odd characters")
    async with channel.pinned_channel(address, roots=authority) as opened:
        campaigns = CampaignClient(FederationStub(opened), token)
        accounts = AccountClient(AccountsStub(opened), token)
        applicants = ApplicantClient(AdmissionStub(opened), token)
        audit = AuditClient(AuditStub(opened), token)
        identities = IdentityClient(IdentityStub(opened), token)
        trust = TrustClient(TrustStub(opened), token)
        parts = campaigns, accounts, applicants, audit, identities, trust
        yield OperatorClient(OperatorStub(opened), *parts, token)


async def _push_requests(
    pieces: AsyncIterator[bytes],
) -> AsyncIterator[messages.PushBackboneRequest]:
    async for piece in pieces:
        yield messages.PushBackboneRequest(content=piece)
