"""Operators' calls about campaigns, over a real connection."""

from dataclasses import replace

import pytest

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import Consent, HeadOutcome, RowKind
from orchestrator import admission, federating
from orchestrator.federation.campaign import RoundResult
from orchestrator.federation.phases import CampaignPhase, RoundPhase
from orchestrator.federation.plan import CampaignPlan
from orchestrator.rights import Login, Operator
from tests import campaigns
from tests.sites import NOW, Site

REQUEST = "0f" * 16
HEAD = b"what a head is made of"


@pytest.fixture(autouse=True)
def program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(federating, "found_program", lambda name: f"/usr/bin/{name}")


@pytest.fixture
async def fleet(site: Site) -> Site:
    """A server with a backbone, and three devices of which two owners agree."""
    stores = site.federation.stores
    await stores.backbones.add(campaigns.BACKBONE)
    for device, consent in (("a", Consent.WEIGHTS), ("b", Consent.STATISTICS), ("c", None)):
        await campaigns.join(stores, device, now=NOW)
        await campaigns.agree(stores, device, consent, at=NOW)
    return site


async def with_head(site: Site, plan: CampaignPlan, versions: int = 1) -> str:
    """Start a campaign and make versions of its head; return its id."""
    made = site.federation
    campaign = (await made.campaigns.start(plan)).id
    for number in range(1, versions + 1):
        for device in "ab":  # seen again since the last round
            now = site.clock.now()
            await campaigns.agree(made.stores, device, sequence=number + 1, at=now)
        opened = (await made.rounds.open(campaign)).campaign
        for device in "ab":
            await campaigns.give(made.stores, opened, device)
        await made.rounds.look(campaign)
        content = HEAD + bytes([number])

        async def pieces(piece: bytes = content):  # type: ignore[no-untyped-def]  # noqa: ANN202 - one piece
            yield piece

        digest = campaigns.digest_of(content)
        await made.heads.put(digest, pieces())
        await made.rounds.commit(campaign, RoundResult(number, digest, len(content), classes=2))
        site.clock.pass_by(plan.pause_seconds)
    return campaign


async def test_a_campaign_starts_once_for_a_request_and_shows_who_agrees(fleet: Site) -> None:
    async with fleet.operator() as client:
        started = await client.campaigns.start(campaigns.plan(), REQUEST)
        again = await client.campaigns.start(campaigns.plan(), REQUEST)
        seen = await client.campaigns.get(started.id)
    assert (started.id, again.id) == ("c1", "c1")
    assert (seen.devices, seen.agreed) == (3, 2)
    assert seen.plan == replace(campaigns.plan(), backbone="lite0:1")
    assert seen.phase is CampaignPhase.RUNNING


@pytest.mark.parametrize("name", ["\u540d" * 120, f"system:serviceaccount:{'n' * 63}:{'a' * 253}"])
async def test_whoever_has_a_long_name_spoils_nobody_the_list_of_campaigns(
    fleet: Site, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(admission, "ROOT", Operator(name, Login.OIDC))
    async with fleet.operator() as client:
        started = await client.campaigns.start(campaigns.plan(), REQUEST)
        listed = (await client.campaigns.list()).items
    assert started.created_by
    assert name.startswith(started.created_by)
    assert [each.created_by for each in listed] == [started.created_by]


async def test_every_field_of_a_plan_crosses_the_wire(fleet: Site) -> None:
    plan = CampaignPlan(
        backbone="lite0:1",
        classes=("apple", "pear"),
        cohort="site=berlin",
        kind=RowKind.WEIGHTS,
        strategy="FedTrimmedAvg",
        options={"beta": 0.25},
        rounds=0,
        quorum=3,
        participants=7,
        over_selection=0.5,
        deadline_seconds=100,
        pause_seconds=90,
        only_idle=True,
        only_on_conditions=True,
        norm_max=2.5,
        noise=0.125,
        samples_min=20,
    )
    async with fleet.operator() as client:
        assert (await client.campaigns.start(plan)).plan == plan


async def test_a_dry_run_says_what_would_be_and_keeps_nothing(fleet: Site) -> None:
    async with fleet.operator() as client:
        found = await client.campaigns.start(campaigns.plan(), dry_run=True)
        assert (found.devices, found.agreed) == (3, 2)
        assert (await client.campaigns.list()).items == ()


async def test_statistics_are_refused_where_the_installation_does_not_allow_them(
    fleet: Site,
) -> None:
    async with fleet.operator() as client:
        with pytest.raises(FieldwiseError, match="federation_statistics"):
            await client.campaigns.start(campaigns.plan(level=Consent.STATISTICS))


async def test_no_campaign_starts_where_nothing_could_aggregate(
    fleet: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(federating, "found_program", lambda _name: None)
    async with fleet.operator() as client:
        with pytest.raises(FieldwiseError) as raised:
            await client.campaigns.start(campaigns.plan())
        assert raised.value.fault is Fault.EXTRA_MISSING
        assert (await client.campaigns.list()).items == ()


async def test_a_campaign_is_stopped_and_its_open_round_dropped(fleet: Site) -> None:
    made = fleet.federation
    campaign = (await made.campaigns.start(campaigns.plan())).id
    await made.rounds.open(campaign)
    async with fleet.operator() as client:
        stopped = await client.campaigns.stop(campaign)
        (newest,) = (await client.campaigns.rounds(campaign)).items
    assert stopped.phase is CampaignPhase.STOPPED
    assert newest.phase is RoundPhase.DROPPED
    assert newest.asked == 2


async def test_heads_are_listed_with_what_devices_made_of_them(fleet: Site) -> None:
    campaign = await with_head(fleet, campaigns.plan(rounds=2), 2)
    changes = {"head_campaign": campaign, "outcome": HeadOutcome.ADOPTED}
    for device, version in (("a", 2), ("b", 1)):
        told = campaigns.federated(Consent.WEIGHTS, head_version=version, **changes)
        await fleet.federation.stores.contributions.tell(device, told)
        await campaigns.agree(
            fleet.federation.stores,
            device,
            sequence=9,
            at=fleet.clock.now(),
            head_version=version,
            **changes,
        )
    async with fleet.operator() as client:
        newest, first = (await client.campaigns.heads(campaign)).items
        seen = await client.campaigns.get(campaign)
    assert (newest.version, newest.outcomes) == (2, {HeadOutcome.ADOPTED: 1})
    assert (first.version, first.outcomes) == (1, {HeadOutcome.ADOPTED: 1})
    assert newest.space == campaigns.SPACE
    assert seen.phase is CampaignPhase.COMPLETE
    assert seen.head == newest


async def test_an_earlier_head_is_offered_again_as_a_version_of_its_own(fleet: Site) -> None:
    campaign = await with_head(fleet, campaigns.plan(rounds=2), 2)
    async with fleet.operator() as client:
        back = await client.campaigns.roll_back(campaign, 1)
        newest, *_, first = (await client.campaigns.heads(campaign)).items
    assert (back.version, back.back_to, back.round) == (3, 1, 0)
    assert newest == back
    assert back.digest == first.digest


async def test_a_head_is_exported_whole(fleet: Site) -> None:
    campaign = await with_head(fleet, campaigns.plan(rounds=2), 2)
    async with fleet.operator() as client:
        newest = [piece async for piece, _ in client.campaigns.export(campaign)]
        first = [piece async for piece in client.campaigns.export(campaign, 1)]
    assert b"".join(newest) == HEAD + bytes([2])
    assert first == [(HEAD + bytes([1]), len(HEAD) + 1)]


@pytest.mark.parametrize("campaign", ["c9", "", "r1", "c" * 32])
async def test_what_is_not_there_is_not_found(fleet: Site, campaign: str) -> None:
    async with fleet.operator() as client:
        with pytest.raises(FieldwiseError) as raised:
            await client.campaigns.get(campaign)
    assert raised.value.fault is Fault.NOT_FOUND


async def test_nobody_without_the_token_hears_of_campaigns(fleet: Site) -> None:
    async with fleet.operator("another-token-of-nobody") as client:
        with pytest.raises(FieldwiseError) as raised:
            await client.campaigns.list()
    assert raised.value.fault is Fault.UNAUTHENTICATED
