"""What operators call about campaigns; the token was checked by ``rpc.interceptors``."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from fieldwise.calls import Context
from fieldwise.v1alpha1 import campaign_pb2 as messages
from fieldwise.v1alpha1 import campaign_pb2_grpc
from orchestrator.campaign_views import Outcomes, view_campaign, view_head, view_round
from orchestrator.federation.campaign import Campaign
from orchestrator.federation.campaigns import Campaigns
from orchestrator.federation.rounds import Rounds
from orchestrator.paging import PageRequest
from orchestrator.ports import BundleStore
from orchestrator.rpc import translate_campaigns as to_wire
from orchestrator.rpc.interceptors import calling_operator
from orchestrator.rpc.translate import whole

NOBODY: Outcomes = {}


@dataclass(frozen=True, slots=True)
class CampaignUseCases:
    """What the calls about campaigns are made of.

    ``check_workers`` refuses where nothing here could aggregate what is about to be started.
    """

    campaigns: Campaigns
    rounds: Rounds
    heads: BundleStore
    check_workers: Callable[[], None]


class CampaignServicer(campaign_pb2_grpc.FederationServicer):
    """The service for operators of campaigns.

    Args:
        uses: The use cases behind it.
    """

    def __init__(self, uses: CampaignUseCases) -> None:
        self._uses = uses

    async def StartCampaign(
        self, request: messages.StartCampaignRequest, context: Context
    ) -> messages.StartCampaignResponse:
        self._uses.check_workers()
        campaign = await self._uses.campaigns.start(
            to_wire.plan_from(request.plan),
            request=request.request_id,
            created_by=calling_operator(),
            dry_run=request.dry_run,
        )
        return messages.StartCampaignResponse(campaign=await self._told(campaign))

    async def StopCampaign(
        self, request: messages.StopCampaignRequest, context: Context
    ) -> messages.StopCampaignResponse:
        campaign = await self._uses.campaigns.stop(request.campaign_id)
        return messages.StopCampaignResponse(campaign=await self._told(campaign))

    async def GetCampaign(
        self, request: messages.GetCampaignRequest, context: Context
    ) -> messages.GetCampaignResponse:
        campaign = await self._uses.rounds.look(request.campaign_id)
        return messages.GetCampaignResponse(campaign=await self._told(campaign))

    async def ListCampaigns(
        self, request: messages.ListCampaignsRequest, context: Context
    ) -> messages.ListCampaignsResponse:
        asked = PageRequest(request.page_size, request.page_token)
        page = await self._uses.campaigns.list(asked)
        return messages.ListCampaignsResponse(
            campaigns=[
                to_wire.campaign_to(view_campaign(each, NOBODY), with_classes=False)
                for each in page.items
            ],
            next_page_token=page.next_token,
        )

    async def ListCampaignRounds(
        self, request: messages.ListCampaignRoundsRequest, context: Context
    ) -> messages.ListCampaignRoundsResponse:
        asked = PageRequest(request.page_size, request.page_token)
        page = await self._uses.campaigns.rounds(request.campaign_id, asked)
        return messages.ListCampaignRoundsResponse(
            rounds=[to_wire.round_to(view_round(each)) for each in page.items],
            next_page_token=page.next_token,
        )

    async def ListHeadVersions(
        self, request: messages.ListHeadVersionsRequest, context: Context
    ) -> messages.ListHeadVersionsResponse:
        asked = PageRequest(request.page_size, request.page_token)
        page = await self._uses.campaigns.heads(request.campaign_id, asked)
        campaign = await self._uses.campaigns.get(request.campaign_id)
        outcomes = await self._uses.campaigns.outcomes(campaign.id)
        return messages.ListHeadVersionsResponse(
            versions=[
                to_wire.head_to(
                    campaign.id, view_head(each, campaign.space, outcomes.get(each.version, NOBODY))
                )
                for each in page.items
            ],
            next_page_token=page.next_token,
        )

    async def RollBackHead(
        self, request: messages.RollBackHeadRequest, context: Context
    ) -> messages.RollBackHeadResponse:
        version = whole(request.version, "version")
        head = await self._uses.campaigns.roll_back(
            request.campaign_id, version, request.request_id
        )
        campaign = await self._uses.campaigns.get(request.campaign_id)
        view = view_head(head, campaign.space, NOBODY)
        return messages.RollBackHeadResponse(head=to_wire.head_to(campaign.id, view))

    async def ExportHead(
        self, request: messages.ExportHeadRequest, context: Context
    ) -> AsyncIterator[messages.ExportHeadResponse]:
        version = whole(request.version, "version")
        head = await self._uses.campaigns.head(request.campaign_id, version)
        offset = 0
        async for piece in self._uses.heads.read(head.digest):
            yield messages.ExportHeadResponse(offset=offset, content=piece, total_bytes=head.bytes)
            offset += len(piece)

    async def _told(self, campaign: Campaign) -> messages.Campaign:
        uses, head = self._uses.campaigns, campaign.head
        reach = await uses.reach(campaign)
        judged = await uses.outcomes(campaign.id) if head else {}
        outcomes = judged.get(head.version, NOBODY) if head else NOBODY
        view = view_campaign(campaign, outcomes, reach.devices, reach.agreed)
        return to_wire.campaign_to(view)
