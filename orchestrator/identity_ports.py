"""What keeps devices out, or lets them back in, needs of the store; ``ports`` has the terms."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from orchestrator.fleet.device import DeviceKey

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


class RevivalStore(Protocol):
    async def revive(self, key: DeviceKey, used: str, asked_at: float) -> None:
        """Keep a fresh key of a member that has proved an older one.

        All others of its keys but those two are forgotten.

        Args:
            key: The newest from now on.
            used: Fingerprint of the key that was proved.
            asked_at: When it was asked for; with each revival of a device later than before.

        Raises:
            FieldwiseError: ``DEVICE_REMOVED`` where it is no member, ``DEVICE_DENIED``,
                ``CERTIFICATE_INVALID`` where the proved key is neither its newest nor the newest
                that it has called with, ``CONFLICT`` where a revival that was asked for then or
                later has been, ``ALREADY_EXISTS`` where the fresh key is another device's.
        """
        ...


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
