"""Watching a campaign until it ends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from orchestrator.campaign_views import CampaignView, RoundView
from orchestrator.cli import campaign_screens
from orchestrator.cli.looking import COMPLETE, ENDED, NEEDS_OPERATOR, Watched
from orchestrator.federation.phases import CampaignPhase
from orchestrator.rpc.campaign_client import CampaignClient

CODES: Mapping[CampaignPhase, int] = MappingProxyType(
    {
        CampaignPhase.COMPLETE: COMPLETE,
        CampaignPhase.FAILED: NEEDS_OPERATOR,
        CampaignPhase.STOPPED: ENDED,
    }
)


@dataclass(frozen=True, slots=True)
class Look:
    """A campaign and its newest rounds, the newest first."""

    campaign: CampaignView
    rounds: Sequence[RoundView]


def watched(client: CampaignClient, campaign_id: str) -> Watched[Look]:
    """Return how a campaign is looked at, and how a look is told."""

    async def look() -> Look:
        campaign = await client.get(campaign_id)
        page = await client.rounds(campaign_id, size=campaign_screens.ROUNDS_SHOWN)
        return Look(campaign, page.items)

    return Watched(
        look=look,
        end=lambda seen: CODES.get(seen.campaign.phase),
        news=lambda seen: seen.campaign,
        drawn=lambda seen: campaign_screens.screen(seen.campaign, seen.rounds),
        lines=lambda seen, _before: [campaign_screens.line(seen.campaign)],
        object=lambda seen, _before: {"campaign": seen.campaign},
    )
