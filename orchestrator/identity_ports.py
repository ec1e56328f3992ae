"""What keeps devices out, or lets them back in, needs of the store; ``ports`` has the terms."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from orchestrator.enrolment.succession import Succession
from orchestrator.fleet.device import DeviceKey

# A replica holds all of them in memory and reads them every second.
DENIED_MAX = 10_000
BEHIND_SHOWN = 100  # ids that are told of devices that lag behind


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


@dataclass(frozen=True, slots=True)
class Reported:
    """What members report of the authorities that they trust.

    ``behind`` of the ``devices`` report an older trust revision than asked about, some of them by
    id; ``oldest`` and ``newest`` are the outermost that any reports, 0 of one that reports none.
    """

    devices: int = 0
    behind: int = 0
    behind_ids: tuple[str, ...] = ()
    oldest: int = 0
    newest: int = 0


class SuccessionStore(Protocol):
    async def kept(self) -> Succession | None:
        """Return how it stands; None where nothing was ever rotated."""
        ...

    async def keep(self, succession: Succession, before: int) -> None:
        """Keep the next step; with the last one the database belongs to the new root.

        Args:
            succession: How it stands from now on.
            before: The revision that it follows.

        Raises:
            FieldwiseError: ``CONFLICT`` where another revision is kept meanwhile.
        """
        ...

    async def reported(self, revision: int) -> Reported:
        """Return what members report, beside a trust revision that they should have."""
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
