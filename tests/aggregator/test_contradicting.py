"""Who contradicts is told by all that a device shares with others, also where that are two rows."""

import numpy as np

from aggregator.contradicting import contrary
from fieldwise.federation import Row

WIDTH, CLASSES = 64, 12
CENTRES = np.random.default_rng(1).normal(0, 1, (CLASSES, WIDTH)) + 3


def row(seed: int, class_id: int, count: int, centre: np.ndarray | None = None) -> Row:
    dice = np.random.default_rng((seed, class_id))
    there = CENTRES[class_id] if centre is None else centre
    spread = dice.normal(0, 1 / count**0.5, WIDTH)
    return Row(class_id, count, (there + spread).astype(np.float32))


def pairs(hostile: int = 0, count: int = 15) -> dict[int, list[tuple[int, Row]]]:
    """Of six devices each class has two, so that each device shares four with three others.

    The hostile ones, those with the smallest aliases, name each class as the one before it.
    """
    holders: dict[int, list[tuple[int, Row]]] = {}
    for class_id in range(CLASSES):
        first, second = class_id % 6 + 1, (class_id + 1 + class_id // 6) % 6 + 1
        holders[class_id] = [
            (
                alias,
                row(alias, class_id, count, CENTRES[class_id - 1] if alias <= hostile else None),
            )
            for alias in sorted((first, second))
        ]
    return holders


def all_out(holders: dict[int, list[tuple[int, Row]]]) -> set[int]:
    out: set[int] = set()
    while found := contrary(holders):
        out |= set(found)
        holders = {
            class_id: [each for each in rows if each[0] not in out]
            for class_id, rows in holders.items()
        }
    return out


def test_of_two_rows_of_each_class_the_one_whose_device_contradicts_everywhere_is_out() -> None:
    assert all_out(pairs(hostile=1)) == {1}


def test_who_shares_most_classes_with_a_hostile_device_stays() -> None:
    holders = pairs(hostile=1)
    assert contrary(holders) == [1]


def test_nobody_is_out_where_all_are_honest_however_their_counts_differ() -> None:
    holders = pairs()
    for class_id, rows in holders.items():
        holders[class_id] = [
            (alias, row(alias, class_id, (alias * 7 + class_id) % 40 + 10)) for alias, _ in rows
        ]
    assert all_out(holders) == set()


def test_a_class_of_one_device_and_rows_that_are_all_alike_tell_nothing() -> None:
    same = [(alias, Row(1, 10, np.ones(WIDTH, np.float32))) for alias in (1, 2, 3)]
    assert contrary({1: same, 2: [(4, row(4, 2, 10))]}) == []
    assert contrary({}) == []


def test_in_classes_of_many_devices_all_that_contradict_are_out_at_once() -> None:
    holders = {
        class_id: [
            (alias, row(alias, class_id, 20, -CENTRES[class_id] if alias <= 3 else None))
            for alias in range(1, 13)
        ]
        for class_id in range(3)
    }
    assert contrary(holders) == [1, 2, 3]
