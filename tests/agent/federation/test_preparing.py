"""Updates: exactly what was learned and may leave, whole where it has to be, nothing else."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from agent.federation.standing import Task
from agent.federation.stocktaking import mark_of_shared
from fieldwise import head
from fieldwise.federation import Consent, HeadSpace, RoundStep, RowKind, Update
from fieldwise.head import Statistics
from tests.fakes.taught import Device, name
from tests.federated import NAMES, Sharer, of_campaign, statistics_of, task_for

EXACT = Consent.STATISTICS


def counts_of(update: Update) -> dict[int, int]:
    return {row.class_id: row.samples for row in update.rows}


def values_of(update: Update) -> dict[int, bytes]:
    return {row.class_id: row.values.tobytes() for row in update.rows}


@pytest.fixture
def device() -> Device:
    """Six classes of ten samples each."""
    device = Device()
    device.teach(0, 60)
    return device


def more(device: Device, *numbers: int) -> None:
    """Teach samples again under other ids: number n is of class n modulo 6."""
    for number in numbers:
        name_, image = name(number), device.images[number]
        device.learner.teach(f"again {number}", image, name_, "", 1e6 + 60 * number)


def test_means_leave_with_their_counts(device: Device) -> None:
    update = Sharer(device).sent(task_for(device))
    learned = device.statistics()
    assert counts_of(update) == dict.fromkeys(NAMES.values(), 10)
    for row, sums in zip(update.rows, learned.sums, strict=True):
        assert np.array_equal(row.values, (sums / 10).astype(np.float32))
    assert (update.scatter, update.level, update.kind) == ((), Consent.WEIGHTS, RowKind.MEANS)


def test_only_shared_classes_of_the_campaign_leave(device: Device) -> None:
    sharer = Sharer(device, ("class 1", "class 2", "class 4", "never met"))
    asked = replace(task_for(device), classes={"class 2": 9, "class 3": 4, "class 4": 1})
    assert counts_of(sharer.sent(asked)) == {1: 10, 9: 10}
    assert Sharer(device, ()).send(task_for(device)) is RoundStep.TOO_FEW


def test_a_class_of_nine_stays(device: Device) -> None:
    device.forget(sample_id="s3")
    update = Sharer(device).sent(task_for(device))
    assert set(counts_of(update)) == set(NAMES.values()) - {NAMES["class 3"]}
    assert Sharer(device).send(replace(task_for(device), samples_min=11)) is RoundStep.TOO_FEW


def test_a_campaign_gets_again_only_what_has_changed_enough(device: Device) -> None:
    sharer = Sharer(device)
    sharer.sent(task_for(device))
    assert sharer.send(task_for(device, number=2)) is RoundStep.TOO_FEW
    more(device, *range(2, 60, 6))
    more(device, *range(3, 57, 6))
    assert counts_of(sharer.sent(task_for(device, number=3))) == {NAMES["class 2"]: 20}


def test_what_was_not_taken_leaves_again_as_it_was(device: Device) -> None:
    sharer = Sharer(device)
    first = sharer.sent(task_for(device), taken=False)
    assert values_of(sharer.sent(task_for(device, number=2))) == values_of(first)


def test_another_campaign_gets_a_class_as_it_left_while_too_little_is_new(device: Device) -> None:
    sharer = Sharer(device)
    first = sharer.sent(task_for(device))
    more(device, 2, 8, 14)
    other = sharer.sent(of_campaign(task_for(device), "c8"))
    assert (counts_of(other), values_of(other)) == (counts_of(first), values_of(first))


def test_a_class_out_of_which_something_was_taken_stays(device: Device) -> None:
    sharer = Sharer(device)
    sharer.sent(task_for(device))
    device.forget(sample_id="s2")
    more(device, 2)  # as many as before, and not the same ones: the image was taught again
    device.forget(sample_id="s8")
    other = sharer.sent(of_campaign(task_for(device), "c8"))
    assert set(counts_of(other)) == set(NAMES.values()) - {NAMES["class 2"]}


def test_statistics_of_devices_add_up_to_learning_on_all(device: Device) -> None:
    def halves(start: int, end: int) -> Statistics:
        part = Device()
        for number in range(start, end):
            for again in range(2):
                id_, image = f"{number} {again}", part.images[number]
                part.learner.teach(id_, image, name(number), "", 1e3 + 60 * (2 * number + again))
        update = Sharer(part).sent(task_for(part, EXACT))
        return statistics_of(update, part.statistics())

    merged = head.merge(halves(0, 30), halves(30, 60))
    once = device.statistics()
    assert merged.same_as(head.merge(once, once))


def test_the_scatter_is_that_of_the_classes_that_leave_alone(device: Device) -> None:
    update = Sharer(device, ("class 1", "class 5")).sent(task_for(device, EXACT))
    alone = Device(skip=lambda number: number % 6 not in {1, 5})
    alone.teach(0, 60)
    assert statistics_of(update, device.statistics()).same_as(alone.statistics())


def test_exact_updates_are_whole_with_what_has_not_changed_enough_as_it_left(
    device: Device,
) -> None:
    sharer = Sharer(device)
    first = sharer.sent(task_for(device, EXACT))
    more(device, *range(2, 60, 6))
    more(device, 3, 9)
    second = sharer.sent(task_for(device, EXACT, 2))
    expected = Device()
    expected.teach(0, 60)
    more(expected, *range(2, 60, 6))
    assert counts_of(first) == dict.fromkeys(NAMES.values(), 10)
    assert statistics_of(second, device.statistics()).same_as(expected.statistics())


def test_of_classes_that_are_held_no_more_no_scatter_leaves(device: Device) -> None:
    device.evict()
    assert Sharer(device, ("class 1",)).send(task_for(device, EXACT)) is RoundStep.TOO_FEW
    whole = Sharer(device).sent(task_for(device, EXACT))
    assert statistics_of(whole, device.statistics()).same_as(device.statistics())


def test_what_a_starter_head_brought_never_leaves(device: Device) -> None:
    started = Device(starters=(device.statistics(),))
    for number in (2, 8, 14, 20, 26):
        started.learner.teach(f"own {number}", started.images[number], name(number), "", 1e6)
    assert Sharer(started).send(task_for(started)) is RoundStep.TOO_FEW
    more(started, *range(2, 60, 6))
    sharer = Sharer(started)
    alone = Device()
    for number in (2, 8, 14, 20, 26):
        alone.learner.teach(f"own {number}", alone.images[number], name(number), "", 1e6)
    more(alone, *range(2, 60, 6))
    for level in (Consent.WEIGHTS, EXACT):
        task = of_campaign(task_for(started, level), f"c{level}")
        mine, plain = sharer.sent(task), Sharer(alone).sent(task)
        assert (counts_of(mine), values_of(mine)) == (counts_of(plain), values_of(plain))
    exact = sharer.sent(of_campaign(task_for(started, EXACT), "c9"))
    assert statistics_of(exact, alone.statistics()).same_as(alone.statistics())


def test_a_class_that_was_forgotten_no_longer_has_what_a_starter_head_brought(
    device: Device,
) -> None:
    started, alone = Device(starters=(device.statistics(),)), Device()
    sharer = Sharer(started)
    sharer.notes.add_bare(frozenset({mark_of_shared("class 2", started.store.holdout_key())}))
    started.forget(class_name="class 2")
    for each in (started, alone):
        more(each, *range(2, 60, 6))
    assert sharer.send(task_for(started)) is RoundStep.TOO_FEW  # for all that is known, no sample
    for each in (started, alone):
        for number in range(2, 60, 6):
            each.learner.teach(f"new {number}", each.images[number], "class 2", "", 2e6)
    for level in (Consent.WEIGHTS, EXACT):
        task = of_campaign(task_for(started, level), f"c{level}")
        mine, plain = sharer.sent(task), Sharer(alone).sent(task)
        assert (counts_of(mine), values_of(mine)) == (counts_of(plain), values_of(plain))


def test_a_starter_head_that_comes_again_hides_no_single_sample(device: Device) -> None:
    started = Device(starters=(device.statistics(),))
    sharer = Sharer(started)
    sharer.notes.add_bare(frozenset({mark_of_shared("class 1", started.store.holdout_key())}))
    started.forget(class_name="class 1")
    more(started, 1, 2)
    started.forget(class_name="class 2", strict=True)  # built anew, with all that is not absent
    assert started.learner.pair.count("class 1") == 11
    assert sharer.send(task_for(started)) is RoundStep.TOO_FEW
    more(started, *range(7, 60, 6))
    assert counts_of(sharer.sent(task_for(started))) == {NAMES["class 1"]: 20}
    for number in range(1, 60, 6):
        started.learner.teach(f"new {number}", started.images[number], "class 1", "", 2e6)
    # It may be that the starter's ten were not in what left, and nine of these are not news.
    assert sharer.send(task_for(started, number=2)) is RoundStep.TOO_FEW


@pytest.mark.parametrize(
    "spoil",
    [
        lambda task: replace(task, offer=replace(task.offer, kind=RowKind.WEIGHTS)),
        lambda task: replace(
            task, offer=replace(task.offer, space=HeadSpace("ab" * 32, "cd" * 32, (24,)))
        ),
        lambda task: replace(task, noise=0.1, offer=replace(task.offer, level=EXACT)),
        lambda task: replace(task, norm_max=0.1, offer=replace(task.offer, level=EXACT)),
    ],
    ids=["weights", "another space", "exact noise", "exact and short"],
)
def test_what_does_not_fit_is_refused(device: Device, spoil: object) -> None:
    assert callable(spoil)
    task = spoil(task_for(device))
    assert isinstance(task, Task)
    assert Sharer(device).send(task) is RoundStep.UNSUITABLE


def test_what_was_carried_over_by_estimate_is_in_no_exact_update(device: Device) -> None:
    device.learner.pair.carried = {"class 1": 1}
    assert Sharer(device).send(task_for(device, EXACT)) is RoundStep.UNSUITABLE
    update = Sharer(device).sent(task_for(device))
    assert NAMES["class 1"] not in counts_of(update)  # nine that are not by estimate


def test_rows_are_shortened_and_blurred_and_blurred_alike_each_time(device: Device) -> None:
    unit = 2.0**12
    plain = Sharer(device).sent(task_for(device))
    short = Sharer(device).sent(replace(task_for(device), norm_max=0.25))
    for row, before in zip(short.rows, plain.rows, strict=True):
        assert np.linalg.norm(row.values) == pytest.approx(unit / 4, rel=1e-5)
        assert np.allclose(
            row.values, before.values * (0.25 * unit / np.linalg.norm(before.values))
        )
    blurred = [Sharer(device, noise=0.01).sent(task_for(device)) for _ in range(2)]
    assert values_of(blurred[0]) == values_of(blurred[1])
    noise = np.concatenate(
        [one.values - two.values for one, two in zip(blurred[0].rows, plain.rows, strict=True)]
    )
    assert 0.7 * 0.01 * unit < noise.std() < 1.4 * 0.01 * unit
    more_noise = Sharer(device, noise=0.01).sent(replace(task_for(device), noise=0.02))
    assert values_of(more_noise) != values_of(blurred[0])


def test_no_campaign_averages_the_owners_noise_away_by_asking_for_more_or_less(
    device: Device,
) -> None:
    def error(rows: list[NDArray[np.float64]]) -> float:
        return float(np.std(np.mean(rows, axis=0) - plain)) / 2**12

    plain, device_noise = Sharer(device).sent(task_for(device)).rows[0].values, 0.05
    length = float(np.linalg.norm(plain)) / 2**12
    asks = [
        replace(task_for(device), norm_max=bound, noise=noise / (bound or 1))
        for bound in (0.0, 0.05, 0.5, 0.5000001)
        for noise in np.linspace(0.049, 0.051, 50)
    ]
    said = []
    for ask in asks:
        values = Sharer(device, noise=device_noise).sent(ask).rows[0].values.astype(np.float64)
        said.append(values * (length / min(length, ask.norm_max or length)))
    assert error(said[:1]) > 0.03
    assert error(said) > 0.03
