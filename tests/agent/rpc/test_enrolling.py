"""Enrolment over the wire: with an orchestrator of today, and with one of before."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from agent.reporting import Credentials, DeviceFacts, Pending
from agent.rpc.client import Departures, enrol
from fieldwise.calls import CheckMessages, Interceptor
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.status import TranslateErrors
from fieldwise.ticket import Ticket
from fieldwise.v1alpha1 import enrolment_pb2, enrolment_pb2_grpc
from tests.agent.rpc.service import entries, ledger
from tests.fakes.agent import TurnedClock

FACTS = DeviceFacts("0.1.0", "x86_64", 1 << 30, 2)


class Played(enrolment_pb2_grpc.EnrolmentServicer):
    """Answers with what it is given; one of before refuses what it does not know."""

    def __init__(self, answer: enrolment_pb2.EnrolResponse, *, old: bool = False) -> None:
        self._answer, self._old = answer, old
        self.asked: list[bool] = []

    async def Enrol(
        self, request: enrolment_pb2.EnrolRequest, context: Any
    ) -> enrolment_pb2.EnrolResponse:
        self.asked.append(request.knows_pending)
        if self._old and request.knows_pending:
            raise FieldwiseError(Fault.UNKNOWN_FIELD, "EnrolRequest has a field")
        return self._answer


@asynccontextmanager
async def served(played: Played, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Ticket]:
    server = grpc.aio.server(interceptors=[Interceptor([TranslateErrors(), CheckMessages()])])
    enrolment_pb2_grpc.add_EnrolmentServicer_to_server(played, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    monkeypatch.setattr(
        "agent.rpc.client.pinned_channel", lambda address, **_: grpc.aio.insecure_channel(address)
    )
    yield Ticket(f"127.0.0.1:{port}", b"authority", "fleet", "t1", b"s" * 32)
    await server.stop(None)


WAIT = enrolment_pb2.EnrolResponse(
    pending=enrolment_pb2.PendingEnrolment(retry_seconds=60, fingerprint="ab" * 32)
)
COME = enrolment_pb2.EnrolResponse(credentials=enrolment_pb2.Credentials(device_id="d-1"))


async def test_a_device_hears_that_it_has_to_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    played = Played(WAIT)
    async with served(played, monkeypatch) as ticket:
        departures = Departures(ledger(tmp_path), TurnedClock())
        assert await enrol(ticket, b"request", FACTS, departures) == Pending("ab" * 32, 60)
    assert played.asked == [True]


async def test_an_orchestrator_of_before_is_asked_as_it_was_and_both_stand_in_the_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    played = Played(COME, old=True)
    async with served(played, monkeypatch) as ticket:
        departures = Departures(ledger(tmp_path), TurnedClock())
        given = await enrol(ticket, b"request", FACTS, departures)
    assert isinstance(given, Credentials)
    assert given.device_id == "d-1"
    assert played.asked == [True, False]
    assert [kind for kind, _, _ in entries(tmp_path)] == ["enrolment", "enrolment"]
