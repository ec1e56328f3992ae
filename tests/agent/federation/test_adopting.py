"""Global heads: used where they help and do no harm, refused, kept aside or dropped elsewhere."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from agent.config import AgentSettings
from agent.federation.stocktaking import ALL
from agent.learning.catch_up import open_pair
from fieldwise.bundle import digest_of
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import HeadOffer, HeadOutcome, RowKind
from tests.crowd import HALF_HELD, Crowd, accuracy, features, head_of, publish
from tests.fakes.embedder import ProjectionEmbedder
from tests.fakes.scenes import Scenes
from tests.fakes.taught import Device
from tests.federated import World


@pytest.fixture
def world() -> World:
    device = Crowd(HALF_HELD)
    device.teach_few()
    return World(device, AgentSettings(shared_classes=ALL))


async def test_a_head_that_helps_serves_and_nothing_that_was_learned_changes(world: World) -> None:
    await world.agree()
    before, own = accuracy(world), world.device.statistics()
    offer = publish(world, head_of(world.device, features(60)))
    standing = await world.offered(head=offer)
    judged = standing.judged
    assert judged is not None
    assert judged.outcome is HeadOutcome.ADOPTED
    assert judged.counts.only_new > judged.counts.only_old
    assert accuracy(world) > before + 0.05
    assert world.device.statistics().same_as(own)
    report = world.federating.report()
    assert report is not None
    assert (report.head_version, report.outcome) == (1, HeadOutcome.ADOPTED)
    assert 250 <= report.blend_permille <= 1000


async def test_it_serves_again_after_a_restart_and_is_weighed_once(world: World) -> None:
    await world.agree()
    offer = publish(world, head_of(world.device, features(60)))
    await world.offered(head=offer)
    with_it, fetched = accuracy(world), len(world.fleet.offsets)
    world.learner.close()
    world.restart()
    assert accuracy(world) == with_it
    await world.offered(head=offer)
    assert len(world.fleet.offsets) == fetched == 1


async def test_what_is_learned_on_top_of_it_counts_at_once(world: World) -> None:
    await world.agree()
    offer = publish(world, head_of(world.device, features(60, places=5)))
    await world.offered(head=offer)
    assert world.notes.stands.in_use is not None
    scenes = Scenes(5, classes=7, noise=30.0)
    image = np.full((16, 16, 3), 255, np.uint8)
    image[::2] = 0
    for number in range(5):
        world.learner.teach(f"new {number}", image, "another", "", 1e6 + number)
    assert "another" in world.learner.pair.head.classes
    assert world.learner.pair.look(image, 1).ranking.best == "another"
    assert scenes.names[6] == "class 6"


async def test_a_head_that_confuses_classes_is_not_chosen_and_kept_aside(world: World) -> None:
    await world.agree()
    before = accuracy(world)
    turned = head_of(world.device, features(60), spoil=lambda m: np.roll(m, 1, 0))
    standing = await world.offered(head=publish(world, turned))
    assert standing.judged is not None
    assert standing.judged.outcome is HeadOutcome.NOT_CHOSEN
    assert (standing.in_use, standing.declined) == (None, 1)
    assert standing.aside == (turned[0].digest,)
    assert accuracy(world) == before
    assert world.federating.state().kept_aside == 1


async def test_few_declined_heads_are_kept_and_all_are_counted(world: World) -> None:
    await world.agree()
    rows = features(60)
    for version in range(1, 6):
        turned = head_of(
            world.device,
            rows,
            spoil=lambda m, by=version: np.roll(m, 1, 0) + by,  # type: ignore[misc]  # bound as it is
        )
        offer = replace(publish(world, turned), version=version)
        standing = await world.offered(head=offer)
    assert (standing.declined, len(standing.aside)) == (5, 3)
    assert set(world.files.files) == set(standing.aside)


async def test_one_that_was_declined_leaves_the_one_before_in_use(world: World) -> None:
    await world.agree()
    rows = features(60)
    await world.offered(head=publish(world, head_of(world.device, rows)))
    with_it = accuracy(world)
    turned = publish(world, head_of(world.device, rows, spoil=lambda m: np.roll(m, 1, 0)))
    standing = await world.offered(head=replace(turned, version=2))
    assert standing.judged is not None
    assert standing.in_use is not None
    assert (standing.judged.version, standing.in_use.version) == (2, 1)
    assert accuracy(world) == with_it


async def test_with_too_little_held_out_the_own_head_serves(world: World) -> None:
    plain = World(Device())
    plain.device.teach(0, 60)
    await plain.agree()
    offer = publish(plain, head_of(plain.device, features(60)))
    standing = await plain.offered(head=offer)
    assert standing.judged is not None
    assert standing.judged.outcome is HeadOutcome.TOO_FEW


SPOILED: dict[str, Callable[[Device, Sequence[Any]], tuple[HeadOffer, bytes]]] = {
    "another campaign": lambda d, r: head_of(d, r, campaign="c8"),
    "weights": lambda d, r: head_of(
        d,
        r,
        kind=RowKind.WEIGHTS,
        rows=np.zeros((6, 25), np.float32),
        factors=(),
    ),
    "no head at all": lambda d, r: _rubbish(head_of(d, r)[0], b"not a head"),
    "another backbone": lambda d, r: _elsewhere(head_of(d, r)),
    "more than a device takes": lambda d, r: (replace(head_of(d, r)[0], bytes=1 << 40), b""),
}


def _rubbish(offer: HeadOffer, content: bytes) -> tuple[HeadOffer, bytes]:
    return replace(offer, digest=digest_of(content), bytes=len(content)), content


def _elsewhere(made: tuple[HeadOffer, bytes]) -> tuple[HeadOffer, bytes]:
    offer, content = made
    return replace(offer, space=replace(offer.space, bundle="ef" * 32)), content


@pytest.mark.parametrize("make", SPOILED.values(), ids=SPOILED.keys())
async def test_what_is_no_head_for_this_device_is_refused(
    world: World, make: Callable[[Device, Sequence[Any]], tuple[HeadOffer, bytes]]
) -> None:
    await world.agree()
    offer = publish(world, make(world.device, features(20)))
    standing = await world.offered(head=offer)
    assert standing.judged is not None
    assert standing.judged.outcome is HeadOutcome.UNSUITABLE
    assert standing.in_use is None
    again = await world.offered(head=offer)
    assert again == standing


async def test_a_file_that_is_another_one_is_fetched_again(world: World) -> None:
    await world.agree()
    made = head_of(world.device, features(60))
    offer = publish(world, made)
    world.fleet.files = {offer.digest: bytes(len(made[1]))}
    with pytest.raises(FieldwiseError) as raised:
        await world.offered(head=offer)
    assert raised.value.fault is Fault.DIGEST_MISMATCH
    publish(world, made)
    standing = await world.offered(head=offer)
    assert standing.in_use is not None


async def test_forgetting_has_it_weighed_anew(world: World) -> None:
    await world.agree()
    offer = publish(world, head_of(world.device, features(60)))
    await world.offered(head=offer)
    world.federating.forgetting("class 5")
    world.device.forget(class_name="class 5")
    assert world.notes.stands.in_use is None
    assert "class 5" not in world.learner.pair.head.classes
    standing = await world.offered()  # by itself: the fleet thinks that it was weighed
    assert standing.in_use is not None
    assert "class 5" not in world.learner.pair.head.classes


async def test_a_head_is_weighed_again_when_much_more_is_held_out(world: World) -> None:
    await world.agree()
    turned = head_of(world.device, features(60), spoil=lambda m: np.roll(m, 1, 0))
    standing = await world.offered(head=publish(world, turned))
    held_out = world.learner.figures().select
    assert standing.judged is not None
    assert standing.judged.held_out == held_out
    assert await world.offered() == standing
    early = msgspec.structs.replace(standing.judged, held_out=held_out // 2)
    world.notes.stands = msgspec.structs.replace(standing, judged=early)
    world.learner.close()
    world.restart()
    again = await world.offered()
    assert again.judged is not None
    assert again.judged.held_out == held_out  # weighed, declined again and counted once
    assert (again.declined, again.aside) == (1, standing.aside)


async def test_what_was_good_for_few_goes_when_the_device_knows_better(world: World) -> None:
    await world.agree()
    offer = publish(world, head_of(world.device, features(60, places=6)))
    standing = await world.offered(head=offer)
    assert standing.in_use is not None
    for place, rows in enumerate(features(80, seed=9)):
        world.learner.pair.learn(rows.astype(np.int16), [f"class {place}"] * len(rows))
    world.learner.pair.settle()
    turned, content = head_of(world.device, features(60), spoil=lambda m: np.roll(m, 1, 0))
    world.files.files[offer.digest] = content  # nothing else changes what it is worth so well
    early = msgspec.structs.replace(standing.in_use, held_out=0)
    world.notes.stands = msgspec.structs.replace(standing, judged=early, in_use=early)
    world.restart(fresh=False)
    after = await world.offered()
    assert after.in_use is None
    assert world.learner.pair.blending is None
    assert turned.version == offer.version


async def test_it_ends_with_the_backbone(world: World) -> None:
    await world.agree()
    offer = publish(world, head_of(world.device, features(60)))
    await world.offered(head=offer)
    old = world.learner.pair
    world.learner.swap(open_pair(ProjectionEmbedder("two"), (), world.store, HALF_HELD))
    assert world.learner.pair.blending is None
    assert old.blending is None
    assert (await world.offered()).in_use is None
