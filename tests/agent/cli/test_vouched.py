"""What the owner sees of the publisher, and what an owner's file needs; also with a daemon."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from agent.app import Agent, opened
from agent.cli.desk import desk
from agent.config import AgentSettings
from fieldwise.archive import unpack
from fieldwise.errors import CATALOGUE, Fault, FieldwiseError
from fieldwise.trust import PublisherTrouble
from tests.agent.cli.conftest import Run
from tests.bundles import tiny_bundle
from tests.fakes.agent import PlayedOrchestrator
from tests.fakes.agent_inside import running, tiny
from tests.fakes.membership import member
from tests.fakes.trusted import listed_of
from tests.publishing import Repository, in_days


async def trust(agent: Agent, repository: Repository) -> None:
    """Let a member trust what a repository has signed, and then hear of nobody any more."""
    agent.fleet.membership = member()
    agent.fleet._identity.write(agent.fleet.membership)
    agent.fleet._orchestrator = PlayedOrchestrator(kept=repository.files)
    agent.fleet._roots.begin(repository.root)
    await agent.trusting.refresh()
    agent.fleet.membership = None


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A publisher of one bundle, which is not the owner's."""
    made = Repository()
    digest, manifest = unpack(tiny_bundle(tmp_path / "other", seed=7), tmp_path / "other files")
    made.publish(listed_of(digest, manifest), floor=1)
    return made


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "bundle"
    path.write_bytes(tiny())
    return path


def test_without_a_publisher_a_file_is_installed_and_that_is_said(run: Run, bundle: Path) -> None:
    status, out, _ = run("backbone", "install", bundle)
    assert status == 0
    assert out.rstrip().endswith("; no publisher vouches for it")
    assert "none: nobody vouches for backbones here" in run("status")[1]


def test_a_file_that_is_not_listed_is_refused_until_the_owner_says_so(
    run: Run, bundle: Path, repository: Repository, tmp_path: Path
) -> None:
    with opened(AgentSettings(state_folder=tmp_path / "s")) as agent:
        asyncio.run(trust(agent, repository))
    status, _, err = run("backbone", "install", bundle)
    assert status == CATALOGUE[Fault.NOT_VOUCHED].exit_code
    assert "is not on version 1 of the publisher's list" in err
    assert "--unsigned" in err
    status, out, _ = run("backbone", "install", bundle, "--unsigned", "--json")
    assert (status, msgspec.json.decode(out)["vouched"]) == (0, False)
    told = run("status")[1]
    assert f"root 1 until {in_days(365):%Y-%m-%d}; list 1 until {in_days(90):%Y-%m-%d}" in told
    assert "does not list what is in use; floor epoch 1" in told
    assert "unsigned backbone" in run("ledger")[1]


async def test_the_owner_s_socket_takes_that_word_and_shows_the_publisher(
    bundle: Path, repository: Repository, tmp_path: Path
) -> None:
    async with running(tmp_path, backbone=False) as agent:
        await trust(agent, repository)

        def ask() -> tuple[Fault, str, int, bool]:
            with desk(agent.settings) as reached:
                with pytest.raises(FieldwiseError) as raised:
                    reached.install(bundle)
                digest, _ = reached.install(bundle, unsigned=True)
                told = reached.status().publisher
                return raised.value.fault, digest, told.floor_epoch, told.in_use_listed

        fault, digest, floor, listed = await asyncio.to_thread(ask)
        assert fault is Fault.NOT_VOUCHED
        assert agent.installer.state.in_use is not None
        assert agent.installer.state.in_use.digest == digest
        assert (floor, listed) == (1, False)


def test_what_is_wrong_with_metadata_is_said_in_the_status(
    run: Run, repository: Repository, tmp_path: Path
) -> None:
    with opened(AgentSettings(state_folder=tmp_path / "s")) as agent:
        asyncio.run(trust(agent, repository))
        repository.sign_timestamp(days=-1)
        with pytest.raises(FieldwiseError):
            asyncio.run(trust(agent, repository))
        told = asyncio.run(agent.household.status()).publisher
        assert "timestamp metadata expired" in told.complaint
        assert agent.trusting.report().trouble is PublisherTrouble.EXPIRED
