"""Played devices: each joined with a key of its own, on a connection of its own, as agents are.

A report has what an agent that learned for a while puts into one. A device does at once what it is
told, so that a rollout completes and what is measured is the check-in of a settled fleet.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import grpc

from fieldwise import channel, identity, ticket
from fieldwise.retry import delays
from fieldwise.v1alpha1 import (
    device_pb2,
    device_pb2_grpc,
    enrolment_pb2,
    enrolment_pb2_grpc,
    federation_pb2,
)

AT_ONCE = 4
CALL_SECONDS = 30.0  # as agent.rpc.client
TRIES_MAX = 50


@dataclass(frozen=True, slots=True)
class Papers:
    """What a device that has joined needs to call; plain, so that it goes to another process."""

    number: int
    address: str
    key: bytes
    certificate: bytes
    roots: bytes


@dataclass(slots=True)
class Played:
    """A device that calls."""

    papers: Papers
    generation: int = 0
    digest: bytes = b""
    sequence: int = 0
    refused: int = 0
    tries: int = 0
    opened: grpc.aio.Channel | None = None
    _call: Any = field(default=None, repr=False)

    def connect(self) -> None:
        """Make a channel; it connects when it is first used."""
        papers = self.papers
        self.opened = channel.device_channel(
            papers.address, key=papers.key, certificate=papers.certificate, roots=papers.roots
        )
        self._call = device_pb2_grpc.DeviceStub(self.opened).CheckIn

    async def disconnect(self) -> None:
        if self.opened is not None:
            await self.opened.close()
        self.opened = None

    async def check_in(self) -> None:
        """Report what is, and do what the answer says."""
        self.sequence += 1
        answer = await self._call(report_of(self), timeout=CALL_SECONDS)
        if answer.target.generation > self.generation:
            self.generation, self.digest = answer.target.generation, answer.target.bundle_digest

    async def check_in_until_heard(self, chance: Random) -> float:
        """Check in, again and again as an agent does; return when it was heard, monotonic."""
        for wait in delays(chance):
            self.tries += 1
            try:
                await self.check_in()
            except grpc.aio.AioRpcError:
                self.refused += 1
                if self.tries > TRIES_MAX:
                    raise
                await asyncio.sleep(wait)
            else:
                return time.monotonic()
        raise AssertionError("delays end never")


def report_of(device: Played) -> device_pb2.CheckInRequest:
    """What an agent reports that has learned for a month and has the backbone it should have."""
    samples = 10_000 + device.sequence
    return device_pb2.CheckInRequest(
        incarnation=3,
        sequence=device.sequence,
        generation=device.generation,
        bundle_in_use=device.digest,
        variant_in_use="fp32" if device.digest else "",
        update=_update_of(device) if device.generation else None,
        vital_signs=device_pb2.VitalSigns(
            uptime_seconds=2_592_000 + device.sequence,
            resident_bytes=151_000_000,
            state_bytes=900_000_000,
            disk_free_bytes=7_000_000_000,
            predictions=4_000_000 + samples,
            prediction_errors=3,
            prediction_p50_micros=21_000,
            prediction_p99_micros=55_000,
        ),
        learning=device_pb2.LearningCounters(
            samples=samples,
            classes=42,
            select_samples=900,
            judge_samples=700,
            exemplars=4_000,
            exemplar_bytes=200_000_000,
            window_samples=1_000,
            window_correct=930,
            window_last_label_correct=310,
        ),
        agent_version="0.1.0",
        verdict=_verdict_of(device) if device.generation else None,
        execution_provider="cpu",
        signs=device_pb2.LearningSigns(
            novelty_samples=1_000,
            novelty_novel=11,
            calibration_samples=700,
            calibration_error_permille=21,
            drift_permille=300,
            skipped=7,
            learning_p50_micros=30_000,
        ),
        diagnosis_rule=device_pb2.DIAGNOSIS_RULE_ASK,
        federation=device_pb2.FederationReport(consent=federation_pb2.CONSENT_OFF),
    )


def _update_of(device: Played) -> device_pb2.UpdateReport:
    return device_pb2.UpdateReport(
        generation=device.generation,
        bundle_digest=device.digest,
        phase=device_pb2.UPDATE_PHASE_ACTIVE,
    )


def _verdict_of(device: Played) -> device_pb2.Verdict:
    return device_pb2.Verdict(
        generation=device.generation,
        judgement=device_pb2.JUDGEMENT_ACCEPTED,
        basis=device_pb2.VERDICT_BASIS_LABELLED,
        overall=device_pb2.PairedCounts(both_right=630, only_old=20, only_new=25, both_wrong=25),
        old_p50_micros=20_000,
        old_p99_micros=50_000,
        new_p50_micros=21_000,
        new_p99_micros=55_000,
    )


async def joined(text: str, first: int, count: int) -> list[Papers]:
    """Trade a ticket for the papers of so many devices."""
    read = ticket.decode_ticket(text)
    roots = channel.pem_of(read.authority)
    async with channel.pinned_channel(read.address, roots=roots) as opened:
        stub: Any = enrolment_pb2_grpc.EnrolmentStub(opened)

        async def one(number: int) -> Papers:
            key = identity.generate_key()
            request = enrolment_pb2.EnrolRequest(
                ticket_id=read.ticket_id,
                ticket_secret=read.secret,
                certificate_request=identity.certificate_request(key),
                facts=enrolment_pb2.DeviceFacts(agent_version="0.1.0", processors=4),
            )
            given = (await patiently(lambda: stub.Enrol(request, timeout=CALL_SECONDS))).credentials
            return Papers(
                number=number,
                address=given.device_address,
                key=identity.key_pem(key),
                certificate=channel.pem_of(given.certificate),
                roots=channel.pem_of(*given.trust_roots),
            )

        return await each_of(range(first, first + count), one)


async def patiently(call: Callable[[], Awaitable[Any]]) -> Any:
    """Make a call again while the server puts it off; joining may be repeated."""
    tries_left = TRIES_MAX
    while True:
        try:
            return await call()
        except grpc.aio.AioRpcError:
            tries_left -= 1
            if not tries_left:
                raise
            await asyncio.sleep(1)


async def each_of(
    things: Sequence[Any], do: Callable[[Any], Awaitable[Any]], at_once: int = AT_ONCE
) -> list[Any]:
    """Do the same with each, so many at a time."""
    gate = asyncio.Semaphore(at_once)

    async def one(thing: Any) -> Any:
        async with gate:
            return await do(thing)

    return await asyncio.gather(*map(one, things))
