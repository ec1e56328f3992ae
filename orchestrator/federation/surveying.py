"""Looking at campaigns for the metrics: a few, the newest, each in counts and one distribution."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fieldwise.federation import FederationReport, HeadOutcome
from orchestrator.federation.campaign import Campaign
from orchestrator.federation_ports import CampaignStore
from orchestrator.fleet.readings import Spread, spread_of

CAMPAIGNS_MAX = 10  # more than anyone runs side by side
GAIN_BOUNDS = (-0.2, -0.1, -0.05, -0.02, -0.01, 0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)


@dataclass(frozen=True, slots=True)
class CampaignFigures:
    """A campaign at one moment, already counted.

    Attributes:
        campaign: With its newest round as of the last look at it.
        outcomes: Of devices that judged the head that it offers.
        gains: Of those that could compare on held-out samples, adopted or not.
    """

    campaign: Campaign
    outcomes: Mapping[HeadOutcome, int] = field(default_factory=dict)
    gains: Spread = spread_of(GAIN_BOUNDS, ())  # noqa: RUF009 - a frozen value


class CampaignSurvey:
    """Looks at everything that is kept of campaigns.

    Args:
        campaigns: Where that is.
    """

    def __init__(self, campaigns: CampaignStore) -> None:
        self._campaigns = campaigns

    async def figures(self) -> Sequence[CampaignFigures]:
        """Return the newest campaigns that run, then the newest that offer a head.

        Raises:
            FieldwiseError: ``UNAVAILABLE`` without the store.
        """
        offering = await self._campaigns.offering()
        first = sorted(offering, key=lambda each: not each.runs)[:CAMPAIGNS_MAX]
        return [await self._figures(each) for each in first]

    async def _figures(self, campaign: Campaign) -> CampaignFigures:
        if campaign.head is None:
            return CampaignFigures(campaign)
        version = campaign.head.version
        outcomes = await self._campaigns.outcomes(campaign.number)
        reports = await self._campaigns.judged(campaign.number, version)
        gains = [gain for each in reports if (gain := gain_of(each)) is not None]
        return CampaignFigures(campaign, outcomes.get(version, {}), spread_of(GAIN_BOUNDS, gains))


def gain_of(report: FederationReport) -> float | None:
    """Return the accuracy that a device gained by a head; None where it could not compare."""
    judged = report.judged
    if judged is None or not judged.samples:
        return None
    return (judged.only_new - judged.only_old) / judged.samples
