"""Plans: what comes when, what is withheld, and that nothing that judges is learned."""

from collections import Counter
from random import Random

import pytest

from benchmarks.clvision.protocols import (
    PROTOCOLS,
    Item,
    cut,
    make_plan,
    new_classes_told,
    new_classes_untold,
    new_instances_and_classes,
    published_plan,
    stretches,
    withhold,
)


def items(classes: int, sessions: int, each: int = 2) -> list[Item]:
    """``each`` samples of every class in every session."""
    made = []
    for name in range(classes):
        for session in range(sessions):
            for _ in range(each):
                made.append(Item(len(made), f"class {name:02}", session))
    return made


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("seed", [0, 1])
def test_every_training_sample_comes_once_and_none_that_judges(protocol: str, seed: int) -> None:
    everything = items(12, 5)
    plan = make_plan(protocol, everything, seed)
    trained = [row for batch in plan.batches for row in batch]
    assert sorted([*trained, *plan.validation]) == [item.row for item in everything]
    assert plan.trained == len(trained)
    assert all(plan.batches)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_plan_is_a_function_of_its_seed(protocol: str) -> None:
    everything = items(12, 5)
    assert make_plan(protocol, everything, 3) == make_plan(protocol, everything, 3)
    assert make_plan(protocol, everything, 3) != make_plan(protocol, everything, 4)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_groups_are_the_validation_set_in_parts(protocol: str) -> None:
    plan = make_plan(protocol, items(12, 5), 0)
    assert sorted(row for group in plan.groups for row in group.rows) == sorted(plan.validation)


def test_one_whole_session_of_every_class_is_withheld_and_sessions_equally_often() -> None:
    train, validation = withhold(items(20, 4, each=3), Random(0))
    withheld = Counter((item.class_name, item.session) for item in validation)
    assert len(withheld) == 20
    assert set(withheld.values()) == {3}
    assert set(Counter(session for _, session in withheld).values()) == {5}
    assert not {(item.class_name, item.session) for item in train} & withheld.keys()


def test_a_class_with_a_single_session_is_learned_and_not_validated() -> None:
    alone = [Item(0, "rare", 2), *(Item(1 + n, "common", n) for n in range(3))]
    train, validation = withhold(alone, Random(0))
    assert alone[0] in train
    assert {item.class_name for item in validation} == {"common"}


def test_new_instances_bring_one_session_a_batch() -> None:
    everything = items(6, 5)
    plan = make_plan("ni", everything, 0)
    sessions = [{everything[row].session for row in batch} for batch in plan.batches]
    assert sorted(map(tuple, sessions)) == [(0,), (1,), (2,), (3,), (4,)]
    for group in plan.groups:
        held = {everything[row].session for row in group.rows}
        assert held == sessions[group.learned_in]
    assert plan.foresight


def test_new_classes_of_fifty_come_as_ten_and_eight_times_five() -> None:
    everything = items(50, 3, each=1)
    plan = make_plan("nc", everything, 0)
    classes = [{everything[row].class_name for row in batch} for batch in plan.batches]
    assert [len(names) for names in classes] == [10, 5, 5, 5, 5, 5, 5, 5, 5]
    assert len(set.union(*classes)) == 50
    assert plan.tasks == {}


def test_told_tasks_are_the_same_batches_with_their_numbers() -> None:
    everything = items(20, 3)
    untold = new_classes_untold(everything, [], Random(5))
    told = new_classes_told(everything, [], Random(5))
    assert told.batches == untold.batches
    for task, batch in enumerate(told.batches):
        assert {told.tasks[everything[row].class_name] for row in batch} == {task}


def test_fifty_classes_in_eight_sessions_make_the_391_batches_of_the_challenge() -> None:
    everything = items(50, 8, each=1)
    plan = new_instances_and_classes(everything, [], Random(0))
    units = [
        {(everything[row].class_name, everything[row].session) for row in batch}
        for batch in plan.batches
    ]
    assert len(units) == 391
    assert len(units[0]) == 10
    assert len({session for _, session in units[0]}) == 1
    assert {len(unit) for unit in units[1:]} == {1}


def test_a_group_of_nic_counts_as_learned_when_its_last_class_has_come() -> None:
    everything = items(20, 4)
    plan = make_plan("nic", everything, 1)
    first_seen: dict[str, int] = {}
    for place, batch in enumerate(plan.batches):
        for row in batch:
            first_seen.setdefault(everything[row].class_name, place)
    for group in plan.groups:
        names = {everything[row].class_name for row in group.rows}
        assert group.learned_in == max(first_seen[name] for name in names)


@pytest.mark.parametrize("count", [1, 2, 5, 10, 11, 81, 101])
def test_shares_keep_every_class_in_order_and_are_even(count: int) -> None:
    names = [str(number) for number in range(count)]
    shares = cut(names)
    assert [name for share in shares for name in share] == names
    assert all(shares)
    if count >= 10:
        sizes = [len(share) for share in shares]
        assert len(sizes) == 9
        assert max(sizes[1:]) - min(sizes[1:]) <= 1
        assert abs(sizes[0] - count / 5) <= 1


def test_stretches_follow_the_order_and_use_every_session() -> None:
    assert stretches(8, 4) == [0, 0, 1, 1, 2, 2, 3, 3]
    assert stretches(3, 8) == [0, 2, 5]
    assert stretches(0, 8) == []


def test_a_published_plan_keeps_the_order_of_its_batches() -> None:
    batches = [[Item(5, "b", 1), Item(3, "a", 1)], [Item(4, "c", 2)]]
    validation = [Item(9, "a", 3), Item(8, "c", 3)]
    told = published_plan("multi-task-nc", batches, validation)
    assert told.batches == ((5, 3), (4,))
    assert told.tasks == {"a": 0, "b": 0, "c": 1}
    assert [(group.learned_in, group.rows) for group in told.groups] == [(0, (9,)), (1, (8,))]
    assert published_plan("nc", batches, validation).tasks == {}


def test_published_new_instances_are_validated_elsewhere_so_nothing_has_a_group() -> None:
    plan = published_plan("ni", [[Item(0, "a", 1)], [Item(1, "a", 2)]], [Item(2, "a", 3)])
    assert plan.groups == ()
    assert not plan.foresight
