"""An aggregator at work for a real server: what devices give becomes heads that devices get."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aggregator.app import SystemClock
from aggregator.campaigning import Campaigning
from aggregator.flower.aggregating import FlowerStrategies
from aggregator.rpc.client import WorkerClient, open_channel
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import Consent, RowKind
from fieldwise.global_head import GlobalHead, decode
from orchestrator.federation.contribution import Submission
from orchestrator.federation.phases import CampaignPhase, RoundPhase
from orchestrator.federation.worker_token import token_digest, worker_token
from orchestrator.leadership import Replica
from tests import campaigns
from tests.sites import NOW, Site, opened

LOOKS_MAX = 600
DEVICES = "abc"


@asynccontextmanager
async def fleet(folder: Path) -> AsyncIterator[Site]:
    """A server with three devices that agree."""
    async with opened(folder) as site:
        stores = site.federation.stores
        await stores.backbones.add(campaigns.BACKBONE)
        for device in DEVICES:
            await campaigns.join(stores, device, now=NOW)
            await campaigns.agree(stores, device, Consent.WEIGHTS, at=NOW)
        yield site


async def token_of(site: Site, campaign: str) -> str:
    token = worker_token(campaign, bytes(32))
    stores = site.federation.stores
    lead = await stores.leadership.claim(Replica("process", "place"), 600.0)
    await stores.campaigns.keep_worker_token(campaign, token_digest(token), lead.term)
    return token


def work(site: Site, token: str) -> None:
    with open_channel(site.operator_address, site.roots) as channel:
        client = WorkerClient(channel, token)
        Campaigning(client, FlowerStrategies(), SystemClock(), random.Random(1)).run()


async def offered(site: Site, number: int) -> None:
    """Wait until a round is open."""
    for _ in range(LOOKS_MAX):
        current = (await site.federation.campaigns.get("c1")).round
        if current is not None and current.number == number and current.phase is RoundPhase.OPEN:
            return
        await asyncio.sleep(0.1)
    pytest.fail(f"round {number} was never opened")


async def give(site: Site, device: str, value: float) -> None:
    campaign = await site.federation.campaigns.get("c1")
    base = campaign.head.version if campaign.head else 0
    made = replace(campaigns.update(campaign, value), base_version=base)
    sent = Submission(made.campaign, made.round, made.space, campaigns.head_of(made))
    assert await site.federation.receiving.expect(device, sent) is None
    assert await site.federation.receiving.take(device, sent, made) == "taken"


async def head_of(site: Site, version: int) -> GlobalHead:
    kept = await site.federation.stores.campaigns.head(1, version)
    pieces = [each async for each in site.federation.heads.read(kept.digest)]
    return decode(b"".join(pieces))


async def test_rounds_of_means_come_to_heads_of_what_stands(tmp_path: Path) -> None:
    async with fleet(tmp_path) as site:
        plan = campaigns.plan(rounds=2, pause_seconds=0)
        campaign = await site.federation.campaigns.start(plan)
        working = asyncio.create_task(
            asyncio.to_thread(work, site, await token_of(site, campaign.id))
        )
        await offered(site, 1)
        for device, value in zip(DEVICES, (1.0, 2.0, 3.0), strict=True):
            await give(site, device, value)
        await offered(site, 2)
        first = await head_of(site, 1)
        await campaigns.agree(site.federation.stores, "c", Consent.OFF, sequence=2, at=NOW)
        await site.federation.stores.contributions.withdraw("c", Consent.OFF)
        await give(site, "a", 4.0)
        await give(site, "b", 4.0)
        await working
        ended = await site.federation.campaigns.get(campaign.id)
        second = await head_of(site, 2)
    assert ended.phase is CampaignPhase.COMPLETE
    assert (first.classes, first.counts.tolist()) == (("apple", "pear"), [60, 60])
    assert np.unique(first.rows).tolist() == [2.0]
    assert second.counts.tolist() == [40, 40]
    assert np.unique(second.rows).tolist() == [4.0]


async def test_weights_go_on_from_the_head_before(tmp_path: Path) -> None:
    async with fleet(tmp_path) as site:
        options = {"server_momentum": 0.5}
        plan = campaigns.plan(
            rounds=2, pause_seconds=0, kind=RowKind.WEIGHTS, strategy="FedAvgM", options=options
        )
        campaign = await site.federation.campaigns.start(plan)
        working = asyncio.create_task(
            asyncio.to_thread(work, site, await token_of(site, campaign.id))
        )
        for number, value in ((1, 2.0), (2, 0.0)):
            await offered(site, number)
            for device in DEVICES:
                await give(site, device, value)
        await working
        first, second = await head_of(site, 1), await head_of(site, 2)
    assert np.unique(first.rows).tolist() == [2.0]
    assert np.unique(second.rows).tolist() == [3.0]


async def test_an_aggregator_whose_token_is_not_in_force_is_sent_away(tmp_path: Path) -> None:
    async with fleet(tmp_path) as site:
        campaign = await site.federation.campaigns.start(campaigns.plan())
        await token_of(site, campaign.id)
        older = worker_token(campaign.id, bytes([1, *bytes(31)]))
        with pytest.raises(FieldwiseError) as caught:
            await asyncio.to_thread(work, site, older)
    assert caught.value.fault is Fault.UNAUTHENTICATED
