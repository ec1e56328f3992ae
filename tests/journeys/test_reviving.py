"""A real agent that slept past its certificate comes back to a real orchestrator by itself."""

import asyncio
from pathlib import Path

import pytest

from agent.app import opened
from agent.config import AgentSettings
from fieldwise.identity import PublicKey, load_certificate
from orchestrator.app import running as orchestrating
from orchestrator.config import OrchestratorSettings, load_settings
from orchestrator.connection import read_connection
from orchestrator.enrolment.authority import Authority, Issued
from orchestrator.rpc.client import connect
from tests.fakes.agent_inside import running

WAIT_SECONDS = 60.0
LIFE_SECONDS, AGO_SECONDS = 60.0, 1800.0  # certificates are backdated by an hour
SIGN = Authority.sign_device


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
        "drain_seconds": "1",
    }
    return load_settings(None, {}, flags).settings


async def ticket(settings: OrchestratorSettings) -> str:
    near = read_connection(settings.folder)
    assert near is not None
    async with connect(near.address, near.authority.encode(), near.token) as operator:
        return (await operator.create_ticket(1, 3600, {})).token


def over(authority: Authority, key: PublicKey, device: str, now: float, _: float) -> Issued:
    return SIGN(authority, key, device, now - AGO_SECONDS, LIFE_SECONDS)


async def test_an_agent_that_slept_past_its_certificate_comes_back_as_the_same_device(
    tmp_path: Path, settings: OrchestratorSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with orchestrating(settings):
        with (
            monkeypatch.context() as past,
            opened(AgentSettings(state_folder=tmp_path / "s")) as asleep,
        ):
            past.setattr(Authority, "sign_device", over)
            await asleep.household.join(await ticket(settings))
            old = asleep.fleet.membership
            assert old is not None
        async with running(tmp_path, backbone=False) as agent:
            async with asyncio.timeout(WAIT_SECONDS):
                while agent.household.contact().answered is None:  # noqa: ASYNC110 - the daemon goes on
                    await asyncio.sleep(0.05)
            new = agent.fleet.membership
            assert new is not None
            assert (new.device_id, new.fleet) == (old.device_id, old.fleet)
            assert new.key != old.key
            ended = load_certificate(old.certificate).not_valid_after_utc
            assert load_certificate(new.certificate).not_valid_before_utc < ended
            told = {entry.summary for entry in agent.ledger.newest(50) if entry.kind == "revival"}
            assert {each.split()[0] for each in told} == {"asks", "proves"}
