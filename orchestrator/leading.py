"""Leading, as one replica sees it: it asks again and again, and acts only while it leads.

Between two questions it trusts its own clock for no longer than the lease lasts. That spares work
and no more: what protects the fleet from two leaders is the term that goes with every write.
"""

from collections.abc import Awaitable, Callable

import structlog

from orchestrator.leadership import Lead, Replica
from orchestrator.ports import Clock
from orchestrator.replica_ports import LeadershipStore

CLAIMS_A_LEASE = 3  # two may go wrong before another replica takes over

_log = structlog.get_logger(__name__)


class Leading:
    """One replica's part in it.

    Args:
        store: Where it is decided.
        replica: Who this is.
        seconds: How long a lease lasts.
        clock: What time it is here.
        trusted: Share of the lease for which this replica trusts its own clock. All of it, where
            one clock says when a lease has lapsed; less, where each of those who wait has its own.
        changed: Told the term that begins, None when this replica leads no more.
    """

    def __init__(
        self,
        store: LeadershipStore,
        replica: Replica,
        seconds: float,
        clock: Clock,
        changed: Callable[[int | None], None] = lambda _: None,
        trusted: float = 1.0,
    ) -> None:
        self._store = store
        self._replica = replica
        self._seconds = seconds
        self._clock = clock
        self._changed = changed
        self._trusted_seconds = seconds * trusted
        self._lead: Lead | None = None
        self._asked_at = 0.0
        self._ahead = 0.0  # this clock beside the store's
        self._told: int | None = None

    @property
    def pause_seconds(self) -> float:
        """Time between two claims."""
        return self._trusted_seconds / CLAIMS_A_LEASE

    def term(self) -> int | None:
        """Return the term in which this replica leads now; None while another does."""
        lead = self._lead
        if lead is None or lead.replica != self._replica:
            return None
        passed = self._clock.now() - self._asked_at
        return lead.term if 0 <= passed < self._trusted_seconds else None

    def unbroken_since(self, now: float) -> float:
        """Return since when somebody has led without a break; now, where that is not known.

        By this replica's clock, as everything that it sees of devices: of the store's it knows how
        far that was off at its newest claim, to the time that the claim took.
        """
        return now if self._lead is None else min(now, self._lead.unbroken_since + self._ahead)

    async def claim(self) -> None:
        """Lead or go on leading, if no other replica does.

        Raises:
            FieldwiseError: ``UNAVAILABLE`` without the store; the lease then lapses by itself.
        """
        asked_at = self._clock.now()
        try:
            self._lead = await self._store.claim(self._replica, self._seconds)
            self._asked_at = asked_at
            if self._lead.replica == self._replica:
                self._ahead = self._clock.now() - (self._lead.expires_at - self._seconds)
        finally:
            self._tell()

    async def resign(self) -> None:
        """Let another replica lead, as this one stops.

        Raises:
            FieldwiseError: ``UNAVAILABLE`` without the store.
        """
        self._lead = None
        self._tell()
        await self._store.resign(self._replica)

    def led(self, deed: Callable[[int], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        """Return a deed that is done while this replica leads, and told the term."""

        async def done() -> None:
            self._tell()
            if (term := self.term()) is not None:
                await deed(term)

        return done

    def _tell(self) -> None:
        term = self.term()
        if term == self._told:
            return
        self._told = term
        _log.info("leads now" if term is not None else "leads no more", term=term)
        self._changed(term)
