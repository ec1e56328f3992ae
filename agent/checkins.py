"""The one periodic conversation with the orchestrator.

Paced by the orchestrator and by a clock that never jumps; a device that cannot reach it tries again
ever more slowly and loses nothing, since a report says what is and not what happened. Orders are
obeyed in the order that keeps each of them meaningful: settings, target, and only then the permit.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from agent.fleet import Fleet
from agent.ports import Clock
from agent.reporting import (
    PERMIT_SECONDS_MAX,
    DiagnosisRequest,
    Orders,
    Report,
    SteeringRevision,
)
from agent.returning import Returning
from agent.update.events import Targeted
from agent.update.installer import Permit
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.retry import delays

JITTER = 0.1  # of the pace, either way: devices that started together drift apart
PACE_SECONDS_MIN = 1.0
REFUSED_SECONDS = 3600.0  # a device that was removed may be let in again, though not soon
DENIED_SECONDS = 300.0  # what an operator denies may be allowed again, and somebody waits for it
REFUSALS = frozenset(
    {
        Fault.DEVICE_DENIED,
        Fault.DEVICE_REMOVED,
        Fault.DEVICE_UNKNOWN,
        Fault.CERTIFICATE_INVALID,
        Fault.UNAUTHENTICATED,
        Fault.PERMISSION_DENIED,
    }
)

_log = structlog.get_logger()


class Installing(Protocol):
    """Where orders about backbones go."""

    async def tell(self, event: Targeted) -> bool:
        """Hear of a target; returns whether that is news."""
        ...

    def permit(self, permit: Permit) -> None:
        """Hear that a target may be begun; the owner's rules are not waited for here."""
        ...


@dataclass(frozen=True, slots=True)
class Contact:
    """How the last check-in went: wall time of the last answer, why the last try failed."""

    answered: float | None = None
    error: str = ""
    clock_ahead_seconds: int = 0


class CheckIns:
    """Reports and obeys, for as long as the daemon runs.

    Args:
        fleet: The membership and its connection.
        report: Makes the report of a sequence number.
        installing: Where targets and permits go.
        steer: Takes settings of an operator's revision that is new.
        clock: Time.
        chance: For the jitter.
        diagnose: Hears what is asked for, or nothing, and answers what is owed.
        hear: Hears all orders, for what is none of this module's; it takes no time here.
    """

    def __init__(
        self,
        fleet: Fleet,
        report: Callable[[int], Awaitable[Report]],
        installing: Installing,
        steer: Callable[[SteeringRevision], Awaitable[None]],
        clock: Clock,
        chance: random.Random,
        diagnose: Callable[[DiagnosisRequest | None], Awaitable[None]],
        hear: Callable[[Orders], None] = lambda _: None,
    ) -> None:
        self._fleet = fleet
        self._report = report
        self._installing = installing
        self._steer = steer
        self._clock = clock
        self._chance = chance
        self._diagnose = diagnose
        self._hear = hear
        self._returning = Returning(fleet, clock)
        self._waits = delays(chance)
        self._sequence = 0
        self._revision_seen = 0
        self.contact = Contact()
        self.hurry = asyncio.Event()

    async def run(self) -> None:
        """Check in for ever; a device outside a fleet waits until it joins one."""
        while True:
            self._fleet.changed.clear()
            wait = None
            if self._fleet.membership:
                wait = await self.once()
            else:
                self.contact = Contact()  # what a fleet it has left had to say is nobody's news
            await self._pause(wait)

    async def once(self) -> float | None:
        """Check in; returns the seconds until the next time, None for not before something new."""
        try:
            orders = await self._exchange()
        except FieldwiseError as error:
            return self._note_failure(error)
        self._waits = delays(self._chance)
        await self._obey(orders)
        await self._diagnose(orders.diagnosis)
        self._hear(orders)
        pace = max(PACE_SECONDS_MIN, float(orders.next_seconds))
        return pace * self._chance.uniform(1 - JITTER, 1 + JITTER)

    async def _exchange(self) -> Orders:
        await self._returning.before_call(self._fleet_time())
        self._sequence += 1
        orders = await self._fleet.check_in(await self._report(self._sequence))
        self._returning.answered()
        now = self._clock.wall()
        self.contact = Contact(now, "", round(now) - orders.unix_seconds)
        return orders

    def _note_failure(self, error: FieldwiseError) -> float | None:
        if error.fault is Fault.NOT_JOINED:
            return None
        self._returning.failed(error)
        if error.sentence != self.contact.error:  # once, not every few minutes of an outage
            _log.warning("check-in failed", reason=error.sentence)
        ahead = self.contact.clock_ahead_seconds
        self.contact = Contact(self.contact.answered, error.sentence, ahead)
        if error.fault is Fault.DEVICE_DENIED:
            return DENIED_SECONDS * self._chance.uniform(1 - JITTER, 1 + JITTER)
        if error.fault in REFUSALS and not self._returning.is_worth_a_try:
            return REFUSED_SECONDS
        return next(self._waits)

    async def _obey(self, orders: Orders) -> None:
        received = self._clock.monotonic()
        try:
            await self._take_settings(orders)
            if (target := orders.target) is not None:
                await self._installing.tell(
                    Targeted(target.generation, target.digest, target.variant, target.back)
                )
            if (permit := orders.permit) is not None:
                until = received + min(permit.seconds, PERMIT_SECONDS_MAX)
                self._installing.permit(Permit(permit.generation, until, permit.bytes_per_second))
            await self._renew_when_due(orders.trust_revision)
        except FieldwiseError as error:  # it is ordered again with the next check-in
            _log.error("orders could not be obeyed", reason=error.sentence)

    async def _take_settings(self, orders: Orders) -> None:
        if orders.steering_refusal:
            _log.error("settings refused", reason=orders.steering_refusal)
        if orders.steering is not None and orders.steering.revision != self._revision_seen:
            await self._steer(orders.steering)
            self._revision_seen = orders.steering.revision

    async def _renew_when_due(self, trust_revision: int) -> None:
        member = self._fleet.membership
        behind = member is not None and member.trust_revision < trust_revision
        if behind or self._fleet.renewal_due(self._fleet_time()):
            await self._fleet.renew()
            _log.info("certificate renewed")

    def _fleet_time(self) -> float:
        return self._clock.wall() - self.contact.clock_ahead_seconds

    async def _pause(self, seconds: float | None) -> None:
        """Wait, unless the membership changes or something is worth saying now."""
        wakers = [asyncio.create_task(event.wait()) for event in (self._fleet.changed, self.hurry)]
        try:
            await asyncio.wait(wakers, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waker in wakers:
                waker.cancel()
        self.hurry.clear()
