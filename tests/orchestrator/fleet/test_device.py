from dataclasses import replace

import pytest

from fieldwise.update import UpdatePhase
from orchestrator.fleet.device import (
    DeviceState,
    Permit,
    Standing,
    Target,
    is_offline,
    may_still_start,
    next_generation,
    state_of,
)
from orchestrator.fleet.report import UpdateReport
from tests.fleet_records import NOW

WANTED, OTHER = "a" * 64, "b" * 64
IDLE = Standing("d1", NOW, target=Target(3, WANTED), rollout=1, seen_at=NOW, generation=3)


def reporting(phase: UpdatePhase, *, serves: str | None = OTHER, generation: int = 3) -> Standing:
    update = UpdateReport(generation, WANTED, phase)
    return replace(IDLE, update=update, bundle_in_use=serves)


@pytest.mark.parametrize(
    ("standing", "state"),
    [
        (Standing("d1", NOW), DeviceState.NEW),
        (replace(IDLE, target=None, generation=0), DeviceState.HEALTHY),
        (IDLE, DeviceState.WAITING),
        (replace(IDLE, generation=2), DeviceState.WAITING),
        (reporting(UpdatePhase.FETCHING), DeviceState.UPDATING),
        (reporting(UpdatePhase.VERIFYING), DeviceState.UPDATING),
        (reporting(UpdatePhase.MIGRATING), DeviceState.UPDATING),
        (reporting(UpdatePhase.ACTIVE, serves=WANTED), DeviceState.HEALTHY),
        (reporting(UpdatePhase.ACTIVE), DeviceState.FAILED),
        (reporting(UpdatePhase.REVERTED), DeviceState.FAILED),
        (reporting(UpdatePhase.DECLINED, serves=WANTED), DeviceState.HEALTHY),
        (reporting(UpdatePhase.REVERTED, generation=2), DeviceState.WAITING),
        (replace(IDLE, bundle_in_use=WANTED), DeviceState.HEALTHY),
        (replace(IDLE, generation=9), DeviceState.HEALTHY),
        (replace(reporting(UpdatePhase.ACTIVE), seen_at=NOW - 181), DeviceState.OFFLINE),
    ],
)
def test_a_device_is_in_one_state(standing: Standing, state: DeviceState) -> None:
    assert state_of(standing, NOW) is state


def test_three_of_its_own_paces_make_a_device_offline() -> None:
    standing = replace(IDLE, pace_seconds=10)
    assert not is_offline(standing, NOW + 30)
    assert is_offline(standing, NOW + 31)


def test_a_generation_is_above_what_store_and_device_know() -> None:
    assert next_generation(Standing("d1", NOW)) == 1
    assert next_generation(IDLE) == 4
    assert next_generation(replace(IDLE, generation=9)) == 10
    assert next_generation(replace(IDLE, generation=1)) == 4


@pytest.mark.parametrize(
    ("standing", "now", "may"),
    [
        (IDLE, NOW, True),
        (IDLE, NOW + 20, False),
        (reporting(UpdatePhase.FETCHING), NOW, False),
        (reporting(UpdatePhase.REVERTED, generation=2), NOW, True),
        (replace(IDLE, bundle_in_use=WANTED), NOW, True),
        (replace(IDLE, permit=Permit(3, NOW + 20), bundle_in_use=WANTED), NOW, False),
        (replace(IDLE, target=Target(4, OTHER), generation=4), NOW, False),
        (replace(IDLE, target=Target(4, OTHER)), NOW, True),
    ],
)
def test_a_permit_holds_until_its_device_is_known_to_need_it_no_more(
    standing: Standing, now: float, may: bool
) -> None:
    assert may_still_start(Permit(3, NOW + 20), standing, now) is may
