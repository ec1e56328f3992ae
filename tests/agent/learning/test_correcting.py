"""Corrected and own labels, from the learner down to the store."""

from dataclasses import replace

import msgspec
import pytest

from agent.learning.forgetting import Selection
from agent.learning.kept import Kept
from agent.learning.samples import Origin, Share
from fieldwise.errors import Fault, FieldwiseError
from tests.fakes.taught import ALL_HELD, PLAIN, Device, at, kept_of


def test_own_labels_are_forgotten_together() -> None:
    device, never = Device(), Device()
    for each in (device, never):
        each.teach(0, 12)
    row = device.learner.pair.grid(device.images[13])[0]
    kept = Kept("p1", at(20), device.learner.pair.bundle, row, None)
    outcome = device.learner.label(kept, "class 1", at(20), Origin.SELF)
    assert outcome.share is Share.LEARN
    assert device.learner.figures().window == 12  # no test: the head said it itself
    device.learner.flush()
    assert device.store.counters().self_labelled == {"class 1": 1}
    forgotten = device.forget(origin=Origin.SELF)
    assert (forgotten.samples, forgotten.exact) == (1, 1)
    assert device.statistics().same_as(never.statistics())
    assert device.store.counters().self_labelled == {}


def test_own_labels_take_no_more_than_their_share_of_a_class() -> None:
    device = Device()
    device.teach(0, 12)
    for number in range(2):
        assert device.learner.has_room_for_own("class 1")
        row = device.learner.pair.grid(device.images[13 + 6 * number])[0]
        kept = Kept(f"p{number}", at(20), device.learner.pair.bundle, row, None)
        device.learner.label(kept, "class 1", at(20 + number), Origin.SELF)
    assert not device.learner.has_room_for_own("class 1")
    assert device.learner.has_room_for_own("class 2")


@pytest.mark.parametrize("snapshot_samples", [1, 5, 1000])
@pytest.mark.parametrize("restart", [False, True])
def test_of_two_labels_the_later_wins(snapshot_samples: int, *, restart: bool) -> None:
    settings = msgspec.structs.replace(PLAIN, snapshot_samples=snapshot_samples)
    device, right = Device(settings), Device(settings, skip=lambda number: number == 4)
    for each in (device, right):
        each.teach(0, 20)
    device.learner.flush()
    outcome = device.learner.label(kept_of(device, 4), "class 5", at(30), Origin.CORRECTED)
    assert outcome.share is Share.LEARN
    right.learner.label(kept_of(device, 4), "class 5", at(30), Origin.CORRECTED)
    device.learner.flush()
    if restart:
        device.start()
    assert device.statistics().same_as(right.statistics())
    assert device.learner.figures().learned == 20
    (record,) = device.store.chosen(Selection(sample_id="s4"), 0, 9)
    assert (record.class_name, record.origin) == ("class 5", Origin.CORRECTED)
    assert record.image is not None


def test_a_correction_of_what_is_not_written_yet_leaves_no_trace_of_the_first() -> None:
    device, right = Device(), Device(skip=lambda number: number == 4)
    for each in (device, right):
        each.teach(0, 6)
    for each in (device, right):
        each.learner.label(kept_of(device, 4), "class 5", at(30), Origin.CORRECTED)
        each.learner.flush()
    assert device.statistics().same_as(right.statistics())
    assert [each.id for each in device.store.chosen(Selection(class_name="class 4"), 0, 9)] == []


def test_the_same_label_again_changes_nothing() -> None:
    device = Device()
    device.teach(0, 6)
    before = device.statistics()
    outcome = device.learner.label(kept_of(device, 4), "class 4", at(30), Origin.CORRECTED)
    assert outcome.share is Share.LEARN
    assert device.statistics().same_as(before)
    assert device.learner.figures().learned == 6


def test_a_held_out_sample_that_is_corrected_leaves_its_share_and_is_put_to_no_use() -> None:
    device = Device(ALL_HELD)
    device.teach(0, 60)
    device.learner.flush()
    held = [each for each in device.store.remembered() if each.share is not Share.LEARN]
    before, statistics = device.learner.figures(), device.statistics()
    number = int(held[0].id[1:])
    kept = replace(kept_of(device, number), id=held[0].id)
    outcome = device.learner.label(kept, "class 0 or so", at(99), Origin.CORRECTED)
    assert outcome.share is None
    device.learner.flush()
    after = device.learner.figures()
    assert after.select + after.judge == before.select + before.judge - 1
    assert device.statistics().same_as(statistics)
    assert device.store.known([held[0].id]) == frozenset()


def test_a_label_that_cannot_be_taken_back_is_not_learned_over() -> None:
    device = Device()
    device.teach(0, 12)
    device.evict()
    device.start()
    before = device.statistics()
    with pytest.raises(FieldwiseError, match="cannot be taken back") as caught:
        device.learner.label(kept_of(device, 1, "class 1"), "class 2", at(30), Origin.CORRECTED)
    assert caught.value.fault is Fault.CONFLICT
    assert device.statistics().same_as(before)


def test_a_kept_prediction_is_enough_to_take_back_what_was_learned_of_it() -> None:
    device, right = Device(), Device(skip=lambda number: number == 11)
    for each in (device, right):
        each.teach(0, 12)
    device.evict()  # the newest record of each class stays, without features or image
    device.learner.label(kept_of(device, 11, "class 5"), "class 2", at(30), Origin.CORRECTED)
    right.learner.label(kept_of(device, 11), "class 2", at(30), Origin.CORRECTED)
    assert device.statistics().same_as(right.statistics())


def test_somebody_s_word_outweighs_the_agent_s_own() -> None:
    device = Device()
    device.teach(0, 12)
    kept = replace(kept_of(device, 13), id="p13")
    device.learner.label(kept, "class 1", at(20), Origin.SELF)
    device.learner.label(kept, "class 1", at(21), Origin.ASKED)
    device.learner.flush()
    (record,) = device.store.chosen(Selection(sample_id="p13"), 0, 9)
    assert record.origin is Origin.ASKED
    assert device.store.counters().self_labelled == {}
    assert device.learner.figures().learned == 13
