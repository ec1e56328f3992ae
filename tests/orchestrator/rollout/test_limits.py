from dataclasses import replace

import pytest

from fieldwise.update import UpdatePhase
from orchestrator.fleet.device import DELIVERY_SECONDS, Permit, Standing
from orchestrator.rollout.limits import (
    Load,
    continued,
    granted,
    share_of,
    started_lately,
    takes_place,
)
from orchestrator.rollout.plan import Limits, Window
from orchestrator.rollout.rollout import Rollout
from tests.fleet_records import NOW
from tests.rollout_records import (
    ARRIVED,
    FAILED,
    MEMBER,
    PLAN,
    ROLLOUT,
    at,
    ordered_back,
    permitted,
)

ASKED = Permit(3, NOW + 90, NOW)


def limited(**limits: int) -> Rollout:
    return replace(ROLLOUT, plan=replace(PLAN, limits=Limits(**limits)))


@pytest.mark.parametrize(
    ("limits", "load", "refused"),
    [
        ({}, Load(999, 999), False),
        ({"in_flight": 2}, Load(1, 9), False),
        ({"in_flight": 2}, Load(2, 0), True),
        ({"starts_per_minute": 3}, Load(9, 2), False),
        ({"starts_per_minute": 3}, Load(0, 3), True),
    ],
)
def test_a_device_waits_where_a_limit_is_reached(
    limits: dict[str, int], load: Load, refused: bool
) -> None:
    held = Permit(3, NOW + 5, NOW - 30)
    assert (granted(limited(**limits), load, ASKED, None, NOW) is None) is refused
    assert granted(limited(**limits), load, ASKED, held, NOW) == replace(ASKED, since=NOW - 30)


def test_outside_of_the_window_nobody_starts_whoever_holds_a_permit() -> None:
    minute = int(NOW % 86_400) // 60
    closed = Window((minute + 1) % 1440, (minute + 2) % 1440)
    rollout = replace(ROLLOUT, plan=replace(PLAN, window=closed))
    assert granted(rollout, Load(), ASKED, None, NOW) is None
    assert granted(rollout, Load(), ASKED, Permit(3, NOW + 5, NOW - 30), NOW) is None


def test_a_permit_ends_with_the_window_however_long_its_reply_takes() -> None:
    day = NOW - NOW % 86_400
    rollout = replace(ROLLOUT, plan=replace(PLAN, window=Window(60, 120)))
    ends = day + 7200
    asked = Permit(3, ends + 600)
    held = Permit(3, ends, day + 3600)
    for before in (None, held):
        given = granted(rollout, Load(), asked, before, ends - 60)
        assert given is not None
        assert given.expires_at == ends
        last = granted(rollout, Load(), asked, before, ends - DELIVERY_SECONDS - 2)
        assert last is not None
        assert last.expires_at - DELIVERY_SECONDS > ends - DELIVERY_SECONDS - 2
        assert granted(rollout, Load(), asked, before, ends - DELIVERY_SECONDS) is None


@pytest.mark.parametrize(
    ("standing", "takes"),
    [
        (MEMBER, False),
        (permitted(), True),
        (replace(permitted(until=NOW - 5), seen_at=NOW - 6), True),  # it may have begun, unheard
        (replace(permitted(until=NOW - 5), seen_at=NOW - 4), False),
        (permitted(at(UpdatePhase.MIGRATING), until=NOW - 5), True),
        (permitted(ARRIVED), False),
        (permitted(FAILED), False),
        (permitted(since=NOW - PLAN.device_deadline_seconds - 1), False),
        (ordered_back(permitted()), False),
        (permitted(ordered_back()), False),
        (replace(permitted(), rollout=6), False),
    ],
)
def test_a_device_takes_a_place_from_its_permit_until_it_has_settled(
    standing: Standing, takes: bool
) -> None:
    assert takes_place(ROLLOUT, standing, NOW) is takes


def test_a_start_counts_for_a_minute() -> None:
    assert started_lately(permitted(since=NOW - 59), NOW)
    assert not started_lately(permitted(since=NOW - 60), NOW)
    assert not started_lately(MEMBER, NOW)


def test_who_may_take_the_bandwidth_is_told_his_part() -> None:
    assert share_of(limited(bytes_per_second=1000, in_flight=4), Load(in_flight=3)) == 250
    assert share_of(limited(bytes_per_second=2, in_flight=9), Load(in_flight=9)) == 1
    assert share_of(ROLLOUT, Load(in_flight=3)) == 0


def test_all_downloads_together_stay_within_the_bandwidth() -> None:
    rollout = limited(bytes_per_second=1000, in_flight=4)
    assert sum(share_of(rollout, Load(in_flight=others)) for others in range(4)) == 1000


def test_a_permit_is_held_since_it_was_first_given_without_a_break() -> None:
    asked = Permit(3, NOW + 20)
    assert continued(asked, None, NOW).since == NOW
    assert continued(asked, Permit(3, NOW + 5, NOW - 30), NOW).since == NOW - 30
    assert continued(asked, Permit(3, NOW, NOW - 30), NOW).since == NOW
    assert continued(asked, Permit(2, NOW + 5, NOW - 30), NOW).since == NOW
