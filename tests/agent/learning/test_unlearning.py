"""Forgetting, from the learner down to the store."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from agent.device.database import Database
from agent.device.samples import DatabaseSamples
from agent.learning.forgetting import Forgetting
from agent.learning.names import mark_of
from agent.learning.settings import (
    GradientSettings,
    HeadName,
    HeadSettings,
)
from fieldwise import head
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.head import Statistics
from tests.fakes.embedder import ProjectionEmbedder
from tests.fakes.scenes import Scenes
from tests.fakes.taught import ALL_HELD, PLAIN, START, Device, at, name


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
    never.learner.pair.settle()
    device.learner.pair.settle()
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
    with pytest.raises(FieldwiseError) as caught:
        device.learner.swap(made)
    assert caught.value.fault is Fault.CONFLICT
    assert device.learner.pair.bundle != other.bundle
    device.learner.swap(device.learner.rebuild(other, (), lambda progress: None, lambda: False))
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
    device.learner.pair.settle()
    known = set(device.learner.pair.heads[HeadName.GRADIENT].classes)
    assert known == {"class 0", "class 1", "class 4", "class 5"}
    device.start()
    assert set(device.learner.pair.heads[HeadName.GRADIENT].classes) == known
