"""What replicas share, in memory."""

import time
from collections.abc import Callable

from orchestrator.leadership import Lead, Replica, after_claim, after_resigning
from orchestrator.replica_ports import Installation


class MemoryLeadership:
    """``LeadershipStore``.

    Args:
        now: The store's clock.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self.lead: Lead | None = None

    async def claim(self, replica: Replica, seconds: float) -> Lead:
        self.lead = after_claim(self.lead, replica, seconds, self._now())
        return self.lead

    async def newest(self) -> Lead | None:
        return self.lead

    async def resign(self, replica: Replica) -> None:
        self.lead = after_resigning(self.lead, replica, self._now())


class MemoryInstallation:
    """``InstallationStore``."""

    def __init__(self) -> None:
        self._kept: Installation | None = None

    async def belong_to(self, installation: Installation) -> Installation:
        self._kept = self._kept or installation
        return self._kept
