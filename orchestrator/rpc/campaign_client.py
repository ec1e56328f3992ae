"""The calls about campaigns as commands see them."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from fieldwise import wire
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.status import client_errors
from fieldwise.v1alpha1 import campaign_pb2 as messages
from orchestrator.campaign_views import CampaignView, HeadView, RoundView
from orchestrator.federation.plan import CampaignPlan
from orchestrator.paging import PAGE_SIZE_MAX, Page
from orchestrator.rpc import translate_campaigns as from_wire
from orchestrator.rpc.calling import Calling

if TYPE_CHECKING:
    from fieldwise.v1alpha1.campaign_pb2_grpc import FederationAsyncStub  # only the types have it

EXPORT_SECONDS = 600.0  # the largest head, over a bad line


class CampaignClient(Calling):
    """Calls one server about campaigns; every method raises ``FieldwiseError`` and nothing else.

    Args:
        stub: The service over an open channel.
        token: The operator token.
    """

    def __init__(self, stub: "FederationAsyncStub", token: str) -> None:
        super().__init__(token)
        self._stub = stub

    async def start(
        self, plan: CampaignPlan, request: str = "", *, dry_run: bool = False
    ) -> CampaignView:
        """Start a campaign, or say what it would be; with the same request, the same one."""
        message = messages.StartCampaignRequest(
            plan=from_wire.plan_to(plan), dry_run=dry_run, request_id=request
        )
        answer = await self._insist(self._stub.StartCampaign, message)
        return from_wire.campaign_from(answer.campaign)

    async def stop(self, campaign: str) -> CampaignView:
        request = messages.StopCampaignRequest(campaign_id=campaign)
        answer = await self._call(self._stub.StopCampaign, request)
        return from_wire.campaign_from(answer.campaign)

    async def get(self, campaign: str) -> CampaignView:
        request = messages.GetCampaignRequest(campaign_id=campaign)
        answer = await self._call(self._stub.GetCampaign, request)
        return from_wire.campaign_from(answer.campaign)

    async def list(self, token: str = "") -> Page[CampaignView]:
        """Return campaigns, newest first, without the classes of their plans."""
        request = messages.ListCampaignsRequest(page_size=PAGE_SIZE_MAX, page_token=token)
        answer = await self._call(self._stub.ListCampaigns, request)
        return Page(tuple(map(from_wire.campaign_from, answer.campaigns)), answer.next_page_token)

    async def rounds(
        self, campaign: str, token: str = "", size: int = PAGE_SIZE_MAX
    ) -> Page[RoundView]:
        """Return the rounds of a campaign, newest first."""
        request = messages.ListCampaignRoundsRequest(
            campaign_id=campaign, page_size=size, page_token=token
        )
        answer = await self._call(self._stub.ListCampaignRounds, request)
        return Page(tuple(map(from_wire.round_from, answer.rounds)), answer.next_page_token)

    async def heads(self, campaign: str, token: str = "") -> Page[HeadView]:
        """Return the versions of a campaign's head, newest first."""
        request = messages.ListHeadVersionsRequest(
            campaign_id=campaign, page_size=PAGE_SIZE_MAX, page_token=token
        )
        answer = await self._call(self._stub.ListHeadVersions, request)
        return Page(tuple(map(from_wire.head_from, answer.versions)), answer.next_page_token)

    async def roll_back(self, campaign: str, version: int, request: str = "") -> HeadView:
        """Offer an earlier version again; with the same request, once."""
        message = messages.RollBackHeadRequest(
            campaign_id=campaign, version=version, request_id=request
        )
        answer = await self._insist(self._stub.RollBackHead, message)
        return from_wire.head_from(answer.head)

    async def export(self, campaign: str, version: int = 0) -> AsyncIterator[tuple[bytes, int]]:
        """Yield the file of a head in pieces, each with the size of the whole; 0 for the newest."""
        request = messages.ExportHeadRequest(campaign_id=campaign, version=version)
        offset = 0
        with client_errors():
            stream = self._stub.ExportHead(request, metadata=self._metadata, timeout=EXPORT_SECONDS)
            async for piece in stream:
                wire.check(piece)
                if piece.offset != offset:
                    raise FieldwiseError(
                        Fault.DIGEST_MISMATCH, "the pieces of the head came in another order"
                    )
                offset += len(piece.content)
                yield piece.content, piece.total_bytes
