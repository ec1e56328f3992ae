"""Whoever trusts the fleet's authority hears of another one, until he has heard it."""

import pytest

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.identity import generate_key
from orchestrator.enrolment.authority import found_authority
from orchestrator.enrolment.rotating import Rotating
from orchestrator.storage.memory import memory_stores
from tests.fleet_records import NOW, CountedEntropy, SetClock


async def test_what_could_not_be_told_of_a_step_is_told_at_a_later_look() -> None:
    clock = SetClock()
    stores = memory_stores(now=clock.now)
    held = found_authority("plant-7", generate_key(), NOW)
    rotating = Rotating(
        stores.succession, held, None, clock, CountedEntropy(), lambda _authority: None
    )
    has_room, told = False, []

    def tell() -> None:
        if not has_room:
            raise FieldwiseError(Fault.DISK_FULL, "there is no room left")
        told.append(len(rotating.authorities.trusted))

    rotating.changed = tell
    with pytest.raises(FieldwiseError) as caught:
        await rotating.begin()
    assert caught.value.fault is Fault.DISK_FULL
    has_room = True
    for _ in range(2):
        await rotating.look()
    assert told == [2]
