"""Replicas that rotate an authority, each by a look of its own at how it stands."""

from dataclasses import dataclass, field

import pytest

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.identity import generate_key
from orchestrator.enrolment.authority import Authority, found_authority
from orchestrator.enrolment.rotating import Rotating
from orchestrator.enrolment.succession import Step
from orchestrator.storage.memory import memory_stores
from orchestrator.storage.stores import Stores
from tests.fleet_records import NOW, CountedEntropy, SetClock

YEAR = 365 * 86_400.0


@dataclass
class Fleet:
    """One store, and what each replica put where its authority is kept."""

    stores: Stores = field(default_factory=memory_stores)
    clock: SetClock = field(default_factory=SetClock)
    founded: Authority = field(default_factory=lambda: found_authority("b", generate_key(), NOW))
    put: list[Authority] = field(default_factory=list)

    def replica(self) -> Rotating:
        return Rotating(
            self.stores.succession,
            self.founded,
            None,
            self.clock,
            CountedEntropy(),
            self.put.append,
        )


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


async def test_a_successor_is_valid_since_the_fleet_was_founded(fleet: Fleet) -> None:
    """Of a device that wakes up with the time of the day when it fell asleep."""
    replica = fleet.replica()
    fleet.clock.pass_by(YEAR)
    await replica.begin()
    await replica.switch()
    begin = fleet.founded.certificate.not_valid_before_utc
    leaf = replica.authorities.sign_server(generate_key().public_key(), ("h",), fleet.clock.now())
    for certificate in (*replica.authorities.trusted, *replica.authorities.shown, leaf):
        assert certificate.not_valid_before_utc == begin
    life = replica.authorities.certificate.not_valid_after_utc.timestamp() - fleet.clock.now()
    assert life > 9 * YEAR


async def test_a_replica_that_sees_the_end_and_no_switch_goes_on_with_the_successor(
    fleet: Fleet,
) -> None:
    leading, beside = fleet.replica(), fleet.replica()
    await leading.begin()
    await beside.look()
    await leading.switch()
    await leading.finish(force=True)
    await beside.look()
    assert beside.authorities.certificate == leading.authorities.certificate
    assert beside.authorities.trusted == leading.authorities.trusted
    assert {each.certificate for each in fleet.put} == {leading.authorities.certificate}


async def test_a_replica_that_saw_nothing_of_it_says_so_and_signs_as_before(fleet: Fleet) -> None:
    leading, beside = fleet.replica(), fleet.replica()
    await leading.begin()
    await leading.switch()
    await leading.finish(force=True)
    with pytest.raises(FieldwiseError) as caught:
        await beside.look()
    assert caught.value.fault is Fault.AUTHORITY_UNUSABLE
    assert beside.authorities.certificate == fleet.founded.certificate
    assert (await leading.status()).succession.step is Step.SETTLED


async def test_what_could_not_be_told_of_a_step_is_told_at_a_later_look(fleet: Fleet) -> None:
    rotating = fleet.replica()
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
