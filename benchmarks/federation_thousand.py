"""A round of a thousand devices through the real orchestrator and the real aggregator.

``fieldwise serve`` keeps its books in SQLite and starts ``fieldwise-aggregator``; devices are
played by this process, over mutual TLS, each on a connection of its own that is open before the
round begins, as an agent's is. Counted is processor time of the two programs, by the kernel, from
the moment that the round is open until its head is committed; what the devices take is not.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import grpc
import numpy as np

from agent.rpc.translate_federation import submissions
from benchmarks.federation_programs import (
    Orchestrator,
    children,
    processor_seconds,
    processor_seconds_of_ended,
    wait_until,
)
from fieldwise import channel, identity, ticket
from fieldwise.federation import Consent, HeadSpace, Row, RowKind, Update
from fieldwise.federation_messages import space_from
from fieldwise.v1alpha1 import (
    device_pb2,
    device_pb2_grpc,
    enrolment_pb2,
    enrolment_pb2_grpc,
    federation_pb2,
)

DEVICES, CLASSES, KNOWN = 1000, 60, 20  # 20 rows of 1,280 features are 102 kB
AT_ONCE = 4
TRIES = 20  # of a call that a server on a busy machine puts off; calls may be made again
CALL_SECONDS = 600.0


@dataclass(slots=True)
class _Member:
    """A played device, joined and connected."""

    number: int
    stub: Any  # awaitable, which its type does not say
    offer: device_pb2.RoundOffer | None = None


def figures(bundle: Path, devices: int = DEVICES) -> dict[str, float]:
    """Seconds of the orchestrator by what it does, and of the aggregator."""
    with TemporaryDirectory() as folder, Orchestrator(Path(folder), 60) as server:
        digest = str(server.operate("backbone", "push", bundle)["backbone"]["digest"])
        return asyncio.run(_round(server, digest, devices))


async def _round(server: Orchestrator, backbone: str, devices: int) -> dict[str, float]:
    digest = bytes.fromhex(backbone)
    async with AsyncExitStack() as stack:
        text = await asyncio.to_thread(server.ticket, devices)
        members = await _joined(text, devices, stack)
        await _each(members, lambda each: _check_in(each, digest, 1))
        print(f"round: {devices:,} devices have joined", flush=True)
        campaign = await asyncio.to_thread(_started, server, backbone)
        await asyncio.to_thread(_wait_open, server, campaign)
        clock = _Clock(server.pid)
        await _each(members, lambda each: _check_in(each, digest, 2))
        clock.lap("asking")
        tasks = await _each(members, _task)
        clock.lap("telling")
        updates = [_requests(each, task) for each, task in zip(members, tasks, strict=True)]
        clock.skip()
        by_number = dict(zip((each.number for each in members), updates, strict=True))
        await _each(members, lambda each: _give(each, by_number[each.number]))
        clock.lap("taking")
        await asyncio.to_thread(
            wait_until, lambda: server.phase(campaign) == "complete", "the head", every=1.0
        )
        size = sum(each.ByteSize() for each in updates[0]) / 1000
        return {"devices": float(devices), "kb_an_update": size, **clock.told()}


class _Clock:
    """Processor time of a server and of the aggregator that is its child, lap by lap."""

    def __init__(self, server: int) -> None:
        self._server = server
        (self._aggregator,) = children(server)
        self._began = time.monotonic()
        self._ended_before = processor_seconds_of_ended(server)
        self._aggregator_before = processor_seconds(self._aggregator)
        self._last = processor_seconds(server)
        self._laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        now = processor_seconds(self._server)
        self._laps[name], self._last = now - self._last, now

    def skip(self) -> None:
        self._last = processor_seconds(self._server)

    def told(self) -> dict[str, float]:
        wait_until(lambda: self._aggregator not in children(self._server), "its end")
        self.lap("committing")
        ended = processor_seconds_of_ended(self._server) - self._ended_before
        aggregator = ended - self._aggregator_before
        server = sum(self._laps.values())
        found = {f"orchestrator.{name}.s": each for name, each in self._laps.items()}
        return found | {
            "orchestrator.s": server,
            "aggregator.s": aggregator,
            "total.s": server + aggregator,
            "wall.s": time.monotonic() - self._began,
        }


def _started(server: Orchestrator, backbone: str) -> str:
    classes = [f"--class=class {each}" for each in range(1, CLASSES + 1)]
    return str(server.operate("federation", "start", backbone, *classes)["id"])


def _wait_open(server: Orchestrator, campaign: str) -> None:
    def is_open() -> bool:
        rounds = server.operate("federation", "show", campaign, "--rounds")
        return bool(rounds) and bool(children(server.pid))

    wait_until(is_open, "the round", every=1.0)


async def _each(members: Sequence[_Member], do: Callable[[_Member], Awaitable[Any]]) -> list[Any]:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(member: _Member) -> Any:
        async with gate:
            for _ in range(TRIES):
                try:
                    return await do(member)
                except grpc.aio.AioRpcError as error:
                    if error.code() is not grpc.StatusCode.UNAVAILABLE:
                        raise
                    await asyncio.sleep(1.0)
            return await do(member)

    return list(await asyncio.gather(*map(one, members)))


async def _joined(text: str, devices: int, stack: AsyncExitStack) -> list[_Member]:
    read = ticket.decode_ticket(text)
    roots = channel.pem_of(read.authority)
    joining = await stack.enter_async_context(channel.pinned_channel(read.address, roots=roots))
    stub = enrolment_pb2_grpc.EnrolmentStub(joining)
    found = []
    for number in range(1, devices + 1):
        key = identity.generate_key()
        request = enrolment_pb2.EnrolRequest(
            ticket_id=read.ticket_id,
            ticket_secret=read.secret,
            certificate_request=identity.certificate_request(key),
            facts=enrolment_pb2.DeviceFacts(agent_version="0.1.0", processors=2),
        )
        given = (await stub.Enrol(request, timeout=CALL_SECONDS)).credentials
        opened = channel.device_channel(
            given.device_address,
            key=identity.key_pem(key),
            certificate=channel.pem_of(given.certificate),
            roots=channel.pem_of(*given.trust_roots),
        )
        kept = await stack.enter_async_context(opened)
        found.append(_Member(number, device_pb2_grpc.DeviceStub(kept)))
    return found


async def _check_in(member: _Member, digest: bytes, sequence: int) -> None:
    report = device_pb2.FederationReport(consent=federation_pb2.CONSENT_WEIGHTS)
    request = device_pb2.CheckInRequest(
        incarnation=1,
        sequence=sequence,
        agent_version="0.1.0",
        bundle_in_use=digest,
        federation=report,
    )
    answer = await member.stub.CheckIn(request, timeout=CALL_SECONDS)
    member.offer = answer.round if answer.HasField("round") else None


async def _task(member: _Member) -> device_pb2.FetchTaskResponse:
    assert member.offer is not None, "a device was not asked"
    asked = device_pb2.FetchTaskRequest(
        campaign_id=member.offer.campaign_id, round=member.offer.round
    )
    task: device_pb2.FetchTaskResponse = await member.stub.FetchTask(asked, timeout=CALL_SECONDS)
    return task


async def _give(member: _Member, requests: Sequence[device_pb2.SubmitUpdateRequest]) -> None:
    answer = await member.stub.SubmitUpdate(iter(requests), timeout=CALL_SECONDS)
    assert answer.receipt == device_pb2.UPDATE_RECEIPT_TAKEN


def _requests(
    member: _Member, task: device_pb2.FetchTaskResponse
) -> Sequence[device_pb2.SubmitUpdateRequest]:
    offer = task.round
    rows = _rows(member.number, space_from(offer.space), [each.id for each in task.classes])
    made = Update(
        offer.campaign_id,
        offer.round,
        RowKind.MEANS,
        Consent.WEIGHTS,
        space_from(offer.space),
        tuple(rows),
    )
    return list(submissions(made))


def _rows(number: int, space: HeadSpace, ids: Sequence[int]) -> Iterator[Row]:
    dice = np.random.default_rng(number)
    for each in np.sort(dice.permutation(ids)[:KNOWN]).tolist():
        centre = np.random.default_rng(10_000 + each).random(space.width) * 100
        near = (centre + dice.normal(0, 5, space.width)).astype(np.float32)
        yield Row(each, int(dice.integers(10, 60)), near)
