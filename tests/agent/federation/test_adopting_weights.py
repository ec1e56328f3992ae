"""Devices whose heads learn by gradient: a head made of theirs, through the aggregator's FedAvg."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import msgspec
import numpy as np
import pytest

import aggregator.flower  # noqa: F401 -- it sets what flwr reads when it is imported
from agent.config import AgentSettings
from agent.federation.standing import Standing
from agent.federation.stocktaking import ALL
from agent.learning.catch_up import open_pair
from agent.learning.heads.head import LinearHead, predict
from agent.learning.holdout import share_of
from agent.learning.samples import Share
from agent.learning.settings import (
    GradientSettings,
    HeadName,
    HeadSettings,
    HoldoutSettings,
    LearningSettings,
)
from aggregator.combining import combine
from aggregator.flower.aggregating import FlowerStrategies
from aggregator.work import Campaign
from fieldwise.bundle import digest_of
from fieldwise.federation import (
    Consent,
    HeadOffer,
    HeadOutcome,
    RoundOffer,
    RoundStep,
    RowKind,
    Update,
)
from fieldwise.global_head import GlobalHead, decode, encode
from tests.fakes.embedder import ProjectionEmbedder
from tests.fakes.scenes import Scenes
from tests.fakes.taught import Device
from tests.federated import NAMES, World, offer_to, task_for

GRADIENT = GradientSettings(
    learning_rate=0.02,
    batch_samples=16,
    minibatch_samples=8,
    replay_samples=60,
    replay_epochs=2,
    relearn_epochs=6,
    memory_bytes_max=100_000,
)
TRAINS = LearningSettings(
    holdout=HoldoutSettings(select_share=0.0, judge_share=0.0),
    heads=HeadSettings(enabled=(HeadName.GRADIENT,)),
    gradient=GRADIENT,
)
HALF_HELD: LearningSettings = msgspec.structs.replace(
    TRAINS, holdout=HoldoutSettings(select_share=0.4, judge_share=0.4, learned_first=2)
)
NOISE = 90.0  # of images: all devices together are right in 92 of a hundred
GIVERS = ((0, 1, 2), (2, 3, 4), (4, 5, 0), (1, 3, 5))


def teacher(places: Sequence[int], seed: int, each: int = 12) -> World:
    """A device that knows some of the classes, and shares them."""
    device, scenes = Device(TRAINS), Scenes(seed, noise=NOISE)
    for number in range(each * len(places)):
        place = places[number % len(places)]
        image, time = scenes.image(place), 1000.0 + 60 * number
        device.learner.teach(f"s{number}", image, f"class {place}", "", time)
    device.learner.pair.settle()
    return World(device, AgentSettings(shared_classes=ALL))


def learner(
    *, foreign: bool = False, places: int = 6, settings: LearningSettings = HALF_HELD
) -> World:
    """A device with few samples to learn from, and many to choose and judge by."""
    device, scenes = Device(settings), Scenes(5, noise=NOISE)
    key = device.store.holdout_key()
    for number in range(300):
        place = number % 6
        image, time = scenes.image(place), 1000.0 + 60 * number
        held_out = share_of(f"scene:s{number}", key, settings.holdout) is not Share.LEARN
        if place < places and (number < 12 or held_out):
            device.learner.teach(f"s{number}", image, f"class {place}", "", time)
    device.learner.pair.settle()
    return World(device, AgentSettings(shared_classes=ALL, foreign_classes=foreign))


def offer_of(world: World, number: int = 1) -> RoundOffer:
    return replace(offer_to(world.device, number=number), kind=RowKind.WEIGHTS)


async def given(world: World, number: int = 1, head: HeadOffer | None = None) -> Standing:
    """What comes of a round of weights that starts from a head."""
    await world.agree()
    task = task_for(world.device, number=number)
    world.fleet.task = replace(task, offer=offer_of(world, number), head=head)
    return await world.offered(offer_of(world, number))


def campaign(world: World, version: int = 0, **options: float) -> Campaign:
    space = offer_of(world).space
    classes = {number: name for name, number in NAMES.items()}
    kind, level = RowKind.WEIGHTS, Consent.WEIGHTS
    return Campaign("c7", True, kind, level, "FedAvg", options, 0.0, 0.0, classes, space, version)


def averaged(
    updates: Mapping[int, Update],
    about: Campaign,
    number: int = 1,
    before: GlobalHead | None = None,
) -> bytes:
    return combine(about, number, updates.items(), before, {}, FlowerStrategies()).head


def published(world: World, content: bytes, version: int = 1) -> HeadOffer:
    space = offer_of(world).space
    offer = HeadOffer("c7", version, digest_of(content), len(content), space)
    world.fleet.files = {**world.fleet.files, offer.digest: content}
    return offer


def unseen(classes: Sequence[int] = range(6)) -> tuple[np.ndarray, np.ndarray]:
    scenes, pair = Scenes(123, noise=NOISE), Device().learner.pair
    names = [f"class {place}" for place in classes for _ in range(40)]
    rows = [pair.grid(scenes.image(int(name.split()[1])))[0] for name in names]
    return np.array(rows), np.array(names)


def accuracy(world: World, classes: Sequence[int] = range(6)) -> float:
    """Of what serves, on samples that nobody has seen."""
    grid, names = unseen(classes)
    return float(np.mean(np.array(predict(world.learner.pair.head, grid)) == names))


def of_head(content: bytes) -> float:
    """Of a global head by itself, on samples of all classes that nobody has seen."""
    made = decode(content)
    head = LinearHead(made.classes, made.rows[:, :-1], made.rows[:, -1], 4096.0)
    grid, names = unseen()
    return float(np.mean(np.array(predict(head, grid)) == names))


async def first_round() -> tuple[list[World], dict[int, Update], bytes]:
    worlds = [teacher(places, 20 + seed) for seed, places in enumerate(GIVERS)]
    for world in worlds:
        assert (await given(world)).step is RoundStep.ANSWERED
    updates = {alias: world.fleet.updates[0][0] for alias, world in enumerate(worlds, 1)}
    return worlds, updates, averaged(updates, campaign(worlds[0]))


async def test_rows_of_devices_that_know_half_make_a_head_that_knows_all() -> None:
    worlds, updates, content = await first_round()
    head = decode(content)
    assert head.classes == tuple(f"class {place}" for place in range(6))
    assert head.counts.tolist() == [24] * 6
    assert [row.class_id for row in updates[1].rows] == [1, 2, 3]
    assert [world.fleet.updates[0][0].base_version for world in worlds] == [0] * 4
    alone = [accuracy(world) for world in worlds]
    assert max(alone) <= 0.5  # half of the classes
    assert of_head(content) > 0.85


async def test_another_round_gets_what_is_left_to_the_rows_of_the_version_before() -> None:
    worlds, updates, content = await first_round()
    before = decode(content)
    for world in worlds:
        offer = published(world, content)
        assert (await given(world, 2, offer)).step is RoundStep.ANSWERED
    later = {alias: world.fleet.updates[1][0] for alias, world in enumerate(worlds, 1)}
    assert {each.base_version for each in later.values()} == {1}
    rows = {row.class_id: row.values for row in updates[1].rows}
    for row in later[1].rows:
        assert np.array_equal(row.values, rows[row.class_id] - before.rows[row.class_id - 1])
    again = decode(averaged(later, campaign(worlds[0], 1), 2, before))
    assert np.allclose(again.rows, before.rows, atol=1e-5)  # nobody learned anything


async def test_a_head_that_helps_serves_again_after_a_restart_and_goes_when_dropped() -> None:
    _, _, content = await first_round()
    world = learner()
    await world.agree()
    before = accuracy(world)
    own = world.learner.pair.heads[HeadName.GRADIENT]
    standing = await world.offered(head=published(world, content))
    assert standing.judged is not None
    assert standing.judged.outcome is HeadOutcome.ADOPTED
    assert standing.judged.mix.own < 1
    assert set(standing.judged.mix.temperatures) == {"gradient"}
    assert standing.judged.counts.only_new > standing.judged.counts.only_old
    with_it = accuracy(world)
    assert with_it > before + 0.03
    assert world.learner.pair.heads[HeadName.GRADIENT] is own  # what learns knows nothing of it
    world.learner.close()
    world.restart()
    assert accuracy(world) == with_it
    await world.federating.drop()
    assert accuracy(world) == before


async def test_what_is_learned_on_top_of_it_counts() -> None:
    _, _, content = await first_round()
    world = learner()
    await world.agree()
    await world.offered(head=published(world, content))
    image = np.full((16, 16, 3), 255, np.uint8)
    image[::2] = 0
    for number in range(16):
        world.learner.teach(f"new {number}", image, "another", "", 1e6 + number)
    assert world.learner.pair.blending is not None
    assert "another" in world.learner.pair.head.classes


async def test_a_head_that_confuses_classes_is_declined_and_kept_aside() -> None:
    _, _, content = await first_round()
    head = decode(content)
    turned = encoded(head, np.roll(head.rows, 1, axis=0))
    world = learner()
    await world.agree()
    before = accuracy(world)
    standing = await world.offered(head=published(world, turned))
    assert standing.judged is not None
    assert standing.judged.outcome is HeadOutcome.NOT_CHOSEN
    assert (standing.in_use, standing.declined, len(standing.aside)) == (None, 1, 1)
    assert accuracy(world) == before


def encoded(head: GlobalHead, rows: np.ndarray) -> bytes:
    return encode(replace(head, rows=np.ascontiguousarray(rows)))


@pytest.mark.parametrize("wanted", [False, True])
async def test_classes_of_others_alone_are_masked_unless_the_owner_wants_them(
    *, wanted: bool
) -> None:
    _, _, content = await first_round()
    world = learner(foreign=wanted, places=4)
    await world.agree()
    known = accuracy(world, range(4))
    standing = await world.offered(head=published(world, content))
    assert standing.in_use is not None
    classes = world.learner.pair.head.classes
    assert ({"class 4", "class 5"} <= set(classes)) is wanted
    assert len(classes) == (6 if wanted else 4)
    state = world.federating.state()
    assert (state.foreign_classes, state.foreign is not None) == (2 * wanted, wanted)
    if wanted:
        assert accuracy(world, (4, 5)) > 0.5
    else:
        assert accuracy(world, range(4)) >= known


async def test_a_device_of_one_class_gives_nothing_and_its_rows_would_be_of_that_class_alone() -> (
    None
):
    worlds, updates, content = await first_round()
    single = teacher((3,), 50)
    assert (await given(single)).step is RoundStep.TOO_FEW
    assert single.fleet.updates == []
    row = replace(updates[2].rows[1], values=np.full(25, 0.5, np.float32))
    assert row.class_id == NAMES["class 3"]
    forced = {**updates, 5: replace(updates[2], rows=(row,))}
    plain, pushed = decode(content), decode(averaged(forced, campaign(worlds[0])))
    same = (plain.rows == pushed.rows).all(axis=1)
    assert same.tolist() == [True, True, True, False, True, True]


async def test_a_head_of_weights_is_for_a_head_that_learns_by_gradient_and_serves() -> None:
    _, _, content = await first_round()
    enabled = HeadSettings(enabled=(HeadName.AVERAGE, HeadName.GRADIENT))
    world = learner(settings=msgspec.structs.replace(HALF_HELD, heads=enabled))
    await world.agree()
    standing = await world.offered(head=published(world, content))
    assert standing.judged is not None
    assert standing.judged.outcome is HeadOutcome.UNSUITABLE
    assert standing.in_use is None


async def test_without_such_a_head_a_round_is_declined_before_anything_is_asked() -> None:
    plain = World(Device())
    plain.device.teach(0, 60)
    plain.fleet.task = None
    await plain.agree()
    standing = await plain.offered(offer_of(plain))
    assert (standing.step, plain.fleet.updates) == (RoundStep.UNSUITABLE, [])


@pytest.mark.parametrize("spoil", ["rubbish", "means", "another campaign", "another space"])
async def test_a_round_that_starts_from_what_is_no_such_head_is_declined(spoil: str) -> None:
    _, _, content = await first_round()
    world, head = teacher((0, 1, 2), 20), decode(content)
    if spoil == "rubbish":
        content = b"not a head"
    elif spoil == "another campaign":
        content = encoded(replace(head, campaign="c8"), head.rows)
    elif spoil == "means":
        content = encoded(replace(head, kind=RowKind.MEANS), head.rows[:, :-1])
    offer = published(world, content)
    if spoil == "another space":
        offer = replace(offer, space=replace(offer.space, bundle="ef" * 32))
    standing = await given(world, 2, offer)
    assert (standing.step, world.fleet.updates) == (RoundStep.UNSUITABLE, [])


async def test_it_ends_with_the_backbone_and_with_what_is_forgotten() -> None:
    _, _, content = await first_round()
    world = learner()
    await world.agree()
    offer = published(world, content)
    await world.offered(head=offer)
    world.federating.forgetting("class 5")
    world.device.forget(class_name="class 5")
    assert "class 5" not in world.learner.pair.head.classes
    standing = await world.offered()
    assert standing.in_use is not None
    assert "class 5" not in world.learner.pair.head.classes
    world.learner.swap(open_pair(ProjectionEmbedder("two"), (), world.store, HALF_HELD))
    assert world.learner.pair.blending is None
    assert (await world.offered()).in_use is None
