"""What the owner wants of global heads holds across restarts and versions."""

from collections.abc import AsyncGenerator
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from agent.config import AgentSettings
from agent.federation.standing import Mix, Task
from agent.federation.stocktaking import ALL
from agent.reporting import Piece
from fieldwise.federation import Consent, HeadOutcome
from tests.crowd import HALF_HELD, Crowd, accuracy, features, head_of, publish
from tests.federated import World, offer_to, task_for


@pytest.fixture
def world() -> World:
    device = Crowd(HALF_HELD)
    device.teach_few()
    return World(device, AgentSettings(shared_classes=ALL))


async def test_classes_of_others_alone_are_masked_unless_the_owner_wants_them(
    world: World,
) -> None:
    rows = [*features(60), features(60)[0][::-1] * 0.5]
    made = head_of(world.device, rows)
    for wanted in (False, True):
        device = Crowd(HALF_HELD)
        device.teach_few()
        here = World(device, AgentSettings(shared_classes=ALL, foreign_classes=wanted))
        await here.agree()
        standing = await here.offered(head=publish(here, made))
        assert standing.in_use is not None
        assert ("class 6" in here.learner.pair.head.classes) is wanted
        state = here.federating.state()
        assert (state.foreign_classes, state.foreign is not None) == (int(wanted), wanted)
        if state.foreign is not None:
            assert state.foreign.samples == standing.in_use.counts.samples


async def test_classes_of_others_come_and_go_with_the_owners_setting(world: World) -> None:
    """A restart is all it takes: the fleet offers nothing new."""
    await world.agree()
    made = head_of(world.device, [*features(60), features(60)[0][::-1] * 0.5])
    await world.offered(head=publish(world, made))
    for wanted in (True, False):
        world.settings = AgentSettings(shared_classes=ALL, foreign_classes=wanted)
        world.learner.close()
        world.restart()
        answered_at_once = "class 6" in world.learner.pair.head.classes
        standing = await world.offered()
        assert standing.in_use is not None
        assert standing.in_use == standing.judged
        assert ("class 6" in world.learner.pair.head.classes) is wanted
        state = world.federating.state()
        assert (state.foreign_classes, state.foreign is not None) == (int(wanted), wanted)
        assert not answered_at_once


async def test_of_a_head_that_only_others_classes_were_wanted_of_nothing_stays(
    world: World,
) -> None:
    await world.agree()
    made = head_of(world.device, [*features(60), features(60)[0][::-1] * 0.5])
    standing = await world.offered(head=publish(world, made))
    assert standing.in_use is not None
    alone = msgspec.structs.replace(standing.in_use, mix=Mix(foreign=True), foreign=1)
    world.notes.stands = msgspec.structs.replace(standing, in_use=alone, judged=alone)
    world.learner.close()
    world.restart()
    assert world.learner.pair.blending is None
    report = world.federating.report()
    assert report is not None
    assert (report.outcome, report.blend_permille) == (HeadOutcome.NOT_CHOSEN, 0)


async def test_the_owner_drops_it_and_the_same_version_stays_dropped(world: World) -> None:
    await world.agree()
    before = accuracy(world)
    offer = publish(world, head_of(world.device, features(60)))
    await world.offered(head=offer)
    await world.federating.drop()
    standing = await world.offered(head=offer)
    assert standing.in_use is None
    assert standing.judged is not None
    assert standing.judged.outcome is HeadOutcome.NOT_AGREED
    assert accuracy(world) == before
    world.learner.close()
    world.restart()
    assert world.learner.pair.blending is None


async def test_a_dropped_version_stays_dropped_when_a_later_one_is_taken_back(
    world: World,
) -> None:
    await world.agree()
    rows = features(60)
    first = publish(world, head_of(world.device, rows))
    await world.offered(head=first)
    await world.federating.drop()
    turned = publish(world, head_of(world.device, rows, spoil=lambda m: np.roll(m, 1, 0)))
    await world.offered(head=replace(turned, version=2))
    standing = await world.offered(head=first)
    assert standing.in_use is None
    assert standing.judged is not None
    assert (standing.judged.version, standing.judged.outcome) == (1, HeadOutcome.NOT_AGREED)
    assert world.learner.pair.blending is None


async def test_nothing_is_weighed_without_consent_and_consent_off_ends_nothing(
    world: World,
) -> None:
    offer = publish(world, head_of(world.device, features(60)))
    standing = await world.offered(head=offer)
    assert (standing.judged, world.fleet.offsets) == (None, [])
    await world.agree()
    await world.offered(head=offer)
    with_it = accuracy(world)
    await world.agree(Consent.OFF)
    standing = await world.offered(head=offer)
    assert standing.in_use is not None
    assert accuracy(world) == with_it


async def test_a_head_that_helps_most_classes_and_harms_a_critical_one_is_not_used() -> None:
    def spoil(means: NDArray[np.float32]) -> NDArray[np.float32]:
        spoilt = means.copy()
        spoilt[0] = means[1] + 0.5 * (means[1] - means[0])
        return spoilt

    used = {}
    for critical in ((), ("class 0",), ("class 3",)):
        device = Crowd(HALF_HELD)
        device.teach_few()
        here = World(device, AgentSettings(shared_classes=ALL, critical_classes=critical))
        await here.agree()
        offer = publish(here, head_of(device, features(60), spoil=spoil))
        used[critical] = (await here.offered(head=offer)).in_use is not None
    assert used == {(): True, ("class 0",): False, ("class 3",): True}


async def test_a_drop_holds_while_a_round_is_answered_or_a_head_is_fetched(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.agree()
    rows = features(60)
    first = publish(world, head_of(world.device, rows))
    await world.offered(head=first)
    turned = publish(world, head_of(world.device, rows, spoil=lambda m: np.roll(m, 1, 0)))
    download = world.fleet.download

    async def drops_meanwhile(digest: str, offset: int) -> AsyncGenerator[Piece]:
        await world.federating.drop()
        async for piece in download(digest, offset):
            yield piece

    with monkeypatch.context() as patch:
        patch.setattr(world.fleet, "download", drops_meanwhile)
        standing = await world.offered(head=replace(turned, version=2))
    assert (standing.in_use, standing.dropped) == (None, (first.digest,))
    assert (await world.offered(head=first)).in_use is None

    again = publish(world, head_of(world.device, features(61)))
    await world.offered(head=replace(again, version=3))

    async def drops_before_it_asks(campaign: str, round_number: int) -> Task:
        await world.federating.drop()
        return task_for(world.device)

    monkeypatch.setattr(world.fleet, "fetch_task", drops_before_it_asks)
    standing = await world.offered(offer_to(world.device), replace(again, version=3))
    assert (standing.in_use, standing.dropped) == (None, (first.digest, again.digest))
    assert world.learner.pair.blending is None


async def test_a_head_whose_file_cannot_be_read_any_more_stops_no_learning(
    world: World,
) -> None:
    await world.agree()
    standing = await world.offered(head=publish(world, head_of(world.device, features(60))))
    assert standing.in_use is not None
    assert standing.in_use.mix.spread > 0
    world.files.broken = True
    world.learner.pair.settle()
    assert accuracy(world) > 0.3
