"""Wrong tickets: what they cost whoever brings them, and nobody else.

A ticket's secret has 32 random bytes, so nobody finds it by trying, and to lock a ticket for wrong
tries would only hand a stranger who has read its id the means to keep its devices out. What tries
may cost is the server's time. So nothing is ever locked. Each address and each ticket has a budget
of wrong tries; whoever is beyond the address's, or goes on about a ticket beyond its own, is a
suspect, and the tickets of all suspects are looked at in one lane: a few at a time, and a wrong one
holds its place for a moment longer. A right one is never held, whoever it stands beside. It waits
in the lane for a second or two at most; where the lane is full it is told to come back.

A device that comes from an address without wrong tries is no suspect, whatever others try at its
ticket. All of this is one replica's own, in bounded memory.
"""

import asyncio
from collections.abc import Awaitable, Callable

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.enrolment.ticket import Ticket
from orchestrator.rates import Buckets, Rate

WRONG_TICKETS = Rate(20, 1.0)  # of an address, and of a ticket: who mistypes does so less often
KEYS_MAX = 8192  # 2 MiB of each kind
LANE = 4
HELD_SECONDS = 0.1  # with four in the lane, 40 wrong ones a second
WAITING_MAX = 64  # 1.6 s of them


class Guessing:
    """Stands around every look at a ticket.

    Args:
        monotonic: Seconds of a clock that never goes back.
        pause: Waits for so many seconds.
    """

    def __init__(
        self,
        monotonic: Callable[[], float],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._monotonic = monotonic
        self._pause = pause
        self._addresses = Buckets(WRONG_TICKETS, KEYS_MAX)
        self._tickets = Buckets(WRONG_TICKETS, KEYS_MAX)
        self._lane = asyncio.Semaphore(LANE)
        self._waiting = 0

    async def checked(
        self, address: str, ticket_id: str, check: Callable[[], Awaitable[Ticket]]
    ) -> Ticket:
        """Return what a look at a ticket finds.

        Args:
            address: Whose call it is; empty where addresses say nothing.
            ticket_id: Of the ticket that is brought.
            check: Looks whether it is genuine.

        Raises:
            FieldwiseError: As the look, or ``BUSY`` where too many suspects wait.
        """
        if not self._is_suspect(address, ticket_id):
            return await self._noted(address, ticket_id, check)
        if self._waiting >= WAITING_MAX:
            raise FieldwiseError(
                Fault.BUSY, "too many wrong tickets came from there: try again in some seconds"
            )
        self._waiting += 1
        try:
            async with self._lane:
                try:
                    return await self._noted(address, ticket_id, check)
                except FieldwiseError as error:
                    if error.fault is Fault.TICKET_INVALID:
                        await self._pause(HELD_SECONDS)
                    raise
        finally:
            self._waiting -= 1

    def _is_suspect(self, address: str, ticket_id: str) -> bool:
        now = self._monotonic()
        if address and self._addresses.is_empty(address, now):
            return True
        known = not address or not self._addresses.is_full(address, now)
        return known and self._tickets.is_empty(ticket_id, now)

    async def _noted(
        self, address: str, ticket_id: str, check: Callable[[], Awaitable[Ticket]]
    ) -> Ticket:
        try:
            return await check()
        except FieldwiseError as error:
            if error.fault is Fault.TICKET_INVALID:
                now = self._monotonic()
                self._tickets.take(ticket_id, now)
                if address:
                    self._addresses.take(address, now)
            raise
