"""What enrolment promises whatever the store: asked of memory, SQLite and a real PostgreSQL."""

import asyncio

import pytest

from fieldwise.identity import certificate_request, generate_key
from orchestrator.enrolment.applying import Admission, Applications
from orchestrator.enrolment.authority import found_authority
from orchestrator.enrolment.service import Enrolment
from orchestrator.storage.stores import Stores
from tests.fleet_records import FACTS, NOW, CountedEntropy, SetClock


@pytest.mark.parametrize("uses", [1, 4])
async def test_asking_many_times_at_once_makes_one_device_for_one_use(
    stores: Stores, uses: int
) -> None:
    authority = found_authority("bakery", generate_key(), NOW)
    clock = SetClock()
    applications = Applications(stores.applicants, clock, Admission())
    enrolment = Enrolment(
        stores.tickets, stores.members, authority, clock, CountedEntropy(), applications
    )
    minted = await enrolment.create_ticket(uses, 3600, {})
    request = certificate_request(generate_key())
    found = await asyncio.gather(
        *(enrolment.enrol(minted.ticket.id, minted.secret, request, FACTS) for _ in range(6))
    )
    assert len({each.device_id for each in found}) == 1
    assert [each.device for each in await stores.devices.standings()] == [found[0].device_id]
    kept = await stores.tickets.get(minted.ticket.id)
    assert kept is not None
    assert kept.uses == 1
