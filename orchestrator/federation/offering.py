"""What campaigns have for a device at its check-in: a round to answer, a head to judge.

Most fleets have no campaign, and most devices of others no owner who agrees. So which campaigns
there are is remembered for some seconds, and what a report itself shows to concern nobody costs no
look at the store: a device that does not agree, that runs another backbone, or that says to have
answered the round and judged the head that there are. For the others the store is asked once how
the device stands, which holds whatever replica it talked to before.

Of several rounds that ask a device, the one that ends first comes first; so none waits for others
until it is too late. A device is offered the head of one campaign only, the newest whose cohort it
is in: a device blends with one head, and would go back and forth between two.
A campaign that has ended still offers its head, also to who joins later.
"""

from collections.abc import Iterator, Sequence

from fieldwise.federation import Consent, FederationReport, HeadOffer, RoundOffer, RoundStep
from orchestrator.federation.campaign import Campaign
from orchestrator.federation.contribution import NOTHING_OFFERED, Offers
from orchestrator.federation_ports import CampaignStore, ContributionStore, Partner
from orchestrator.fleet.cohort import parse_selector
from orchestrator.ports import Clock

REMEMBERED_SECONDS = 5.0  # how late a device hears of a round, a tenth of the usual pace


class Offering:
    """The use case, with the campaigns that it remembers.

    Args:
        campaigns: Where campaigns are kept.
        contributions: Where it is kept how devices stand to them.
        clock: What time it is.
    """

    def __init__(
        self, campaigns: CampaignStore, contributions: ContributionStore, clock: Clock
    ) -> None:
        self._campaigns = campaigns
        self._contributions = contributions
        self._clock = clock
        self._known: Sequence[Campaign] = ()
        self._asked_at = float("-inf")

    async def hear(
        self, device: str, before: FederationReport | None, now: FederationReport | None
    ) -> None:
        """Keep what a device says that it did not say before.

        An agent that says nothing of federation any more is one whose owner agrees to nothing: it
        may be an older one, which knows no consent.
        """
        if before == now:
            return
        agreed, agrees = _consent_of(before), _consent_of(now)
        if not agrees.covers(agreed):
            await self._contributions.withdraw(device, agrees)
        if now is not None and (now.campaign or now.head_campaign):
            await self._contributions.tell(device, now)

    async def offers(
        self, device: str, report: FederationReport | None, bundle_in_use: str | None
    ) -> Offers:
        """Return what there is for a device as it is.

        Raises:
            FieldwiseError: ``DEVICE_REMOVED`` where it is not a member any more.
        """
        if report is None or report.consent is Consent.OFF:
            return NOTHING_OFFERED
        suited = [
            each
            for each in await self.known()
            if report.consent.covers(each.plan.level) and each.space.bundle == bundle_in_use
        ]
        if not any(_is_new(each, report) for each in suited):
            return NOTHING_OFFERED
        partner = await self._contributions.partner(device)
        rounds = self._rounds(suited, report, partner)
        urgent = min(rounds, key=lambda each: each.seconds, default=None)
        return Offers(urgent, _head_offer(suited, report, partner))

    async def known(self) -> Sequence[Campaign]:
        """Return the campaigns that run or have a head, newest first, as of some seconds ago."""
        if not 0 <= self._clock.now() - self._asked_at < REMEMBERED_SECONDS:
            await self.look()
        return self._known

    async def look(self) -> None:
        """Look at the campaigns anew."""
        self._known = await self._campaigns.offering()
        self._asked_at = self._clock.now()

    def _rounds(
        self, suited: Sequence[Campaign], report: FederationReport, partner: Partner
    ) -> Iterator[RoundOffer]:
        for campaign in suited:
            current, part = campaign.open_round, partner.parts.get(campaign.number)
            if current is None or part is None or _has_answered(campaign, report):
                continue
            seconds = int(current.deadline - self._clock.now())
            if part.asked == current.number and part.answer is None and seconds > 0:
                yield round_offer(campaign, seconds)


def round_offer(campaign: Campaign, seconds: int) -> RoundOffer:
    """Offer a campaign's newest round for some more seconds."""
    assert campaign.round is not None
    return RoundOffer(
        campaign=campaign.id,
        round=campaign.round.number,
        level=campaign.plan.level,
        space=campaign.space,
        kind=campaign.plan.kind,
        seconds=seconds,
        only_idle=campaign.plan.only_idle,
        only_on_conditions=campaign.plan.only_on_conditions,
    )


def head_offer(campaign: Campaign) -> HeadOffer | None:
    """Offer the head of a campaign, where it has one."""
    head = campaign.head
    if head is None:
        return None
    return HeadOffer(campaign.id, head.version, head.digest, head.bytes, campaign.space)


def _head_offer(
    suited: Sequence[Campaign], report: FederationReport, partner: Partner
) -> HeadOffer | None:
    for campaign in suited:
        if campaign.head is None or not parse_selector(campaign.plan.cohort).matches(partner.tags):
            continue
        return None if _has_judged(campaign, report) else head_offer(campaign)
    return None


def _is_new(campaign: Campaign, report: FederationReport) -> bool:
    """Tell whether a report leaves open if a campaign has something for its device."""
    asks = campaign.open_round is not None and not _has_answered(campaign, report)
    return asks or (campaign.head is not None and not _has_judged(campaign, report))


def _has_answered(campaign: Campaign, report: FederationReport) -> bool:
    assert campaign.round is not None
    told = (report.campaign, report.round) == (campaign.id, campaign.round.number)
    return told and report.step not in (None, RoundStep.WAITING)


def _has_judged(campaign: Campaign, report: FederationReport) -> bool:
    version = campaign.head.version if campaign.head else 0
    told = (report.head_campaign, report.head_version) == (campaign.id, version)
    return told and report.outcome is not None


def _consent_of(report: FederationReport | None) -> Consent:
    return report.consent if report else Consent.OFF
