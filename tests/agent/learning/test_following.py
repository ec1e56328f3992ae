"""What is taught between the making of a pair and its switch, whatever becomes of the images."""

from random import Random

import pytest

from agent.learning.catch_up import open_pair
from agent.learning.forgetting import Selection
from agent.learning.kept import Kept
from agent.learning.learner import Learner
from agent.learning.moving import Move
from agent.learning.pair import Pair
from agent.learning.samples import Group, Origin, Sample, Share
from agent.learning.stopping import never
from fieldwise.errors import Fault, FieldwiseError
from tests.fakes.embedder import WIDTH, ProjectionEmbedder
from tests.fakes.moves import NEW, OLD, SETTINGS, TAUGHT, Device, ignore

LESSONS = 40


def lessons(device: Device, first: int = TAUGHT) -> None:
    for number in range(first, first + LESSONS):
        device.teach(number)


def drop_images(device: Device) -> None:
    """What there was of images since is made room of."""
    device.learner.flush()
    images = tuple(each.id for each in device.store.remembered() if each.share is Share.LEARN)
    device.store.commit(Group((), images, device.store.counters()))


def made(device: Device, embedder: ProjectionEmbedder = NEW) -> Pair:
    return device.learner.rebuild(embedder, (), ignore, never)


def test_lessons_reach_a_pair_that_waits_though_their_images_go() -> None:
    device = Device(60)
    pair = made(device)
    before = pair.total
    lessons(device)
    drop_images(device)
    device.learner.swap(pair)
    assert pair.total == device.learner.pair.total > before
    assert pair.total == device.store.counters().learned


def test_lessons_while_a_pair_is_settled_reach_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    device, genuine = Device(60), Move.settle

    def settle(move: Move, should_stop: object) -> object:
        lessons(device)
        drop_images(device)
        return genuine(move, never)

    monkeypatch.setattr(Move, "settle", settle)
    pair = made(device)
    assert pair.total == device.learner.pair.total == device.store.counters().learned


def test_following_gives_the_statistics_that_catching_up_gives() -> None:
    followed, caught_up = Device(TAUGHT), Device(TAUGHT)
    pair, other = made(followed), made(caught_up)
    lessons(followed)
    restarted = Learner(
        open_pair(OLD, (), caught_up.store, SETTINGS), caught_up.store, SETTINGS, Random(3)
    )
    caught_up.learner = restarted
    lessons(caught_up)
    followed.learner.swap(pair)
    restarted.swap(other)
    assert pair.statistics().same_as(other.statistics())
    assert pair.head.classes == other.head.classes


def test_the_head_that_is_judged_stays_as_it_is_until_the_switch() -> None:
    device = Device(60)
    pair = made(device)
    head = pair.head
    lessons(device)
    assert pair.head is head
    device.learner.swap(pair)
    assert pair.head is not head


def test_a_backbone_that_fails_on_a_lesson_costs_no_lesson_and_meets_it_at_the_switch() -> None:
    device, embedder = Device(60), ProjectionEmbedder("new", WIDTH + 5)
    pair = made(device, embedder)
    embedder.broken = True
    lessons(device)
    device.learner.flush()
    assert device.learner.pair.total == device.store.counters().learned
    with pytest.raises(FieldwiseError) as caught:
        device.learner.swap(pair)
    assert caught.value.fault is Fault.GRAPH_FAILED
    embedder.broken = False
    device.learner.swap(pair)
    assert pair.total == device.store.counters().learned


def test_what_was_forgotten_serves_in_no_pair_that_was_made_before() -> None:
    device = Device(60)
    pair = made(device)
    device.learner.forget(Selection(class_name="class 2"))
    lessons(device)
    with pytest.raises(FieldwiseError) as caught:
        device.learner.swap(pair)
    assert caught.value.fault is Fault.CONFLICT
    assert device.learner.pair.bundle == OLD.bundle
    again = made(device)
    device.learner.swap(again)
    assert again.total == device.store.counters().learned


def newest(device: Device) -> Sample:
    device.learner.flush()
    for number in reversed(range(TAUGHT + LESSONS)):
        found = device.store.chosen(Selection(sample_id=f"s{number}"), 0, 1)
        if found and found[0].share is Share.LEARN:
            return found[0]
    raise AssertionError


def correct(device: Device, sample: Sample) -> None:
    assert sample.grid is not None
    kept = Kept(sample.id, sample.time, OLD.bundle, sample.grid, None, sample.class_name)
    name = next(each for each in device.scenes.names if each != sample.class_name)
    device.learner.label(kept, name, 99_999.0, Origin.CORRECTED)


def test_a_lesson_that_is_corrected_leaves_a_pair_that_learned_it() -> None:
    device = Device(60)
    pair = made(device)
    lessons(device)
    sample = newest(device)
    known = pair.count(sample.class_name)
    correct(device, sample)
    assert pair.count(sample.class_name) == known - 1
    device.learner.swap(pair)
    assert pair.total == device.store.counters().learned


def test_a_lesson_that_cannot_be_taken_back_keeps_its_pair_from_serving() -> None:
    device = Device(TAUGHT)  # nothing is carried, so nothing can be scaled down
    pair = made(device)
    lessons(device)
    drop_images(device)
    correct(device, newest(device))
    with pytest.raises(FieldwiseError) as caught:
        device.learner.swap(pair)
    assert caught.value.fault is Fault.CONFLICT


def test_an_orderly_stop_keeps_what_a_pair_has_learned_since_it_was_made() -> None:
    device = Device(60)
    pair = made(device)
    lessons(device)
    drop_images(device)
    device.learner.close()
    stored = open_pair(NEW, (), device.store, SETTINGS)
    assert stored.statistics().same_as(pair.statistics())
    assert stored.total == device.store.counters().learned


def test_a_pair_that_was_stored_follows_again() -> None:
    device = Device(60)
    made(device)
    pair = open_pair(NEW, (), device.store, SETTINGS)
    lessons(device)
    device.learner.embed_held_out(pair, never)
    lessons(device, TAUGHT + LESSONS)
    drop_images(device)
    device.learner.swap(pair)
    assert pair.total == device.store.counters().learned


def test_who_has_served_follows_no_more() -> None:
    device, embedder = Device(60), ProjectionEmbedder("new", WIDTH + 5)
    pair = made(device, embedder)
    device.learner.swap(pair)
    old = device.learner.swap(open_pair(OLD, (), device.store, SETTINGS))
    assert old is pair
    seen = embedder.seen
    lessons(device)
    assert embedder.seen == seen


def test_what_is_forgotten_while_a_stored_pair_is_opened_serves_in_it_neither() -> None:
    device = Device(60)
    made(device)
    since = device.learner.changes
    pair = open_pair(NEW, (), device.store, SETTINGS)
    device.learner.forget(Selection(class_name="class 2"))
    device.teach(TAUGHT)  # a lesson after which nothing of the pair is older than the forgetting
    device.learner.embed_held_out(pair, never, since)
    with pytest.raises(FieldwiseError) as caught:
        device.learner.swap(pair)
    assert caught.value.fault is Fault.CONFLICT


def test_a_correction_of_what_waits_to_be_learned_is_in_no_stored_pair() -> None:
    device, idle = Device(TAUGHT), [True]
    store = device.store
    pair = open_pair(OLD, (), store, SETTINGS)
    device.learner = Learner(pair, store, SETTINGS, Random(3), may_learn=lambda: idle[0])
    waiting = made(device)
    idle[0] = False
    lessons(device)
    device.learner.close()
    assert waiting.total > device.learner.pair.total
    correct(device, newest(device))
    device.learner.flush()
    stored = open_pair(NEW, (), store, SETTINGS)
    assert stored.total == store.counters().learned
