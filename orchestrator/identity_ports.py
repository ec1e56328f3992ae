"""What keeps devices out for a while needs of the store; the terms of ``ports`` hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

# A replica holds all of them in memory and reads them every second.
DENIED_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Denial:
    """A member that may not call, and since when."""

    device: str
    denied_at: float


@dataclass(frozen=True, slots=True)
class ShutOut:
    """Who may not call: members that are denied, and devices that were removed lately."""

    denied: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()


class DenialStore(Protocol):
    async def deny(self, device_id: str, now: float) -> Denial:
        """Keep a member from calling; again changes nothing.

        Once it has returned, ``MembershipStore.admit`` and ``CheckInStore.visitor`` refuse it.

        Raises:
            FieldwiseError: ``NOT_FOUND`` where it is no member, ``OVER_LIMIT`` where ``DENIED_MAX``
                others are denied.
        """
        ...

    async def allow(self, device_id: str) -> bool:
        """Let a member call again; return whether it was denied.

        Raises:
            FieldwiseError: ``NOT_FOUND`` where it is no member.
        """
        ...

    async def denials(self) -> Sequence[Denial]:
        """Return who is denied, the newest first."""
        ...

    async def shut_out(self, removed_since: float) -> ShutOut:
        """Return who may not call, of those that were removed the ones since a moment."""
        ...
