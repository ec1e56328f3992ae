"""A device in the field whose every call is answered by an attacker.

The agent is whole: its state folder, database, python-tuf's client, fetching, update machine. Only
the connection is the attacker's, as if TLS had been broken or the orchestrator taken over.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from agent.app import Agent, opened
from agent.config import AgentSettings
from agent.update.events import Targeted
from agent.update.installer import Permit
from fieldwise.archive import unpack
from fieldwise.bundle import Manifest
from fieldwise.trust import Listed, PublisherTrouble
from fieldwise.update import UpdateFailure, UpdatePhase
from tests.bundles import tiny_bundle
from tests.fakes.agent import PlayedOrchestrator
from tests.fakes.membership import member
from tests.fakes.trusted import listed_of
from tests.publishing import Repository

TRIES = 3  # that an attack is given beyond the first one
SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle, with the files that an orchestrator has of it."""

    digest: str
    manifest: Manifest
    files: dict[str, bytes]

    @property
    def listed(self) -> Listed:
        """As an honest publisher lists it."""
        return listed_of(self.digest, self.manifest)


@dataclass(slots=True)
class Answering(PlayedOrchestrator):
    """Counts the tries of a device that asks for metadata."""

    silent: bool = False
    tries: int = 0

    async def metadata(self, name: str) -> bytes:
        self.tries += name.endswith("root.json")  # what a refresh asks for first
        return await super(Answering, self).metadata(name)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an attack.

    Attributes:
        begun: Whether the device began to run what it was ordered to.
        failure: How the update ended; None where it did not.
        trouble: What the device tells the orchestrator of its publisher.
    """

    begun: bool
    failure: UpdateFailure | None
    trouble: PublisherTrouble | None


@dataclass(slots=True)
class Field:
    """A device, its honest publisher, and what the attacker answers with.

    Attributes:
        agent: The device.
        repository: The publisher and its servers, with all their keys.
        answering: The attacker's answers; ``answering.kept`` is all metadata that it gives.
        good: A bundle of epoch 2 that the publisher lists.
        older: One of epoch 1.
        evil: One that the publisher never saw.
    """

    agent: Agent
    repository: Repository
    answering: Answering
    good: Bundle
    older: Bundle
    evil: Bundle
    generation: int = field(default=0)

    def give(self) -> None:
        """Answer with all that was signed until now, by whomever."""
        self.answering.kept = dict(self.repository.files)

    async def see(self) -> None:
        """Let the device trust what it is given."""
        self.give()
        await self.agent.trusting.refresh()

    async def order(self, digest: str) -> Outcome:
        """Order a bundle, and wait until the device has begun it or keeps refusing."""
        installer = self.agent.installer
        self.generation += 1
        self.answering.tries = 0
        await installer.tell(Targeted(self.generation, digest))
        installer.permit(Permit(self.generation, self.agent.clock.monotonic() + 600))
        await installer.review()
        async with asyncio.timeout(SECONDS):
            while self._goes_on():  # noqa: ASYNC110 - the installer works by itself
                await asyncio.sleep(0.01)
        state, report = installer.state, self.agent.trusting.report()
        await installer.stop()
        begun = state.phase not in (UpdatePhase.FETCHING, UpdatePhase.REVERTED)
        return Outcome(begun or _ran(state.failure), state.failure, report.trouble)

    def _goes_on(self) -> bool:
        fetches = self.agent.installer.state.phase is UpdatePhase.FETCHING
        return fetches and self.answering.tries <= TRIES


def _ran(failure: UpdateFailure | None) -> bool:
    """Whether a failure is one of running the bundle and not of refusing it."""
    refusals = {
        None,
        UpdateFailure.NOT_VOUCHED,
        UpdateFailure.BELOW_FLOOR,
        UpdateFailure.DIGEST_MISMATCH,
        UpdateFailure.BUNDLE_INVALID,
        UpdateFailure.NOT_AVAILABLE,
    }
    return failure not in refusals


def bundle(folder: Path, version: str, *, epoch: int, seed: int) -> Bundle:
    """A bundle that runs."""
    path = tiny_bundle(folder / f"{version}.bundle", seed=seed, version=version, epoch=epoch)
    digest, manifest = unpack(path, folder / version)
    files = {each.name: each.read_bytes() for each in (folder / version).iterdir()}
    return Bundle(digest, manifest, files)


@asynccontextmanager
async def in_the_field(folder: Path, bundles: tuple[Bundle, ...]) -> AsyncIterator[Field]:
    """A member whose publisher has listed the good bundle, and that has seen that list."""
    with opened(AgentSettings(state_folder=folder / "s")) as agent:
        repository, answering = Repository(root_keys=3, threshold=2), Answering()
        made = Field(agent, repository, answering, *bundles)
        answering.files = {name: text for each in bundles for name, text in each.files.items()}
        agent.fleet.membership = member()
        agent.fleet._roots.begin(repository.root)
        agent.fleet._orchestrator = answering
        repository.publish(made.older.listed)
        repository.publish(made.older.listed, made.good.listed, floor=1)
        await made.see()
        try:
            yield made
        finally:
            await agent.installer.stop()
