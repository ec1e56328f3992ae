"""What devices call for federation, over real connections with keys of their own."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import grpc
import numpy as np
import pytest

from fieldwise import identity, wire
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import (
    Consent,
    FederationReport,
    HeadSpace,
    RowKind,
    Update,
    UpdateReceipt,
)
from fieldwise.federation_messages import RECEIPTS, parts_of, report_to, space_from
from fieldwise.v1alpha1 import device_pb2, device_pb2_grpc, federation_pb2
from orchestrator.federation.campaign import Campaign
from orchestrator.federation.contribution import Submission
from orchestrator.rpc import submissions
from orchestrator.rpc.submissions import Submissions
from tests.campaigns import BACKBONE, SPACE, head_of, plan, update
from tests.sites import Site

Requests = list[device_pb2.SubmitUpdateRequest]


class Fleet:
    """A server with two devices whose owners agree, and a campaign that asks them."""

    def __init__(self, site: Site, stubs: list[device_pb2_grpc.DeviceStub]) -> None:
        self.site, self.stubs = site, stubs
        self._sequence = 0

    async def check_in(
        self, stub: device_pb2_grpc.DeviceStub, consent: Consent = Consent.STATISTICS
    ) -> device_pb2.CheckInResponse:
        self._sequence += 1
        request = device_pb2.CheckInRequest(
            incarnation=1,
            sequence=self._sequence,
            bundle_in_use=bytes.fromhex(SPACE.bundle),
            federation=report_to(FederationReport(consent)),
            update=device_pb2.UpdateReport(phase=device_pb2.UPDATE_PHASE_IDLE),
        )
        return await stub.CheckIn(request)

    async def asked(self, **changes: Any) -> Campaign:
        """Start a campaign and open its first round."""
        federation = self.site.federation
        await federation.stores.backbones.add(BACKBONE)
        for stub in self.stubs:
            await self.check_in(stub)
        found = await federation.campaigns.start(plan(**changes))
        opening = await federation.rounds.open(found.id)
        assert opening.campaign.open_round is not None
        self.site.clock.pass_by(10)
        return opening.campaign


@pytest.fixture
async def fleet(site: Site) -> AsyncIterator[Fleet]:
    object.__setattr__(site.federation.campaigns, "_statistics_allowed", True)
    async with AsyncExitStack() as stack:
        stubs = []
        for _ in range(2):
            key = identity.generate_key()
            device = site.device(key, await site.join(key))
            stubs.append(await stack.enter_async_context(device))
        yield Fleet(site, stubs)


def messages_of(made: Update) -> Requests:
    found = []
    for part in parts_of(made):
        if isinstance(part, federation_pb2.UpdateHeader):
            found.append(device_pb2.SubmitUpdateRequest(header=part))
        elif isinstance(part, federation_pb2.ClassRows):
            found.append(device_pb2.SubmitUpdateRequest(rows=part))
        else:
            found.append(device_pb2.SubmitUpdateRequest(scatter=part))
    return found


async def submitted(stub: device_pb2_grpc.DeviceStub, requests: Iterable[Any]) -> UpdateReceipt:
    async def each() -> AsyncIterator[Any]:
        for request in requests:
            yield request

    response = await stub.SubmitUpdate(each())
    [receipt] = [word for word, number in RECEIPTS.items() if number == response.receipt]
    return receipt


async def test_a_round_is_offered_explained_and_answered(fleet: Fleet) -> None:
    found = await fleet.asked(norm_max=2.0, noise=0.5, samples_min=12, only_on_conditions=True)
    stub = fleet.stubs[0]
    offer = (await fleet.check_in(stub)).round
    assert (offer.campaign_id, offer.round, offer.seconds) == ("c1", 1, 3590)
    assert (offer.only_idle, offer.only_on_conditions) == (False, True)
    assert space_from(offer.space) == SPACE
    task = await stub.FetchTask(device_pb2.FetchTaskRequest(campaign_id="c1", round=1))
    wire.check(task)
    assert task.round == offer
    assert [(each.id, each.name) for each in task.classes] == [
        (1, "apple"),
        (2, "pear"),
        (3, "plum"),
    ]
    assert (task.norm_max, task.noise, task.samples_min) == (2.0, 0.5, 12)
    assert not task.HasField("head")
    assert await submitted(stub, messages_of(update(found))) is UpdateReceipt.TAKEN
    assert not (await fleet.check_in(stub)).HasField("round")
    assert (await fleet.check_in(fleet.stubs[1])).HasField("round")


async def test_an_owner_who_agrees_to_less_hears_of_nothing(fleet: Fleet) -> None:
    await fleet.asked(level=Consent.STATISTICS)
    for consent in (Consent.OFF, Consent.WEIGHTS):
        assert not (await fleet.check_in(fleet.stubs[0], consent)).HasField("round")


@pytest.mark.parametrize(
    ("kind", "level"),
    [
        (RowKind.MEANS, Consent.WEIGHTS),
        (RowKind.WEIGHTS, Consent.WEIGHTS),
        (RowKind.MEANS, Consent.STATISTICS),
    ],
)
async def test_every_kind_of_update_is_taken_once(
    fleet: Fleet, kind: RowKind, level: Consent
) -> None:
    found = await fleet.asked(kind=kind, level=level)
    requests = messages_of(update(found))
    for _ in range(3):
        assert await submitted(fleet.stubs[0], requests) is UpdateReceipt.TAKEN
    [given] = await fleet.site.federation.stores.contributions.standing(1)
    assert await fleet.site.federation.files.size(given.update.digest) == given.update.bytes


def spoiled(found: Campaign) -> dict[str, Requests]:
    """Updates that are none, each for a reason of its own."""
    good = messages_of(update(found))
    header, rows, *scatter = good
    nan, infinite, short, huge, foreign, doubled, few = (
        device_pb2.SubmitUpdateRequest() for _ in range(7)
    )
    for each in (nan, infinite, short, huge, foreign, doubled, few):
        each.CopyFrom(rows)
    width = SPACE.width
    nan.rows.rows[0].sums = np.full(width, np.nan).tobytes()
    infinite.rows.rows[1].sums = np.full(width, np.inf).tobytes()
    short.rows.rows[0].sums = short.rows.rows[0].sums[:-8]
    huge.rows.rows[0].sums = np.full(width, 1e300).tobytes()
    foreign.rows.rows[1].class_id = 9
    doubled.rows.rows[1].class_id = 1
    few.rows.rows[0].samples = 1
    more = device_pb2.SubmitUpdateRequest()
    more.CopyFrom(rows)
    return {
        "a number that is none": [header, nan, *scatter],
        "an infinite number": [header, infinite, *scatter],
        "a short row": [header, short, *scatter],
        "other numbers than the digest's": [header, huge, *scatter],
        "an unknown class": [header, foreign, *scatter],
        "a class twice": [header, doubled, *scatter],
        "too few samples": [header, few, *scatter],
        "no rows": [header],
        "no scatter": [header, rows],
        "scatter first": [header, *scatter, rows],
        "more rows": [header, rows, more, *scatter],
        "more scatter": [header, rows, *scatter, scatter[-1]],
        "another header": [header, header, rows, *scatter],
        "an empty part": [header, device_pb2.SubmitUpdateRequest(), rows, *scatter],
    }


async def test_rubbish_is_refused_and_leaves_nothing(fleet: Fleet) -> None:
    found = await fleet.asked(level=Consent.STATISTICS)
    stores = fleet.site.federation.stores
    for name, requests in spoiled(found).items():
        assert await submitted(fleet.stubs[0], requests) is UpdateReceipt.MALFORMED, name
        tally = await stores.campaigns.tally(1, 1)
        assert (tally.taken, tally.refused) == (0, 1), name
    digest = head_of(update(found)).digest
    assert await fleet.site.federation.files.size(digest) is None
    good = messages_of(update(found))
    assert await submitted(fleet.stubs[0], good) is UpdateReceipt.TAKEN


@pytest.mark.parametrize(
    "requests",
    [
        [],
        [device_pb2.SubmitUpdateRequest()],
        [device_pb2.SubmitUpdateRequest(rows=federation_pb2.ClassRows())],
        [device_pb2.SubmitUpdateRequest(header=federation_pb2.UpdateHeader())],
    ],
    ids=["nothing", "empty", "rows", "no header"],
)
async def test_what_does_not_begin_like_an_update_is_an_error(
    fleet: Fleet, requests: Requests
) -> None:
    await fleet.asked()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await submitted(fleet.stubs[0], requests)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_what_does_not_suit_is_refused_before_its_rows_come(fleet: Fleet) -> None:
    found = await fleet.asked()
    made = update(found)
    elsewhere = replace(made, space=HeadSpace("f" * 64, SPACE.transform, SPACE.widths))
    [header, *_] = messages_of(elsewhere)
    assert await submitted(fleet.stubs[0], [header]) is UpdateReceipt.UNSUITABLE
    [header, *_] = messages_of(replace(made, campaign="c9"))
    assert await submitted(fleet.stubs[1], [header]) is UpdateReceipt.LATE


async def test_a_task_of_a_round_that_asks_nobody_is_not_found(fleet: Fleet) -> None:
    await fleet.asked()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await fleet.stubs[0].FetchTask(device_pb2.FetchTaskRequest(campaign_id="c1", round=2))
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


class Waiting:
    """``Receiving`` that takes everything and keeps nothing."""

    async def expect(self, device: str, sent: Submission) -> UpdateReceipt | None:
        return None

    async def take(self, device: str, sent: Submission, made: Update) -> UpdateReceipt:
        return UpdateReceipt.TAKEN


def test_an_update_holds_its_room_as_long_as_a_slow_link_needs_for_its_bytes() -> None:
    assert 60 <= submissions.upload_seconds(1) < 61
    assert submissions.upload_seconds(1024**2) < 75
    assert 900 < submissions.upload_seconds(64 * 1024**2) < 960


@pytest.mark.parametrize("changes", [{"rows": 2**32 - 1}, {"base_version": 2**63}])
async def test_a_header_that_no_database_holds_is_refused(
    fleet: Fleet, changes: dict[str, int]
) -> None:
    found = await fleet.asked()
    [header, *_] = messages_of(update(found))
    for name, value in changes.items():
        setattr(header.header, name, value)
    header.header.space.widths[:] = [2**32 - 1] * 8
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await submitted(fleet.stubs[0], [header])
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_what_is_under_way_is_bounded(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    found = await fleet.asked()
    made = update(found)
    size = head_of(made).bytes
    bounded = Submissions(Waiting(), 2 * size)  # type: ignore[arg-type]  # the part that is asked
    go_on = asyncio.Event()

    async def slow() -> AsyncIterator[Any]:
        first, *others = messages_of(made)
        yield first
        await go_on.wait()
        for each in others:
            yield each

    under_way = [asyncio.create_task(bounded.receive(f"d{n}", slow())) for n in range(2)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    for device in ("d1", "d3"):
        with pytest.raises(FieldwiseError) as caught:
            await bounded.receive(device, slow())
        assert caught.value.fault is Fault.BUSY
    go_on.set()
    assert await asyncio.gather(*under_way) == [UpdateReceipt.TAKEN] * 2
    assert await bounded.receive("d1", slow()) is UpdateReceipt.TAKEN
    monkeypatch.setattr(submissions, "UPLOAD_SECONDS", 0.05)
    go_on.clear()
    with pytest.raises(FieldwiseError) as caught:
        await bounded.receive("d1", slow())
    assert caught.value.fault is Fault.UNAVAILABLE
    go_on.set()
    assert await bounded.receive("d1", slow()) is UpdateReceipt.TAKEN
