"""What every store promises of devices that wait to be accepted."""

import asyncio
from dataclasses import replace

import pytest

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.enrolment.applicant import Applicant, Stage
from orchestrator.paging import PageRequest
from orchestrator.storage.stores import Stores
from tests.fleet_records import FACTS, NOW, key_of, newcomer, ticket

MANY = 100


def applicant(name: str, ticket_id: str = "t1") -> Applicant:
    return Applicant(
        device=name,
        fingerprint=key_of(name).fingerprint,
        ticket=ticket_id,
        facts=FACTS,
        applied_at=NOW,
        asked_at=NOW,
        expires_at=NOW + 600,
        tags={"site": "berlin"},
        reason="an operator has to accept it",
    )


async def uses(stores: Stores, ticket_id: str = "t1") -> int:
    kept = await stores.tickets.get(ticket_id)
    assert kept is not None
    return kept.uses


async def refused(asked: object) -> Fault:
    with pytest.raises(FieldwiseError) as caught:
        await asked  # type: ignore[misc]  # whatever was begun
    return caught.value.fault


async def test_an_applicant_comes_back_as_it_was_kept_and_reserves_a_use(stores: Stores) -> None:
    await stores.tickets.add(ticket("t1", uses=3))
    kept = await stores.applicants.apply(applicant("d1"), MANY)
    assert kept is not None
    assert kept == replace(applicant("d1"), number=kept.number)
    assert await stores.applicants.find(kept.fingerprint) == kept
    assert await stores.applicants.find("0" * 64) is None
    assert (await uses(stores), await stores.applicants.count_waiting()) == (1, 1)


async def test_applying_again_changes_nothing(stores: Stores) -> None:
    await stores.tickets.add(ticket("t1", uses=1))
    first = await stores.applicants.apply(applicant("d1"), MANY)
    later = replace(applicant("d1"), device="d9", reason="other", applied_at=NOW + 9)
    assert await stores.applicants.apply(later, MANY) == first
    assert await uses(stores) == 1


async def test_nobody_waits_for_whom_no_use_is_left(stores: Stores) -> None:
    await stores.tickets.add(ticket("t1", uses=1))
    await stores.tickets.add(ticket("t2", uses=5))
    await stores.tickets.revoke("t2")
    assert await stores.applicants.apply(applicant("d1"), MANY) is not None
    assert await stores.applicants.apply(applicant("d2"), MANY) is None
    assert await stores.applicants.apply(applicant("d3", "t2"), MANY) is None
    assert not await stores.members.enrol(newcomer("d4"), "t1")


async def test_no_two_at_once_reserve_the_last_use(stores: Stores) -> None:
    await stores.tickets.add(ticket("t1", uses=3))
    found = await asyncio.gather(
        *(stores.applicants.apply(applicant(f"d{i}"), MANY) for i in range(8))
    )
    assert sum(each is not None for each in found) == 3
    assert (await uses(stores), await stores.applicants.count_waiting()) == (3, 3)


async def test_only_so_many_wait(stores: Stores) -> None:
    await stores.tickets.add(ticket("t1", uses=9))
    for name in ("d1", "d2"):
        await stores.applicants.apply(applicant(name), 2)
    assert await refused(stores.applicants.apply(applicant("d3"), 2)) is Fault.BUSY
    assert await uses(stores) == 2
    await stores.applicants.settle("d1", Stage.ACCEPTED, {}, "", NOW + 900)
    assert await stores.applicants.apply(applicant("d3"), 2) is not None


async def test_whoever_is_accepted_joins_for_the_use_that_is_reserved(stores: Stores) -> None:
    await stores.tickets.add(ticket("t1", uses=1))
    await stores.applicants.apply(applicant("d1"), MANY)
    assert not await stores.applicants.join(newcomer("d1"))
    settled = await stores.applicants.settle("d1", Stage.ACCEPTED, {"line": "3"}, "", NOW + 900)
    assert settled.tags == {"line": "3", "site": "berlin"}
    assert (settled.stage, settled.expires_at) == (Stage.ACCEPTED, NOW + 900)
    assert await stores.applicants.join(newcomer("d1"))
    assert not await stores.applicants.join(newcomer("d1"))
    assert (await stores.devices.get("d1")).facts == FACTS
    assert await uses(stores) == 1
    found = await stores.applicants.find(key_of("d1").fingerprint)
    assert found is not None
    assert found.stage is Stage.JOINED


async def test_a_key_that_joined_otherwise_joins_no_second_time(stores: Stores) -> None:
    await stores.tickets.add(ticket("t1", uses=5))
    await stores.applicants.apply(applicant("d1"), MANY)
    await stores.applicants.settle("d1", Stage.ACCEPTED, {}, "", NOW + 900)
    twin = replace(newcomer("d2"), key=replace(key_of("d1"), device="d2"))
    assert await stores.members.enrol(twin, "t1")
    assert await refused(stores.applicants.join(newcomer("d1"))) is Fault.ALREADY_EXISTS
    assert [each.device for each in await stores.devices.standings()] == ["d2"]


async def test_whoever_is_rejected_gives_the_use_back_once(stores: Stores) -> None:
    await stores.tickets.add(ticket("t1", uses=2))
    for name in ("d1", "d2"):
        await stores.applicants.apply(applicant(name), MANY)
    await stores.applicants.settle("d2", Stage.ACCEPTED, {}, "", NOW + 900)
    for name in ("d1", "d1", "d2"):
        settled = await stores.applicants.settle(name, Stage.REJECTED, {}, "not ours", NOW + 900)
        assert (settled.stage, settled.reason) == (Stage.REJECTED, "not ours")
    assert await uses(stores) == 0
    assert not await stores.applicants.join(newcomer("d1"))
    assert await stores.applicants.count_waiting() == 0


async def test_what_was_settled_stays_so(stores: Stores) -> None:
    await stores.tickets.add(ticket("t1"))
    for name in ("d1", "d2"):
        await stores.applicants.apply(applicant(name), MANY)
    await stores.applicants.settle("d1", Stage.REJECTED, {}, "", NOW + 900)
    accept = stores.applicants.settle("d1", Stage.ACCEPTED, {}, "", NOW + 900)
    assert await refused(accept) is Fault.ILLEGAL_COMMAND
    first = await stores.applicants.settle("d2", Stage.ACCEPTED, {"a": "1"}, "", NOW + 900)
    again = await stores.applicants.settle("d2", Stage.ACCEPTED, {"b": "2"}, "", NOW + 999)
    assert first == again
    await stores.applicants.join(newcomer("d2"))
    reject = stores.applicants.settle("d2", Stage.REJECTED, {}, "", NOW + 900)
    assert await refused(reject) is Fault.ILLEGAL_COMMAND


@pytest.mark.parametrize("name", ["d1", "d1\0", ""])
async def test_nobody_is_settled_who_does_not_wait(stores: Stores, name: str) -> None:
    asked = stores.applicants.settle(name, Stage.ACCEPTED, {}, "", NOW)
    assert await refused(asked) is Fault.NOT_FOUND


async def test_those_whose_time_is_over_are_forgotten_and_give_back_what_they_held(
    stores: Stores,
) -> None:
    await stores.tickets.add(ticket("t1", uses=9))
    await stores.tickets.add(ticket("t2", uses=9))
    for name, of in (("waits", "t1"), ("accepted", "t1"), ("joined", "t1"), ("rejected", "t2")):
        await stores.applicants.apply(applicant(name, of), MANY)
    late = replace(applicant("late", "t2"), expires_at=NOW + 700)
    await stores.applicants.apply(late, MANY)
    for name in ("accepted", "joined"):
        await stores.applicants.settle(name, Stage.ACCEPTED, {}, "", NOW + 600)
    await stores.applicants.join(newcomer("joined"))
    await stores.applicants.settle("rejected", Stage.REJECTED, {}, "", NOW + 600)
    assert await stores.applicants.expire(NOW + 599) == 0
    assert await stores.applicants.expire(NOW + 600) == 4
    assert await stores.applicants.expire(NOW + 600) == 0
    assert (await uses(stores, "t1"), await uses(stores, "t2")) == (1, 1)
    assert await stores.applicants.find(key_of("waits").fingerprint) is None
    assert await stores.applicants.find(key_of("late").fingerprint) is not None


async def test_with_its_ticket_revoked_nobody_waits_any_more(stores: Stores) -> None:
    await stores.tickets.add(ticket("t1", uses=9))
    await stores.tickets.add(ticket("t2", uses=9))
    for name in ("waits", "accepted", "joined", "rejected"):
        await stores.applicants.apply(applicant(name), MANY)
    await stores.applicants.apply(applicant("other", "t2"), MANY)
    for name in ("accepted", "joined"):
        await stores.applicants.settle(name, Stage.ACCEPTED, {}, "", NOW + 600)
    await stores.applicants.join(newcomer("joined"))
    await stores.applicants.settle("rejected", Stage.REJECTED, {}, "no", NOW + 600)
    assert (await stores.tickets.revoke("t1")).uses == 1  # who joined has it for good
    listed = await stores.applicants.list(PageRequest())
    assert [each.device for each in listed.items] == ["other"]
    assert await stores.applicants.count_waiting() == 1
    found = await stores.applicants.find(applicant("rejected").fingerprint)
    assert found is not None
    assert found.stage is Stage.REJECTED
    assert (await stores.tickets.revoke("t1")).uses == 1


async def test_whoever_withdraws_gives_back_what_it_held(stores: Stores) -> None:
    await stores.tickets.add(ticket("t1", uses=1))
    await stores.applicants.apply(applicant("d1"), MANY)
    for _ in range(2):
        await stores.applicants.withdraw(key_of("d1").fingerprint)
    assert await uses(stores) == 0
    assert await stores.applicants.apply(applicant("d2"), MANY) is not None


async def test_it_is_noted_when_somebody_was_asked_about_one_that_waits(stores: Stores) -> None:
    await stores.tickets.add(ticket("t1"))
    for name in ("d1", "d2"):
        await stores.applicants.apply(applicant(name), MANY)
    await stores.applicants.settle("d2", Stage.REJECTED, {}, "not ours", NOW + 900)
    for name in ("d1", "d2", "d3"):
        await stores.applicants.ask(key_of(name).fingerprint, NOW + 60, "away")
    seen = [await stores.applicants.find(key_of(name).fingerprint) for name in ("d1", "d2")]
    assert [(each.asked_at, each.reason) for each in seen if each] == [
        (NOW + 60, "away"),
        (NOW, "not ours"),
    ]


async def test_pages_show_those_who_may_still_come_newest_first(stores: Stores) -> None:
    await stores.tickets.add(ticket("t1"))
    for name in ("d1", "d2", "d3", "d4", "d5"):
        await stores.applicants.apply(applicant(name), MANY)
    await stores.applicants.settle("d2", Stage.REJECTED, {}, "", NOW + 900)
    await stores.applicants.settle("d3", Stage.ACCEPTED, {}, "", NOW + 900)
    await stores.applicants.settle("d4", Stage.ACCEPTED, {}, "", NOW + 900)
    await stores.applicants.join(newcomer("d4"))
    first = await stores.applicants.list(PageRequest(size=2))
    second = await stores.applicants.list(PageRequest(2, first.next_token))
    assert [each.device for each in (*first.items, *second.items)] == ["d5", "d3", "d1"]
    assert second.next_token == ""


async def test_accepting_and_rejecting_at_once_settle_one_way(stores: Stores) -> None:
    await stores.tickets.add(ticket("t1", uses=9))
    await stores.applicants.apply(applicant("d1"), MANY)
    ways = [Stage.ACCEPTED, Stage.REJECTED] * 4
    found = await asyncio.gather(
        *(stores.applicants.settle("d1", way, {}, "", NOW + 900) for way in ways),
        return_exceptions=True,
    )
    assert all(
        isinstance(each, Applicant)
        or (isinstance(each, FieldwiseError) and each.fault is Fault.ILLEGAL_COMMAND)
        for each in found
    )
    kept = await stores.applicants.find(key_of("d1").fingerprint)
    assert kept is not None
    assert await uses(stores) == (0 if kept.stage is Stage.REJECTED else 1)
