"""Wrong tickets cost who brings them; a right one passes, whoever it stands beside."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.enrolment.guessing import (
    HELD_SECONDS,
    KEYS_MAX,
    LANE,
    WAITING_MAX,
    WRONG_TICKETS,
    Guessing,
)
from orchestrator.enrolment.ticket import Ticket, refused
from tests.fleet_records import ticket

BUDGET = WRONG_TICKETS.burst
HERE, THERE = "192.0.2.1", "192.0.2.2"


class World:
    """Time that passes only while a wrong ticket is held, and looks that count."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.held: list[float] = []
        self.looks = 0
        self.looking = self.most_at_once = 0
        self.gate: asyncio.Event | None = None
        self.guessing = Guessing(lambda: self.now, self.pause)

    async def pause(self, seconds: float) -> None:
        self.held.append(seconds)
        if self.gate is not None:
            await self.gate.wait()

    async def look(self, *, right: bool) -> Ticket:
        self.looks += 1
        self.looking += 1
        self.most_at_once = max(self.most_at_once, self.looking)
        await asyncio.sleep(0)
        self.looking -= 1
        if not right:
            raise refused("the ticket is not known here")
        return ticket()

    async def right(self, address: str = HERE, name: str = "mine") -> Ticket:
        return await self.guessing.checked(address, name, lambda: self.look(right=True))

    async def wrong(self, address: str = HERE, name: str = "t1") -> Fault:
        with pytest.raises(FieldwiseError) as caught:
            await self.guessing.checked(address, name, lambda: self.look(right=False))
        return caught.value.fault

    async def guess(self, times: int, address: str = HERE, name: str = "t{}") -> None:
        for number in range(times):
            assert await self.wrong(address, name.format(number)) is Fault.TICKET_INVALID


@pytest.fixture
def world() -> World:
    return World()


async def test_whoever_mistypes_is_not_held(world: World) -> None:
    await world.guess(BUDGET)
    assert world.held == []


async def test_guesses_beyond_the_budget_are_held_and_cost_time(world: World) -> None:
    await world.guess(BUDGET + 5)
    assert world.held == [HELD_SECONDS] * 5
    world.now += 5
    await world.guess(4)
    assert len(world.held) == 5, "the budget comes back"


async def test_a_flood_of_guesses_is_looked_at_a_few_at_a_time(world: World) -> None:
    await world.guess(BUDGET)
    world.most_at_once = 0
    await asyncio.gather(*(world.wrong() for _ in range(WAITING_MAX)))
    assert world.most_at_once <= LANE
    assert len(world.held) == WAITING_MAX


async def test_where_the_lane_is_full_nothing_is_looked_at(world: World) -> None:
    await world.guess(BUDGET)
    world.gate, known = asyncio.Event(), world.looks
    flood = [asyncio.create_task(world.wrong()) for _ in range(WAITING_MAX)]
    for _ in range(10):
        await asyncio.sleep(0)
    assert await world.wrong() is Fault.BUSY
    assert world.looks == known + LANE
    world.gate.set()
    await asyncio.gather(*flood)
    assert (await world.right()).id


async def test_a_right_ticket_beside_a_guesser_is_late_and_never_refused(world: World) -> None:
    await world.guess(BUDGET)
    flood = [asyncio.create_task(world.wrong()) for _ in range(WAITING_MAX - 1)]
    await asyncio.sleep(0)
    assert (await world.right()).id
    assert len(world.held) <= WAITING_MAX
    await asyncio.gather(*flood)


async def test_the_neighbours_of_a_guesser_elsewhere_do_not_notice(world: World) -> None:
    await world.guess(BUDGET)
    world.gate = asyncio.Event()
    flood = [asyncio.create_task(world.wrong()) for _ in range(WAITING_MAX)]
    await asyncio.sleep(0)
    assert (await world.right(THERE)).id
    world.gate.set()
    await asyncio.gather(*flood)


async def test_nobody_locks_a_ticket_whose_id_is_known(world: World) -> None:
    """Guesses at one ticket from many addresses: its own devices come from none of them."""
    for number in range(BUDGET * 3):
        await world.wrong(f"198.51.100.{number}", "mine")
    world.gate = asyncio.Event()
    flood = [
        asyncio.create_task(world.wrong(f"198.51.100.{number % 60}", "mine"))
        for number in range(WAITING_MAX)
    ]
    await asyncio.sleep(0)
    assert (await world.right(HERE, "mine")).id
    world.gate.set()
    await asyncio.gather(*flood)


async def test_behind_a_proxy_only_the_ticket_counts(world: World) -> None:
    await world.guess(3 * BUDGET, "", "t{}")
    assert world.held == []
    await world.guess(BUDGET + 1, "", "one")
    assert world.held == [HELD_SECONDS]
    assert (await world.right("", "one")).id


async def test_whatever_names_come_memory_is_bounded(world: World) -> None:
    for number in range(KEYS_MAX + 50):
        await world.wrong(f"address {number}", f"ticket {number}")
    assert len(world.guessing._addresses) <= KEYS_MAX
    assert len(world.guessing._tickets) <= KEYS_MAX


@pytest.mark.parametrize("fault", [Fault.UNAVAILABLE, Fault.DISK_FULL])
async def test_a_store_that_is_away_makes_nobody_a_guesser(fault: Fault, world: World) -> None:
    async def away() -> Ticket:
        raise FieldwiseError(fault, "away")

    await _tried(BUDGET * 2, lambda: world.guessing.checked(HERE, "t1", away))
    await world.guess(1)
    assert world.held == []


async def _tried(times: int, ask: Callable[[], Awaitable[object]]) -> None:
    for _ in range(times):
        with pytest.raises(FieldwiseError):
            await ask()


async def test_whoever_goes_away_leaves_its_place(world: World) -> None:
    await world.guess(BUDGET)
    world.gate = asyncio.Event()
    flood = [asyncio.create_task(world.wrong()) for _ in range(WAITING_MAX)]
    await asyncio.sleep(0)
    for each in flood:
        each.cancel()
    await asyncio.gather(*flood, return_exceptions=True)
    world.gate = None
    assert (await world.right()).id
