"""Putting an orchestrator together: it goes on without its database, and takes all down with it."""

import asyncio
import os
import signal
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import msgspec
import pytest
from grpc.aio import insecure_channel
from grpc_health.v1 import health_pb2, health_pb2_grpc

from fieldwise.channel import pinned_channel
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.ticket import decode_ticket
from orchestrator import app, readiness
from orchestrator.app import running
from orchestrator.config import OrchestratorSettings, load_settings
from orchestrator.connection import read_connection
from orchestrator.foreground import serve
from orchestrator.rpc.client import OperatorClient, connect
from orchestrator.started import Started
from orchestrator.storage.sql.fleet import SqlDevices


@pytest.fixture
def settings(tmp_path: Path) -> OrchestratorSettings:
    flags = {
        "data_folder": str(tmp_path / "data"),
        "device_listen": "127.0.0.1:0",
        "operator_listen": "127.0.0.1:0",
        "metrics_listen": "127.0.0.1:0",
        "advertise_hosts": "127.0.0.1",
        "metrics_seconds": "1",
        "drain_seconds": "1",
    }
    return load_settings(None, {}, flags).settings


async def fetch(started: Started, path: str) -> tuple[int, str]:
    def get() -> tuple[int, str]:
        try:
            with urlopen(f"http://{started.metrics_address}{path}", timeout=60) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            with error:
                return error.code, error.read().decode()

    return await asyncio.to_thread(get)


async def test_what_is_told_is_where_it_listens(settings: OrchestratorSettings) -> None:
    async with running(settings) as started:
        near = read_connection(settings.folder)
        assert near is not None
        assert near.address == started.operator_address
        async with connect(near.address, near.authority.encode(), near.token) as operator:
            created = await operator.create_ticket(1, 3600, {})
        ticket = decode_ticket(created.token)
        assert ticket.address == started.operator_address
        assert ticket.fleet == started.fleet
        assert await fetch(started, "/readyz") == (200, "ready\n")


async def test_addresses_that_were_set_are_told_instead_of_the_bound_ones(
    settings: OrchestratorSettings,
) -> None:
    outside = msgspec.structs.replace(
        settings, device_address="fleet.example:443", operator_address="fleet.example:444"
    )
    async with running(outside) as started:
        assert started.device_address == "fleet.example:443"
        near = read_connection(settings.folder)
        assert near is not None
        async with connect(near.address, near.authority.encode(), near.token) as operator:
            token = (await operator.create_ticket(1, 3600, {})).token
        assert decode_ticket(token).address == "fleet.example:444"


async def test_a_defect_in_a_loop_is_counted_and_serving_goes_on(
    settings: OrchestratorSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_self: SqlDevices) -> None:
        raise RuntimeError("odd")

    async with running(settings) as started:
        monkeypatch.setattr(SqlDevices, "standings", broken)
        failing = 'fieldwise_loop_failures_total{loop="metrics"} 0.0'
        for _ in range(300):
            _, shown = await fetch(started, "/metrics")
            if failing not in shown:
                break
            await asyncio.sleep(0.1)
        assert failing not in shown
        near = read_connection(settings.folder)
        assert near is not None
        async with connect(near.address, near.authority.encode(), near.token) as operator:
            assert await is_served(operator)


async def is_served(operator: OperatorClient) -> bool:
    return (await operator.list_tickets()).items == ()


async def test_a_start_that_fails_leaves_nothing_running(
    settings: OrchestratorSettings,
) -> None:
    taken = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port = taken.sockets[0].getsockname()[1]
    for name in ("metrics_listen", "operator_listen", "health_listen"):
        bad = msgspec.structs.replace(settings, **{name: f"127.0.0.1:{port}"})
        with pytest.raises(FieldwiseError) as refused:
            async with running(bad):
                pytest.fail("it started on a port that is taken")
        assert refused.value.fault is Fault.SETTING_INVALID
        assert name in refused.value.sentence
    taken.close()
    await taken.wait_closed()
    async with running(settings) as started:
        assert started.fleet


async def health(address: str, root: bytes, service: str = "") -> int:
    request = health_pb2.HealthCheckRequest(service=service)
    async with pinned_channel(address, roots=root) as channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(request, timeout=60)
        return int(answer.status)


async def test_without_its_tables_it_is_ready_for_devices_alone_and_then_for_nobody(
    settings: OrchestratorSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "READINESS_SECONDS", 0.1)
    states = health_pb2.HealthCheckResponse
    async with running(settings) as started:
        near = read_connection(settings.folder)
        assert near is not None
        asked = partial(health, near.address, near.authority.encode())
        assert await asked() == states.SERVING
        with closing(sqlite3.connect(settings.folder / "fieldwise.sqlite", timeout=60)) as other:
            other.execute("DROP TABLE reports")
            other.commit()
        await told(lambda: asked("fieldwise.v1alpha1.Operator"), states.NOT_SERVING)
        assert await asked() == states.SERVING
        assert await asked("fieldwise.v1alpha1.Device") == states.SERVING
        assert await fetch(started, "/readyz") == (200, "ready\n")
        monkeypatch.setattr(readiness, "WITHOUT_STORES_SECONDS", 0)
        await told(lambda: fetch(started, "/readyz"), (503, "not ready\n"))
        await told(asked, states.NOT_SERVING)
        assert await fetch(started, "/healthz") == (200, "alive\n")


async def test_a_process_in_which_nothing_moves_is_neither_alive_nor_ready(
    settings: OrchestratorSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "READINESS_SECONDS", 0.1)
    async with running(settings) as started:
        monkeypatch.setattr(readiness, "SILENT_SECONDS", 0)
        assert await fetch(started, "/healthz") == (503, "nothing moves\n")
        assert await fetch(started, "/readyz") == (503, "not ready\n")
        monkeypatch.setattr(readiness, "SILENT_SECONDS", 60)
        assert await fetch(started, "/healthz") == (200, "alive\n")


async def test_probes_by_grpc_hear_what_those_by_http_hear(
    settings: OrchestratorSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "READINESS_SECONDS", 0.1)
    states = health_pb2.HealthCheckResponse
    probed = msgspec.structs.replace(settings, health_listen="127.0.0.1:0")
    async with running(probed) as started, insecure_channel(started.health_address) as channel:
        asked = health_pb2_grpc.HealthStub(channel).Check

        async def answers() -> list[int]:
            services = ("liveness", "readiness", "")
            requests = [health_pb2.HealthCheckRequest(service=each) for each in services]
            return [(await asked(each, timeout=60)).status for each in requests]

        assert await answers() == [states.SERVING] * 3
        monkeypatch.setattr(readiness, "SILENT_SECONDS", 0)
        assert await answers() == [states.NOT_SERVING] * 3
        monkeypatch.setattr(readiness, "SILENT_SECONDS", 60)
        monkeypatch.setattr(readiness, "WITHOUT_STORES_SECONDS", 0)
        with closing(sqlite3.connect(settings.folder / "fieldwise.sqlite", timeout=60)) as other:
            other.execute("DROP TABLE reports")
            other.commit()
        await told(answers, [states.SERVING, states.NOT_SERVING, states.NOT_SERVING])


async def test_no_port_is_open_for_probes_that_nobody_asked_for(
    settings: OrchestratorSettings,
) -> None:
    async with running(settings) as started:
        assert started.health_address == ""


async def told(ask: Callable[[], Awaitable[object]], wanted: object) -> None:
    """Ask until the answer is what is wanted, for half a minute at most."""
    for _ in range(300):
        if await ask() == wanted:
            return
        await asyncio.sleep(0.1)
    assert await ask() == wanted


async def test_a_lost_authority_is_not_replaced_while_the_database_holds_a_fleet(
    settings: OrchestratorSettings,
) -> None:
    async with running(settings):
        near = read_connection(settings.folder)
        assert near is not None
        async with connect(near.address, near.authority.encode(), near.token) as operator:
            await operator.create_ticket(1, 3600, {})
    (settings.folder / "authority.json").unlink()
    with pytest.raises(FieldwiseError) as refused:
        async with running(settings):
            pytest.fail("it founded another fleet")
    assert refused.value.fault is Fault.AUTHORITY_UNUSABLE


async def test_a_signal_stops_it_and_lets_the_folder_go(settings: OrchestratorSettings) -> None:
    told: list[Started] = []

    def announce(started: Started) -> None:
        told.append(started)
        os.kill(os.getpid(), signal.SIGTERM)

    await asyncio.wait_for(serve(settings, announce), 60)
    assert told[0].folder == settings.folder
    async with running(settings) as again:
        assert again.fleet == told[0].fleet
