import dataclasses
import threading
from random import Random

import msgspec
import numpy as np
import pytest

from agent.learning.catch_up import evaluate, open_pair
from agent.learning.learner import Learner
from agent.learning.samples import Origin, Share
from agent.learning.settings import MIB, HoldoutSettings, LearningSettings
from fieldwise import head
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.images import decode
from tests.fakes.embedder import ProjectionEmbedder
from tests.fakes.samples import MemorySamples
from tests.fakes.scenes import Scenes

PLAIN = LearningSettings(holdout=HoldoutSettings(select_share=0, judge_share=0))
ALL_HELD = LearningSettings(
    holdout=HoldoutSettings(select_share=0.4, judge_share=0.4, learned_first=2)
)


class Device:
    """A learner over a store that outlives it, as a device's does."""

    def __init__(self, settings: LearningSettings = PLAIN, seed: int = 0) -> None:
        self.store = MemorySamples()
        self.embedder = ProjectionEmbedder()
        self.settings = settings
        self.scenes = Scenes(seed)
        self.taught = 0
        self.start()

    def start(self) -> None:
        pair = open_pair(self.embedder, (), self.store, self.settings)
        self.learner = Learner(pair, self.store, self.settings, Random(7))

    def teach(self, count: int, classes: int = 6) -> None:
        for _ in range(count):
            place = self.taught % classes
            self.learner.teach(
                f"s{self.taught}",
                self.scenes.image(place),
                self.scenes.names[place],
                "",
                1000.0 + 60 * self.taught,
            )
            self.taught += 1


def fault_of(error: pytest.ExceptionInfo[FieldwiseError]) -> Fault:
    return error.value.fault


def test_a_sample_is_predicted_before_it_is_learned() -> None:
    device = Device()
    image = device.scenes.image(0)
    first = device.learner.teach("a", image, "cup", "", 0)
    second = device.learner.teach("b", image, "mug", "", 10)
    assert (first.predicted, first.share) == ("", Share.LEARN)
    assert second.predicted == "cup"
    assert set(device.learner.pair.look(image, 2).ranking.classes) == {"cup", "mug"}


def test_learning_sample_by_sample_is_learning_all_at_once() -> None:
    device = Device()
    scenes = Scenes(0)
    device.teach(100)
    pair = device.learner.pair
    images = [scenes.image(number % 6) for number in range(100)]
    at_once = head.learn(
        head.empty(pair.bundle, pair.embedder.manifest.transform, 24),
        np.concatenate([pair.grid(image) for image in images]),
        [scenes.names[number % 6] for number in range(100)],
    )
    assert pair.statistics().same_as(at_once)


def test_it_learns_what_it_is_taught() -> None:
    device = Device()
    device.teach(120)
    device.learner.pair.settle()
    looks = [device.learner.pair.look(device.scenes.image(place), 1) for place in range(6)]
    assert [look.ranking.best for look in looks] == device.scenes.names
    figures = device.learner.figures()
    assert (figures.learned, figures.classes, figures.exemplars) == (120, 6, 120)
    assert figures.window_correct > 100
    assert figures.window_last_label_correct == 0


def test_held_out_scenes_are_never_learned() -> None:
    device = Device(ALL_HELD)
    device.teach(120)
    figures = device.learner.figures()
    assert figures.learned + figures.select + figures.judge == 120
    assert figures.select > 20
    assert figures.judge > 20
    assert device.learner.pair.total == figures.learned
    device.learner.flush()
    tally = evaluate(device.learner.pair, device.store, Share.SELECT)
    assert tally.samples == figures.select
    assert tally.correct > 0.8 * tally.samples


def test_learned_samples_cannot_be_used_to_evaluate() -> None:
    device = Device()
    with pytest.raises(FieldwiseError):
        evaluate(device.learner.pair, device.store, Share.LEARN)


@pytest.mark.parametrize("snapshot_samples", [1, 40, 1000])
def test_a_restart_resumes_to_the_bit(snapshot_samples: int) -> None:
    settings = msgspec.structs.replace(ALL_HELD, snapshot_samples=snapshot_samples)
    device, steady = Device(settings), Device(settings)
    for count in (45, 1, 33, 64):
        device.teach(count)
        device.learner.flush()
        device.start()
    steady.teach(143)
    assert device.learner.pair.statistics().same_as(steady.learner.pair.statistics())
    resumed, unbroken = device.learner.figures(), steady.learner.figures()
    # A restart solves the head before its time is due, so what it says meanwhile may differ.
    assert dataclasses.replace(resumed, window_correct=unbroken.window_correct) == unbroken


def test_a_kill_takes_at_most_the_group_that_waits() -> None:
    device, steady = Device(), Device()
    device.teach(32 + 31)
    device.start()
    steady.teach(32)
    assert device.learner.pair.statistics().same_as(steady.learner.pair.statistics())


def test_after_close_there_is_nothing_to_replay() -> None:
    device = Device()
    device.teach(50)
    device.learner.close()
    snapshot = device.store.load_snapshot(device.embedder.bundle)
    assert snapshot is not None
    assert snapshot.sequence == 50


def test_an_id_taught_twice_counts_once() -> None:
    device = Device()
    for _ in range(2):
        device.learner.teach("same", device.scenes.image(0), "cup", "", 0)
    device.learner.flush()
    device.learner.teach("same", device.scenes.image(0), "cup", "", 0)
    assert device.learner.figures().learned == 1
    assert device.learner.pair.total == 1


def test_groups_are_written_when_full_or_when_they_waited_long_enough() -> None:
    device = Device()
    device.teach(31)
    assert device.store.commits == 0
    device.teach(1)
    assert device.store.commits == 1
    device.learner.teach("x", device.scenes.image(0), "cup", "", 5000.0)
    device.learner.tick(5000.5, 5000.5)
    assert device.store.commits == 1
    device.learner.tick(5001.0, 5001.0)
    assert device.store.commits == 2
    device.learner.tick(9999.0, 9999.0)
    assert device.store.commits == 2


def test_a_clock_that_jumps_back_does_not_hold_a_group_for_ever() -> None:
    device = Device()
    device.learner.teach("x", device.scenes.image(0), "cup", "", 5000.0)
    device.learner.tick(10.0, 10.0)
    assert device.store.commits == 1


def test_a_full_disk_refuses_more_and_loses_nothing() -> None:
    device = Device()
    device.store.full = True
    device.teach(32)
    before = device.learner.pair.statistics()
    with pytest.raises(FieldwiseError) as error:
        device.teach(1)
    assert fault_of(error) is Fault.DISK_FULL
    assert device.learner.pair.statistics().same_as(before)
    assert device.learner.pair.look(device.scenes.image(0), 5).ranking.best
    device.store.full = False
    device.teach(1)
    device.learner.flush()
    device.start()
    assert device.learner.figures().learned == 33


def test_a_class_too_many_is_refused_and_known_ones_go_on() -> None:
    device = Device(msgspec.structs.replace(PLAIN, classes_max=2))
    device.teach(4, classes=2)
    with pytest.raises(FieldwiseError) as error:
        device.learner.teach("x", device.scenes.image(3), "third", "", 0)
    assert fault_of(error) is Fault.TOO_MANY_CLASSES
    device.teach(2, classes=2)
    assert device.learner.figures().learned == 6


@pytest.mark.parametrize(
    ("name", "image", "fault"),
    [
        (" cup", np.zeros((8, 8, 3), np.uint8), Fault.CLASS_INVALID),
        ("cup", b"rubbish", Fault.IMAGE_INVALID),
        ("cup", np.zeros((8, 8), np.uint8), Fault.IMAGE_INVALID),
    ],
)
def test_bad_input_is_refused_and_leaves_no_trace(
    name: str, image: bytes | np.ndarray, fault: Fault
) -> None:
    device = Device()
    with pytest.raises(FieldwiseError) as error:
        device.learner.teach("x", image, name, "", 0)
    assert fault_of(error) is fault
    device.learner.flush()
    assert device.learner.figures().learned == 0
    assert device.store.last_sequence() == 0


def test_while_paused_samples_are_predicted_and_nothing_else() -> None:
    device = Device()
    device.teach(12)
    device.learner.configure(msgspec.structs.replace(PLAIN, learning_paused=True))
    said = device.learner.teach("x", device.scenes.image(2), device.scenes.names[2], "", 1e6)
    assert said.predicted
    assert device.learner.figures().learned == 12


def test_what_is_remembered_stays_within_its_budget() -> None:
    device = Device()
    device.teach(60)
    device.learner.configure(
        msgspec.structs.replace(PLAIN, exemplar_bytes_max=MIB, holdout_bytes_share=0.5)
    )
    for number in range(40):
        noise = np.random.default_rng(number).integers(0, 256, (256, 256, 3), dtype=np.uint8)
        device.learner.teach(f"big {number}", noise, "noise", "", 1e6 + 60 * number)
    device.learner.flush()
    held = sum(each.size for each in device.store.remembered())
    assert held == device.learner.figures().exemplar_bytes
    assert held <= MIB // 2
    assert {each.class_name for each in device.store.remembered()} >= set(device.scenes.names)


def test_images_past_their_retention_go_and_what_they_taught_stays() -> None:
    device = Device(msgspec.structs.replace(PLAIN, retention_days=1))
    device.teach(12)
    device.learner.tick(1000.0 + 86_400 + 60 * 6 - 1, 1000.0 + 86_400 + 60 * 6 - 1)
    assert device.learner.figures().exemplars == 6
    assert len(device.store.remembered()) == 6
    assert device.learner.pair.total == 12


def test_a_remembered_image_can_be_decoded_again() -> None:
    device = Device()
    device.teach(1)
    device.learner.flush()
    kept = device.store.samples_after(0, 1, "other", frozenset(Share))[0].image
    assert kept is not None
    assert np.array_equal(decode(kept), Scenes(0).image(0))


def test_a_new_shrinkage_changes_the_head_and_not_what_was_learned() -> None:
    device = Device()
    device.teach(60)
    device.learner.pair.settle()
    before, weights = device.learner.pair.statistics(), device.learner.pair.head.weights
    device.learner.configure(msgspec.structs.replace(PLAIN, shrinkage=3.0))
    assert device.learner.pair.statistics().same_as(before)
    assert not np.array_equal(device.learner.pair.head.weights, weights)


def test_predictions_go_on_in_another_thread_while_teaching() -> None:
    device = Device()
    device.teach(6)
    device.learner.pair.settle()
    images = [Scenes(5).image(place) for place in range(6)]
    failures: list[Exception] = []
    asked = threading.Event()
    done = threading.Event()

    def ask() -> None:
        try:
            while not done.is_set():
                assert all(device.learner.pair.look(image, 5).ranking.best for image in images)
                asked.set()
        except Exception as error:  # noqa: BLE001  # else the thread's failure would be lost
            failures.append(error)
            asked.set()

    thread = threading.Thread(target=ask)
    thread.start()
    asked.wait(30)
    device.teach(300)
    done.set()
    thread.join(30)
    assert not failures


def test_class_counts_tell_what_the_head_learned() -> None:
    device = Device()
    device.teach(8, classes=3)
    assert device.learner.class_counts() == {"class 0": 3, "class 1": 3, "class 2": 2}


def test_a_scene_that_a_restart_interrupts_stays_one_scene() -> None:
    device = Device(ALL_HELD)
    device.teach(40)
    device.learner.teach("one", device.scenes.image(0), "class 0", "", 1e6)
    device.learner.flush()
    device.start()
    device.learner.teach("two", device.scenes.image(0), "class 0", "", 1e6 + 1)
    device.learner.flush()
    found = device.store.samples_after(40, 9, device.embedder.bundle, frozenset(Share))
    assert [each.id for each in found] == ["one", "two"]
    assert found[0].burst == found[1].burst
    assert found[0].share is found[1].share


def test_corrections_are_learned_recorded_as_such_and_counted_in_the_window() -> None:
    device = Device(ALL_HELD)
    device.teach(40)
    before = device.learner.figures()
    for number in range(20):
        outcome = device.learner.teach(
            f"c{number}",
            device.scenes.image(number % 6),
            f"class {number % 6}",
            "",
            1e6 + 60 * number,
            Origin.CORRECTED,
        )
        assert outcome.share is Share.LEARN
    device.learner.flush()
    after = device.learner.figures()
    assert (after.select, after.judge) == (before.select, before.judge)
    assert after.learned == before.learned + 20
    assert after.window == before.window + 20
    held = device.store.samples_after(0, 99, device.embedder.bundle, frozenset(Share))
    assert {each.id[0]: each.origin for each in held} == {
        "s": Origin.TAUGHT,
        "c": Origin.CORRECTED,
    }


def test_a_correction_of_a_held_out_scene_leaves_no_trace() -> None:
    device = Device(ALL_HELD)
    image = device.scenes.image(0)
    scene = next(
        name
        for name in map(str, range(99))
        if device.learner.teach(f"s{name}", image, "cup", name, 0).share is not Share.LEARN
    )
    before, total = device.learner.figures(), device.learner.pair.total
    for _ in range(2):
        said = device.learner.teach("c", image, "cup", scene, 1, Origin.CORRECTED)
        assert said.share is None
    assert device.learner.figures() == before
    assert device.learner.pair.total == total
    device.learner.flush()
    assert device.store.known(["c"]) == frozenset()


def test_a_smaller_budget_holds_from_the_start() -> None:
    device = Device()
    for number in range(40):
        noise = np.random.default_rng(number).integers(0, 256, (256, 256, 3), dtype=np.uint8)
        device.learner.teach(f"big {number}", noise, "noise", "", 60.0 * number)
    device.learner.flush()
    device.settings = msgspec.structs.replace(PLAIN, exemplar_bytes_max=MIB)
    device.start()
    assert device.learner.figures().exemplar_bytes <= MIB
    device.learner.tick(1e6, 0)
    assert sum(each.size for each in device.store.remembered()) <= MIB


def test_classes_of_held_out_scenes_count_too() -> None:
    settings = msgspec.structs.replace(ALL_HELD, classes_max=3)
    device = Device(settings)
    image, taken = device.scenes.image(0), []
    for number in range(40):
        try:
            device.learner.teach(f"s{number}", image, f"class {number}", f"scene {number}", 0)
            taken.append(number)
        except FieldwiseError as error:
            assert error.fault is Fault.TOO_MANY_CLASSES  # noqa: PT017 - some are taken
    assert taken == [0, 1, 2]
    assert len(device.learner.pair.classes) < 3


def test_images_stay_while_their_time_has_not_come_for_certain() -> None:
    device = Device(msgspec.structs.replace(PLAIN, retention_days=1))
    device.teach(12)
    device.learner.tick(1e9, 2000.0)
    assert device.learner.figures().exemplars == 12
