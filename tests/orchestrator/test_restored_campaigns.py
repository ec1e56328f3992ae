"""Campaigns out of a backup: their heads come along, and they end until an operator starts anew."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from fieldwise.bundle import digest_of
from orchestrator.backing_up import Wanted, back_up
from orchestrator.config import OrchestratorSettings
from orchestrator.contents import bundles_of
from orchestrator.federation.campaign import HeadVersion, campaign_number
from orchestrator.federation.machine import RESTORED
from orchestrator.federation.phases import CampaignPhase, RoundPhase
from orchestrator.leadership import Replica
from orchestrator.paging import PageRequest
from orchestrator.restoring import Source, restore
from orchestrator.storage.sql.stores import sql_stores
from tests import campaigns
from tests.fleet_records import NOW
from tests.founded import KINDS, Make, founded, nobody_hears

HEAD = b"the head of a campaign"


async def pieces() -> AsyncIterator[bytes]:
    yield HEAD


async def federated(settings: OrchestratorSettings, folder: Path) -> OrchestratorSettings:
    """Found a fleet with a campaign that has a head, an open round and an aggregator."""
    await founded(settings, folder)
    await (await bundles_of(settings)).put(digest_of(HEAD), pieces())
    async with sql_stores(settings.database) as stores:
        for device in ("d1", "d2"):
            await campaigns.agree(stores, device, sequence=9)
        asking = await campaigns.asking(stores, "d1", "d2")
        head = HeadVersion(1, digest_of(HEAD), len(HEAD), NOW, round=1)
        await stores.campaigns.save(replace(asking, head=head, version=1), head=head)
        lead = await stores.leadership.claim(Replica("p", "there"), 15)
        await stores.campaigns.keep_worker_token("c1", "ab" * 32, lead.term)
    return settings


@pytest.mark.parametrize("kind", KINDS)
async def test_a_campaign_ends_and_keeps_its_head(make: Make, tmp_path: Path, kind: str) -> None:
    source, target = await federated(make("source"), tmp_path), make("target", kind)
    file = tmp_path / "backup"
    made = await back_up(source, Wanted(file), nobody_hears)
    assert digest_of(HEAD) in {each.digest for each in made.contents if each.included}
    done = await restore(target, Source(file), nobody_hears)
    assert [each.id for each in done.ended] == ["c1"]
    async with sql_stores(target.database) as stores:
        campaign = await stores.campaigns.get(1)
        (newest,) = (await stores.campaigns.rounds(1, PageRequest())).items
        assert await stores.campaigns.worker_token("c1") is None
        assert await stores.campaigns.working() == []
    assert (campaign.phase, campaign.reason) == (CampaignPhase.STOPPED, RESTORED)
    assert newest.phase is RoundPhase.DROPPED
    assert campaign.head is not None
    content = (await bundles_of(target)).read(campaign.head.digest)
    assert b"".join([piece async for piece in content]) == HEAD


@pytest.mark.parametrize("kind", KINDS)
async def test_no_number_and_no_version_is_one_that_devices_know_from_after_the_backup(
    make: Make, tmp_path: Path, kind: str
) -> None:
    source, target = await federated(make("source"), tmp_path), make("target", kind)
    file, since = tmp_path / "backup", int(time.time())
    await back_up(source, Wanted(file), nobody_hears)
    await restore(target, Source(file), nobody_hears)
    async with sql_stores(target.database) as stores:
        first, second = await campaigns.started(stores), await campaigns.started(stores)
        restored = await stores.campaigns.get(1)
        assert await stores.campaigns.head(1, 1) == restored.head
    assert (first.number > since, second.number) == (True, first.number + 1)
    assert campaign_number(first.id) == first.number
    assert restored.version >= since


async def test_a_campaign_goes_on_where_it_is_told_to(make: Make, tmp_path: Path) -> None:
    source, target = await federated(make("source"), tmp_path), make("target")
    file = tmp_path / "backup"
    await back_up(source, Wanted(file), nobody_hears)
    done = await restore(target, Source(file, go_on=True), nobody_hears)
    assert done.ended == ()
    async with sql_stores(source.database) as before, sql_stores(target.database) as after:
        assert await after.campaigns.get(1) == await before.campaigns.get(1)
