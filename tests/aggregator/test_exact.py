from dataclasses import replace

import numpy as np
import pytest

from aggregator.exact import merge
from aggregator.ports import Unreadable
from fieldwise import head
from fieldwise.bundle import Transform
from fieldwise.federation import Consent, Row, Update
from tests.fakes.updates import CLASSES, SPACE, campaign, samples, statistics

PLAN = campaign(level=Consent.STATISTICS)


def device(seed: int, count: int = 60, **changes: object) -> Update:
    dice = np.random.default_rng(seed)
    return statistics(samples(dice, count), dice.integers(1, 5, count), **changes)


def same(one: object, other: object) -> bool:
    def held(merged: object) -> tuple[np.ndarray, ...]:
        sums = tuple(merged.sums[each] for each in sorted(merged.counts))
        return (*sums, *merged.scatter)

    pairs = zip(held(one), held(other), strict=True)
    return one.counts == other.counts and all(np.array_equal(*each) for each in pairs)


def merged(*updates: Update) -> object:
    found, left_out = merge(enumerate(updates, 1), PLAN, 1)
    assert left_out == 0
    return found


def test_merging_is_to_the_bit_what_learning_on_all_devices_is() -> None:
    dice = np.random.default_rng(8)
    grid, labels = samples(dice, 300), dice.integers(1, 5, 300)
    parts = [statistics(grid[place::3], labels[place::3]) for place in range(3)]
    found, left_out = merge(enumerate(parts, 1), PLAN, 1)
    assert left_out == 0
    names = [CLASSES[each] for each in labels.tolist()]
    whole = head.learn(head.empty("a" * 64, Transform(), 10), grid.astype(np.int16), names)
    assert [CLASSES[each] for each in sorted(found.counts)] == list(whole.classes)
    for each, name in CLASSES.items():
        place = whole.classes.index(name)
        assert found.counts[each] == whole.counts[place]
        assert np.array_equal(found.sums[each], whole.sums[place])
    first, second = SPACE.widths
    assert np.array_equal(found.scatter[0], whole.scatter[:first, :first][np.triu_indices(first)])
    assert np.array_equal(found.scatter[1], whole.scatter[first:, first:][np.triu_indices(second)])


def test_the_order_of_devices_does_not_matter() -> None:
    parts = [device(each) for each in range(5)]
    assert same(merged(*parts), merged(*reversed(parts)))


def test_leaving_a_device_out_is_to_the_bit_what_subtracting_it_is() -> None:
    parts = [device(each) for each in range(4)]
    whole, without = merged(*parts), merged(*parts[:3])
    for row in parts[3].rows:
        whole.counts[row.class_id] -= row.samples
        whole.sums[row.class_id] -= row.values
    for view, triangle in enumerate(parts[3].scatter):
        whole.scatter[view] -= triangle
    assert same(whole, without)


def test_the_newest_update_of_a_device_replaces_the_one_before() -> None:
    old, new, other = device(1), device(2, round_number=2), device(3)
    found, left_out = merge([(1, old), (1, new), (2, other)], PLAN, 2)
    assert left_out == 0
    assert same(found, merge([(1, new), (2, other)], PLAN, 2)[0])


def test_what_is_replayed_behind_others_does_not_count_again() -> None:
    one, other = device(1), device(2)
    found, left_out = merge([(1, one), (2, other), (1, one)], PLAN, 1)
    assert left_out == len(one.rows)
    assert same(found, merged(one, other))


def spoilt(update: Update, **changes: object) -> Update:
    return replace(update, **changes)


def with_row(update: Update, **changes: object) -> Update:
    row = replace(update.rows[0], **changes)
    return replace(update, rows=(row, *update.rows[1:]))


def with_scatter(update: Update, place: int, value: float) -> Update:
    triangle = update.scatter[0].copy()
    triangle[place] = value
    return replace(update, scatter=(triangle, update.scatter[1]))


HOSTILE = {
    "not a number": lambda each: with_row(each, values=np.full(10, np.nan)),
    "infinite": lambda each: with_scatter(each, 3, np.inf),
    "huge sums": lambda each: with_row(each, values=np.full(10, 2.0**50)),
    "huge scatter": lambda each: with_scatter(each, 0, 2.0**52),
    "half an integer": lambda each: with_scatter(each, 3, 0.5),
    "a negative variance": lambda each: with_scatter(each, 0, -5.0),
    "a scatter beyond its diagonal": lambda each: with_scatter(
        each, 1, 2 * float(each.scatter[0].max())
    ),
    "too short": lambda each: with_row(each, values=np.zeros(9)),
    "one number": lambda each: with_row(each, values=np.zeros(1)),
    "of another type": lambda each: with_row(each, values=np.zeros(10, np.float32)),
    "an inflated count": lambda each: with_row(each, samples=10**9),
    "a doubled count": lambda each: replace(
        each, rows=tuple(replace(row, samples=3 * row.samples) for row in each.rows)
    ),
    "a deflated count": lambda each: replace(
        each, rows=tuple(replace(row, samples=1) for row in each.rows)
    ),
    "inflated sums": lambda each: with_row(each, values=each.rows[0].values * 6),
    "an unknown class": lambda each: with_row(each, class_id=99),
    "a class twice": lambda each: replace(each, rows=(each.rows[0], *each.rows)),
    "no class": lambda each: replace(each, rows=()),
    "no scatter": lambda each: replace(each, scatter=()),
    "another campaign": lambda each: replace(each, campaign="c8"),
    "another transform": lambda each: replace(each, space=replace(SPACE, transform="f" * 64)),
    "of a round to come": lambda each: replace(each, round=2),
    "means only": lambda each: replace(each, level=Consent.WEIGHTS),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_contradicts_itself_is_left_out_whole_and_harms_nobody(name: str) -> None:
    honest = [device(1), device(2)]
    hostile = HOSTILE[name](device(3))
    found, left_out = merge([*enumerate(honest, 1), (3, hostile)], PLAN, 1)
    assert left_out == len(hostile.rows)
    assert same(found, merged(*honest))


def test_what_could_not_be_read_is_counted() -> None:
    found, left_out = merge([(1, device(1)), (2, Unreadable(3, "rubbish"))], PLAN, 1)
    assert left_out == 3
    assert same(found, merged(device(1)))


def test_devices_in_other_units_than_most_are_left_out() -> None:
    def finer(update: Update) -> Update:
        rows = tuple(Row(row.class_id, row.samples, row.values * 2) for row in update.rows)
        return replace(update, rows=rows, scatter=tuple(each * 4 for each in update.scatter))

    found, left_out = merge([(1, finer(device(1))), (2, device(2)), (3, device(3))], PLAN, 1)
    assert left_out == len(device(1).rows)
    assert same(found, merged(device(2), device(3)))


def test_a_feature_of_nothing_is_no_reason_to_leave_a_device_out() -> None:
    dice = np.random.default_rng(9)
    grid, labels = samples(dice, 50), dice.integers(1, 3, 50)
    grid[:5] = 0
    found, left_out = merge([(1, statistics(grid, labels))], PLAN, 1)
    assert left_out == 0
    assert sum(found.counts.values()) == 50


def test_nothing_at_all_merges_to_nothing() -> None:
    found, left_out = merge([], PLAN, 1)
    assert (found.counts, left_out) == ({}, 0)
