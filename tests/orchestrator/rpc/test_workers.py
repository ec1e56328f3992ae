"""The calls of aggregators, over a real connection and with real tokens."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from fieldwise import channel, wire
from fieldwise.federation import Consent, Update
from fieldwise.federation_messages import UpdateReader
from fieldwise.v1alpha1 import campaign_pb2, worker_pb2_grpc
from fieldwise.v1alpha1 import worker_pb2 as messages
from orchestrator.federation.admitting import OUTLIVING_SECONDS
from orchestrator.federation.campaign import Campaign
from orchestrator.federation.contribution import Submission
from orchestrator.federation.phases import RoundPhase
from orchestrator.federation.worker_token import token_digest, worker_token
from orchestrator.leadership import Replica
from tests import campaigns
from tests.sites import NOW, Site

TOKEN = worker_token("c1", bytes(32))
HEAD, STATE = b"head" * 100_000, b"state" * 7
OPEN, CLOSED = campaign_pb2.ROUND_PHASE_OPEN, campaign_pb2.ROUND_PHASE_CLOSED


class Worker:
    """An aggregator's way to a server."""

    def __init__(self, stub: worker_pb2_grpc.WorkerStub, token: str) -> None:
        self._stub = stub
        self._metadata = (("authorization", f"Bearer {token}"),)

    async def ask(self, name: str, request: Any) -> Any:
        return await getattr(self._stub, name)(request, metadata=self._metadata)

    async def stream(self, name: str, request: Any) -> list[Any]:
        call = getattr(self._stub, name)(request, metadata=self._metadata)
        return [each async for each in call]

    async def work(self) -> messages.GetWorkResponse:
        found: messages.GetWorkResponse = await self.ask("GetWork", messages.GetWorkRequest())
        return found

    async def opened(self) -> messages.OpenRoundResponse:
        found: messages.OpenRoundResponse = await self.ask("OpenRound", messages.OpenRoundRequest())
        return found

    async def awaited(self, number: int, seconds: int = 0) -> messages.AwaitRoundResponse:
        request = messages.AwaitRoundRequest(round=number, seconds=seconds)
        found: messages.AwaitRoundResponse = await self.ask("AwaitRound", request)
        return found

    async def updates(self, number: int) -> list[tuple[int, Update]]:
        """Read what was given, each update with the alias of its device."""
        parts = await self.stream("FetchUpdates", messages.FetchUpdatesRequest(round=number))
        readers: list[tuple[int, UpdateReader]] = []
        for each in parts:
            wire.check(each)
            match each.WhichOneof("part"):
                case "header":
                    readers.append((each.alias, UpdateReader(each.header)))
                case "rows":
                    readers[-1][1].rows(each.rows)
                case "scatter":
                    readers[-1][1].scatter(each.scatter)
        return [(alias, reader.finish()) for alias, reader in readers]

    async def fetched(self, digest: bytes) -> bytes:
        pieces = await self.stream("FetchWork", messages.FetchWorkRequest(digest=digest))
        return b"".join(each.content for each in pieces)

    async def commit(self, *parts: messages.CommitRoundRequest) -> int:
        return int((await self.ask("CommitRound", iter(parts))).version)


@asynccontextmanager
async def working(site: Site, token: str = TOKEN) -> AsyncIterator[Worker]:
    async with channel.pinned_channel(site.operator_address, roots=site.roots) as opened:
        yield Worker(worker_pb2_grpc.WorkerStub(opened), token)


@pytest.fixture
async def fleet(site: Site) -> Site:
    """A server with two devices that agree, and two campaigns, each with a token in force."""
    stores = site.federation.stores
    await stores.backbones.add(campaigns.BACKBONE)
    for device in "ab":
        await campaigns.join(stores, device, now=NOW)
        await campaigns.agree(stores, device, Consent.STATISTICS, at=NOW)
    for number in (1, 2):
        campaign = await site.federation.campaigns.start(campaigns.plan(rounds=3))
        token = worker_token(campaign.id, bytes([*bytes(31), number - 1]))
        await let_in(site, campaign.id, token)
    return site


async def let_in(site: Site, campaign: str, token: str) -> None:
    """Put a token in force, as the replica that leads."""
    stores = site.federation.stores
    lead = await stores.leadership.claim(Replica("process", "place"), 600.0)
    await stores.campaigns.keep_worker_token(campaign, token_digest(token), lead.term)


async def give(site: Site, device: str, value: float) -> Update:
    """Let a device send an update to the newest round of the first campaign."""
    campaign = await site.federation.campaigns.get("c1")
    made = campaigns.update(campaign, value)
    head = campaigns.head_of(made)
    sent = Submission(made.campaign, made.round, made.space, head)
    assert await site.federation.receiving.expect(device, sent) is None
    assert await site.federation.receiving.take(device, sent, made) == "taken"
    return made


async def closed(site: Site, worker: Worker) -> Campaign:
    """Open a round and let both devices answer it."""
    opened = await worker.opened()
    for device, value in (("a", 1.0), ("b", 2.0)):
        await give(site, device, value)
    assert (await worker.awaited(opened.round.round)).round.phase == CLOSED
    return await site.federation.campaigns.get("c1")


def result(number: int = 1, **changes: Any) -> messages.CommitRoundRequest:
    told = {
        "round": number,
        "classes": 2,
        "classes_held_back": 1,
        "rows_left_out": 3,
        "head_bytes": len(HEAD),
        "head_digest": hashlib.sha256(HEAD).digest(),
        "state_bytes": len(STATE),
        "state_digest": hashlib.sha256(STATE).digest(),
    }
    return messages.CommitRoundRequest(result=messages.RoundResult(**(told | changes)))


def pieces(content: bytes = HEAD, name: str = "head") -> Iterator[messages.CommitRoundRequest]:
    for start in range(0, len(content), 262_144):
        piece: Any = {name: content[start : start + 262_144]}
        yield messages.CommitRoundRequest(**piece)


def whole(number: int = 1) -> list[messages.CommitRoundRequest]:
    return [result(number), *pieces(), *pieces(STATE, "state")]


async def refused(call: Any) -> grpc.StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    return raised.value.code()


async def test_an_aggregator_hears_what_is_to_be_done(fleet: Site) -> None:
    async with working(fleet) as worker:
        work = await worker.work()
    assert work.campaign_id == "c1"
    assert [(each.id, each.name) for each in work.classes] == [
        (1, "apple"),
        (2, "pear"),
        (3, "plum"),
    ]
    assert work.space.bundle_digest.hex() == campaigns.SPACE.bundle
    assert work.plan.strategy == "FedAvg"
    assert not work.HasField("head")


async def test_a_round_goes_from_its_opening_to_a_version_of_the_head(fleet: Site) -> None:
    async with working(fleet) as worker:
        opened = await worker.opened()
        assert (opened.round.round, opened.round.phase, opened.round.asked) == (1, OPEN, 2)
        assert (await worker.opened()).round.round == 1
        assert (await worker.awaited(1)).round.phase == OPEN
        given = {(await give(fleet, each, value)).rows[0].samples for each, value in [("a", 1.0)]}
        await give(fleet, "b", 2.0)
        assert given == {20}
        assert (await worker.awaited(1, 60)).round.phase == CLOSED
        updates = await worker.updates(1)
        assert [alias for alias, _ in updates] == [1, 2]
        assert sorted(float(each.rows[0].values[0]) for _, each in updates) == [1.0, 2.0]
        assert await worker.commit(*whole()) == 1
        work = await worker.work()
        assert work.head.version == 1
        assert await worker.fetched(work.head.digest) == HEAD
        assert await worker.fetched(work.state_digest) == STATE
        pausing = await worker.opened()
    assert not pausing.HasField("round")
    assert 0 < pausing.wait_seconds <= 300
    committed = (await fleet.federation.campaigns.get("c1")).round
    assert committed is not None
    assert (committed.classes, committed.classes_held_back, committed.rows_left_out) == (2, 1, 3)


async def test_whoever_waits_for_a_round_hears_when_it_is_closed(fleet: Site) -> None:
    async with working(fleet) as worker:
        await worker.opened()
        waiting = asyncio.create_task(worker.awaited(1, 60))
        for device, value in (("a", 1.0), ("b", 2.0)):
            await give(fleet, device, value)
        assert (await waiting).round.phase == CLOSED


async def test_exact_sums_come_with_their_scatter(site: Site) -> None:
    stores = site.federation.stores
    await stores.backbones.add(campaigns.BACKBONE)
    found = await campaigns.started(stores, level=Consent.STATISTICS)
    await let_in(site, found.id, TOKEN)
    for device in "ab":
        await campaigns.join(stores, device, now=NOW)
        await campaigns.agree(stores, device, Consent.STATISTICS, at=NOW)
    async with working(site) as worker:
        await closed(site, worker)
        (_, first), (_, second) = await worker.updates(1)
    width = campaigns.WIDTH
    assert first.scatter[0].shape == (width * (width + 1) // 2,)
    assert {float(each.scatter[0][0]) for each in (first, second)} == {40.0, 160.0}


async def test_a_round_that_was_committed_before_gives_the_same_version(fleet: Site) -> None:
    async with working(fleet) as worker:
        await closed(fleet, worker)
        first = await worker.commit(*whole())
        assert await worker.commit(*whole()) == first
        assert await worker.commit(result()) == first
    assert (await fleet.federation.campaigns.get("c1")).committed == 1


async def test_a_head_that_is_there_already_is_taken_as_it_is(fleet: Site) -> None:
    async with working(fleet) as worker:
        await closed(fleet, worker)
        await worker.commit(*whole())
        fleet.clock.pass_by(300)
        for device in "ab":
            await campaigns.agree(
                fleet.federation.stores,
                device,
                Consent.STATISTICS,
                sequence=2,
                at=fleet.clock.now(),
            )
        await closed(fleet, worker)
        assert await worker.commit(*whole(2)) == 2
        assert await worker.fetched((await worker.work()).state_digest) == STATE


async def test_a_round_that_is_open_cannot_be_committed(fleet: Site) -> None:
    async with working(fleet) as worker:
        await worker.opened()
        assert await refused(worker.commit(*whole())) is grpc.StatusCode.FAILED_PRECONDITION
        request = messages.FetchUpdatesRequest(round=1)
        assert (
            await refused(worker.stream("FetchUpdates", request))
            is grpc.StatusCode.FAILED_PRECONDITION
        )


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [*pieces()],
        [result(head_digest=b"short"), *pieces()],
        [result(head_bytes=0), *pieces()],
        [result(head_bytes=1024**3), *pieces()],
        [result(state_bytes=0), *pieces()],
        [result(state_digest=b""), *pieces()],
        [result()],
        [result(), *list(pieces())[:1]],
        [result(), *pieces(STATE, "state"), *pieces()],
        [result(), *pieces(), *pieces()],
        [result(), *pieces(HEAD[:-1] + b"x"), *pieces(STATE, "state")],
        [result(), *pieces(), *pieces(STATE, "state"), *pieces(STATE, "state")],
        [result(), messages.CommitRoundRequest(), *pieces()],
        [result(), result(), *pieces()],
    ],
)
async def test_what_is_no_result_ends_no_round(
    fleet: Site, parts: list[messages.CommitRoundRequest]
) -> None:
    async with working(fleet) as worker:
        await closed(fleet, worker)
        code = await refused(worker.commit(*parts))
        assert code in {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.DATA_LOSS}
        assert (await worker.awaited(1)).round.phase == CLOSED
        assert await worker.commit(*whole()) == 1


async def test_a_round_without_a_head_is_missed(fleet: Site) -> None:
    nothing = {"head_bytes": 0, "head_digest": b"", "state_bytes": 0, "state_digest": b""}
    async with working(fleet) as worker:
        await worker.opened()
        assert (
            await refused(worker.commit(result(**nothing))) is grpc.StatusCode.FAILED_PRECONDITION
        )
        await closed(fleet, worker)
        assert await worker.commit(result(**nothing, classes=0)) == 0
        assert not (await worker.work()).HasField("head")
        assert (
            await refused(worker.commit(result(**nothing))) is grpc.StatusCode.FAILED_PRECONDITION
        )
        assert (await worker.opened()).wait_seconds > 0
    found = await fleet.federation.campaigns.get("c1")
    assert found.round is not None
    assert (found.round.phase, found.round.rows_left_out) == (RoundPhase.MISSED, 3)
    assert (found.missed, found.committed, found.runs) == (1, 0, True)


async def test_an_update_whose_content_is_lost_is_left_out(fleet: Site) -> None:
    async with working(fleet) as worker:
        await closed(fleet, worker)
        lost, *_ = await fleet.federation.stores.contributions.standing(1)
        await fleet.federation.files.drop(lost.update.digest)
        assert [alias for alias, _ in await worker.updates(1)] == [2]


@pytest.mark.parametrize("flaw", [b"", b"short", None], ids=["empty", "short", "same length"])
async def test_an_update_whose_content_is_damaged_is_left_out(
    fleet: Site, flaw: bytes | None
) -> None:
    async with working(fleet) as worker:
        await closed(fleet, worker)
        damaged, *_ = await fleet.federation.stores.contributions.standing(1)
        kept = fleet.federation.settings.folder / "updates"
        [file] = [each for each in kept.rglob("*") if damaged.update.digest in each.name]
        whole = file.read_bytes()
        file.chmod(0o600)
        file.write_bytes(bytes([whole[0] ^ 1, *whole[1:]]) if flaw is None else flaw)
        assert [alias for alias, _ in await worker.updates(1)] == [2]


async def test_an_aggregator_that_cannot_go_on_ends_its_campaign(fleet: Site) -> None:
    async with working(fleet) as worker:
        for _ in range(2):
            reason = "Krum takes no beta"
            await worker.ask("GiveUp", messages.GiveUpRequest(reason=reason))
        over = await worker.opened()
    assert over.phase == campaign_pb2.CAMPAIGN_PHASE_FAILED
    assert not over.HasField("round")
    campaign = await fleet.federation.campaigns.get("c1")
    assert campaign.reason == "Krum takes no beta"


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a-token-of-the-operator",
        "c1." + "a" * 43,
        worker_token("c9", bytes(32)),
        worker_token("c2", bytes(32)),  # the secret of another campaign
        TOKEN[:-1],
    ],
)
async def test_whoever_has_no_token_in_force_is_let_in_nowhere(fleet: Site, token: str) -> None:
    async with working(fleet, token) as worker:
        assert await refused(worker.work()) is grpc.StatusCode.UNAUTHENTICATED


async def test_a_token_of_before_opens_nothing_any_more(fleet: Site) -> None:
    fresh = worker_token("c1", bytes([*bytes(31), 9]))
    async with working(fleet) as before, working(fleet, fresh) as now:
        await before.work()
        await let_in(fleet, "c1", fresh)
        assert await refused(before.work()) is grpc.StatusCode.UNAUTHENTICATED
        assert (await now.work()).campaign_id == "c1"


async def test_a_token_outlives_its_campaign_by_minutes_and_no_longer(fleet: Site) -> None:
    async with working(fleet) as worker:
        await fleet.federation.campaigns.stop("c1")
        fleet.clock.pass_by(OUTLIVING_SECONDS - 1)
        assert (await worker.work()).phase == campaign_pb2.CAMPAIGN_PHASE_STOPPED
        fleet.clock.pass_by(1)
        assert await refused(worker.work()) is grpc.StatusCode.UNAUTHENTICATED


async def test_an_aggregator_sees_nothing_of_another_campaign(fleet: Site) -> None:
    other = worker_token("c2", bytes([*bytes(31), 1]))
    async with working(fleet) as worker, working(fleet, other) as beside:
        await closed(fleet, worker)
        await worker.commit(*whole())
        digest = (await worker.work()).head.digest
        assert await refused(beside.fetched(digest)) is grpc.StatusCode.NOT_FOUND
        lost, *_ = await fleet.federation.stores.contributions.standing(1)
        update = bytes.fromhex(lost.update.digest)
        assert await refused(worker.fetched(update)) is grpc.StatusCode.NOT_FOUND


async def test_an_aggregator_is_no_operator(fleet: Site) -> None:
    async with fleet.operator(TOKEN) as client:
        with pytest.raises(Exception, match="token"):
            await client.campaigns.list()
