from dataclasses import replace

import pytest

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import (
    Consent,
    FederationReport,
    HeadOffer,
    HeadOutcome,
    RoundOffer,
    RoundStep,
)
from orchestrator.federation.campaign import Campaign, HeadVersion
from orchestrator.federation.contribution import NOTHING_OFFERED, Offers
from orchestrator.federation.machine import turned
from orchestrator.federation.offering import REMEMBERED_SECONDS, Offering
from orchestrator.federation.phases import CampaignTurn
from orchestrator.fleet.check_in import CheckIns
from orchestrator.fleet.report import Report
from orchestrator.storage.memory import memory_stores
from orchestrator.storage.memory_campaigns import MemoryCampaigns, MemoryContributions
from tests.campaigns import SPACE, agree, ask, asking, federated, give, partners, started
from tests.fleet_records import NOW, SetClock, caller, join


class Fleet:
    """A fleet whose stores of campaigns count how often they are asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock, self.stores = SetClock(), memory_stores(now=lambda: NOW)
        self.offering = Offering(self.stores.campaigns, self.stores.contributions, self.clock)
        self.asked: list[str] = []
        for shape, name in (
            (MemoryCampaigns, "offering"),
            (MemoryContributions, "partner"),
            (MemoryContributions, "tell"),
            (MemoryContributions, "withdraw"),
        ):
            self._count(monkeypatch, shape, name)

    def _count(self, monkeypatch: pytest.MonkeyPatch, shape: type, name: str) -> None:
        genuine = getattr(shape, name)

        async def counted(*arguments: object) -> object:
            self.asked.append(name)
            return await genuine(*arguments)

        monkeypatch.setattr(shape, name, counted)

    async def offers(self, report: FederationReport, device: str = "d1") -> Offers:
        return await self.offering.offers(device, report, SPACE.bundle)


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch) -> Fleet:
    return Fleet(monkeypatch)


async def with_head(fleet: Fleet, found: Campaign, version: int = 1) -> Campaign:
    head = HeadVersion(version, f"{version:x}" * 64, 500, NOW)
    changed = replace(found, head=head, version=version)
    return await fleet.stores.campaigns.save(changed, head=head)


def judged(found: Campaign, version: int = 1) -> FederationReport:
    return federated(
        Consent.WEIGHTS,
        head_campaign=found.id,
        head_version=version,
        outcome=HeadOutcome.ADOPTED,
    )


def answered(found: Campaign, step: RoundStep) -> FederationReport:
    assert found.round is not None
    return federated(Consent.WEIGHTS, campaign=found.id, round=found.round.number, step=step)


async def test_a_round_is_offered_to_whom_it_asks(fleet: Fleet) -> None:
    await partners(fleet.stores, "d1", "d2", "d3")
    found = await asking(fleet.stores, "d1", "d2", only_idle=True)
    fleet.clock.pass_by(100.5)
    offers = await fleet.offers(federated(Consent.WEIGHTS))
    assert offers == Offers(
        RoundOffer(found.id, 1, Consent.WEIGHTS, SPACE, found.plan.kind, 3499, only_idle=True)
    )
    assert await fleet.offers(federated(Consent.WEIGHTS), "d3") == NOTHING_OFFERED


@pytest.mark.parametrize(
    "report",
    [None, federated(Consent.OFF), federated(Consent.WEIGHTS)],
    ids=["unknown", "off", "less"],
)
async def test_nothing_is_offered_to_whose_owner_does_not_agree(
    fleet: Fleet, report: FederationReport | None
) -> None:
    await partners(fleet.stores, "d1", "d2", consent=Consent.STATISTICS)
    found = await asking(fleet.stores, "d1", "d2", level=Consent.STATISTICS)
    await with_head(fleet, found)
    assert await fleet.offering.offers("d1", report, SPACE.bundle) == NOTHING_OFFERED
    assert "partner" not in fleet.asked


async def test_nothing_is_offered_on_another_backbone(fleet: Fleet) -> None:
    await partners(fleet.stores, "d1", "d2")
    await with_head(fleet, await asking(fleet.stores, "d1", "d2"))
    for bundle in (None, "f" * 64):
        report = federated(Consent.WEIGHTS)
        assert await fleet.offering.offers("d1", report, bundle) == NOTHING_OFFERED


@pytest.mark.parametrize("step", RoundStep)
async def test_a_round_is_offered_until_it_is_answered(fleet: Fleet, step: RoundStep) -> None:
    await partners(fleet.stores, "d1", "d2")
    found = await asking(fleet.stores, "d1", "d2")
    offered = (await fleet.offers(answered(found, step))).round
    assert (offered is not None) == (step is RoundStep.WAITING)


async def test_a_round_that_was_answered_here_is_not_offered_whatever_the_report_says(
    fleet: Fleet,
) -> None:
    await partners(fleet.stores, "d1", "d2")
    found = await asking(fleet.stores, "d1", "d2")
    await give(fleet.stores, found, "d1")
    assert await fleet.offers(federated(Consent.WEIGHTS)) == NOTHING_OFFERED


async def test_a_round_is_not_offered_after_its_deadline(fleet: Fleet) -> None:
    await partners(fleet.stores, "d1", "d2")
    await asking(fleet.stores, "d1", "d2")
    fleet.clock.pass_by(3599)
    assert (await fleet.offers(federated(Consent.WEIGHTS))).round is not None
    fleet.clock.pass_by(0.5)
    assert await fleet.offers(federated(Consent.WEIGHTS)) == NOTHING_OFFERED


async def test_of_several_rounds_the_one_that_ends_first_is_offered(fleet: Fleet) -> None:
    await partners(fleet.stores, "d1", "d2")
    late = await asking(fleet.stores, "d1", "d2", deadline_seconds=900)
    soon = await asking(fleet.stores, "d1", "d2", deadline_seconds=300)
    await asking(fleet.stores, "d1", "d2", deadline_seconds=600)
    offered = (await fleet.offers(federated(Consent.WEIGHTS))).round
    assert offered is not None
    assert offered.campaign == soon.id
    assert late.number < soon.number


async def test_a_head_is_offered_until_it_is_judged(fleet: Fleet) -> None:
    await partners(fleet.stores, "d1")
    found = await with_head(fleet, await started(fleet.stores))
    offers = await fleet.offers(federated(Consent.WEIGHTS))
    assert offers == Offers(head=HeadOffer(found.id, 1, "1" * 64, 500, SPACE))
    assert await fleet.offers(judged(found)) == NOTHING_OFFERED
    told = replace(judged(found), outcome=None)
    assert (await fleet.offers(told)).head is not None
    await with_head(fleet, found, 2)
    fleet.clock.pass_by(REMEMBERED_SECONDS)
    assert (await fleet.offers(judged(found))).head is not None


async def test_a_head_is_offered_to_the_cohort_alone_and_after_the_end(fleet: Fleet) -> None:
    await join(fleet.stores, "d1", site="berlin")
    await join(fleet.stores, "d2", site="rome")
    found = await with_head(fleet, await started(fleet.stores, cohort="site=berlin"))
    await fleet.stores.campaigns.save(turned(found, CampaignTurn.STOP, NOW))
    assert (await fleet.offers(federated(Consent.WEIGHTS), "d1")).head is not None
    assert await fleet.offers(federated(Consent.WEIGHTS), "d2") == NOTHING_OFFERED


async def test_of_several_heads_a_device_hears_of_the_newest_campaigns_alone(
    fleet: Fleet,
) -> None:
    await partners(fleet.stores, "d1")
    first = await with_head(fleet, await started(fleet.stores))
    second = await with_head(fleet, await started(fleet.stores))
    offered = (await fleet.offers(federated(Consent.WEIGHTS))).head
    assert offered is not None
    assert offered.campaign == second.id
    assert await fleet.offers(judged(second)) == NOTHING_OFFERED
    offered = (await fleet.offers(judged(first))).head
    assert offered is not None
    assert offered.campaign == second.id


async def test_who_was_removed_is_told_so(fleet: Fleet) -> None:
    await partners(fleet.stores, "d1", "d2")
    await asking(fleet.stores, "d1", "d2")
    await fleet.stores.members.remove("d1", NOW)
    with pytest.raises(FieldwiseError) as caught:
        await fleet.offers(federated(Consent.WEIGHTS))
    assert caught.value.fault is Fault.DEVICE_REMOVED


async def test_campaigns_are_looked_at_every_few_seconds(fleet: Fleet) -> None:
    await partners(fleet.stores, "d1", "d2")
    found = await started(fleet.stores)
    assert await fleet.offers(federated(Consent.WEIGHTS)) == NOTHING_OFFERED
    await ask(fleet.stores, found, "d1", "d2")
    fleet.clock.pass_by(REMEMBERED_SECONDS - 1)
    assert await fleet.offers(federated(Consent.WEIGHTS)) == NOTHING_OFFERED
    fleet.clock.pass_by(1)
    assert (await fleet.offers(federated(Consent.WEIGHTS))).round is not None
    fleet.clock.pass_by(-9999)  # the clock was put back
    assert (await fleet.offers(federated(Consent.WEIGHTS))).round is not None
    assert fleet.asked.count("offering") == 3


class TestCheckIns:
    async def test_a_fleet_without_campaigns_asks_for_nothing_more(self, fleet: Fleet) -> None:
        check_ins = CheckIns(fleet.stores.check_ins, fleet.clock, offering=fleet.offering)
        await join(fleet.stores, "d1")
        for number in range(1, 10):
            await check_ins.check_in(caller("d1"), Report(1, number, bundle_in_use=SPACE.bundle))
        assert fleet.asked == []
        told = federated(Consent.WEIGHTS)
        for number in range(10, 20):
            report = Report(1, number, bundle_in_use=SPACE.bundle, federation=told)
            await check_ins.check_in(caller("d1"), report)
        assert fleet.asked == ["offering"]

    async def test_who_has_answered_and_judged_asks_for_nothing_more(self, fleet: Fleet) -> None:
        check_ins = CheckIns(fleet.stores.check_ins, fleet.clock, offering=fleet.offering)
        await partners(fleet.stores, "d1", "d2")
        found = await with_head(fleet, await asking(fleet.stores, "d1", "d2"))
        told = replace(judged(found), campaign=found.id, round=1, step=RoundStep.ANSWERED)
        for number in range(2, 12):
            report = Report(1, number, bundle_in_use=SPACE.bundle, federation=told)
            orders = await check_ins.check_in(caller("d1"), report)
            assert orders.offers == NOTHING_OFFERED
        assert fleet.asked == ["tell", "offering"]

    async def test_a_changed_consent_is_kept_before_the_reply(self, fleet: Fleet) -> None:
        check_ins = CheckIns(fleet.stores.check_ins, fleet.clock, offering=fleet.offering)
        await join(fleet.stores, "d1")
        for number, consent in enumerate((*Consent, *reversed(Consent)), start=1):
            report = Report(1, number, federation=federated(consent))
            await check_ins.check_in(caller("d1"), report)
            kept = (await fleet.stores.devices.get("d1")).report
            assert kept is not None
            assert kept.federation == report.federation
        assert fleet.asked.count("withdraw") == 2

    async def test_less_consent_takes_back_what_was_given(self, fleet: Fleet) -> None:
        check_ins = CheckIns(fleet.stores.check_ins, fleet.clock, offering=fleet.offering)
        await partners(fleet.stores, "d1", "d2")
        found = await asking(fleet.stores, "d1", "d2")
        await give(fleet.stores, found, "d1")
        silent = Report(1, 2, bundle_in_use=SPACE.bundle)  # as an older agent would be
        await check_ins.check_in(caller("d1"), silent)
        assert await fleet.stores.contributions.standing(found.number) == []
        await agree(fleet.stores, "d1", sequence=3)
        assert await fleet.stores.contributions.standing(found.number) == []

    async def test_a_late_report_takes_nothing_back(self, fleet: Fleet) -> None:
        check_ins = CheckIns(fleet.stores.check_ins, fleet.clock, offering=fleet.offering)
        await partners(fleet.stores, "d1", "d2")
        found = await asking(fleet.stores, "d1", "d2")
        await agree(fleet.stores, "d1", sequence=5)
        await give(fleet.stores, found, "d1")
        late = Report(1, 4, bundle_in_use=SPACE.bundle, federation=federated(Consent.OFF))
        await check_ins.check_in(caller("d1"), late)
        assert len(await fleet.stores.contributions.standing(found.number)) == 1

    async def test_what_a_device_says_of_round_and_head_is_kept(self, fleet: Fleet) -> None:
        check_ins = CheckIns(fleet.stores.check_ins, fleet.clock, offering=fleet.offering)
        await partners(fleet.stores, "d1", "d2")
        found = await with_head(fleet, await asking(fleet.stores, "d1", "d2"))
        told = replace(judged(found), campaign=found.id, round=1, step=RoundStep.TOO_FEW)
        report = Report(1, 2, bundle_in_use=SPACE.bundle, federation=told)
        await check_ins.check_in(caller("d1"), report)
        part = (await fleet.stores.contributions.partner("d1")).parts[found.number]
        assert (part.answer, part.head_version) == ("declined", 1)
        assert await fleet.stores.campaigns.judged(found.number, 1) == [told]
