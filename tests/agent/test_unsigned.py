"""A whole agent that has a publisher, and an owner who brings a file."""

from pathlib import Path

import pytest

from agent.app import Agent, opened
from agent.config import AgentSettings
from agent.connecting import UNSIGNED
from agent.update import fetching
from agent.update.events import Targeted, Wish
from agent.update.installer import Permit
from agent.update.vouched import check_listed
from fieldwise.bundle import Manifest
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.update import UpdateFailure, UpdatePhase
from tests.agent.test_updates import ended, until
from tests.bundles import tiny_bundle
from tests.fakes.agent import PlayedOrchestrator
from tests.fakes.agent_inside import running
from tests.fakes.membership import member
from tests.fakes.trusted import listed_of
from tests.publishing import Repository


def pinned(agent: Agent, repository: Repository) -> None:
    """Make it a member whose orchestrator has what the repository signed."""
    agent.fleet.membership = member()
    agent.fleet._identity.write(agent.fleet.membership)
    agent.fleet._orchestrator = PlayedOrchestrator(kept=repository.files)
    agent.fleet._roots.begin(repository.root)


async def test_a_file_that_no_publisher_lists_needs_the_owners_word(tmp_path: Path) -> None:
    bundle, repository = tiny_bundle(tmp_path / "b"), Repository()
    repository.publish()
    with opened(AgentSettings(state_folder=tmp_path / "s")) as agent:
        pinned(agent, repository)
        with pytest.raises(FieldwiseError) as raised:
            await agent.household.install(bundle)
        assert raised.value.fault is Fault.NOT_VOUCHED
        assert agent.installer.state.wanted == ""
        assert agent.bundles.titles() == {}
        assert UNSIGNED not in agent.ledger.totals()
        digest, manifest = await agent.household.install(bundle, unsigned=True)
        await agent.installer.stop()
        assert agent.installer.state.wish == Wish(digest, by_owner=True, confirmed=True)
        assert agent.ledger.totals()[UNSIGNED].messages == 1
        (entry,) = [each for each in agent.ledger.newest(9) if each.kind == UNSIGNED]
        assert manifest.title in entry.summary


async def test_a_file_below_the_floor_is_refused_although_it_is_listed(tmp_path: Path) -> None:
    bundle, repository = tiny_bundle(tmp_path / "b", epoch=2), Repository()
    with opened(AgentSettings(state_folder=tmp_path / "s")) as agent:
        pinned(agent, repository)
        digest, manifest = agent.bundles.install(bundle)
        repository.publish(listed_of(digest, manifest), floor=3)
        with pytest.raises(FieldwiseError) as raised:
            await agent.household.install(bundle)
        assert raised.value.fault is Fault.BELOW_FLOOR


async def test_a_file_that_is_listed_needs_no_word(tmp_path: Path) -> None:
    bundle, repository = tiny_bundle(tmp_path / "b"), Repository()
    with opened(AgentSettings(state_folder=tmp_path / "s")) as agent:
        pinned(agent, repository)
        digest, manifest = agent.bundles.install(bundle)
        repository.publish(listed_of(digest, manifest))
        await agent.household.install(bundle)
        await agent.installer.stop()
        assert agent.installer.state.wanted == digest
        assert UNSIGNED not in agent.ledger.totals()
        status = await agent.household.status()
        assert (status.publisher.root_version, status.publisher.targets_version) == (1, 1)


async def test_what_was_taken_off_the_list_after_it_was_fetched_is_not_tried(
    tmp_path: Path,
) -> None:
    """The power goes after the last file came; meanwhile a refresh brought a list without it."""
    bundle, repository = tiny_bundle(tmp_path / "b"), Repository()
    with opened(AgentSettings(state_folder=tmp_path / "s")) as agent:
        pinned(agent, repository)
        digest, manifest = agent.bundles.install(bundle)
        repository.publish(listed_of(digest, manifest))
        await agent.trusting.refresh()
        check_listed(agent.trusting.trusted(), digest)
        repository.publish()
        await agent.trusting.refresh()
        with pytest.raises(FieldwiseError) as raised:
            agent.steps.verify(Wish(digest), lambda: False)
        assert raised.value.fault is Fault.NOT_VOUCHED


async def test_what_serves_goes_on_serving_when_it_is_taken_off_the_list(tmp_path: Path) -> None:
    bundle, repository = tiny_bundle(tmp_path / "b"), Repository()
    with opened(AgentSettings(state_folder=tmp_path / "s")) as agent:
        digest, manifest = await agent.household.install(bundle)
        await agent.installer.settled.wait()
        pinned(agent, repository)
        repository.publish(listed_of(digest, manifest))
        await agent.trusting.refresh()
        assert (await agent.household.status()).publisher.in_use_listed
        repository.publish(floor=9)
        await agent.trusting.refresh()
        status = await agent.household.status()
        assert not status.publisher.in_use_listed
        assert status.backbone == manifest.title
        await agent.installer.tell(Targeted(1, digest))  # what is in use is settled, not begun
        assert agent.installer.state.phase is UpdatePhase.ACTIVE
        assert agent.installer.state.failure is None
    with opened(AgentSettings(state_folder=tmp_path / "s")) as agent:
        assert (await agent.household.status()).backbone == manifest.title
        assert (await agent.household.status()).publisher.floor_epoch == 9
        assert agent.installer.state.failure not in set(UpdateFailure)


@pytest.mark.parametrize("floor", [0, 2], ids=["delisted", "below the floor"])
async def test_an_order_back_to_what_was_withdrawn_leaves_what_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, floor: int
) -> None:
    """A recall or an abort of what serves cannot lead back to what its publisher has withdrawn."""
    monkeypatch.setattr(fetching, "UNLISTED_SECONDS", 0.01)
    repository = Repository()
    async with running(tmp_path, probation_minutes=0.0) as agent:
        first = agent.installer.state.wanted
        bundle = tiny_bundle(tmp_path / "second", seed=4, version="2.0.0", epoch=2)
        second, _ = await agent.household.install(bundle)
        await until(agent, lambda state: ended(state) and state.wanted == second)
        pinned(agent, repository)
        listed = [listed_of(each, checked(agent, each)) for each in (first, second)]
        repository.publish(*listed[not floor :], floor=floor)
        await agent.installer.tell(Targeted(1, first, back=True))
        agent.installer.permit(Permit(1, agent.clock.monotonic() + 600))
        await agent.installer.review()
        state = await until(agent, ended)
        failure = UpdateFailure.BELOW_FLOOR if floor else UpdateFailure.NOT_VOUCHED
        assert (state.phase, state.failure) == (UpdatePhase.REVERTED, failure)
        assert (await agent.household.status()).backbone == "tiny:2.0.0"


def checked(agent: Agent, digest: str) -> Manifest:
    """The manifest of a bundle that is on the device."""
    manifest = agent.bundles.manifest(digest)
    assert manifest is not None
    return manifest
