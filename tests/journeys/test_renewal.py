"""A real agent renews its certificate at a real orchestrator, both in this process."""

import asyncio
from base64 import b64encode
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography.x509 import Certificate

from agent.app import Agent
from fieldwise.identity import PublicKey, load_certificate
from orchestrator.app import running as orchestrating
from orchestrator.config import OrchestratorSettings, load_settings
from orchestrator.connection import read_connection
from orchestrator.enrolment.authority import Authority, Issued
from orchestrator.rpc import interceptors
from orchestrator.rpc.client import connect
from tests.fakes.agent_inside import running

WAIT_SECONDS = 60.0
# Certificates are backdated by an hour: of 65 minutes more than 90 % are over at once.
NEARLY_OVER_SECONDS = 300.0
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


def nearly_over(
    authority: Authority, key: PublicKey, device: str, now: float, _seconds: float
) -> Issued:
    return SIGN(authority, key, device, now, NEARLY_OVER_SECONDS)


async def ticket(settings: OrchestratorSettings) -> str:
    near = read_connection(settings.folder)
    assert near is not None
    async with connect(near.address, near.authority.encode(), near.token) as operator:
        return (await operator.create_ticket(1, 3600, {})).token


def certificates(monkeypatch: pytest.MonkeyPatch) -> list[Certificate]:
    """The certificates of all calls from devices from now on, as the orchestrator meets them."""
    seen: list[Certificate] = []
    check = interceptors.check_validity

    def note(certificate: Certificate, now: datetime) -> None:
        check(certificate, now)
        seen.append(certificate)

    monkeypatch.setattr(interceptors, "check_validity", note)
    return seen


def files_with(agent: Agent, key: bytes) -> list[Path]:
    """The files of the state folder that hold a key, as it is or as JSON writes bytes."""
    files = (path for path in agent.folder.path.rglob("*") if path.is_file())
    contents = {path: path.read_bytes() for path in files}
    return [path for path in contents if key in contents[path] or b64encode(key) in contents[path]]


async def test_a_certificate_is_renewed_in_time_and_its_key_replaced_and_used(
    tmp_path: Path, settings: OrchestratorSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = certificates(monkeypatch)
    async with orchestrating(settings), running(tmp_path, backbone=False) as agent:
        with monkeypatch.context() as short_lived:
            short_lived.setattr(Authority, "sign_device", nearly_over)
            old = await agent.household.join(await ticket(settings))
            first = load_certificate(old.certificate)
        async with asyncio.timeout(WAIT_SECONDS):
            while sum(each != first for each in seen) < 2:  # noqa: ASYNC110 - the daemon goes on
                await asyncio.sleep(0.05)
        new = agent.fleet.membership
        assert new is not None
        second = load_certificate(new.certificate)
        assert new.device_id == old.device_id
        assert second.not_valid_after_utc - first.not_valid_after_utc > timedelta(days=13)
        since = seen.index(second)
        assert set(seen[:since]) == {first}
        assert set(seen[since:]) == {second}
        assert files_with(agent, new.key)
        assert not files_with(agent, old.key)
    async with orchestrating(settings), running(tmp_path, backbone=False) as agent:
        assert agent.fleet.membership == new
