"""Federation on a device, put together: consent, rounds, global heads, and what is told of them.

A check-in only leaves word of what is offered; what it takes to answer, to fetch and to judge
happens beside it, one thing at a time. What could not be done is tried again with an offer of
something else, and after a while that gets longer: a head whose file is broken where it comes from
is not fetched with every check-in.
"""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from msgspec.structs import replace

from agent.federation.adopting import Heads
from agent.federation.answering import Rounds
from agent.federation.consenting import Consents
from agent.federation.sharing import changed, may_leave
from agent.federation.standing import FederationState, SharedClass, Standing
from agent.federation.stocktaking import ALL
from agent.federation_ports import Campaigns, FederationNotes
from agent.ports import Clock
from agent.reporting import Orders
from fieldwise.errors import FieldwiseError
from fieldwise.federation import Consent, FederationReport, HeadOffer, RoundOffer, RoundStep

if TYPE_CHECKING:
    from collections.abc import Callable

AGAIN_SECONDS = 30.0  # until what waits for its time is looked at again
FAILED_SECONDS = 1.0, 900.0  # until what went wrong is tried again: at first, and after many times
SETTLED = frozenset(
    {RoundStep.NOT_AGREED, RoundStep.TOO_FEW, RoundStep.UNSUITABLE, RoundStep.NO_HOOK}
)
"""Steps that a round waits for in vain unless it hears of them."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Offers:
    """What the newest check-in offered, and until when by the clock that never jumps."""

    round: RoundOffer | None = None
    until: float = 0.0
    head: HeadOffer | None = None

    @property
    def what(self) -> tuple[object, ...]:
        """What is offered, however long it stays so."""
        made = self.round
        return made and (made.campaign, made.round), self.head


class Federating:
    """What the daemon, the owner and check-ins ask of federation.

    Args:
        consents: The owner's word.
        notes: What outlives a restart.
        rounds: Answers rounds.
        heads: Weighs global heads, and mixes them in.
        campaigns: Whose member the device is.
        clock: Time.
    """

    def __init__(
        self,
        consents: Consents,
        notes: FederationNotes,
        rounds: Rounds,
        heads: Heads,
        campaigns: Campaigns,
        clock: Clock,
    ) -> None:
        self._consents = consents
        self._notes = notes
        self._rounds = rounds
        self._heads = heads
        self._campaigns = campaigns
        self._clock = clock
        self._standing = notes.standing()
        self._offers = _Offers()
        self._news = asyncio.Event()
        self._complaint = ""
        self._drops = 0
        self.hurry: Callable[[], None] = lambda: None

    def hear(self, orders: Orders) -> None:
        """Hear what a check-in's answer offers, or that nothing is offered any more."""
        until = self._clock.monotonic() + orders.round.seconds if orders.round else 0.0
        before, self._offers = self._offers, _Offers(orders.round, until, orders.head)
        if not self._complaint or self._offers.what != before.what:
            self._news.set()

    def report(self) -> FederationReport | None:
        """What check-ins tell; nothing of a device that never took part in this fleet."""
        member, membership = self._standing.member, self._campaigns.membership
        if member and (membership is None or membership.device_id != member):
            return None  # what was said and given there is no business of another fleet
        return self._standing.report(self._consents.now())

    async def run(self) -> None:
        """Do what is offered, for as long as the daemon runs."""
        self._heads.stopping = False
        try:
            await self._go_on()
        finally:
            self._heads.stopping = True  # for work in a thread, which nobody can cancel

    async def _go_on(self) -> None:
        pause, failed = AGAIN_SECONDS, FAILED_SECONDS[0]
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), pause)
            self._news.clear()
            try:
                await self.step()
            except FieldwiseError as error:
                if error.sentence != self._complaint:  # once, not every half minute
                    _log.warning("federation has to wait", reason=error.sentence)
                self._complaint = error.sentence
                pause, failed = failed, min(2 * failed, FAILED_SECONDS[1])
            else:
                self._complaint, pause, failed = "", AGAIN_SECONDS, FAILED_SECONDS[0]

    async def step(self) -> None:
        """Do what can be done now.

        Raises:
            FieldwiseError: What another try may mend.
        """
        await asyncio.to_thread(self._consents.end_when_over)
        membership = self._campaigns.membership
        if membership is None:
            return
        if membership.device_id != self._standing.member:
            await self._join(membership.device_id)
        offers = self._offers
        if offers.round is not None:
            before = self._standing
            await self._keep_after(self._rounds.answer(offers.round, offers.until, before))
            if self._standing != before and self._standing.step in SETTLED:
                self.hurry()
        await self._keep(self._heads.ended(self._standing))
        head = offers.head or self._heads.due(self._standing)
        if head is not None and self._consents.now() is not Consent.OFF:
            before = self._standing
            await self._keep_after(self._heads.weigh(head, before))
            if self._standing.judged != before.judged:
                self.hurry()

    async def set_consent(self, consent: Consent, until: float | None) -> None:
        """Agree to something, or to nothing.

        Raises:
            FieldwiseError: As ``Consents.set``.
        """
        await self._consents.set(consent, until)
        self._news.set()
        self.hurry()

    async def drop(self) -> None:
        """Let the device's own head serve again, without anything of a global one.

        Raises:
            FieldwiseError: ``DISK_FULL``; it serves all the same, until a restart.
        """
        self._drops += 1
        await self._keep(await asyncio.to_thread(self._heads.leave, self._standing))

    def restore(self) -> None:
        """Let a global head serve that did so before the agent ended."""
        self._standing = self._heads.restore(self._standing)

    def forgetting(self, class_name: str) -> None:
        """Hear that something is about to be forgotten, and which class if all of one.

        What held-out samples chose is chosen anew: they may be among that.

        Raises:
            FieldwiseError: ``DISK_FULL``: then it must not be forgotten yet.
        """
        if class_name:
            self._rounds.forgetting(class_name)
        standing = self._standing.to_weigh_anew()
        if standing != self._standing:
            self._notes.write_standing(standing)
            self._standing = standing

    def state(self) -> FederationState:
        """Federation as the owner sees it.

        Raises:
            FieldwiseError: ``DISK_FULL``, ``STATE_DAMAGED``.
        """
        standing, note = self._standing, self._consents.note
        consent = self._consents.now()
        return FederationState(
            consent=consent,
            until=note.until if consent is not Consent.OFF else None,
            classes=self._classes(),
            report=standing.report(consent),
            updates=standing.updates,
            bytes=standing.bytes,
            kept_aside=len(standing.aside),
            foreign_classes=standing.in_use.foreign if standing.in_use else 0,
            foreign=standing.in_use.foreign_counts if standing.in_use else None,
        )

    def _classes(self) -> tuple[SharedClass, ...]:
        shared = self._rounds.shared
        stock = self._rounds.stock() if shared else None
        listed = () if shared == ALL else shared
        if stock is None:
            return tuple(SharedClass(name, 0, 0, ready=False) for name in listed)
        before = self._notes.departures(stock.space.bundle)
        found = {name: SharedClass(name, 0, 0, ready=False) for name in listed}
        for name, content in stock.contents.items():
            left = before.get(stock.marks[name])
            ready = may_leave(content, left, 0)
            found[name] = SharedClass(name, content.samples, changed(content.samples, left), ready)
        return tuple(found[name] for name in sorted(found))

    async def _join(self, device_id: str) -> None:
        """Another membership has nothing of what left before, and its fleet nobody's consent."""
        if self._standing.member and self._consents.note.consent is not Consent.OFF:
            await self._consents.set(Consent.OFF, None)
        await asyncio.to_thread(self._notes.forget_deliveries)
        await self._keep(replace(self._standing, member=device_id, campaign="", round=0, step=None))

    async def _keep_after(self, work: Awaitable[Standing]) -> None:
        """Keep what comes of something that takes a while, in which the owner may drop a head."""
        drops = self._drops
        standing = await work
        if drops != self._drops:
            left = await asyncio.to_thread(self._heads.leave, standing)
            standing = left.with_dropped(self._standing.dropped)
        await self._keep(standing)

    async def _keep(self, standing: Standing) -> None:
        if standing != self._standing:
            await asyncio.to_thread(self._notes.write_standing, standing)
            self._standing = standing
