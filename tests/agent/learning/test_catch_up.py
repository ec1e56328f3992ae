from collections.abc import Callable
from dataclasses import replace
from random import Random

import msgspec
import numpy as np
import pytest

from agent.learning.catch_up import Progress, evaluate, open_pair
from agent.learning.learner import Learner
from agent.learning.samples import Group, Share
from agent.learning.settings import HoldoutSettings, LearningSettings
from agent.learning.stopping import Stopped, never
from fieldwise import head
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.head import Statistics
from fieldwise.head_file import decode, encode
from tests.fakes.embedder import WIDTH, ProjectionEmbedder
from tests.fakes.samples import MemorySamples
from tests.fakes.scenes import Scenes

SETTINGS = LearningSettings(holdout=HoldoutSettings(learned_first=2))
OLD, NEW = ProjectionEmbedder("old"), ProjectionEmbedder("new", WIDTH + 5)


def teach(learner: Learner, scenes: Scenes, numbers: range) -> None:
    for number in numbers:
        place = number % 6
        learner.teach(
            f"s{number}", scenes.image(place), scenes.names[place], "", 1000.0 + 60 * number
        )


def device(settings: LearningSettings = SETTINGS) -> tuple[Learner, MemorySamples, Scenes]:
    store, scenes = MemorySamples(), Scenes(0)
    learner = Learner(open_pair(OLD, (), store, settings), store, settings, Random(3))
    teach(learner, scenes, range(100))
    return learner, store, scenes


def ignore(progress: Progress) -> None:
    """Nobody looks on."""


def taught_directly(embedder: ProjectionEmbedder, count: int) -> Statistics:
    """What a device has learned that had this backbone all along."""
    store, scenes = MemorySamples(), Scenes(0)
    learner = Learner(open_pair(embedder, (), store, SETTINGS), store, SETTINGS, Random(3))
    teach(learner, scenes, range(count))
    return learner.pair.statistics()


def starter() -> Statistics:
    rows = np.random.default_rng(4).integers(-900, 900, (9, WIDTH + 5)).astype(np.int16)
    nothing = head.empty(NEW.bundle, NEW.manifest.transform, WIDTH + 5)
    return head.learn(nothing, rows, ["from the publisher"] * 9)


def test_a_head_rebuilt_from_all_images_is_the_one_learned_directly() -> None:
    learner, _, _ = device()
    pair = learner.rebuild(NEW, (), ignore, never)
    assert pair.statistics().same_as(taught_directly(NEW, 100))


def test_the_old_pair_serves_until_the_swap_and_comes_back_after() -> None:
    learner, _, scenes = device()
    pair = learner.rebuild(NEW, (), ignore, never)
    assert learner.pair.bundle == OLD.bundle
    old = learner.swap(pair)
    assert learner.pair.bundle == NEW.bundle
    assert learner.pair.look(scenes.image(1), 5).ranking.best == "class 1"
    learner.swap(old)
    assert learner.pair.bundle == OLD.bundle
    assert learner.pair.statistics().same_as(taught_directly(OLD, 100))


def test_what_is_taught_during_a_rebuild_is_learned_before_the_swap() -> None:
    learner, _, scenes = device()
    pair = learner.rebuild(NEW, (), ignore, never)
    teach(learner, scenes, range(100, 145))
    learner.swap(pair)
    assert learner.pair.statistics().same_as(taught_directly(NEW, 145))


def test_what_is_taught_after_the_swap_is_learned_when_going_back() -> None:
    learner, _, scenes = device()
    old = learner.swap(learner.rebuild(NEW, (), ignore, never))
    teach(learner, scenes, range(100, 145))
    learner.swap(old)
    assert learner.pair.statistics().same_as(taught_directly(OLD, 145))


def test_a_restart_after_the_swap_finds_the_new_pair_complete() -> None:
    learner, store, scenes = device()
    learner.swap(learner.rebuild(NEW, (), ignore, never))
    teach(learner, scenes, range(100, 145))
    learner.flush()
    again = open_pair(NEW, (), store, SETTINGS)
    assert again.statistics().same_as(taught_directly(NEW, 145))
    assert again.covered == 145


def test_a_restart_after_the_swap_finds_the_old_pair_complete_to_go_back_to() -> None:
    nothing_held = msgspec.structs.replace(SETTINGS, exemplar_bytes_max=0, feature_log_bytes_max=0)
    learner, store, _ = device(nothing_held)
    learner.swap(learner.rebuild(NEW, (), ignore, never))
    again = open_pair(OLD, (), store, nothing_held)
    assert again.statistics().same_as(taught_directly(OLD, 100))


def test_progress_is_told_and_a_stop_heeded() -> None:
    learner, _, _ = device()
    seen: list[Progress] = []
    learner.rebuild(NEW, (), seen.append, never)
    learned = learner.figures().learned
    assert [progress.done for progress in seen][-1] == learned
    assert {progress.images for progress in seen} == {learned}
    with pytest.raises(Stopped):
        learner.rebuild(NEW, (), ignore, lambda: True)
    assert learner.pair.bundle == OLD.bundle


def test_a_failing_graph_leaves_the_old_pair_serving() -> None:
    learner, _, scenes = device()
    broken = ProjectionEmbedder("broken")
    broken.broken = True
    with pytest.raises(FieldwiseError) as error:
        learner.rebuild(broken, (), ignore, never)
    assert error.value.fault is Fault.GRAPH_FAILED
    teach(learner, scenes, range(100, 110))
    assert learner.pair.statistics().same_as(taught_directly(OLD, 110))


def test_a_full_disk_at_the_swap_leaves_the_old_pair_serving() -> None:
    learner, store, _ = device()
    pair = learner.rebuild(NEW, (), ignore, never)
    store.full = True
    with pytest.raises(FieldwiseError):
        learner.swap(pair)
    assert learner.pair.bundle == OLD.bundle


def test_a_starter_head_is_what_learning_adds_to() -> None:
    learner, _, _ = device()
    pair = learner.rebuild(NEW, [starter()], ignore, never)
    assert pair.statistics().same_as(head.merge(taught_directly(NEW, 100), starter()))
    fresh = open_pair(NEW, [starter()], MemorySamples(), SETTINGS)
    assert fresh.head.classes == ("from the publisher",)


def test_a_starter_of_another_bundle_is_refused() -> None:
    with pytest.raises(FieldwiseError) as error:
        open_pair(OLD, [starter()], MemorySamples(), SETTINGS)
    assert error.value.fault is Fault.BUNDLE_INVALID


def test_both_pairs_are_asked_for_the_same_held_out_samples() -> None:
    learner, store, _ = device()
    pair = learner.rebuild(NEW, (), ignore, never)
    old = evaluate(learner.pair, store, Share.JUDGE)
    new = evaluate(pair, store, Share.JUDGE)
    assert old.samples == new.samples == learner.figures().judge > 0


def test_forgotten_images_are_missing_from_a_rebuilt_head_and_nowhere_else() -> None:
    learner, store, _ = device()
    learner.flush()
    before = learner.pair.statistics()
    learned = [each.id for each in store.remembered() if each.share is Share.LEARN]
    store.commit(Group((), tuple(learned[:10]), store.counters()))
    assert open_pair(OLD, (), store, SETTINGS).statistics().same_as(before)
    assert open_pair(NEW, (), store, SETTINGS).total == before.total - 10


def test_a_sample_whose_image_can_no_longer_be_read_is_carried_over() -> None:
    learner, store, _ = device()
    learner.flush()
    store.spoil("s0")
    pair = learner.rebuild(NEW, (), ignore, never)
    assert pair.total == learner.pair.total
    assert pair.carried == {"class 0": 1}


def other_bundle(content: bytes) -> bytes:
    return content.replace(OLD.bundle.encode(), NEW.bundle.encode())


def no_covariance(content: bytes) -> bytes:
    """Readable statistics that no samples have: two features vary together more than each alone."""
    snapshot = msgspec.msgpack.decode(content)
    found = decode(snapshot["statistics"][0])
    scatter = found.scatter.copy()
    scatter[0, 1] = scatter[1, 0] = 2**52
    damaged = encode(replace(found, scatter=scatter))
    return msgspec.msgpack.encode(snapshot | {"statistics": [damaged]})


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"rubbish",
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: bytes(len(content)),
        other_bundle,
        no_covariance,
    ],
)
def test_a_damaged_snapshot_costs_what_is_held_no_longer_and_nothing_else(
    damage: Callable[[bytes], bytes],
) -> None:
    learner, store, scenes = device()
    learner.close()
    whole = store.load_snapshot(OLD.bundle)
    assert whole is not None
    store.save_snapshot(replace(whole, content=damage(whole.content)), 1 << 20)
    pair = open_pair(OLD, (), store, SETTINGS)
    assert pair.lost == 0
    assert pair.statistics().same_as(learner.pair.statistics())
    images = [each.id for each in store.remembered() if each.share is Share.LEARN]
    store.commit(Group((), tuple(images[:10]), store.counters()))
    store.save_snapshot(replace(whole, content=damage(whole.content)), 0)
    pair = open_pair(OLD, (), store, SETTINGS)
    assert pair.lost == 10
    assert pair.total == learner.pair.total - 10
    again = Learner(pair, store, SETTINGS, Random(3))
    teach(again, scenes, range(100, 110))
    again.close()
    kept = open_pair(OLD, (), store, SETTINGS)
    assert kept.lost == 10
    assert kept.statistics().same_as(pair.statistics())


def test_after_a_change_of_backbone_no_held_out_image_is_looked_at_again() -> None:
    learner, store, scenes = device()
    embedder = ProjectionEmbedder("new", WIDTH + 5)
    pair = learner.rebuild(embedder, (), ignore, never)
    learner.embed_held_out(pair, never)
    learner.swap(pair)
    seen = embedder.seen
    first = learner.select_tally()
    assert first.samples == learner.figures().select > 0
    teach(learner, scenes, range(100, 140))
    learner.flush()
    assert learner.select_tally().samples >= first.samples
    assert embedder.seen == seen + 40
    restarted = Learner(open_pair(embedder, (), store, SETTINGS), store, SETTINGS, Random(3))
    assert restarted.select_tally() == learner.select_tally()
    assert embedder.seen == seen + 40


def test_a_stop_is_heeded_while_held_out_images_are_looked_at() -> None:
    learner, _, _ = device()
    pair = learner.rebuild(NEW, (), ignore, never)
    with pytest.raises(Stopped):
        learner.embed_held_out(pair, lambda: True)


def test_settings_that_come_while_a_pair_is_made_hold_for_it() -> None:
    learner, store, _ = device()
    pair = learner.rebuild(NEW, (), ignore, never)
    changed = replace_settings(shrinkage=3.0)
    learner.configure(changed)
    learner.swap(pair)
    same = open_pair(NEW, (), store, changed)
    assert np.array_equal(learner.pair.head.weights, same.head.weights)
    first = Learner(open_pair(NEW, (), store, SETTINGS), store, changed, Random(3))
    assert np.array_equal(first.pair.head.weights, same.head.weights)


def replace_settings(**changes: float) -> LearningSettings:
    return msgspec.structs.replace(SETTINGS, **changes)
