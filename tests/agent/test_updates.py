"""A whole agent and its owner's rules: what holds an update, and how it goes on by itself."""

import asyncio
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.app import Agent
from agent.config import TooFew
from agent.update.events import Targeted, UpdateState
from agent.update.installer import Permit
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.update import UNDER_WAY, UpdateFailure, UpdateHold, UpdatePhase
from fieldwise.verdict import Basis, Judgement
from tests.agent.test_daemon import teach_all
from tests.bundles import tiny_bundle
from tests.fakes.agent_inside import asking, running

SECONDS = 120.0


async def until(agent: Agent, holds: Callable[[UpdateState], bool]) -> UpdateState:
    """Wait until the update stands so."""
    async with asyncio.timeout(SECONDS):
        while not holds(agent.installer.state):  # noqa: ASYNC110 - the daemon works by itself
            await asyncio.sleep(0.01)
    return agent.installer.state


async def target(agent: Agent, folder: Path, *, back: bool = False) -> None:
    """A target whose files are on the device, as if they had been fetched, and its permit."""
    bundle = tiny_bundle(folder / "second", seed=4, version="2.0.0", width=48)
    digest, _ = agent.bundles.install(bundle)
    await agent.installer.tell(Targeted(1, digest, back=back))
    await permit(agent)


async def permit(agent: Agent) -> None:
    agent.installer.permit(Permit(1, agent.clock.monotonic() + 600))
    await agent.installer.review()


def ended(state: UpdateState) -> bool:
    return state.phase not in {*UNDER_WAY, UpdatePhase.IDLE}


async def test_what_the_hook_does_not_allow_waits_until_it_does(tmp_path: Path) -> None:
    hook, allowed = tmp_path / "hook", tmp_path / "allowed"
    hook.write_text(f"#!/bin/sh\ntest -e {allowed}\n")
    hook.chmod(hook.stat().st_mode | stat.S_IXUSR)
    async with running(tmp_path, update_hook=hook, probation_minutes=0.0) as agent:
        await target(agent, tmp_path)
        assert agent.installer.state.hold is UpdateHold.CONDITIONS
        allowed.touch()
        await agent.installer.review()
        state = await until(agent, ended)
        assert (state.phase, state.hold) == (UpdatePhase.ACTIVE, None)


async def test_a_permit_starts_an_update_by_itself_and_nobody_waits_for_the_hook(
    tmp_path: Path,
) -> None:
    hook, asked, allowed = tmp_path / "hook", tmp_path / "asked", tmp_path / "allowed"
    hook.write_text(f"#!/bin/sh\ntouch {asked}\nuntil test -e {allowed}; do sleep 0.05; done\n")
    hook.chmod(hook.stat().st_mode | stat.S_IXUSR)
    async with running(tmp_path, update_hook=hook, probation_minutes=0.0) as agent:
        bundle = tiny_bundle(tmp_path / "second", seed=4, version="2.0.0", width=48)
        digest, _ = agent.bundles.install(bundle)
        await agent.installer.tell(Targeted(1, digest))
        agent.installer.permit(Permit(1, agent.clock.monotonic() + 600))
        async with asyncio.timeout(SECONDS):
            while not asked.exists():  # noqa: ASYNC110 - another process makes it
                await asyncio.sleep(0.01)
        assert agent.installer.state.phase is UpdatePhase.IDLE
        allowed.touch()
        assert (await until(agent, ended)).phase is UpdatePhase.ACTIVE


async def test_an_owner_who_wants_to_be_asked_sees_the_verdict_first(tmp_path: Path) -> None:
    async with running(tmp_path, require_confirmation=True) as agent:
        await asking(agent, teach_all)
        await target(agent, tmp_path)
        held = await until(agent, lambda state: state.hold is not None)
        assert (held.phase, held.hold) == (UpdatePhase.JUDGING, UpdateHold.CONFIRMATION)
        status = await asking(agent, lambda device: device.status())
        assert status.update.hold == "confirmation"
        assert status.backbone == "tiny:1.0.0"
        assert status.verdict is not None
    rules = {"require_confirmation": True, "probation_minutes": 0.0}
    async with running(tmp_path, backbone=False, **rules) as agent:
        assert agent.installer.state.hold is UpdateHold.CONFIRMATION
        assert await agent.household.answer(confirmed=True) == held.wanted
        state = await until(agent, ended)
        assert state.phase is UpdatePhase.ACTIVE
        assert (await asking(agent, lambda device: device.status())).backbone == "tiny:2.0.0"


async def test_an_owner_who_says_no_keeps_what_there_is(tmp_path: Path) -> None:
    async with running(tmp_path, require_confirmation=True) as agent:
        await target(agent, tmp_path)
        await until(agent, lambda state: state.hold is not None)
        await agent.household.answer(confirmed=False)
        state = agent.installer.state
        assert (state.phase, state.failure) == (UpdatePhase.DECLINED, UpdateFailure.OWNER)
        await permit(agent)
        assert agent.installer.state == state
        assert (await asking(agent, lambda device: device.status())).backbone == "tiny:1.0.0"


async def test_too_few_samples_are_accepted_or_held_as_the_owner_wants(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    async with running(tmp_path / "a", probation_minutes=0.0) as agent:
        await target(agent, tmp_path / "a")
        state = await until(agent, ended)
        assert state.phase is UpdatePhase.ACTIVE
        assert state.verdict is not None
        assert (state.verdict.judgement, state.verdict.generation) == (Judgement.ACCEPTED, 1)
        assert state.verdict.basis is not Basis.LABELLED
    async with running(tmp_path / "b", too_few_samples=TooFew.HOLD) as agent:
        await target(agent, tmp_path / "b")
        state = await until(agent, lambda state: state.hold is not None)
        assert (state.phase, state.hold) == (UpdatePhase.JUDGING, UpdateHold.TOO_FEW)
        await agent.installer.review()
        assert agent.installer.state == state


async def test_a_pinned_device_takes_nothing_until_it_is_unpinned(tmp_path: Path) -> None:
    async with running(tmp_path, probation_minutes=0.0) as agent:
        await agent.household.pin(pinned=True)
        await target(agent, tmp_path)
        assert agent.installer.state.hold is UpdateHold.PINNED
        await agent.household.pin(pinned=False)
        await permit(agent)
        assert (await until(agent, ended)).phase is UpdatePhase.ACTIVE


async def test_what_an_operator_takes_back_is_switched_without_judging(tmp_path: Path) -> None:
    async with running(tmp_path, require_confirmation=True) as agent:
        await target(agent, tmp_path, back=True)
        state = await until(agent, ended)
        assert state.phase is UpdatePhase.ACTIVE
        assert state.verdict is not None
        assert state.verdict.basis is Basis.NONE
        assert (await asking(agent, lambda device: device.status())).backbone == "tiny:2.0.0"


async def test_a_device_without_room_says_how_much_is_missing_and_goes_on(tmp_path: Path) -> None:
    async with running(tmp_path, probation_minutes=0.0) as agent:
        bundle = tiny_bundle(tmp_path / "second", seed=4, version="2.0.0", width=48)
        digest, _ = agent.bundles.install(bundle)
        filler = agent.folder.path / "filler"
        agent.bundles._room._bytes_max = agent.bundles._room.taken() + (6 << 20)  # type: ignore[union-attr]  # a bound is set
        filler.write_bytes(bytes(5 << 20))
        await agent.installer.tell(Targeted(1, digest))
        await permit(agent)
        state = await until(agent, lambda state: state.hold is not None)
        assert (state.phase, state.hold) == (UpdatePhase.IDLE, UpdateHold.DISK)
        assert 1 << 20 < state.missing_bytes < 16 << 20
        status = await asking(agent, lambda device: device.status())
        assert status.update.missing_bytes == state.missing_bytes
        filler.unlink()
        await agent.installer.review()
        assert (await until(agent, ended)).phase is UpdatePhase.ACTIVE


async def test_a_file_for_whose_head_there_is_no_room_is_refused_before_anything_is_unpacked(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, probation_minutes=0.0) as agent:
        bundle = tiny_bundle(tmp_path / "second", seed=4, version="2.0.0", width=48)
        room = agent.bundles._room
        assert room is not None
        here, state = set(agent.folder.bundles.iterdir()), agent.installer.state
        room._bytes_max = room.taken() + bundle.stat().st_size + (1 << 20)  # the files would fit
        with pytest.raises(FieldwiseError) as caught:
            await agent.household.install(bundle)
        assert caught.value.fault is Fault.DISK_FULL
        assert (set(agent.folder.bundles.iterdir()), agent.installer.state) == (here, state)
        room._bytes_max += 16 << 20
        await agent.household.install(bundle)
        assert (await until(agent, ended)).phase is UpdatePhase.ACTIVE


async def test_a_device_without_a_backbone_starts_with_nothing_to_go_on_with(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, backbone=False) as agent:
        await agent.installer.resume()
        assert agent.installer.state == UpdateState()
