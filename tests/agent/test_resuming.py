"""A daemon that starts in the middle of an update, and cannot write its journal at first."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from agent import daemon
from agent.app import opened
from agent.config import AgentSettings
from agent.learning.pair import Pair
from agent.update.events import Wish
from agent.update.installer import Installer
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.update import UpdatePhase
from tests.bundles import tiny_bundle
from tests.fakes.agent_inside import START_SECONDS, running


async def test_an_update_goes_on_that_could_not_be_resumed_for_want_of_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon, "RESTART_SECONDS", 0.01)
    genuine, refused = Installer.resume, [3]

    async def resume(self: Installer[Pair]) -> None:
        if refused[0]:
            refused[0] -= 1
            raise FieldwiseError(Fault.DISK_FULL, "there is no room left")
        await genuine(self)

    monkeypatch.setattr(Installer, "resume", resume)
    with opened(AgentSettings(state_folder=tmp_path / "s")) as agent:
        digest, _ = agent.bundles.install(tiny_bundle(tmp_path / "bundle"))
        wanted = replace(agent.journal.update(), wish=Wish(digest, by_owner=True))
        agent.journal.write_update(replace(wanted, phase=UpdatePhase.VERIFYING))
    async with running(tmp_path, backbone=False) as agent, asyncio.timeout(START_SECONDS):
        while agent.installer.state.phase is not UpdatePhase.ACTIVE:  # noqa: ASYNC110 - as users do
            await asyncio.sleep(0.01)
