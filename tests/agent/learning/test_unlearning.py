"""Forgetting and corrections, from the learner down to the store."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import numpy as np
import pytest

from agent.device.database import Database
from agent.device.samples import DatabaseSamples
from agent.learning.catch_up import open_pair
from agent.learning.forgetting import Forgetting, Forgotten, Selection
from agent.learning.kept import Kept
from agent.learning.learner import Learner
from agent.learning.names import mark_of
from agent.learning.samples import Group, Origin, Share
from agent.learning.settings import (
    GradientSettings,
    HeadName,
    HeadSettings,
    HoldoutSettings,
    LearningSettings,
)
from agent.learning.unlearning import without_absent
from fieldwise import head
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.head import Statistics
from tests.fakes.embedder import ProjectionEmbedder
from tests.fakes.samples import MemorySamples
from tests.fakes.scenes import Scenes

PLAIN = LearningSettings(holdout=HoldoutSettings(select_share=0, judge_share=0))
ALL_HELD = LearningSettings(
    holdout=HoldoutSettings(select_share=0.4, judge_share=0.4, learned_first=2)
)
START = 1000.0
MINUTE = 60.0


class Device:
    """A learner over a store that outlives it; sample n is of class n modulo 6."""

    def __init__(
        self,
        settings: LearningSettings = PLAIN,
        store: MemorySamples | None = None,
        starters: tuple[Statistics, ...] = (),
        skip: Callable[[int], bool] = lambda number: False,
    ) -> None:
        self.store = store or MemorySamples()
        self.embedder = ProjectionEmbedder()
        self.settings = settings
        self.starters = starters
        self.images = [Scenes(number).image(number % 6) for number in range(60)]
        self.skip = skip
        self.start()

    def start(self) -> None:
        pair = open_pair(self.embedder, self.brought(""), self.store, self.settings)
        self.learner = Learner(pair, self.store, self.settings, Random(7), starters=self.brought)

    def brought(self, bundle: str) -> tuple[Statistics, ...]:
        """The starter head as an agent reads it from its bundle."""
        return without_absent(self.starters, self.store.absent(), self.store.holdout_key())

    def teach(self, start: int, end: int) -> None:
        for number in range(start, end):
            if not self.skip(number):
                self.learner.teach(f"s{number}", self.images[number], name(number), "", at(number))

    def forget(self, *, strict: bool = False, **meant: Any) -> Forgotten:
        selection = Selection(**meant)
        return self.learner.forget(selection, strict=strict).forgotten

    def statistics(self) -> Statistics:
        return self.learner.pair.statistics()

    def evict(self) -> None:
        """Let go all that a snapshot holds already."""
        self.learner.close()
        images = tuple(each.id for each in self.store.remembered())
        self.store.commit(Group((), images, self.store.counters()))
        self.store.save_snapshot(self.learner.pair.snapshot(), 0)


def name(number: int) -> str:
    return f"class {number % 6}"


def at(number: int) -> float:
    return START + MINUTE * number


def fault_of(device: Device, **meant: Any) -> Fault:
    with pytest.raises(FieldwiseError) as caught:
        device.forget(**meant)
    return caught.value.fault


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize(
    ("meant", "gone"),
    [
        ({"class_name": "class 2"}, lambda number: number % 6 == 2),
        ({"since": at(40)}, lambda number: number >= 40),
        ({"sample_id": "s7"}, lambda number: number == 7),
    ],
)
def test_what_is_held_is_forgotten_as_if_it_had_never_been_taught(
    meant: dict[str, Any], gone: Callable[[int], bool], *, restart: bool, strict: bool
) -> None:
    device, never = Device(), Device(skip=gone)
    device.teach(0, 60)
    never.teach(0, 60)
    forgotten = device.forget(strict=strict, **meant)
    number = sum(map(gone, range(60)))
    assert (forgotten.samples, forgotten.exact, forgotten.images) == (number,) * 3
    assert (forgotten.orphans, forgotten.lost) == (0, 0)
    if restart:
        device.start()
    assert device.statistics().same_as(never.statistics())
    assert device.learner.figures().learned == 60 - number
    assert device.learner.figures().exemplars == 60 - number
    never.learner.settle()
    device.learner.settle()
    rows = np.stack([device.learner.pair.grid(image)[0] for image in device.images])
    asked = [device.learner.pair.answers(row) for row in rows]
    assert asked == [never.learner.pair.answers(row) for row in rows]
    device.teach(60 - 6, 60)
    never.teach(60 - 6, 60)


def test_forgetting_touches_held_out_samples_too() -> None:
    device = Device(ALL_HELD)
    device.teach(0, 60)
    before = device.learner.figures()
    assert before.select > 0
    device.forget(since=START)
    after = device.learner.figures()
    assert (after.learned, after.select, after.judge, after.exemplars) == (0, 0, 0, 0)
    assert device.store.bursts() == []


def test_a_class_held_no_more_loses_row_and_mean_and_leaves_orphans() -> None:
    device = Device()
    device.teach(0, 60)
    expected = head.forget_class(device.statistics(), "class 1")
    device.evict()
    forgotten = device.forget(class_name="class 1")
    assert (forgotten.samples, forgotten.exact, forgotten.orphans) == (10, 0, 10)
    assert any("10 samples were held no more" in each for each in forgotten.sentences)
    for _ in range(2):
        assert device.statistics().same_as(expected)
        assert "class 1" not in device.learner.pair.head.classes
        assert device.learner.pair.orphans == 10
        assert device.learner.figures().learned == 50
        device.start()


def test_strict_builds_anew_from_what_is_held_and_says_what_that_lost() -> None:
    device, fresh = Device(), Device(skip=lambda number: number < 30 or number % 6 == 1)
    device.teach(0, 30)
    device.evict()
    device.teach(30, 60)
    fresh.teach(30, 60)
    forgotten = device.forget(class_name="class 1", strict=True)
    assert (forgotten.exact, forgotten.orphans, forgotten.lost) == (5, 0, 25)
    assert device.statistics().same_as(fresh.statistics())
    assert device.learner.figures().learned == 25
    assert any("25 other samples" in each for each in forgotten.sentences)


def test_samples_held_no_more_are_told_to_stay() -> None:
    device = Device()
    device.teach(0, 30)
    device.evict()
    before = device.statistics()
    device.teach(30, 33)
    forgotten = device.forget(since=at(0))
    assert forgotten.exact == 3
    assert device.statistics().same_as(before)
    assert any("stays in" in each for each in forgotten.sentences)


def test_what_nobody_knows_cannot_be_forgotten() -> None:
    device = Device()
    device.teach(0, 6)
    assert fault_of(device, class_name="mug") is Fault.NOT_FOUND
    assert fault_of(device, sample_id="s99") is Fault.NOT_FOUND
    assert device.forget(since=at(100)).samples == 0
    assert device.learner.figures().learned == 6


def test_forgetting_the_only_sample_of_a_class_forgets_its_name() -> None:
    device = Device()
    device.teach(0, 7)
    device.forget(sample_id="s5")
    assert "class 5" not in device.learner.pair.classes
    device.forget(sample_id="s6")
    assert device.learner.class_counts() == {f"class {place}": 1 for place in range(5)}


def test_the_last_label_is_not_remembered_by_a_forgotten_name() -> None:
    device = Device()
    device.teach(0, 6)
    device.forget(class_name="class 5")
    assert device.store.counters().last_label == ""


def test_a_full_disk_forgets_nothing() -> None:
    device = Device()
    device.teach(0, 12)
    device.learner.flush()
    before = device.statistics()
    device.store.full = True
    assert fault_of(device, class_name="class 1") is Fault.DISK_FULL
    assert device.statistics().same_as(before)
    device.store.full = False
    device.start()
    assert device.statistics().same_as(before)


def starter(device: Device) -> Statistics:
    pair = device.learner.pair
    scenes = Scenes(77)
    rows = np.stack([pair.grid(scenes.image(place % 3))[0] for place in range(12)])
    nothing = head.empty(pair.bundle, pair.embedder.manifest.transform, rows.shape[1])
    return head.learn(nothing, rows, [name(place % 3) for place in range(12)])


def test_a_class_of_the_starter_head_stays_away_until_it_is_taught_again() -> None:
    device = Device(starters=(starter(Device()),))
    device.teach(0, 12)
    forgotten = device.forget(class_name="class 1")
    assert (forgotten.exact, forgotten.orphans) == (2, 4)
    assert any("starter head brought 4" in each for each in forgotten.sentences)
    assert device.learner.figures().learned == 10
    device.forget(class_name="class 0", strict=True)
    assert "class 1" not in device.learner.pair.classes
    assert device.store.absent() == {
        mark_of(each, device.store.holdout_key()) for each in ("class 0", "class 1")
    }
    device.store.drop_snapshots(frozenset())
    device.start()
    assert not {"class 0", "class 1"} & set(device.learner.pair.classes)
    device.teach(13, 14)
    assert device.learner.pair.count("class 1") == 1
    assert device.store.absent() == {mark_of("class 0", device.store.holdout_key())}


def test_a_pair_that_was_being_made_meanwhile_does_not_bring_it_back() -> None:
    device = Device()
    device.teach(0, 30)
    other = ProjectionEmbedder("other")
    made = device.learner.rebuild(other, (), lambda progress: None, lambda: False)
    device.forget(class_name="class 3")
    assert "class 3" in made.classes
    device.learner.swap(made)
    assert "class 3" not in device.learner.pair.classes
    assert device.learner.pair.bundle == other.bundle
    assert device.learner.pair.total == 25


def test_forgetting_while_a_pair_is_being_made_makes_it_anew() -> None:
    device = Device()
    device.teach(0, 60)
    told: list[object] = []

    def look(progress: object) -> None:
        told.append(progress)
        if len(told) == 1:
            device.forget(class_name="class 3")

    made = device.learner.rebuild(ProjectionEmbedder("other"), (), look, lambda: False)
    assert "class 3" not in made.classes
    assert made.total == 50


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


def kept_of(device: Device, number: int, label: str = "") -> Kept:
    row = device.learner.pair.grid(device.images[number])[0]
    return Kept(f"s{number}", at(number), device.learner.pair.bundle, row, None, label)


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


class KilledStore(DatabaseSamples):
    """Dies at the transaction that forgets, before or after it."""

    moment = ""

    def forget(self, forgetting: Forgetting) -> None:
        if self.moment == "before":
            raise KeyboardInterrupt
        super().forget(forgetting)
        if self.moment == "after":
            raise KeyboardInterrupt

    def _scrub_if_due(self) -> None:
        if self.moment == "amid":
            raise KeyboardInterrupt
        super()._scrub_if_due()


@pytest.mark.parametrize(("moment", "begun"), [("before", False), ("amid", True), ("after", True)])
def test_a_kill_leaves_it_forgotten_or_not_begun(tmp_path: Path, moment: str, begun: bool) -> None:
    path = tmp_path / "state.sqlite"
    secret = "kestrel-9f31"
    database = Database(path)
    device = Device(store=KilledStore(database))  # type: ignore[arg-type]  # a real one
    device.teach(0, 12)
    device.learner.teach("x", device.images[13], secret, "", at(50))
    device.learner.close()
    device.store.moment = moment  # type: ignore[attr-defined]  # its own
    with pytest.raises(KeyboardInterrupt):
        device.forget(class_name=secret)
    database.close()
    again = Device(store=DatabaseSamples(Database(path)))  # type: ignore[arg-type]  # a real one
    assert (secret not in again.learner.pair.classes) is begun
    assert again.learner.figures().learned == 13 - begun
    found = [file for file in tmp_path.iterdir() if secret.encode() in file.read_bytes()]
    assert bool(found) is not begun


def test_of_a_head_trained_by_gradient_it_says_that_it_is_not_exact() -> None:
    heads = HeadSettings(enabled=(HeadName.DISCRIMINANT, HeadName.GRADIENT))
    settings = msgspec.structs.replace(
        PLAIN, heads=heads, gradient=GradientSettings(batch_samples=10, replay_samples=30)
    )
    device = Device(settings)
    device.teach(0, 60)
    told = device.forget(class_name="class 2").sentences
    assert any("trained anew" in each and "not exactly" in each for each in told)
    assert "class 2" not in device.learner.pair.heads[HeadName.GRADIENT].classes
    strictly = device.forget(class_name="class 3", strict=True).sentences
    assert not any("by gradient" in each for each in strictly)
    device.learner.settle()
    known = set(device.learner.pair.heads[HeadName.GRADIENT].classes)
    assert known == {"class 0", "class 1", "class 4", "class 5"}
    device.start()
    assert set(device.learner.pair.heads[HeadName.GRADIENT].classes) == known
