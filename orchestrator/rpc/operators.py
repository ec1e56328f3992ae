"""What operators call; the token was checked by ``rpc.interceptors``."""

from collections.abc import AsyncIterable, AsyncIterator, Callable
from dataclasses import dataclass

from fieldwise.calls import Context
from fieldwise.v1alpha1 import operator_pb2 as messages
from fieldwise.v1alpha1 import operator_pb2_grpc
from orchestrator.diagnosis_views import view_request
from orchestrator.enrolment.service import Enrolment, Minted
from orchestrator.fleet.diagnosing import Diagnosing, SeenRequest
from orchestrator.fleet.directory import Directory, SeenDevice
from orchestrator.paging import PageRequest
from orchestrator.ports import BackboneStore
from orchestrator.publishing import Publishing
from orchestrator.rollout.backbone import parse_reference
from orchestrator.rpc import translate, translate_diagnoses
from orchestrator.rpc import translate_views as to_wire
from orchestrator.rpc.operating_rollouts import RolloutCalls, RolloutUseCases
from orchestrator.survey import Survey
from orchestrator.views import DeviceView, view_backbone, view_device, view_ticket


@dataclass(frozen=True, slots=True)
class OperatorUseCases:
    """What the operator API is made of; ``write_ticket`` turns a fresh ticket into its text."""

    enrolment: Enrolment
    directory: Directory
    diagnosing: Diagnosing
    publishing: Publishing
    backbones: BackboneStore
    about_rollouts: RolloutUseCases
    survey: Survey
    write_ticket: Callable[[Minted], str]


class OperatorServicer(RolloutCalls, operator_pb2_grpc.OperatorServicer):
    """The operator API.

    Args:
        uses: The use cases behind it.
    """

    def __init__(self, uses: OperatorUseCases) -> None:
        super().__init__(uses.about_rollouts)
        self._uses = uses

    async def CreateTicket(
        self, request: messages.CreateTicketRequest, context: Context
    ) -> messages.CreateTicketResponse:
        minted = await self._uses.enrolment.create_ticket(
            request.uses,
            request.lifetime_seconds,
            dict(request.tags),
            request.request,
            needs_word=request.needs_word,
        )
        return messages.CreateTicketResponse(
            ticket=to_wire.ticket_to(view_ticket(minted.ticket)),
            token=self._uses.write_ticket(minted),
        )

    async def ListTickets(
        self, request: messages.ListTicketsRequest, context: Context
    ) -> messages.ListTicketsResponse:
        page = await self._uses.enrolment.list_tickets(_page(request))
        return messages.ListTicketsResponse(
            tickets=[to_wire.ticket_to(view_ticket(each)) for each in page.items],
            next_page_token=page.next_token,
        )

    async def RevokeTicket(
        self, request: messages.RevokeTicketRequest, context: Context
    ) -> messages.RevokeTicketResponse:
        ticket = await self._uses.enrolment.revoke_ticket(request.id)
        return messages.RevokeTicketResponse(ticket=to_wire.ticket_to(view_ticket(ticket)))

    async def ListDevices(
        self, request: messages.ListDevicesRequest, context: Context
    ) -> messages.ListDevicesResponse:
        page = await self._uses.directory.list(request.cohort, _page(request))
        return messages.ListDevicesResponse(
            devices=[to_wire.device_to(_view(each)) for each in page.items],
            next_page_token=page.next_token,
        )

    async def GetDevice(
        self, request: messages.GetDeviceRequest, context: Context
    ) -> messages.GetDeviceResponse:
        seen = await self._uses.directory.get(request.id)
        return messages.GetDeviceResponse(device=to_wire.device_to(_view(seen)))

    async def UpdateDeviceTags(
        self, request: messages.UpdateDeviceTagsRequest, context: Context
    ) -> messages.UpdateDeviceTagsResponse:
        seen = await self._uses.directory.update_tags(
            request.id, dict(request.set), list(request.unset)
        )
        return messages.UpdateDeviceTagsResponse(device=to_wire.device_to(_view(seen)))

    async def DeleteDevice(
        self, request: messages.DeleteDeviceRequest, context: Context
    ) -> messages.DeleteDeviceResponse:
        await self._uses.directory.remove(request.id)
        return messages.DeleteDeviceResponse()

    async def AskDiagnosis(
        self, request: messages.AskDiagnosisRequest, context: Context
    ) -> messages.AskDiagnosisResponse:
        seen = await self._uses.diagnosing.ask(
            request.device_id, request.lifetime_seconds, again=request.again
        )
        return messages.AskDiagnosisResponse(asked=_asked(seen))

    async def ListDiagnoses(
        self, request: messages.ListDiagnosesRequest, context: Context
    ) -> messages.ListDiagnosesResponse:
        found = await self._uses.diagnosing.list(request.device_id)
        return messages.ListDiagnosesResponse(diagnoses=map(_asked, found))

    async def PushBackbone(
        self, request_iterator: AsyncIterable[messages.PushBackboneRequest], context: Context
    ) -> messages.PushBackboneResponse:
        published = await self._uses.publishing.publish(_contents(request_iterator))
        counts = await self._uses.survey.devices_by_digest()
        devices = counts.get(published.backbone.digest, 0)
        return messages.PushBackboneResponse(
            backbone=to_wire.backbone_to(view_backbone(published.backbone, devices)),
            created=published.created,
        )

    async def ListBackbones(
        self, request: messages.ListBackbonesRequest, context: Context
    ) -> messages.ListBackbonesResponse:
        page = await self._uses.backbones.list(_page(request))
        counts = await self._uses.survey.devices_by_digest()
        return messages.ListBackbonesResponse(
            backbones=[
                to_wire.backbone_to(view_backbone(each, counts.get(each.digest, 0)))
                for each in page.items
            ],
            next_page_token=page.next_token,
        )

    async def GetBackbone(
        self, request: messages.GetBackboneRequest, context: Context
    ) -> messages.GetBackboneResponse:
        found = await self._uses.backbones.find(parse_reference(request.reference))
        counts = await self._uses.survey.devices_by_digest()
        view = view_backbone(found, counts.get(found.digest, 0))
        return messages.GetBackboneResponse(backbone=to_wire.backbone_to(view))

    async def ApplySettings(
        self, request: messages.ApplySettingsRequest, context: Context
    ) -> messages.ApplySettingsResponse:
        settings = translate.settings_from(request.settings)
        devices = await self._uses.directory.apply_settings(request.cohort, settings)
        return messages.ApplySettingsResponse(devices=devices)

    async def GetFleetStatus(
        self, request: messages.GetFleetStatusRequest, context: Context
    ) -> messages.GetFleetStatusResponse:
        return to_wire.fleet_to(await self._uses.survey.fleet_view())


Paged = messages.ListTicketsRequest | messages.ListDevicesRequest | messages.ListBackbonesRequest


def _page(request: Paged) -> PageRequest:
    return PageRequest(request.page_size, request.page_token)


def _asked(seen: SeenRequest) -> messages.AskedDiagnosis:
    return translate_diagnoses.asked_to(view_request(seen.request, seen.state))


def _view(seen: SeenDevice) -> DeviceView:
    return view_device(seen.device, seen.state)


async def _contents(
    requests: AsyncIterable[messages.PushBackboneRequest],
) -> AsyncIterator[bytes]:
    async for request in requests:
        yield request.content
