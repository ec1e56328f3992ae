"""Labels that come while other things happen: corrections, kills, other backbones, settings."""

from collections.abc import Callable
from dataclasses import replace
from random import Random

import msgspec
import numpy as np
import pytest

from agent.learning.catch_up import Progress
from agent.learning.forgetting import Selection
from agent.learning.holdings import held_bytes
from agent.learning.kept import Kept
from agent.learning.learner import Learner
from agent.learning.pair import UNTUNED, Pair
from agent.learning.samples import Group, Origin, Share
from agent.learning.settings import MIB, HeadName, HeadSettings, LearningSettings
from agent.learning.stopping import never
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.inputs import exemplar
from tests.fakes.embedder import ProjectionEmbedder
from tests.fakes.scenes import Scenes
from tests.fakes.taught import ALL_HELD, PLAIN, Device, at, kept_of

OTHER = ProjectionEmbedder("another")


def with_heads(settings: LearningSettings, *enabled: HeadName, **more: float) -> LearningSettings:
    heads = HeadSettings(enabled=enabled, **more)
    return msgspec.structs.replace(settings, heads=heads)


def rebuilt(device: Device, progress: Callable[[Progress], None] = lambda _: None) -> Pair:
    return device.learner.rebuild(OTHER, (), progress, never)


def correct(device: Device, number: int = 4, class_name: str = "class 5") -> None:
    """From the image, so that it can be learned on any backbone."""
    kept = replace(kept_of(device, number), bundle="", image=exemplar(device.images[number]))
    device.learner.label(kept, class_name, at(30), Origin.CORRECTED)


@pytest.fixture
def device() -> Device:
    taught = Device()
    taught.teach(0, 12)
    taught.learner.flush()
    return taught


@pytest.fixture
def right() -> Device:
    """What was corrected was never taught wrongly here."""
    taught = Device(skip=lambda number: number == 4)
    taught.teach(0, 12)
    correct(taught)
    return taught


def test_what_is_learned_after_a_forgetting_and_a_start_survives_a_kill(device: Device) -> None:
    device.forget(class_name="class 1")
    device.learner.close()
    device.start()
    device.teach(12, 13)
    device.learner.flush()
    learned = device.statistics()
    device.start()
    assert device.statistics().same_as(learned)
    assert device.statistics().total == 11


def test_a_label_that_is_put_to_no_use_takes_no_later_sample_with_it() -> None:
    device = Device(ALL_HELD)
    device.teach(0, 60)
    number, held = 60, Share.LEARN
    while held is Share.LEARN:
        outcome = device.learner.teach(f"s{number}", device.images[0], "class 0", "", at(number))
        held, number = outcome.share or Share.LEARN, number + 1
    seen = at(number - 1) + 1
    device.learner.flush()
    kept = replace(kept_of(device, 1), id="p", time=seen)
    for name in ("class 1", "class 0"):  # the second belongs to the scene that is held out
        device.learner.label(kept, name, seen, Origin.CORRECTED)
    device.learner.close()
    device.start()
    device.learner.teach("after", device.images[2], "new", "", at(number + 9))
    device.learner.flush()
    learned = device.statistics()
    device.start()
    assert device.statistics().same_as(learned)


def test_a_correction_reaches_a_pair_that_is_about_to_serve(device: Device, right: Device) -> None:
    pair = rebuilt(device)
    correct(device)
    device.learner.swap(pair)
    right.learner.swap(rebuilt(right))
    assert device.statistics().same_as(right.statistics())


def test_a_correction_while_a_pair_is_being_made_leaves_no_trace_in_it(
    device: Device, right: Device
) -> None:
    corrections = iter([4])

    def interrupt(_: Progress) -> None:
        for number in corrections:
            correct(device, number)

    device.learner.swap(rebuilt(device, interrupt))
    right.learner.swap(rebuilt(right))
    assert device.statistics().same_as(right.statistics())


def test_a_correction_reaches_the_pair_that_served_before(device: Device, right: Device) -> None:
    old = device.learner.swap(rebuilt(device))
    correct(device)
    device.learner.swap(old)
    assert device.statistics().same_as(right.statistics())


def test_a_pair_that_cannot_give_back_what_was_corrected_does_not_serve(
    device: Device, right: Device
) -> None:
    pair = rebuilt(device)
    device.store.commit(Group((), ("s4",), device.store.counters()))  # its image is gone
    correct(device)
    assert pair.stale
    with pytest.raises(FieldwiseError) as caught:
        device.learner.swap(pair)
    assert caught.value.fault is Fault.CONFLICT
    device.learner.swap(rebuilt(device))
    right.learner.swap(rebuilt(right))
    assert device.statistics().same_as(right.statistics())


def test_what_waits_to_be_learned_goes_on_waiting_where_a_switch_fails(device: Device) -> None:
    right, learned = Device(), device.learner.pair
    right.teach(0, 14)
    may_learn = False
    device.learner = Learner(learned, device.store, device.settings, Random(7), lambda: may_learn)
    device.teach(12, 13)
    pair = rebuilt(device)
    device.store.full = True
    with pytest.raises(FieldwiseError) as caught:
        device.learner.swap(pair)
    assert caught.value.fault is Fault.DISK_FULL
    device.store.full, may_learn = False, True
    device.teach(13, 14)
    device.learner.catch_up(never)
    assert device.statistics().same_as(right.statistics())


def test_the_same_label_again_is_not_learned_twice_though_its_record_is_gone(
    device: Device,
) -> None:
    kept = replace(kept_of(device, 13), id="p")
    device.learner.label(kept, "class 1", at(20), Origin.CORRECTED)
    device.teach(19, 20)  # a newer one of the class: the record of the other may go
    device.evict()
    assert device.store.known(["p"]) == frozenset()
    before = device.statistics()
    again = replace(kept, label="class 1")
    assert device.learner.label(again, "class 1", at(40), Origin.CORRECTED).share is Share.LEARN
    assert device.statistics().same_as(before)


def test_features_that_are_not_the_learned_ones_take_nothing_back(device: Device) -> None:
    """Some views alone saw the prediction: its label was learned from an image."""
    kept = replace(kept_of(device, 11), bundle="", image=exemplar(device.images[5]))
    device.evict()
    before = device.statistics()
    with pytest.raises(FieldwiseError, match="cannot be taken back") as caught:
        device.learner.label(kept, "class 2", at(30), Origin.CORRECTED)
    assert caught.value.fault is Fault.CONFLICT
    assert device.statistics().same_as(before)


def test_a_frame_of_a_judged_scene_is_not_learned_however_late_its_label_comes() -> None:
    device = Device(ALL_HELD)
    device.teach(0, 60)
    number, share = 60, Share.LEARN
    while share is not Share.JUDGE:
        outcome = device.learner.teach(f"s{number}", device.images[0], "class 0", "", at(number))
        share, number = outcome.share or Share.LEARN, number + 1
    before = device.statistics()
    kept = replace(kept_of(device, 0), id="p", time=at(number - 1) + 1)
    outcome = device.learner.label(kept, "class 0", at(number + 60), Origin.CORRECTED)
    assert outcome.share is None
    assert device.statistics().same_as(before)


def test_held_out_samples_without_room_for_images_do_not_pile_up() -> None:
    settings = msgspec.structs.replace(
        ALL_HELD, holdout_bytes_share=0.0, feature_log_bytes_max=0, snapshot_samples=10
    )
    device = Device(settings)
    for number in range(200):
        image, name = device.images[number % 60], f"class {number % 6}"
        device.learner.teach(f"s{number}", image, name, "", at(number))
    device.learner.close()
    records = device.store.chosen(Selection(since=0.0), 0, 999)
    assert sum(each.share is not Share.LEARN for each in records) <= 6


def test_an_image_that_was_let_go_and_taught_again_is_held_as_counted(device: Device) -> None:
    nothing = msgspec.structs.replace(PLAIN, exemplar_bytes_max=0)
    device.learner.configure(nothing)  # all images are to go, with the next group
    device.learner.configure(PLAIN)
    correct(device)
    device.learner.flush()
    assert [each.id for each in device.store.remembered()] == ["s4"]
    assert device.learner.figures().exemplars == 1


def test_heads_that_were_left_out_for_want_of_memory_stay_so_after_a_forgetting() -> None:
    wanted = with_heads(PLAIN, HeadName.DISCRIMINANT, HeadName.GRADIENT)
    device = Device(msgspec.structs.replace(wanted, memory_bytes_max=MIB))
    device.teach(0, 12)
    device.forget(class_name="class 1")
    assert list(device.learner.pair.heads) == ["discriminant"]
    assert held_bytes(device.learner.pair, [device.embedder]) <= MIB


def test_what_fades_is_not_held_against_a_batch_solve() -> None:
    device = Device(with_heads(ALL_HELD, HeadName.DECAYED, HeadName.AVERAGE))
    device.teach(0, 60)
    device.learner.checkpoint()
    assert device.learner.track().gap == (0, 0)


def tuned() -> Device:
    device, scenes = Device(msgspec.structs.replace(ALL_HELD, shrinkage=0.01)), Scenes(1)
    for number in range(300):
        device.learner.teach(
            f"s{number}", scenes.image(number % 6), f"class {number % 6}", "", at(number)
        )
    device.learner.tune(never)
    assert device.learner.pair.calibrated
    assert device.learner.tracker.judge(0.0) is not None
    return device


def test_another_shrinkage_ends_what_was_measured_of_scores_as_they_were() -> None:
    device = tuned()
    device.learner.configure(msgspec.structs.replace(device.learner.settings, shrinkage=10.0))
    assert device.learner.tracker.judge(0.0) is None
    assert not device.learner.pair.calibrated
    assert device.learner.tuning_is_due


@pytest.mark.parametrize("heads", [False, True])
def test_settings_that_changed_between_two_starts_end_it_too(*, heads: bool) -> None:
    device = tuned()
    device.learner.close()
    device.start()
    assert device.learner.pair.calibrated
    assert device.learner.tracker.judge(0.0) is not None
    another = HeadName.RIDGE if device.learner.pair.champion != "ridge" else HeadName.AVERAGE
    changed = msgspec.structs.replace(device.settings, shrinkage=10.0)
    device.settings = with_heads(device.settings, another) if heads else changed
    device.start()
    assert device.learner.pair.calibrated == heads
    assert device.learner.tracker.judge(0.0) is None


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("meant", [{"class_name": "class 2"}, {"sample_id": "s7"}])
def test_what_was_chosen_on_what_is_forgotten_goes_with_it(
    meant: dict[str, str], *, strict: bool
) -> None:
    device = tuned()
    device.forget(strict=strict, **meant)
    for _ in range(2):
        assert device.learner.pair.tuning == UNTUNED
        assert not device.learner.pair.calibrated
        assert device.learner.tuning_is_due
        device.start()
    device.learner.tune(never)
    assert device.learner.pair.calibrated


def test_what_was_chosen_stays_where_nothing_was_learned_of_what_is_forgotten() -> None:
    device = tuned()
    device.learner.forget(Selection(since=at(10_000)), ("p1",))
    assert device.learner.pair.calibrated
    assert not device.learner.tuning_is_due


def test_another_head_is_not_held_against_the_yardstick_of_the_last() -> None:
    device = tuned()
    another = HeadName.RIDGE if device.learner.pair.champion != "ridge" else HeadName.AVERAGE
    device.learner.configure(with_heads(device.learner.settings, another))
    assert device.learner.pair.champion == another
    assert device.learner.tracker.judge(0.0) is None
    device.learner.tune(never)
    assert device.learner.tracker.judge(0.0) is not None
    device.learner.configure(msgspec.structs.replace(device.learner.settings, group_samples=7))
    assert device.learner.tracker.judge(0.0) is not None  # of no concern to it


@pytest.mark.parametrize("restart", [False, True])
def test_a_champion_that_a_correction_emptied_gives_way_to_one_that_knows(*, restart: bool) -> None:
    device = Device(with_heads(PLAIN, HeadName.DECAYED, HeadName.AVERAGE))
    device.teach(0, 12)
    assert device.learner.pair.champion == "decayed"
    correct(device)
    if restart:
        device.learner.close()
        device.start()
    assert device.learner.pair.champion == "average"
    assert len(device.learner.pair.look(device.images[1], 9).ranking.classes) == 6


def test_a_champion_that_a_forgetting_emptied_gives_way_to_one_that_knows() -> None:
    device = Device(with_heads(PLAIN, HeadName.DECAYED, HeadName.AVERAGE))
    device.teach(0, 12)
    device.forget(sample_id="s4")
    assert device.learner.pair.champion == "average"
    assert len(device.learner.pair.look(device.images[1], 9).ranking.classes) == 6


def test_another_half_life_is_adopted_at_once() -> None:
    heads = HeadName.AVERAGE, HeadName.DECAYED
    slow = Device(with_heads(PLAIN, *heads, half_life_samples=1e6))
    quick = Device(with_heads(PLAIN, *heads, half_life_samples=10.0))
    slow.learner.configure(quick.settings)
    for each in (slow, quick):
        each.teach(0, 60)
        each.learner.pair.settle()
    row = kept_of(slow, 1).grid[None]
    one, other = (each.learner.pair.heads["decayed"].scores(row) for each in (slow, quick))
    assert np.array_equal(one, other)


def test_a_strict_forgetting_is_tuned_anew() -> None:
    device = tuned()
    device.forget(class_name="class 1", strict=True)
    assert device.learner.tuning_is_due
    assert device.learner.tracker.judge(0.0) is None


def test_features_of_forgotten_samples_leave_the_memory() -> None:
    device = Device(ALL_HELD)
    device.teach(0, 60)
    device.learner.flush()
    held = device.store.chosen(Selection(class_name="class 0"), 0, 99)
    device.learner.pair.held_out.update({each.id: np.zeros(24, np.int16) for each in held})
    device.forget(class_name="class 0")
    assert not device.learner.pair.held_out


def test_kept_predictions_of_another_backbone_need_their_image(device: Device) -> None:
    kept = Kept("p", at(9), "another", np.zeros(24, np.int16), None)
    with pytest.raises(FieldwiseError, match="features of an earlier backbone"):
        device.learner.label(kept, "class 1", at(20), Origin.CORRECTED)
