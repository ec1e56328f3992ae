"""A whole orchestrator with campaigns: aggregators come with them, work, and go with the server."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import RowKind
from orchestrator.app import running
from orchestrator.config import OrchestratorSettings
from orchestrator.connection import read_connection
from orchestrator.rpc.client import OperatorClient, connect
from tests import campaigns
from tests.bundles import tiny_bundle
from tests.fakes.children import children_of
from tests.founded import LISTEN

LOOKS_MAX = 1200
# An aggregator that asks for its work once, says what it heard, and ends when it is told to.
PROGRAM = """#!{python}
import json, os, sys
import grpc
from fieldwise.v1alpha1 import worker_pb2, worker_pb2_grpc
def given(name):
    return os.environ["FIELDWISE_AGGREGATOR_" + name]
roots, token = open(given("CA"), "rb").read(), open(given("TOKEN_FILE")).read().strip()
channel = grpc.secure_channel(given("ADDRESS"), grpc.ssl_channel_credentials(roots))
asked = worker_pb2_grpc.WorkerStub(channel).GetWork(
    worker_pb2.GetWorkRequest(),
    metadata=(("authorization", "Bearer " + token),),
    timeout=60,
    wait_for_ready=True,
)
with open("{told}", "a") as file:
    file.write(json.dumps([asked.campaign_id, os.getpid()]) + chr(10))
sys.stdin.read()
"""


@pytest.fixture
def told(tmp_path: Path) -> Path:
    """Where the program says what it heard."""
    return tmp_path / "told"


@pytest.fixture
def settings(tmp_path: Path, told: Path) -> OrchestratorSettings:
    program = tmp_path / "aggregate"
    program.write_text(PROGRAM.format(python=sys.executable, told=told))
    program.chmod(0o700)
    given = {
        "data_folder": tmp_path / "data",
        "advertise_hosts": ("127.0.0.1",),
        "federation_aggregator": str(program),
        "reconcile_seconds": 0.1,
        "drain_seconds": 1.0,
        **LISTEN,
    }
    return OrchestratorSettings(**given)  # type: ignore[arg-type]  # of the tests' own


@pytest.fixture
async def operator(settings: OrchestratorSettings) -> AsyncIterator[OperatorClient]:
    """The operator of a server that has a backbone."""
    async with running(settings):
        near = read_connection(settings.folder)
        assert near is not None
        async with connect(near.address, near.authority.encode(), near.token) as client:
            bundle = tiny_bundle(settings.folder.parent / "one.bundle")

            async def pieces() -> AsyncIterator[bytes]:
                yield bundle.read_bytes()

            await client.push_backbone(pieces())
            yield client


def lines_of(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


async def heard(told: Path, count: int) -> list[tuple[str, int]]:
    """Wait until so many aggregators have asked for their work."""
    for _ in range(LOOKS_MAX):
        if len(lines := lines_of(told)) >= count:
            return [(campaign, pid) for campaign, pid in map(json.loads, lines)]
        await asyncio.sleep(0.1)
    raise AssertionError("too few aggregators came up")


async def is_gone(pid: int) -> bool:
    for _ in range(LOOKS_MAX):
        if pid not in children_of(os.getpid()):
            return True
        await asyncio.sleep(0.1)
    return False


async def test_a_campaign_gets_an_aggregator_that_is_let_in_and_goes_with_it(
    operator: OperatorClient, told: Path
) -> None:
    title = (await operator.list_backbones()).items[0].title
    started = await operator.campaigns.start(campaigns.plan(backbone=title))
    ((campaign, pid),) = await heard(told, 1)
    assert campaign == started.id
    assert pid in children_of(os.getpid())
    await operator.campaigns.stop(started.id)
    assert await is_gone(pid)


async def test_an_aggregator_that_was_killed_is_started_again(
    operator: OperatorClient, told: Path
) -> None:
    title = (await operator.list_backbones()).items[0].title
    started = await operator.campaigns.start(campaigns.plan(backbone=title))
    ((_, pid),) = await heard(told, 1)
    os.kill(pid, 9)
    _, (campaign, again) = await heard(told, 2)
    assert campaign == started.id
    assert again != pid


async def test_a_server_that_stops_leaves_no_aggregator_behind(
    settings: OrchestratorSettings, told: Path
) -> None:
    async with running(settings):
        near = read_connection(settings.folder)
        assert near is not None
        async with connect(near.address, near.authority.encode(), near.token) as client:
            bundle = tiny_bundle(settings.folder.parent / "one.bundle")

            async def pieces() -> AsyncIterator[bytes]:
                yield bundle.read_bytes()

            title = (await client.push_backbone(pieces())).backbone.title
            plan = campaigns.plan(backbone=title, kind=RowKind.WEIGHTS)
            started = await client.campaigns.start(plan)
            ((_, pid),) = await heard(told, 1)
    assert pid not in children_of(os.getpid())
    assert list((settings.folder / "aggregators").iterdir()) == []
    async with running(settings):  # and takes the campaign up again
        _, (campaign, _) = await heard(told, 2)
    assert campaign == started.id


async def test_a_campaign_without_a_program_is_refused_with_what_is_missing(
    settings: OrchestratorSettings,
) -> None:
    without = msgspec.structs.replace(settings, federation_aggregator="no-such-program-here")
    async with running(without):
        near = read_connection(settings.folder)
        assert near is not None
        async with connect(near.address, near.authority.encode(), near.token) as client:
            with pytest.raises(FieldwiseError) as raised:
                await client.campaigns.start(campaigns.plan())
    assert raised.value.fault is Fault.EXTRA_MISSING
    assert "no-such-program-here" in raised.value.sentence
