from dataclasses import replace

import numpy as np
import pytest

from aggregator import keeping
from aggregator.combining import combine
from aggregator.flower.aggregating import FlowerStrategies
from aggregator.ports import Unreadable
from aggregator.work import Campaign, RoundResult
from fieldwise import head
from fieldwise.bundle import Transform
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import Consent, Row, RowKind, Update
from fieldwise.global_head import GlobalHead, decode
from tests.fakes.updates import CLASSES, SPACE, campaign, means, samples, statistics

STRATEGIES = FlowerStrategies()
EXACT = campaign(level=Consent.STATISTICS)
WEIGHTS = campaign(kind=RowKind.WEIGHTS)


def combined(
    plan: Campaign,
    *updates: tuple[int, Update | Unreadable],
    before: RoundResult | None = None,
    number: int = 1,
) -> RoundResult:
    head_before = None if before is None else decode(before.head)
    kept = {}
    if before is not None and before.state:
        kept = keeping.decode(before.state, plan.strategy)
    return combine(plan, number, updates, head_before, kept, STRATEGIES)


def head_of(result: RoundResult) -> GlobalHead:
    return decode(result.head)


def weights(rows: dict[int, tuple[int, float]], **changes: object) -> Update:
    made = tuple(
        Row(each, count, np.full(11, value, np.float32)) for each, (count, value) in rows.items()
    )
    return replace(means({}), kind=RowKind.WEIGHTS, rows=made, **changes)


def test_means_become_a_head_with_names_counts_and_the_spread() -> None:
    result = combined(
        campaign(),
        (1, means({1: (10, 100.0), 3: (10, 5.0)})),
        (2, means({1: (30, 200.0)})),
    )
    found = head_of(result)
    assert (found.campaign, found.kind, found.level) == ("c7", RowKind.MEANS, Consent.WEIGHTS)
    assert (found.ids, found.classes, found.space) == ((1,), ("apple",), SPACE)
    assert found.counts.tolist() == [40]
    assert found.rows[0] == pytest.approx(np.full(10, 175), rel=1e-5)
    assert [each.shape for each in found.factors] == [(1, 6), (1, 4)]
    assert (result.tally.classes, result.tally.held_back, result.tally.left_out) == (1, 1, 0)
    assert result.state == b""


def test_a_campaign_may_ask_for_more_devices_behind_a_row_or_for_one_alone() -> None:
    sent = [(1, means({1: (10, 1.0), 2: (10, 1.0)})), (2, means({1: (10, 1.0)}))]
    for least, expected in ((1, (1, 2)), (2, (1,))):
        plan = campaign(options={"devices_min": float(least)})
        assert head_of(combined(plan, *sent)).ids == expected
    none = combined(campaign(options={"devices_min": 3.0}), *sent)
    assert (none.head, none.tally.held_back) == (b"", 2)


def test_the_same_updates_always_come_to_the_same_bytes() -> None:
    sent = [(alias, means({1: (10 * alias, 7.0 * alias)})) for alias in (1, 2, 3)]
    assert combined(campaign(), *sent) == combined(campaign(), *sent)


def test_a_device_that_withdrew_is_in_nothing_of_the_next_head() -> None:
    sent = [(alias, means({1: (20, 50.0 * alias), 2: (20, 60.0)})) for alias in (1, 2, 3)]
    alone = (4, means({2: (20, 70.0), 4: (20, 80.0)}))
    other = (5, means({4: (20, 90.0)}))
    before = combined(campaign(), *sent, alone, other)
    assert head_of(before).ids == (1, 2, 4)
    plan = campaign(version=1)
    after = combined(plan, *sent[:2], other, before=before, number=2)
    assert after.head == combined(plan, *sent[:2], other, number=2).head
    assert head_of(after).ids == (1, 2)


def test_weights_move_the_row_from_before_and_others_stay_as_they_were_trained() -> None:
    first = combined(WEIGHTS, *((each, weights({1: (10, 2.0), 2: (10, 4.0)})) for each in (1, 2)))
    assert head_of(first).rows[:, 0].tolist() == [2, 4]
    plan = replace(WEIGHTS, version=1)
    sent = [
        (alias, weights({2: (10, float(alias)), 3: (10, 8.0)}, round=2, base_version=1))
        for alias in (1, 2)
    ]
    sent.append((3, weights({3: (10, 8.0)}, round=2, base_version=0)))
    second = combined(plan, *sent, before=first, number=2)
    found = head_of(second)
    assert found.ids == (1, 2, 3)
    assert found.rows[:, 0].tolist() == [2, 5.5, 8]
    assert found.counts.tolist() == [20, 20, 20]
    assert (second.tally.held_back, second.tally.left_out) == (0, 1)


def test_momentum_goes_from_round_to_round_in_the_state() -> None:
    plan = replace(WEIGHTS, strategy="FedAvgM", options={"server_momentum": 0.5})
    first = combined(plan, *((each, weights({1: (10, 2.0)})) for each in (1, 2)))
    assert first.state
    later = replace(plan, version=1)
    sent = [(each, weights({1: (10, 0.0)}, round=2, base_version=1)) for each in (1, 2)]
    second = combined(later, *sent, before=first, number=2)
    assert head_of(second).rows[0, 0] == pytest.approx(3.0)
    assert head_of(combined(later, *sent, before=replace(first, state=b""), number=2)).rows[
        0, 0
    ] == pytest.approx(2.0)


def test_means_with_momentum_start_where_devices_are_and_not_at_nothing() -> None:
    plan = campaign(strategy="FedAvgM", options={"server_momentum": 0.9})
    sent = [(alias, means({1: (10, 100.0 * alias)})) for alias in (1, 3)]
    first = combined(plan, *sent)
    assert head_of(first).rows[0] == pytest.approx(np.full(10, 200))
    second = combined(replace(plan, version=1), *sent, before=first, number=2)
    assert head_of(second).rows[0] == pytest.approx(np.full(10, 200))


def test_statistics_come_to_what_learning_on_all_devices_at_once_does() -> None:
    dice = np.random.default_rng(8)
    grid, labels = samples(dice, 400), dice.integers(1, 5, 400)
    parts = [(part + 1, statistics(grid[part::4], labels[part::4])) for part in range(4)]
    result = combined(EXACT, *parts)
    found = head_of(result)
    names = [CLASSES[each] for each in labels.tolist()]
    whole = head.learn(head.empty("a" * 64, Transform(), 10), grid.astype(np.int16), names)
    order = [found.classes.index(each) for each in whole.classes]
    assert found.sums is not None
    assert np.array_equal(found.sums[order], whole.sums)
    assert np.array_equal(found.counts[order], whole.counts)
    assert np.array_equal(found.scatter[0], whole.scatter[:6, :6][np.triu_indices(6)])
    assert np.array_equal(found.scatter[1], whole.scatter[6:, 6:][np.triu_indices(4)])
    assert (found.factors, result.state) == ((), b"")


def test_statistics_without_a_device_are_as_if_it_had_never_been_there() -> None:
    parts = []
    for alias in (1, 2, 3):
        dice = np.random.default_rng(alias)
        parts.append((alias, statistics(samples(dice, 50), dice.integers(1, 5, 50))))
    before = combined(EXACT, *parts)
    after = combined(replace(EXACT, version=1), *parts[:2], before=before, number=2)
    assert after.head == combined(EXACT, *parts[:2]).head


@pytest.mark.parametrize("plan", [campaign(), WEIGHTS, EXACT], ids=["means", "weights", "exact"])
def test_a_round_of_nothing_usable_is_no_head(plan: Campaign) -> None:
    result = combined(plan, (1, Unreadable(3, "rubbish")))
    assert (result.head, result.state) == (b"", b"")
    assert result.tally.left_out == 3
    assert combined(plan).tally.left_out == 0


def test_fewer_usable_devices_than_the_quorum_are_no_head() -> None:
    dice = np.random.default_rng(3)
    sent = [(each, statistics(samples(dice, 30), dice.integers(1, 4, 30))) for each in (1, 2)]
    plan = replace(EXACT, quorum=2)
    assert combined(plan, *sent).head
    blown_up = replace(sent[1][1], scatter=tuple(each * 3.0 for each in sent[1][1].scatter))
    result = combined(plan, sent[0], (2, blown_up))
    assert (result.head, result.tally.left_out) == (b"", len(blown_up.rows))
    alone = replace(campaign(options={"devices_min": 1}), quorum=2)
    given = (1, means({1: (10, 1.0)}))
    assert combined(alone, given, (2, means({1: (10, 2.0)}))).head
    assert not combined(alone, given, (2, Unreadable(1, "rubbish"))).head


def test_a_strategy_that_there_is_not_is_refused() -> None:
    with pytest.raises(FieldwiseError) as caught:
        combined(campaign(strategy="FedGuess"), (1, means({1: (10, 1.0)})))
    assert caught.value.fault is Fault.INVALID_ARGUMENT


def test_sums_past_exactness_are_refused() -> None:
    dice = np.random.default_rng(1)
    grid, labels = samples(dice, 40), np.full(40, 1)
    update = statistics(grid, labels)
    times = 2.0**25
    huge = replace(
        update,
        rows=tuple(
            Row(row.class_id, int(row.samples * times), row.values * times) for row in update.rows
        ),
        scatter=tuple(each * times for each in update.scatter),
    )
    with pytest.raises(FieldwiseError) as caught:
        combined(EXACT, *((alias, huge) for alias in range(1, 40)))
    assert caught.value.fault is Fault.OVER_LIMIT
