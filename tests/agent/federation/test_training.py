"""Updates of weights: rows of a head that knows nothing but what may leave."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from agent.federation.standing import Task
from agent.learning.settings import GradientSettings, HeadName, HeadSettings, LearningSettings
from fieldwise.federation import Consent, HeadOffer, HeadSpace, RoundStep, RowKind, Update
from tests.fakes.taught import PLAIN, Device, name
from tests.federated import NAMES, Sharer, of_campaign, task_for

GRADIENT = GradientSettings(
    learning_rate=0.02, minibatch_samples=8, relearn_epochs=4, memory_bytes_max=100_000
)
HEADS = HeadSettings(enabled=(HeadName.AVERAGE, HeadName.GRADIENT))
TRAINS: LearningSettings = msgspec.structs.replace(PLAIN, heads=HEADS, gradient=GRADIENT)
Rows = dict[int, np.ndarray[Any, np.dtype[np.float32]]]


def weights_of(device: Device, number: int = 1, head: HeadOffer | None = None) -> Task:
    task = task_for(device, number=number)
    return replace(task, offer=replace(task.offer, kind=RowKind.WEIGHTS), head=head)


def counts_of(update: Update) -> dict[int, int]:
    return {row.class_id: row.samples for row in update.rows}


def rows_of(update: Update) -> Rows:
    return {row.class_id: row.values for row in update.rows}


def same(one: Update, other: Update) -> bool:
    mine, theirs = rows_of(one), rows_of(other)
    return mine.keys() == theirs.keys() and all(np.array_equal(mine[k], theirs[k]) for k in mine)


@pytest.fixture
def device() -> Device:
    """Six classes of ten samples each."""
    device = Device(TRAINS)
    device.teach(0, 60)
    return device


def more(device: Device, *numbers: int) -> None:
    """Teach samples again under other ids: number n is of class n modulo 6."""
    for number in numbers:
        name_, image = name(number), device.images[number]
        device.learner.teach(f"again {number}", image, name_, "", 1e6 + 60 * number)


def test_rows_with_a_bias_leave_with_their_counts(device: Device) -> None:
    update = Sharer(device).sent(weights_of(device))
    assert counts_of(update) == dict.fromkeys(NAMES.values(), 10)
    assert (update.kind, update.level, update.base_version) == (
        RowKind.WEIGHTS,
        Consent.WEIGHTS,
        0,
    )
    assert {row.values.shape for row in update.rows} == {(25,)}
    assert {row.values.dtype for row in update.rows} == {np.dtype(np.float32)}


def test_rows_tell_classes_apart_and_are_one_long_on_average(device: Device) -> None:
    rows = rows_of(Sharer(device).sent(weights_of(device)))
    stacked = np.stack([rows[each] for each in sorted(rows)])
    assert np.sqrt((stacked**2).sum() / 6) == pytest.approx(1, rel=1e-5)
    grid = np.stack([device.learner.pair.grid(image)[0] for image in device.images])
    scores = grid / 4096 @ stacked[:, :-1].T + stacked[:, -1]
    assert (scores.argmax(axis=1) == np.arange(60) % 6).mean() > 0.9


def test_the_same_samples_give_the_same_bits(device: Device) -> None:
    again = Device(TRAINS)
    again.teach(0, 60)
    one, two = Sharer(device).sent(weights_of(device)), Sharer(again).sent(weights_of(again))
    assert same(one, two)


def test_samples_of_classes_that_do_not_leave_are_in_no_row(device: Device) -> None:
    shared = ("class 1", "class 4", "class 5")
    alone = Device(TRAINS, skip=lambda number: number % 6 not in {1, 4, 5})
    alone.teach(0, 60)
    expected = Sharer(alone).sent(weights_of(alone))
    assert same(Sharer(device, shared).sent(weights_of(device)), expected)
    few = Device(TRAINS, skip=lambda number: number % 6 in {0, 2, 3} and number > 50)
    few.teach(0, 60)  # of three classes there are nine, or eight
    assert same(Sharer(few).sent(weights_of(few)), expected)


def test_what_a_campaign_asks_for_does_not_change_what_a_row_tells(device: Device) -> None:
    more(device, *range(2, 60, 6))
    whole = rows_of(Sharer(device).sent(weights_of(device)))
    asked = replace(weights_of(device), classes={"class 2": 3, "class 3": 4})
    few = rows_of(Sharer(device).sent(asked))
    assert few.keys() == {3, 4}
    large = rows_of(Sharer(device).sent(replace(weights_of(device), samples_min=20)))
    assert large.keys() == {3}
    for rows in (few, large):
        assert all(np.array_equal(rows[each], whole[each]) for each in rows)


def test_a_round_starts_from_the_version_that_it_names(device: Device) -> None:
    first = rows_of(Sharer(device).sent(weights_of(device)))
    offer = weights_of(device).offer
    named = HeadOffer("c7", 4, "ab" * 32, 1000, offer.space)
    base = {1: np.full(25, 0.25, np.float32)}
    update = Sharer(device, base=base).sent(weights_of(device, 2, named))
    assert update.base_version == 4
    changes = rows_of(update)
    assert np.array_equal(changes[1], first[1] - np.float32(0.25))
    assert all(np.array_equal(changes[each], first[each]) for each in (2, 3, 4, 5, 6))


def test_every_round_gets_the_same_head_while_too_little_is_new(device: Device) -> None:
    sharer = Sharer(device)
    first = sharer.sent(weights_of(device))
    more(device, 2, 8, 14, 3, 4, 5)
    assert same(sharer.sent(weights_of(device, 2)), first)
    assert same(sharer.sent(of_campaign(weights_of(device), "c8")), first)
    more(device, *range(20, 60, 6))
    second = sharer.sent(weights_of(device, 3))
    assert counts_of(second) == {**dict.fromkeys(NAMES.values(), 10), 3: 20}
    assert not same(second, first)


def test_a_class_out_of_which_something_was_taken_is_in_no_row(device: Device) -> None:
    sharer = Sharer(device)
    sharer.sent(weights_of(device))
    device.forget(sample_id="s2")
    more(device, 2)
    device.forget(sample_id="s8")
    without = Device(TRAINS, skip=lambda number: number % 6 == 2)
    without.teach(0, 60)
    assert same(sharer.sent(weights_of(device, 2)), Sharer(without).sent(weights_of(without)))


def test_what_was_in_a_training_counts_as_left(device: Device) -> None:
    sharer = Sharer(device)
    sharer.sent(replace(weights_of(device), classes={"class 2": 3}))
    more(device, 3, 9)
    means = sharer.sent(of_campaign(task_for(device), "c8"))
    assert counts_of(means) == dict.fromkeys(NAMES.values(), 10)  # class 3 as it was in it


def test_a_device_of_one_class_gives_nothing(device: Device) -> None:
    assert Sharer(device, ("class 2",)).send(weights_of(device)) is RoundStep.TOO_FEW
    alone = Device(TRAINS, skip=lambda number: number % 6 != 2)
    alone.teach(0, 60)
    assert Sharer(alone).send(weights_of(alone)) is RoundStep.TOO_FEW


def test_classes_of_which_not_every_sample_is_held_are_left_out(device: Device) -> None:
    device.evict()
    assert Sharer(device).send(weights_of(device)) is RoundStep.TOO_FEW
    for each in ("class 1", "class 2"):
        device.forget(class_name=each)
    more(device, *(number for number in range(60) if number % 6 in {1, 2}))
    assert counts_of(Sharer(device).sent(weights_of(device))) == {2: 10, 3: 10}


def test_a_sample_that_goes_while_others_are_collected_puts_the_round_off(device: Device) -> None:
    class Leaking:
        """Gives a sample less once it was seen that all are held."""

        def __init__(self) -> None:
            self.passes = 0

        def samples_after(self, sequence: int, *rest: Any) -> Any:
            self.passes += sequence == 0
            found = device.store.samples_after(sequence, *rest)
            return [each for each in found if self.passes < 2 or each.id != "s7"]

    sharer, leaking = Sharer(device), Leaking()
    made = sharer.prepare(weights_of(device), store=leaking)
    assert (made, leaking.passes) == (RoundStep.WAITING, 2)


def test_the_largest_classes_are_left_out_where_there_is_no_room(device: Device) -> None:
    more(device, *range(2, 60, 6))
    room = msgspec.structs.replace(GRADIENT, memory_bytes_max=55 * 48)
    device.learner.configure(msgspec.structs.replace(TRAINS, gradient=room))
    update = Sharer(device).sent(weights_of(device))
    assert counts_of(update) == {each: 10 for each in NAMES.values() if each != 3}


def test_rows_are_blurred_by_the_owner_first_and_alike_in_every_round(device: Device) -> None:
    plain = rows_of(Sharer(device).sent(weights_of(device)))
    blurred = [
        rows_of(Sharer(device, noise=0.1, base=base).sent(weights_of(device, 2)))
        for base in ({}, {1: np.full(25, 0.5, np.float32)})
    ]
    noise = np.concatenate([blurred[0][each] - plain[each] for each in plain])
    assert 0.07 < noise.std() < 0.14
    assert np.array_equal(blurred[1][1], blurred[0][1] - np.float32(0.5))
    short = rows_of(Sharer(device).sent(replace(weights_of(device), norm_max=0.25)))
    assert all(np.linalg.norm(each) <= 0.25 * (1 + 1e-5) for each in short.values())


def test_the_ledger_says_what_leaves_and_what_it_was_made_of(device: Device) -> None:
    made = Sharer(device).prepare(replace(weights_of(device), classes={"class 2": 3}))
    assert not isinstance(made, RoundStep)
    assert "counts and weights of 1 classes" in made.words
    assert "60 samples of 6 classes" in made.words
    assert "25 numbers for each class, no image and no name" in made.words


SPOILED: dict[str, Callable[[Task], Task]] = {
    "exact": lambda task: replace(task, offer=replace(task.offer, level=Consent.STATISTICS)),
    "another space": lambda task: replace(
        task, offer=replace(task.offer, space=HeadSpace("ab" * 32, "cd" * 32, (24,)))
    ),
}


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED.keys())
def test_what_does_not_fit_is_refused(device: Device, spoil: Callable[[Task], Task]) -> None:
    assert Sharer(device).send(spoil(weights_of(device))) is RoundStep.UNSUITABLE


UNFIT: dict[str, LearningSettings] = {
    "no head that learns by gradient": PLAIN,
    "rows behind a hidden layer": msgspec.structs.replace(
        TRAINS, gradient=msgspec.structs.replace(GRADIENT, hidden_width=8)
    ),
    "training that diverges": msgspec.structs.replace(
        TRAINS, gradient=msgspec.structs.replace(GRADIENT, learning_rate=10.0, weight_decay=1.0)
    ),
}


@pytest.mark.parametrize("settings", UNFIT.values(), ids=UNFIT.keys())
def test_a_device_without_such_a_head_says_so(settings: LearningSettings) -> None:
    device = Device(settings)
    device.teach(0, 60)
    assert Sharer(device).send(weights_of(device)) is RoundStep.UNSUITABLE
