"""What replicas of one orchestrator need from what they share; the terms of ``ports`` hold."""

from dataclasses import dataclass
from typing import Protocol

from orchestrator.leadership import Lead, Replica


class LeadershipStore(Protocol):
    async def claim(self, replica: Replica, seconds: float) -> Lead:
        """Lead, go on leading, or learn who does, by the store's own clock.

        It is ``leadership.after_claim``. Once it has returned a term, nothing is saved any more
        under an older one.
        """
        ...

    async def newest(self) -> Lead | None:
        """Learn who leads, or led last, and ask for nothing; None before the first term."""
        ...

    async def resign(self, replica: Replica) -> None:
        """Let others lead at once, where this replica leads (``leadership.after_resigning``)."""


@dataclass(frozen=True, slots=True)
class Installation:
    """Whose database it is: the name of the fleet, and SHA-256 of its authority's certificate."""

    fleet: str
    authority: str


class InstallationStore(Protocol):
    async def belong_to(self, installation: Installation) -> Installation:
        """Say whose database it is, once and for all; return whose it is."""
        ...
