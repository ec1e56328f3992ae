from dataclasses import replace

import numpy as np
import pytest

from aggregator.ports import Unreadable
from aggregator.screening import screen
from fieldwise.federation import Consent, HeadSpace, Row, RowKind, Update
from tests.fakes.updates import SPACE, campaign, means

HONEST = means({1: (20, 100.0), 2: (30, 200.0)})


def rows_of(*updates: tuple[int, Update | Unreadable], **options: object) -> dict:
    plan = options.pop("plan", campaign())
    found = screen(updates, plan, options.pop("round_number", 1), robust=False)
    return {
        each.alias: {name: (row.samples, float(row.values[0])) for name, row in each.rows.items()}
        for each in found.contributions
    }


def left_out(*updates: tuple[int, Update | Unreadable], **changes: object) -> int:
    return screen(updates, campaign(**changes), 1, robust=False).left_out


def one(value: np.ndarray | float, samples: int = 20, class_id: int = 1) -> Update:
    return means({class_id: (samples, value)})


def test_what_is_usable_comes_through_as_it_is() -> None:
    assert rows_of((1, HONEST), (5, HONEST)) == {
        1: {1: (20, 100.0), 2: (30, 200.0)},
        5: {1: (20, 100.0), 2: (30, 200.0)},
    }
    assert left_out((1, HONEST), (5, HONEST)) == 0


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
def test_a_row_with_one_number_out_of_range_is_left_out_alone(value: float) -> None:
    row = np.full(10, 100.0, np.float32)
    row[7] = value
    found = screen([(1, means({1: (20, row), 2: (30, 200.0)}))], campaign(), 1, robust=False)
    assert [list(each.rows) for each in found.contributions] == [[2]]
    assert found.left_out == 1


@pytest.mark.parametrize(
    "row",
    [
        np.zeros(1, np.float32),
        np.zeros(11, np.float32),
        np.zeros((1, 10), np.float32),
        np.zeros(10, np.float64),
        np.zeros(0, np.float32),
    ],
)
def test_a_row_of_another_shape_or_type_is_left_out(row: np.ndarray) -> None:
    assert rows_of((1, one(row))) == {}
    assert left_out((1, one(row))) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"campaign": "c8"},
        {"kind": RowKind.WEIGHTS},
        {"level": Consent.STATISTICS},
        {"space": replace(SPACE, bundle="c" * 64)},
        {"space": replace(SPACE, transform="c" * 64)},
        {"space": HeadSpace("a" * 64, "b" * 64, (4, 6))},
        {"round": 2},
        {"round": 0},
    ],
)
def test_an_update_of_something_else_is_left_out_whole(changes: dict[str, object]) -> None:
    assert rows_of((1, replace(HONEST, **changes))) == {}
    assert left_out((1, replace(HONEST, **changes))) == 2


def test_an_unknown_class_and_a_count_of_nothing_are_left_out() -> None:
    assert rows_of((1, one(5.0, class_id=9))) == {}
    assert rows_of((1, one(5.0, samples=0))) == {}
    assert rows_of((1, one(5.0, samples=2**60))) == {}


def test_an_update_that_could_not_be_read_counts_with_its_rows() -> None:
    assert left_out((1, Unreadable(7, "rubbish")), (2, HONEST)) == 7


def test_what_is_sent_twice_counts_once_and_the_newest_row_of_a_class_stands() -> None:
    old = means({1: (20, 1.0), 2: (20, 1.0)}, round_number=1)
    new = means({1: (25, 2.0)}, round_number=3)
    expected = {4: {1: (25, 2.0), 2: (20, 1.0)}}
    assert rows_of((4, old), (4, new), round_number=3) == expected
    assert rows_of((4, old), (4, new), (4, new), (4, old), round_number=3) == expected


def test_weights_of_another_round_or_another_start_are_left_out() -> None:
    plan = campaign(kind=RowKind.WEIGHTS, version=5)
    row = Row(1, 20, np.full(11, 0.5, np.float32))
    mine = replace(HONEST, kind=RowKind.WEIGHTS, rows=(row,), round=2, base_version=5)
    assert rows_of((1, mine), plan=plan, round_number=2) == {1: {1: (20, 0.5)}}
    assert rows_of((1, replace(mine, base_version=4)), plan=plan, round_number=2) == {}
    assert rows_of((1, replace(mine, round=1)), plan=plan, round_number=2) == {}


def test_a_row_far_longer_than_the_usual_one_is_left_out() -> None:
    sent = [(alias, one(100.0 + alias)) for alias in range(1, 5)]
    assert list(rows_of(*sent, (5, one(2000.0)))) == [1, 2, 3, 4]
    assert list(rows_of(*sent, (5, one(900.0)))) == [1, 2, 3, 4, 5]


def test_some_classes_may_learn_more_than_others_but_means_are_all_about_as_long() -> None:
    def sent(kind: RowKind, rows: dict[int, float]) -> Update:
        width = 11 if kind is RowKind.WEIGHTS else 10
        values = {each: (20, np.full(width, value, np.float32)) for each, value in rows.items()}
        return means(values, kind=kind)

    for kind, expected in ((RowKind.WEIGHTS, 1), (RowKind.MEANS, 4)):
        common = [(alias, sent(kind, {1: 30.0, 2: 1.0, 3: 1.0})) for alias in (1, 2, 3)]
        assert left_out(*common, (4, sent(kind, {1: 400.0})), kind=kind) == expected


def test_weights_are_shortened_to_the_campaigns_bound_with_room_for_its_noise() -> None:
    row = Row(1, 20, np.full(11, 10.0, np.float32))
    update = replace(HONEST, kind=RowKind.WEIGHTS, rows=(row,))
    plan = campaign(kind=RowKind.WEIGHTS, norm_max=2.0)

    def length(**changes: float) -> float:
        found = screen([(1, update)], replace(plan, **changes), 1, robust=False)
        return float(np.linalg.norm(found.contributions[0].rows[1].values))

    assert length() == pytest.approx(2.0)
    assert length(noise=0.5) == pytest.approx(2.0 * (1 + 0.5 * 10**0.5))
    assert length(norm_max=0.0) == pytest.approx(10 * 11**0.5)
    assert length(norm_max=100.0) == pytest.approx(10 * 11**0.5)


def test_a_count_weighs_no_more_than_ten_times_the_usual_one() -> None:
    counts = {1: 20, 2: 30, 3: 40, 4: 10**12}
    sent = [(alias, one(1.0, samples)) for alias, samples in counts.items()]
    assert [each[1][0] for each in rows_of(*sent).values()] == [20, 30, 40, 300]


def test_of_two_counts_the_smaller_is_the_usual_one() -> None:
    assert [each[1][0] for each in rows_of((1, one(1.0, 10)), (2, one(1.0, 10**9))).values()] == [
        10,
        100,
    ]


class TestContradicting:
    """Eight honest devices that saw some of four classes, and two that mix up the names."""

    CENTRES = np.random.default_rng(5).normal(0, 600, (4, 10)) + 800

    def honest(self, seed: int) -> Update:
        dice = np.random.default_rng(seed)
        known = dice.permutation(4)[:3]
        counts = {int(each): int(dice.integers(10, 60)) for each in known}
        return means(
            {each + 1: (count, self.seen(dice, each, count)) for each, count in counts.items()}
        )

    def seen(self, dice: np.random.Generator, each: int, count: int) -> np.ndarray:
        spread = dice.normal(0, 300 / count**0.5, 10)
        return (self.CENTRES[each] + spread).astype(np.float32)

    def mislabelled(self, seed: int) -> Update:
        update = self.honest(seed)
        rows = update.rows
        turned = tuple(
            replace(row, values=other.values)
            for row, other in zip(rows, (*rows[1:], rows[0]), strict=True)
        )
        return replace(update, rows=turned)

    def screened(self, *, robust: bool, hostile: int = 2) -> set[int]:
        sent = [(alias, self.honest(alias)) for alias in range(1, 9)]
        sent += [(alias, self.mislabelled(alias)) for alias in range(9, 9 + hostile)]
        found = screen(sent, campaign(), 1, robust=robust)
        return {each.alias for each in found.contributions}

    def test_devices_that_contradict_most_others_are_left_out_of_robust_strategies(self) -> None:
        assert self.screened(robust=True) == set(range(1, 9))

    def test_they_count_where_everybody_is_to_count(self) -> None:
        assert self.screened(robust=False) == set(range(1, 11))

    def test_nobody_is_left_out_where_all_are_honest(self) -> None:
        assert self.screened(robust=True, hostile=0) == set(range(1, 9))
