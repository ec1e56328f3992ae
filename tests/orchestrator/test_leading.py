import pytest

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.leadership import Lead, Replica
from orchestrator.leading import Leading
from orchestrator.storage.memory_replicas import MemoryLeadership
from tests.fleet_records import SetClock

ONE, TWO = Replica("p1", "here"), Replica("p2", "there")


class Away(MemoryLeadership):
    """A store that can be reached or not."""

    away = False

    async def claim(self, replica: Replica, seconds: float) -> Lead:
        if self.away:
            raise FieldwiseError(Fault.UNAVAILABLE, "away")
        return await super().claim(replica, seconds)


class Behind:
    """A clock that is behind another."""

    def __init__(self, clock: SetClock, seconds: float) -> None:
        self._clock, self._seconds = clock, seconds

    def now(self) -> float:
        return self._clock.now() - self._seconds


class Place:
    """Two replicas, and what the first one heard and did."""

    def __init__(self) -> None:
        self.clock = SetClock()
        self.store = Away(self.clock.now)
        self.told: list[int | None] = []
        self.done: list[int] = []
        self.one = Leading(self.store, ONE, 15, self.clock, self.told.append)
        self.two = Leading(self.store, TWO, 15, self.clock)
        self.deed = self.one.led(self._do)

    async def _do(self, term: int) -> None:
        self.done.append(term)


@pytest.fixture
def place() -> Place:
    return Place()


async def test_a_deed_is_done_by_who_leads_alone(place: Place) -> None:
    await place.deed()
    await place.two.claim()
    await place.one.claim()
    await place.deed()
    assert (place.done, place.told) == ([], [])
    await place.two.resign()
    await place.one.claim()
    await place.deed()
    assert (place.done, place.told) == ([2], [2])


async def test_a_leader_that_cannot_renew_stops_when_its_lease_has_lapsed(place: Place) -> None:
    await place.one.claim()
    place.store.away = True
    place.clock.pass_by(14)
    with pytest.raises(FieldwiseError):
        await place.one.claim()
    await place.deed()
    place.clock.pass_by(1)
    await place.deed()
    assert (place.done, place.told) == ([1], [1, None])
    place.store.away = False
    await place.two.claim()
    await place.one.claim()
    assert (place.two.term(), place.one.term()) == (2, None)


async def test_a_clock_that_is_set_back_ends_the_trust_in_a_lease(place: Place) -> None:
    await place.one.claim()
    place.clock.pass_by(-1)
    assert place.one.term() is None


async def test_everybody_knows_since_when_there_was_no_break(place: Place) -> None:
    begun = place.clock.now()
    assert place.one.unbroken_since(begun) == begun
    await place.one.claim()
    place.clock.pass_by(40)
    await place.two.claim()
    assert place.two.term() == 2
    assert place.two.unbroken_since(place.clock.now()) == begun


async def test_who_resigns_leads_no_more_even_where_nobody_hears_of_it(place: Place) -> None:
    await place.one.claim()
    await place.one.resign()
    assert place.one.term() is None
    await place.two.claim()
    assert place.two.term() == 2


async def test_who_trusts_a_lease_for_a_part_asks_the_more_often_and_stops_the_sooner() -> None:
    clock = SetClock()
    leading = Leading(MemoryLeadership(clock.now), ONE, 15, clock, trusted=2 / 3)
    assert leading.pause_seconds == pytest.approx(10 / 3)
    await leading.claim()
    clock.pass_by(9.9)
    assert leading.term() == 1
    clock.pass_by(0.1)
    assert leading.term() is None


@pytest.mark.parametrize("off", [-500.0, 0.0, 500.0])
async def test_a_break_is_told_by_the_clock_that_devices_are_seen_by(
    place: Place, off: float
) -> None:
    await place.one.claim()
    place.clock.pass_by(1000)
    clock = Behind(place.clock, off)
    late = Leading(place.store, TWO, 15, clock)
    await late.claim()
    began = clock.now()
    place.clock.pass_by(10)
    await late.claim()
    assert late.term() == 2
    assert late.unbroken_since(clock.now()) == pytest.approx(began)
