from dataclasses import replace

import pytest

from fieldwise.update import UNDER_WAY, UpdateHold, UpdatePhase
from orchestrator.fleet.device import Permit, Standing, Target
from orchestrator.fleet.report import UpdateReport
from orchestrator.rollout.phases import Phase
from orchestrator.rollout.places import Exclusion, Place
from orchestrator.rollout.placing import (
    exclusion_of,
    is_older,
    may_have_run,
    past_of,
    place_of,
    variant_of,
    way_back,
)
from orchestrator.rollout.plan import DeviceClass
from orchestrator.rollout.rollout import Kind, Needs
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
    ordered_back,
    permitted,
)

SILENT = NOW - 999
LONG_AGO = NOW - PLAN.device_deadline_seconds - 1
REVERTING = replace(ROLLOUT, phase=Phase.REVERTING)
RECALL = replace(REVERTING, kind=Kind.RECALL)
PINNED = UpdateReport(hold=UpdateHold.PINNED)


@pytest.mark.parametrize(
    ("standing", "place"),
    [
        (STRANGER, Place.WAITING),
        (replace(STRANGER, seen_at=SILENT), Place.OFFLINE),
        (replace(STRANGER, update=PINNED), Place.EXCLUDED),
        (MEMBER, Place.WAITING),
        (permitted(), Place.PERMITTED),
        (replace(MEMBER, permit=Permit(2, NOW + 1)), Place.WAITING),
        (permitted(until=NOW), Place.WAITING),
        (at(UpdatePhase.FETCHING), Place.FETCHING),
        (at(UpdatePhase.VERIFYING), Place.VERIFYING),
        (at(UpdatePhase.MIGRATING), Place.MIGRATING),
        (at(UpdatePhase.JUDGING), Place.JUDGING),
        (at(UpdatePhase.PROBATION), Place.PROBATION),
        (replace(MEMBER, update=UpdateReport(2, OTHER, UpdatePhase.FETCHING)), Place.WAITING),
        (ARRIVED, Place.HEALTHY),
        (replace(ARRIVED, seen_at=SILENT), Place.HEALTHY),
        (FAILED, Place.FAILED),
        (replace(FAILED, seen_at=SILENT), Place.FAILED),
        (replace(ARRIVED, bundle_in_use=OTHER), Place.FAILED),
        (DECLINED, Place.DECLINED),
        (replace(MEMBER, seen_at=SILENT), Place.OFFLINE),
        (replace(MEMBER, seen_at=SILENT, ordered_at=LONG_AGO), Place.OVERDUE),
        (replace(MEMBER, ordered_at=LONG_AGO), Place.WAITING),
        (permitted(at(UpdatePhase.MIGRATING), since=LONG_AGO), Place.OVERDUE),
        (permitted(ARRIVED, since=LONG_AGO), Place.HEALTHY),
        (replace(ARRIVED, rollout=6), Place.SUPERSEDED),
        (replace(ARRIVED, generation=9), Place.WAITING),
        (ordered_back(), Place.WAITING),
    ],
)
def test_a_device_is_in_one_place_on_the_way_forward(standing: Standing, place: Place) -> None:
    assert place_of(ROLLOUT, standing, NOW) is place


@pytest.mark.parametrize(
    ("standing", "place"),
    [
        (ARRIVED, Place.WAITING),
        (replace(ARRIVED, before=()), Place.EXCLUDED),
        (replace(ARRIVED, before=(WANTED, OTHER)), Place.EXCLUDED),
        (ordered_back(ARRIVED), Place.WAITING),
        (permitted(ordered_back(ARRIVED)), Place.PERMITTED),
        (at(UpdatePhase.MIGRATING, replace(ordered_back(), generation=4)), Place.MIGRATING),
        (replace(ordered_back(MEMBER), generation=4), Place.HEALTHY),
        (at(UpdatePhase.REVERTED, replace(ordered_back(ARRIVED), generation=4)), Place.FAILED),
        (replace(ordered_back(ARRIVED), seen_at=SILENT), Place.OFFLINE),
        (replace(ARRIVED, rollout=6), Place.SUPERSEDED),
    ],
)
def test_a_device_is_in_one_place_on_the_way_back(standing: Standing, place: Place) -> None:
    assert place_of(REVERTING, standing, NOW) is place


def test_every_phase_of_work_has_a_place_of_its_own() -> None:
    assert len({place_of(ROLLOUT, at(phase), NOW) for phase in UNDER_WAY}) == len(UNDER_WAY)


@pytest.mark.parametrize(
    ("minimum", "needs", "exclusion"),
    [
        ("", Needs(), None),
        ("0.1.0", Needs("0.1"), None),
        ("0.1.1", Needs(), Exclusion.AGENT_TOO_OLD),
        ("", Needs("0.10.0"), Exclusion.AGENT_TOO_OLD),
        ("", Needs(memory_mib=512), None),
        ("", Needs(memory_mib=513), Exclusion.MEMORY_TOO_SMALL),
        ("", Needs(variants=("fp32",)), Exclusion.VARIANT_MISSING),
        ("", Needs(variants=("int8", "fp32")), None),
    ],
)
def test_a_device_that_does_not_suit_is_excluded_with_a_reason(
    minimum: str, needs: Needs, exclusion: Exclusion | None
) -> None:
    plan = replace(PLAN, minimum_agent_version=minimum, classes=(DeviceClass("int8"),))
    rollout = replace(ROLLOUT, plan=plan, needs=needs)
    assert exclusion_of(rollout, replace(STRANGER, memory_bytes=512 << 20)) is exclusion


def test_a_device_whose_memory_is_unknown_is_not_excluded_for_it() -> None:
    assert exclusion_of(replace(ROLLOUT, needs=Needs(memory_mib=512)), STRANGER) is None


def test_a_device_under_way_is_counted_where_it_is_though_it_suits_no_more() -> None:
    rollout = replace(ROLLOUT, needs=Needs("9"))
    assert place_of(rollout, at(UpdatePhase.JUDGING), NOW) is Place.JUDGING
    assert place_of(rollout, MEMBER, NOW) is Place.EXCLUDED


def test_the_first_class_that_fits_chooses_the_variant() -> None:
    classes = (
        DeviceClass("cuda", execution_provider="cuda"),
        DeviceClass("fp32", "aarch64", memory_mib_min=1024),
        DeviceClass("int8", "aarch64"),
    )
    rollout = replace(ROLLOUT, plan=replace(PLAN, classes=classes))
    board = replace(STRANGER, architecture="aarch64", memory_bytes=1 << 30)
    assert variant_of(rollout, board) == "fp32"
    assert variant_of(rollout, replace(board, memory_bytes=(1 << 30) - 1)) == "int8"
    assert variant_of(rollout, replace(board, execution_provider="cuda")) == "cuda"
    assert variant_of(rollout, replace(board, architecture="x86_64")) == ""


@pytest.mark.parametrize(
    ("version", "minimum", "older"),
    [
        ("0.9.0", "0.10.0", True),
        ("0.10.0", "0.9.9", False),
        ("1.2.0rc1", "1.2.0", False),
        ("", "0.1", True),
        ("0.1", "", False),
        ("unknown", "", False),
        ("unknown", "0.1", True),
        ("1.2", "1.2.0", False),
        ("1.2.0", "1.2", False),
        ("0.2rc5", "0.2.3", True),
        ("0.1.0", "0.1.0.5", True),
        ("0.1.0.6", "0.1.0.5", False),
    ],
)
def test_versions_are_compared_by_their_numbers(version: str, minimum: str, older: bool) -> None:
    assert is_older(version, minimum) is older


def test_what_a_device_can_go_back_to_is_what_it_served_the_newest_first() -> None:
    assert past_of(STRANGER) == (OTHER,)
    assert past_of(ARRIVED) == (WANTED, OTHER)
    assert past_of(FAILED) == (OTHER,)
    assert past_of(replace(STRANGER, bundle_in_use=None)) == ()
    assert past_of(ordered_back(replace(ARRIVED, before=(OTHER, OLDEST)))) == (OTHER, OLDEST)


def test_the_way_back_leads_past_what_is_recalled() -> None:
    device = replace(ARRIVED, before=(OTHER, OLDEST))
    assert way_back(REVERTING, device) == OTHER
    assert way_back(REVERTING, device, {OTHER}) == OLDEST
    assert way_back(REVERTING, device, {OTHER, OLDEST}) is None


def test_a_device_that_had_the_backbone_before_keeps_it_unless_it_is_recalled() -> None:
    device = replace(ARRIVED, before=(WANTED, OTHER))
    assert way_back(REVERTING, device) is None
    assert way_back(RECALL, device, {WANTED}) == OTHER


def test_only_a_device_that_was_permitted_or_says_so_may_have_run_a_backbone() -> None:
    assert not may_have_run(REVERTING, ordered_back(MEMBER))
    ahead = replace(ordered_back(MEMBER), generation=9)
    for device in (MEMBER, permitted(), ARRIVED, at(UpdatePhase.FETCHING), ahead):
        assert may_have_run(REVERTING, device)
    again = replace(ordered_back(permitted()), seen_at=SILENT)
    assert may_have_run(REVERTING, again)


def test_a_recall_takes_from_whoever_has_it_wherever_it_came_from() -> None:
    owned = replace(STRANGER, rollout=4, target=Target(2, OTHER), generation=2)
    device = replace(owned, bundle_in_use=WANTED, before=(OLDEST,))
    assert place_of(RECALL, device, NOW, {WANTED}) is Place.WAITING
    assert place_of(RECALL, replace(device, before=()), NOW, {WANTED}) is Place.EXCLUDED
