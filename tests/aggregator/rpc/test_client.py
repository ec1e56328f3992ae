import hashlib
import random
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from aggregator.campaigning import Campaigning
from aggregator.flower.aggregating import FlowerStrategies
from aggregator.ports import Unreadable
from aggregator.rpc.client import WorkerClient, open_channel
from aggregator.work import Campaign, Opening, RoundPhase, RoundResult, Tally
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import Consent, RowKind, Update
from fieldwise.federation_messages import parts_of
from tests.fakes.orchestrating import MemoryOrchestrator, PatientClock
from tests.fakes.updates import campaign, means, samples, statistics
from tests.fakes.worker_service import TOKEN, WorkerService, serving

FULL = campaign(
    strategy="FedAvgM",
    options={"server_momentum": 0.5},
    norm_max=3.0,
    noise=0.25,
    kind=RowKind.WEIGHTS,
)


@pytest.fixture
def service() -> WorkerService:
    return WorkerService(MemoryOrchestrator(campaign(), [[], None]))


@pytest.fixture
def client(service: WorkerService) -> Iterator[WorkerClient]:
    with serving(service) as running, open_channel(running.address, running.roots) as channel:
        yield WorkerClient(channel, TOKEN)


def same(one: Update, other: Update) -> bool:
    def held(update: Update) -> list[np.ndarray]:
        return [*(row.values for row in update.rows), *update.scatter]

    def said(update: Update) -> Update:
        return replace(update, rows=tuple(row.samples for row in update.rows), scatter=())

    pairs = zip(held(one), held(other), strict=True)
    return repr(said(one)) == repr(said(other)) and all(np.array_equal(*each) for each in pairs)


@pytest.mark.parametrize("plan", [campaign(), FULL, campaign(version=4, head="d" * 64)])
def test_what_is_to_be_done_comes_as_it_is(
    service: WorkerService, client: WorkerClient, plan: Campaign
) -> None:
    service.behind.plan = plan
    assert client.campaign() == plan
    service.behind.stopped = True
    assert client.campaign() == replace(plan, runs=False)


def test_rounds_are_opened_and_awaited(service: WorkerService, client: WorkerClient) -> None:
    assert client.open_round() == Opening(1)
    assert client.await_round(1, 1) is RoundPhase.OPEN
    assert client.await_round(1, 1) is RoundPhase.CLOSED
    service.behind.ended = 2
    assert client.open_round() == Opening(0, 5.0)


def test_updates_come_as_devices_sent_them(service: WorkerService, client: WorkerClient) -> None:
    dice = np.random.default_rng(2)
    sent = [
        (1, means({1: (20, 5.0), 4: (12, 7.0)})),
        (1, means({2: (20, 5.0)})),
        (3, statistics(samples(dice, 50), dice.integers(1, 4, 50))),
    ]
    service.behind.rounds = [sent]
    found = list(client.updates(1))
    assert [alias for alias, _ in found] == [1, 1, 3]
    for (_, one), (_, other) in zip(found, sent, strict=True):
        assert isinstance(one, Update)
        assert same(one, other)


def spoilt(update: Update, name: str) -> list:
    header, *parts = list(parts_of(update))
    if name == "digest":
        header.content_digest = bytes(32)
    elif name == "short":
        parts = parts[:-1]
    elif name == "headless":
        header.space.widths.append(9)
    elif name == "nan":
        parts[0].rows[0].values = np.full(10, np.nan, "<f4").tobytes()
    elif name == "half":
        parts[0].rows[0].values = b"abc"
    elif name == "level":
        header.level = 77
    elif name == "scatter":
        parts += [part for part in parts_of(statistics_of()) if hasattr(part, "view")]
    return [header, *parts]


def statistics_of() -> Update:
    dice = np.random.default_rng(2)
    return statistics(samples(dice, 50), dice.integers(1, 4, 50))


@pytest.mark.parametrize("name", ["digest", "short", "headless", "nan", "half", "level", "scatter"])
def test_an_update_that_is_none_is_said_to_be_and_hides_no_other(
    service: WorkerService, client: WorkerClient, name: str
) -> None:
    good = means({1: (20, 5.0), 4: (12, 7.0)})
    service.behind.rounds = [[(1, good), (2, spoilt(good, name)), (3, good)]]
    found = list(client.updates(1))
    assert [alias for alias, _ in found] == [1, 2, 3]
    assert isinstance(found[1][1], Unreadable)
    assert found[1][1].rows == 2
    assert isinstance(found[2][1], Update)


def test_a_file_comes_in_pieces_and_is_held_to_its_digest(
    service: WorkerService, client: WorkerClient
) -> None:
    content = np.random.default_rng(1).bytes(5500)
    digest = hashlib.sha256(content).hexdigest()
    service.behind.files[digest] = content
    assert client.fetch(digest) == content


@pytest.mark.parametrize("spoil", [lambda all_of: all_of[1:], lambda all_of: all_of[:-1], reversed])
def test_a_file_with_pieces_missing_or_turned_around_is_refused(
    service: WorkerService, client: WorkerClient, spoil: object
) -> None:
    content = np.random.default_rng(1).bytes(5500)
    digest = hashlib.sha256(content).hexdigest()
    service.behind.files[digest] = content
    service.spoil = spoil
    with pytest.raises(FieldwiseError) as caught:
        client.fetch(digest)
    assert caught.value.fault is Fault.DIGEST_MISMATCH


def test_a_round_is_committed_with_head_and_state_however_large(
    service: WorkerService, client: WorkerClient
) -> None:
    content = np.random.default_rng(1).bytes(700_000)
    result = RoundResult(1, Tally(3, 2, 1), content, content[:5000])
    assert client.commit(result) == 1
    assert service.behind.committed[1] == (1, result)
    assert client.commit(result) == 1


def test_faults_come_as_they_were_raised(client: WorkerClient) -> None:
    with pytest.raises(FieldwiseError) as caught:
        client.commit(RoundResult(9, Tally(0, 0, 0), b"head", b""))
    assert caught.value.fault is Fault.ILLEGAL_COMMAND


def test_giving_up_says_why(service: WorkerService, client: WorkerClient) -> None:
    client.give_up("there is no such strategy")
    assert service.behind.reason == "there is no such strategy"


def test_a_token_that_is_not_in_force_is_refused(service: WorkerService) -> None:
    with serving(service) as running, open_channel(running.address, running.roots) as channel:
        for call in (
            WorkerClient(channel, "c8.other").campaign,
            WorkerClient(channel, "").campaign,
        ):
            with pytest.raises(FieldwiseError) as caught:
                call()
            assert caught.value.fault is Fault.UNAUTHENTICATED


def test_a_server_that_nobody_vouches_for_is_not_spoken_to(service: WorkerService) -> None:
    with (
        serving(service) as running,
        serving(service) as other,
        open_channel(running.address, other.roots) as channel,
        pytest.raises(FieldwiseError) as caught,
    ):
        WorkerClient(channel, TOKEN).campaign()
    assert caught.value.fault is Fault.UNREACHABLE


@pytest.mark.parametrize("level", [Consent.WEIGHTS, Consent.STATISTICS])
def test_a_campaign_over_the_wire_comes_to_what_it_does_in_memory(level: Consent) -> None:
    def sent(number: int) -> list:
        if level is Consent.WEIGHTS:
            rows = {1: (20, 5.0 * number), 2: (30, 7.0)}
            return [(alias, means(rows, round_number=number)) for alias in (1, 2, 3)]
        dice = np.random.default_rng(number)
        update = statistics(samples(dice, 40), dice.integers(1, 4, 40), round_number=number)
        return [(1, update), (2, update)]

    def orchestrator() -> MemoryOrchestrator:
        return MemoryOrchestrator(campaign(level=level), [sent(1), None, sent(3)])

    direct, behind = orchestrator(), orchestrator()
    Campaigning(direct, FlowerStrategies(), PatientClock(), random.Random(1)).run()
    with (
        serving(WorkerService(behind)) as running,
        open_channel(running.address, running.roots) as channel,
    ):
        client = WorkerClient(channel, TOKEN)
        Campaigning(client, FlowerStrategies(), PatientClock(), random.Random(1)).run()
    assert behind.committed == direct.committed
    assert list(behind.committed) == [1, 3]
