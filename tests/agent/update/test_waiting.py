"""A judged pair that waits for its owner: what serves in the end is what was judged."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agent.app import Agent
from agent.learning.forgetting import Selection
from agent.learning.resting import RestingEmbedder
from agent.learning.samples import Group, Share
from agent.update.events import Confirmed, UpdateState
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.update import UpdateFailure, UpdateHold, UpdatePhase
from tests.agent.test_daemon import teach_all
from tests.agent.test_updates import ended, target, until
from tests.fakes.agent_inside import asking, running
from tests.fakes.installing import NEW, OLD, Hands, Rules, begin, installer_of, journal, settle


@dataclass
class Outdated(Hands):
    """Hands in which what was made turns out, so many times, to hold what was taken back."""

    times: int = 1

    def serve(self, prepared: str, persist: Callable[[], None]) -> str | None:
        if prepared == NEW and self.times:
            self.times -= 1
            self.kept = False
            raise FieldwiseError(Fault.CONFLICT, "it was made of what was taken back")
        return super().serve(prepared, persist)


async def test_what_holds_what_was_taken_back_is_made_and_judged_again() -> None:
    hands = Outdated(times=2)
    state = await settle(await begin(hands, journal()))
    assert (state.phase, hands.serving) == (UpdatePhase.ACTIVE, NEW)
    assert [each for each in hands.done if each in ("migrate", "judge")] == ["migrate", "judge"] * 3


@dataclass
class Clumsy(Hands):
    """Hands that cannot let what was made serve, whatever it was judged to be."""

    error: Exception = field(default_factory=RuntimeError)

    def serve(self, prepared: str, persist: Callable[[], None]) -> str | None:
        if prepared == NEW:
            raise self.error
        return super().serve(prepared, persist)


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (FieldwiseError(Fault.GRAPH_FAILED, "it fails on a lesson"), UpdateFailure.LOAD_FAILED),
        (FieldwiseError(Fault.NOT_FOUND, "its file is gone"), UpdateFailure.NOT_AVAILABLE),
        (ArithmeticError("its head cannot be solved"), UpdateFailure.INTERNAL),
    ],
)
async def test_what_was_accepted_and_cannot_serve_is_given_up(
    error: Exception, failure: UpdateFailure
) -> None:
    hands = Clumsy(error=error)
    state = await settle(await begin(hands, journal()))
    assert (state.phase, state.failure) == (UpdatePhase.REVERTED, failure)
    assert hands.serving == OLD


async def test_a_yes_to_what_was_taken_back_since_is_a_yes_to_what_is_made_anew() -> None:
    hands = Outdated()
    installer = await begin(hands, journal(), rules=Rules(confirmation=True))
    assert (await settle(installer)).hold is UpdateHold.CONFIRMATION
    await installer.tell(Confirmed())
    assert (await settle(installer)).phase is UpdatePhase.ACTIVE
    assert [each for each in hands.done if each in ("migrate", "judge")] == ["migrate", "judge"] * 2


async def test_a_verdict_on_what_is_not_there_any_more_is_of_nothing() -> None:
    book = journal()
    await settle(await begin(Hands(), book, rules=Rules(confirmation=True)))
    hands = Hands(kept=False)
    again = installer_of(book, hands, rules=Rules(confirmation=True))
    await again.resume()
    await again.tell(Confirmed())
    assert (await settle(again)).phase is UpdatePhase.ACTIVE
    assert "judge" in hands.done


async def test_a_pair_rests_while_it_waits() -> None:
    hands = Hands()
    installer = await begin(hands, journal(), rules=Rules(confirmation=True))
    await settle(installer)
    assert "rest" not in hands.done
    await installer.review()
    assert hands.done[-1] == "rest"
    await installer.tell(Confirmed())
    assert (await settle(installer)).phase is UpdatePhase.ACTIVE
    assert hands.done.count("migrate") == 1


def waits(state: UpdateState) -> bool:
    return state.hold is UpdateHold.CONFIRMATION


def sleeper(agent: Agent) -> RestingEmbedder:
    made = agent.installer._made
    assert made is not None
    embedder = made[1].embedder
    assert isinstance(embedder, RestingEmbedder)
    return embedder


def drop_images(agent: Agent) -> None:
    learner, store = agent.serving.learner, agent.serving.store
    assert learner is not None
    learner.flush()
    images = tuple(each.id for each in store.remembered() if each.share is Share.LEARN)
    store.commit(Group((), images, store.counters()))


async def test_lessons_wake_a_pair_that_waits_and_are_in_what_serves(tmp_path: Path) -> None:
    async with running(tmp_path, require_confirmation=True, probation_minutes=0.0) as agent:
        await target(agent, tmp_path)
        await until(agent, waits)
        for _ in range(2):
            await agent.installer.review()
        embedder = sleeper(agent)
        assert embedder.rests
        await asking(agent, teach_all)
        assert not embedder.rests
        drop_images(agent)
        await agent.household.answer(confirmed=True)
        assert (await until(agent, ended)).phase is UpdatePhase.ACTIVE
        learner = agent.serving.learner
        assert learner is not None
        assert learner.pair.embedder is embedder
        assert learner.pair.total == agent.serving.figures().learned > 0
        assert learner.pair.head.classes


async def test_a_pair_that_rested_is_awake_before_it_answers(tmp_path: Path) -> None:
    async with running(tmp_path, require_confirmation=True, probation_minutes=0.0) as agent:
        await target(agent, tmp_path)
        await until(agent, waits)
        for _ in range(2):
            await agent.installer.review()
        embedder = sleeper(agent)
        assert embedder.rests
        await agent.household.answer(confirmed=True)
        assert (await until(agent, ended)).phase is UpdatePhase.ACTIVE
        assert not embedder.rests


async def test_a_pair_whose_backbone_does_not_come_back_does_not_serve(tmp_path: Path) -> None:
    async with running(tmp_path, require_confirmation=True, probation_minutes=0.0) as agent:
        before = agent.installer.state.in_use
        await target(agent, tmp_path)
        held = await until(agent, waits)
        for _ in range(2):
            await agent.installer.review()
        manifest = agent.bundles.manifest(held.wanted)
        assert manifest is not None
        for file in manifest.variant(held.variant).graphs:
            agent.bundles.path(file.digest).unlink()
        await agent.household.answer(confirmed=True)
        state = await until(agent, ended)
        assert (state.phase, state.in_use) == (UpdatePhase.REVERTED, before)


async def test_what_is_forgotten_while_a_pair_waits_is_not_in_what_serves(tmp_path: Path) -> None:
    async with running(tmp_path, require_confirmation=True, probation_minutes=0.0) as agent:
        await asking(agent, teach_all)
        await target(agent, tmp_path)
        held = await until(agent, waits)
        learner = agent.serving.learner
        assert learner is not None
        name = learner.pair.classes[0]
        agent.serving.forget(Selection(class_name=name), strict=False)
        await agent.household.answer(confirmed=True)
        state = await until(agent, ended)
        assert (state.phase, learner.pair.bundle) == (UpdatePhase.ACTIVE, held.wanted)
        assert name not in learner.pair.classes
        assert learner.pair.total == agent.serving.figures().learned > 0
        assert state.verdict != held.verdict
