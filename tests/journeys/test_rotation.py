"""Real agents live through a rotation of their fleet's authority: awake, asleep, and new ones."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509

from agent.app import Agent
from agent.reporting import Membership
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.identity import load_certificate
from orchestrator.app import running as orchestrating
from orchestrator.config import OrchestratorSettings, load_settings
from orchestrator.connection import read_connection
from orchestrator.enrolment.succession import Step, is_issued_by
from orchestrator.home import stored_root
from orchestrator.rpc.client import connect
from tests.fakes.agent_inside import running

WAIT_SECONDS = 120.0


@pytest.fixture
def settings(tmp_path: Path) -> OrchestratorSettings:
    flags = {
        "data_folder": str(tmp_path / "data"),
        "device_listen": "127.0.0.1:0",
        "operator_listen": "127.0.0.1:0",
        "metrics_listen": "127.0.0.1:0",
        "advertise_hosts": "127.0.0.1",
        "check_in_seconds": "1",
        "busy_check_in_seconds": "1",
        "device_check_ins_per_second": "100",
        "drain_seconds": "1",
    }
    return load_settings(None, {}, flags).settings


def operating(settings: OrchestratorSettings):  # type: ignore[no-untyped-def]  # noqa: ANN201 - as ``connect``
    near = read_connection(settings.folder)
    assert near is not None
    return connect(near.address, near.authority.encode(), near.token)


async def ticket(settings: OrchestratorSettings) -> str:
    async with operating(settings) as operator:
        return (await operator.create_ticket(1, 3600, {})).token


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while not happened():  # noqa: ASYNC110 - the daemon goes on
            await asyncio.sleep(0.05)


def member(agent: Agent) -> Membership:
    assert agent.fleet.membership is not None
    return agent.fleet.membership


def root_of(settings: OrchestratorSettings) -> x509.Certificate:
    return x509.load_pem_x509_certificate(stored_root(settings.folder).encode())


def signed_by(found: Membership, root: x509.Certificate) -> bool:
    return is_issued_by(load_certificate(found.certificate), root)


async def settled(settings: OrchestratorSettings, behind: int) -> None:
    """Wait until so many devices have not reported the newest trust revision."""
    async with asyncio.timeout(WAIT_SECONDS), operating(settings) as operator:
        while (await operator.identities.rotation()).behind != behind:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.1)


async def begin(settings: OrchestratorSettings) -> None:
    async with operating(settings) as operator:
        begun = await operator.identities.begin_rotation()
        assert (begun.step, begun.trust_revision) == (Step.BEGUN, 2)
        assert (await operator.identities.begin_rotation()).trust_revision == 2
        with pytest.raises(FieldwiseError) as caught:
            await operator.identities.finish_rotation(force=True)
        assert caught.value.fault is Fault.ILLEGAL_COMMAND


async def finish(settings: OrchestratorSettings) -> None:
    """Finish while one device sleeps, which takes force."""
    async with operating(settings) as operator:
        with pytest.raises(FieldwiseError) as caught:
            await operator.identities.finish_rotation(force=False)
        assert caught.value.fault is Fault.ILLEGAL_COMMAND
        assert "1 of 3 devices" in caught.value.sentence
        done = await operator.identities.finish_rotation(force=True)
        assert (done.step, done.trust_revision) == (Step.SETTLED, 4)
        assert (await operator.identities.finish_rotation(force=False)).trust_revision == 4


async def test_a_fleet_changes_its_authority_and_keeps_every_device(
    tmp_path: Path, settings: OrchestratorSettings
) -> None:
    folders = {name: tmp_path / name for name in ("awake", "napping", "sleeping", "late")}
    for folder in folders.values():
        folder.mkdir()
    async with orchestrating(settings):
        old = root_of(settings)
        late_ticket = await ticket(settings)
        for name in ("napping", "sleeping"):
            async with running(folders[name], backbone=False) as asleep:
                await asleep.household.join(await ticket(settings))
        async with running(folders["awake"], backbone=False) as awake:
            await awake.household.join(await ticket(settings))
            device = member(awake).device_id
            await begin(settings)
            await until(lambda: member(awake).trust_revision == 2)
            assert len(member(awake).trust_roots) == 2
            assert signed_by(member(awake), old)
            async with operating(settings) as operator:
                assert (await operator.identities.switch_rotation()).step is Step.SWITCHED
            await until(lambda: member(awake).trust_revision == 3)
            assert not signed_by(member(awake), old)
            # One that slept from before the beginning until after the switch trusts the old root.
            async with running(folders["napping"], backbone=False) as napping:
                assert len(member(napping).trust_roots) == 1
                await until(lambda: member(napping).trust_revision == 3)
                await settled(settings, 1)  # it says so with its next check-in
            await finish(settings)
            await until(lambda: member(awake).trust_revision == 4)
            assert len(member(awake).trust_roots) == 1
            new = root_of(settings)
            assert new != old
            assert signed_by(member(awake), new)
            assert member(awake).device_id == device
        # One that slept through all of it has a certificate of a root that counts no more.
        async with running(folders["sleeping"], backbone=False) as sleeping:
            before = member(sleeping)
            await until(lambda: member(sleeping).trust_revision == 4)
            assert member(sleeping).device_id == before.device_id
            assert signed_by(member(sleeping), new)
        # A ticket of before names the old root, and leads to the fleet even so.
        async with running(folders["late"], backbone=False) as late:
            await late.household.join(late_ticket)
            assert signed_by(member(late), new)
            assert member(late).trust_revision == 4
    async with orchestrating(settings), running(tmp_path, backbone=False) as fresh:
        await fresh.household.join(await ticket(settings))
        assert signed_by(member(fresh), new)
        assert member(fresh).trust_revision == 4
