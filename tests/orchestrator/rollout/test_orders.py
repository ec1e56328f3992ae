from dataclasses import replace

import pytest

from fieldwise.update import UpdatePhase
from orchestrator.fleet.device import Standing, Target
from orchestrator.rollout.orders import (
    order_for,
    orders_owed,
    retries,
    revocations,
    wave_in,
)
from orchestrator.rollout.phases import Phase
from orchestrator.rollout.plan import DeviceClass, Wave
from orchestrator.rollout.rollout import Kind, Order
from orchestrator.rollout.waves import fraction_of
from tests.fleet_records import NOW
from tests.rollout_records import (
    ARRIVED,
    DECLINED,
    FAILED,
    MEMBER,
    OLDEST,
    OTHER,
    PLAN,
    ROLLOUT,
    STRANGER,
    WANTED,
    at,
    named,
    ordered_back,
    permitted,
)

TWO_WAVES = replace(
    ROLLOUT, plan=replace(PLAN, waves=(Wave(share=0.5), Wave())), thresholds=(0.5, 1.0)
)
REVERTING = replace(ROLLOUT, phase=Phase.REVERTING)
RECALL = replace(REVERTING, kind=Kind.RECALL)


def test_a_stranger_is_ordered_what_the_rollout_brings_and_its_way_back_is_kept() -> None:
    [order] = orders_owed(ROLLOUT, [STRANGER], NOW)
    assert order == Order("d2", Target(1, WANTED), (OTHER,), NOW)


def test_only_devices_of_open_waves_are_ordered() -> None:
    cohort = named(40, STRANGER)
    first = {order.device for order in orders_owed(TWO_WAVES, cohort, NOW)}
    assert first == {each.device for each in cohort if fraction_of(each.device, 5) < 0.5}
    assert 0 < len(first) < 40
    assert len(orders_owed(replace(TWO_WAVES, wave=1), cohort, NOW)) == 40
    assert {wave_in(TWO_WAVES, each) for each in first} == {0}


@pytest.mark.parametrize("phase", [Phase.PAUSED, Phase.HELD, Phase.COMPLETE, Phase.SUPERSEDED])
def test_a_rollout_that_does_not_run_orders_no_stranger(phase: Phase) -> None:
    assert orders_owed(replace(ROLLOUT, phase=phase), [STRANGER], NOW) == ()


def test_what_a_newer_rollout_has_is_left_alone() -> None:
    newer = replace(STRANGER, rollout=6, target=Target(8, OTHER))
    assert orders_owed(ROLLOUT, [newer], NOW) == ()
    assert orders_owed(REVERTING, [replace(ARRIVED, rollout=6)], NOW) == ()


def test_who_leaves_a_recalled_backbone_is_taken_when_it_has_left() -> None:
    recalled = frozenset({OTHER})
    leaving = replace(STRANGER, rollout=4, target=Target(7, OLDEST, back=True), bundle_in_use=OTHER)
    assert orders_owed(ROLLOUT, [leaving], NOW, recalled) == ()
    assert orders_owed(ROLLOUT, [leaving], NOW) != ()
    assert orders_owed(ROLLOUT, [leaving], NOW, recalled | {OLDEST}) != ()
    left = replace(leaving, bundle_in_use=OLDEST)
    assert orders_owed(ROLLOUT, [left], NOW, recalled) != ()


def test_an_order_is_above_everything_that_store_or_device_know() -> None:
    ahead = replace(STRANGER, target=Target(4, OTHER), rollout=2, generation=9)
    assert orders_owed(ROLLOUT, [ahead], NOW)[0].target.generation == 10
    assert order_for(ROLLOUT, STRANGER, NOW, known=20).target.generation == 21


@pytest.mark.parametrize("phase", [Phase.RUNNING, Phase.COMPLETE])
def test_a_device_that_knows_more_than_the_store_is_ordered_again(phase: Phase) -> None:
    [order] = orders_owed(replace(ROLLOUT, phase=phase), [replace(MEMBER, generation=7)], NOW)
    assert order == Order("d1", Target(8, WANTED), (OTHER,), NOW)


@pytest.mark.parametrize("standing", [MEMBER, ARRIVED, FAILED, DECLINED, permitted()])
def test_who_has_the_target_is_owed_nothing(standing: Standing) -> None:
    assert orders_owed(ROLLOUT, [standing], NOW) == ()


def test_a_revoked_device_is_ordered_again_when_the_rollout_goes_on() -> None:
    back = ordered_back()
    assert orders_owed(replace(ROLLOUT, phase=Phase.PAUSED), [back], NOW) == ()
    [order] = orders_owed(ROLLOUT, [back], NOW)
    assert order.target == Target(5, WANTED)
    assert order.before == (OTHER,)


def test_a_revoked_device_that_knows_more_is_ordered_when_the_rollout_goes_on_or_back() -> None:
    ahead = replace(ordered_back(), generation=9)
    assert orders_owed(replace(ROLLOUT, phase=Phase.PAUSED), [ahead], NOW) == ()
    [order] = orders_owed(ROLLOUT, [ahead], NOW)
    assert order.target == Target(10, WANTED)
    [order] = orders_owed(REVERTING, [ahead], NOW)
    assert order.target == Target(10, OTHER, back=True)


def test_an_abort_orders_all_back_to_what_each_had() -> None:
    other = replace(ARRIVED, device="d2", before=(OLDEST,))
    first, second = orders_owed(REVERTING, [ARRIVED, other], NOW)
    assert first == Order("d1", Target(4, OTHER, back=True), (OTHER,), NOW)
    assert second.target == Target(4, OLDEST, back=True)


@pytest.mark.parametrize("standing", [FAILED, DECLINED, MEMBER, permitted()])
def test_who_has_not_switched_is_taken_back_as_well(standing: Standing) -> None:
    assert orders_owed(REVERTING, [standing], NOW)[0].target == Target(4, OTHER, back=True)


def test_who_is_on_the_way_back_is_not_ordered_twice() -> None:
    assert orders_owed(REVERTING, [ordered_back(ARRIVED)], NOW) == ()


def test_who_had_nothing_before_keeps_what_it_has() -> None:
    assert orders_owed(REVERTING, [replace(ARRIVED, before=())], NOW) == ()


def test_a_way_back_that_is_recalled_meanwhile_is_replaced() -> None:
    device = replace(ordered_back(ARRIVED), before=(OTHER, OLDEST))
    [order] = orders_owed(REVERTING, [device], NOW, {OTHER})
    assert order.target == Target(5, OLDEST, back=True)


def test_a_recall_takes_devices_from_older_rollouts() -> None:
    owned = replace(ARRIVED, rollout=3)
    [order] = orders_owed(RECALL, [owned], NOW, {WANTED})
    assert order == Order("d1", Target(4, OTHER, back=True), (WANTED, OTHER), NOW)


def test_an_undo_is_ordered_as_a_way_back_that_nobody_judges() -> None:
    assert orders_owed(replace(ROLLOUT, kind=Kind.UNDO), [STRANGER], NOW)[0].target.back


def test_the_class_of_a_device_chooses_its_variant() -> None:
    plan = replace(PLAN, classes=(DeviceClass("int8", "aarch64"),))
    board = replace(STRANGER, architecture="aarch64")
    [order] = orders_owed(replace(ROLLOUT, plan=plan), [board], NOW)
    assert order.target.variant == "int8"


def test_a_retry_is_for_the_failed_alone() -> None:
    cohort = [FAILED, replace(DECLINED, device="d2"), replace(ARRIVED, device="d3")]
    [order] = retries(ROLLOUT, cohort, NOW)
    assert order == Order("d1", Target(4, WANTED), (OTHER,), NOW)


def test_a_retry_on_the_way_back_goes_on_going_back() -> None:
    stuck = at(UpdatePhase.REVERTED, replace(ordered_back(ARRIVED), generation=4))
    [order] = retries(REVERTING, [stuck], NOW)
    assert order.target == Target(5, OTHER, back=True)


def test_a_revocation_is_for_all_that_have_not_come_to_an_end() -> None:
    begun = replace(at(UpdatePhase.MIGRATING), device="d2")
    tried = replace(at(UpdatePhase.PROBATION), device="d3")
    ended = [replace(each, device="d9") for each in (ARRIVED, FAILED, DECLINED)]
    found = revocations(ROLLOUT, [MEMBER, begun, tried, *ended], NOW)
    assert [order.device for order in found] == ["d1", "d2", "d3"]
    assert {order.target for order in found} == {Target(4, OTHER, back=True)}
