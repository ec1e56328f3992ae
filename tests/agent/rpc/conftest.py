"""A client against a service of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest

from agent.rpc.client import Departures, OrchestratorClient
from fieldwise.calls import CheckMessages, Interceptor
from fieldwise.status import TranslateErrors
from fieldwise.v1alpha1 import device_pb2_grpc
from tests.agent.rpc.service import Service, ledger
from tests.fakes.agent import TurnedClock


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
async def client(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[OrchestratorClient]:
    server = grpc.aio.server(interceptors=[Interceptor([TranslateErrors(), CheckMessages()])])
    device_pb2_grpc.add_DeviceServicer_to_server(service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    # Mutual TLS is proven by the journeys; here the channel is plain to look at what passes.
    monkeypatch.setattr(
        "agent.rpc.client.device_channel", lambda address, **_: grpc.aio.insecure_channel(address)
    )
    departures = Departures(ledger(tmp_path), TurnedClock())
    made = OrchestratorClient(f"127.0.0.1:{port}", b"", b"", (), departures)
    yield made
    await made.close()
    await server.stop(None)
