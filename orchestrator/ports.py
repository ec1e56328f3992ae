"""What the use cases need from the world, one protocol per concern.

Every method is atomic: all of it is kept or none, and what it returns was true at one moment. Every
method may raise ``FieldwiseError`` with ``UNAVAILABLE`` when the store cannot be reached and with
``DISK_FULL`` when it has no room; other faults are listed where they arise, and nothing else gets
out. A record with a text that a store cannot hold, as NUL is in some, is refused with
``INVALID_ARGUMENT``; under an id that it cannot hold there is nothing. Times are seconds since 1970
UTC, digests SHA-256 in lower-case hexadecimal. A list comes newest first unless its method says
otherwise.
"""

from collections.abc import AsyncIterable, AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from orchestrator.enrolment.ticket import Ticket
from orchestrator.fleet.cohort import Selector
from orchestrator.fleet.device import Caller, Device, DeviceKey, Facts, Standing
from orchestrator.fleet.readings import Measure, Spread
from orchestrator.fleet.settings import DeviceSettings
from orchestrator.paging import Page, PageRequest
from orchestrator.rollout.backbone import Backbone, Reference
from orchestrator.rollout.rollout import Event, Order, Rollout


class Clock(Protocol):
    def now(self) -> float:
        """Wall clock, seconds since 1970 UTC."""


class Entropy(Protocol):
    def token(self, size: int) -> bytes:
        """Return that many random bytes, fit for secrets."""


class TicketStore(Protocol):
    async def add(self, ticket: Ticket) -> Ticket:
        """Keep a fresh ticket; return it with its number, or the one that its request has made."""

    async def get(self, ticket_id: str) -> Ticket | None: ...

    async def list(self, page: PageRequest) -> Page[Ticket]:
        """Return a page.

        Raises:
            FieldwiseError: ``INVALID_ARGUMENT`` for a foreign page token; so for every list.
        """

    async def revoke(self, ticket_id: str) -> Ticket:
        """Mark as revoked, again or for the first time.

        Raises:
            FieldwiseError: ``NOT_FOUND``.
        """

    async def count_open(self, now: float) -> int:
        """Count the tickets with which another device may join."""


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A device that is about to join."""

    device: str
    tags: Mapping[str, str]
    facts: Facts
    enrolled_at: float
    key: DeviceKey


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A key with whether its device was taken out of the fleet, or denied."""

    key: DeviceKey
    removed: bool
    denied: bool = False


class MembershipStore(Protocol):
    async def admit(self, caller: Caller) -> None:
        """Let a member pass that calls with one of its own keys.

        The first call with its newest key forgets all others: it has that one for sure.

        Raises:
            FieldwiseError: ``DEVICE_UNKNOWN``, ``DEVICE_REMOVED``, ``DEVICE_DENIED``, and
                ``CERTIFICATE_INVALID`` for a key that is neither its own nor of a restored span.
        """

    async def find_key(self, fingerprint: str) -> KnownKey | None: ...

    async def enrol(self, newcomer: Newcomer, ticket_id: str) -> bool:
        """Use the ticket once and admit the device, where a use is left and it is not revoked.

        Returns:
            False, with nothing changed, where the ticket has no use left or is revoked.

        Raises:
            FieldwiseError: ``ALREADY_EXISTS`` where a device with that key joined meanwhile.
        """

    async def keep_key(self, key: DeviceKey, now: float, used: str | None = None) -> None:
        """Keep a device's further key, or a fresh certificate of a key that it has.

        Its keys that have expired are forgotten. Where it is known which key the device uses, all
        others but that one and the new one are: the device never got their certificates.

        Args:
            key: The newest from now on.
            now: Seconds since 1970.
            used: Fingerprint of the key that asked for this one.

        Raises:
            FieldwiseError: ``DEVICE_REMOVED`` where the device is not a member any more,
                ``ALREADY_EXISTS`` where the key is another device's.
        """

    async def remove(self, device_id: str, now: float) -> None:
        """Take a device out of the fleet for good; again is no error.

        Raises:
            FieldwiseError: ``NOT_FOUND``.
        """


class DeviceStore(Protocol):
    async def get(self, device_id: str) -> Device:
        """Return a member.

        Raises:
            FieldwiseError: ``NOT_FOUND``, for removed devices too.
        """

    async def list(self, selector: Selector, page: PageRequest) -> Page[Device]:
        """Return members by id, ascending."""

    async def change_tags(
        self, device_id: str, put: Mapping[str, str], drop: Collection[str]
    ) -> None:
        """Write some tags of a member and take others away, as ``fleet.tags.changed`` says.

        Raises:
            FieldwiseError: ``NOT_FOUND``, or as ``fleet.tags.changed``.
        """

    async def standings(self) -> Sequence[Standing]:
        """Return every member's standing, in no order."""

    async def count_expiring(self, before: float) -> int:
        """Count the members whose newest certificate ends before a moment."""

    async def count_backbones(self) -> Mapping[str, int]:
        """Count the members by digest of the backbone in use."""

    async def tagged(self, key: str) -> Mapping[str, str]:
        """Return a tag's value by member, of those that have it."""

    async def spreads(self) -> Mapping[Measure, Spread]:
        """Return every measure's distribution over the members' newest reports."""

    async def apply_settings(self, selector: Selector, settings: DeviceSettings) -> int:
        """Give the members that the selector matches a new revision of settings.

        A revision is above everything that the store or the device knows. Devices that have these
        very settings already keep their revision.

        Returns:
            How many devices got a new revision.
        """


class BackboneStore(Protocol):
    async def add(self, backbone: Backbone) -> tuple[Backbone, bool]:
        """Publish; return it as kept and whether it is new.

        Raises:
            FieldwiseError: ``ALREADY_EXISTS`` where another digest has that name and version.
        """

    async def find(self, reference: Reference) -> Backbone:
        """Return the one backbone that is meant; a name alone means its newest.

        Raises:
            FieldwiseError: ``NOT_FOUND``, or ``INVALID_ARGUMENT`` where several digests begin so.
        """

    async def list(self, page: PageRequest) -> Page[Backbone]: ...

    async def recalled(self) -> frozenset[str]:
        """Return the digests that are not allowed any more."""


@dataclass(frozen=True, slots=True)
class Permits:
    """Unexpired permits of devices that have not started, and when the last of them ends.

    Devices that a newer rollout has taken count too, until they are known to have heard of it.
    """

    devices: int
    until: float


class RolloutStore(Protocol):
    async def add(self, rollout: Rollout, events: Sequence[Event] = ()) -> Rollout:
        """Start a rollout under a number above every other, or return what its request started."""

    async def requested(self, request: str) -> Rollout | None:
        """Return what a request has started, by its fingerprint."""

    async def recall(self, rollout: Rollout, events: Sequence[Event] = ()) -> Rollout | None:
        """Mark a rollout's backbone as recalled, and start the rollout that takes it back.

        Rollouts that bring the backbone forward, and are complete, are watched again.

        Returns:
            None, with nothing changed, where the backbone was recalled already.
        """

    async def get(self, number: int) -> Rollout:
        """Return a rollout.

        Raises:
            FieldwiseError: ``NOT_FOUND``.
        """

    async def list(self, page: PageRequest) -> Page[Rollout]: ...

    async def watched(self) -> Sequence[Rollout]:
        """Return the rollouts of which devices may still move."""

    async def cohort(
        self, rollout: Rollout, after: str = "", size: int | None = None
    ) -> Sequence[Standing]:
        """Return the members that it has ordered, and whoever else it may come to order.

        While it runs or is paused that is all that its selector takes; for a recall that is not
        done, whoever has its backbone in use or for a target. Some of either may belong to a newer
        rollout. With a ``size`` it is the first so many by id, of those ``after`` one.
        """

    async def save(
        self,
        rollout: Rollout,
        orders: Sequence[Order] = (),
        events: Sequence[Event] = (),
        term: int | None = None,
    ) -> Rollout:
        """Keep a rollout with its orders and what is new of it; return it with its next revision.

        An order is dropped where, meanwhile, the device was removed, a newer rollout took it or it
        got a target of that generation or above: the next look sees what became of it.

        Raises:
            FieldwiseError: ``CONFLICT`` where the stored revision is not the rollout's, or a
                leader's ``term`` is not the newest.
        """

    async def permits(self, number: int, now: float) -> Permits: ...

    async def past(self, number: int) -> Mapping[tuple[str, ...], int]:
        """Count the members that a rollout ordered by what each can go back to, newest first."""

    async def history(self, number: int, page: PageRequest) -> Page[Event]:
        """Return what happened to a rollout.

        Raises:
            FieldwiseError: ``NOT_FOUND``.
        """


class BundleStore(Protocol):
    """Manifests and files of bundles, each under its digest.

    Content never changes, unless its medium spoils it; whoever reads checks the digest.
    """

    async def put(self, digest: str, content: AsyncIterable[bytes]) -> int:
        """Keep content under its digest, whole or not at all; return its size in bytes.

        Once it returns, a power loss takes nothing of it. Content that is there already is left
        alone where it still has its digest, and replaced where not.

        Raises:
            FieldwiseError: ``DIGEST_MISMATCH`` where the content has another digest.
        """

    async def size(self, digest: str) -> int | None:
        """Return the size in bytes, None where there is no such content."""

    def read(self, digest: str, offset: int = 0) -> AsyncIterator[bytes]:
        """Yield the content from an offset on, in pieces of at most 256 KiB, none of them empty.

        Raises:
            FieldwiseError: At the first piece ``NOT_FOUND`` or ``INVALID_ARGUMENT`` beyond the end.
        """

    async def link(self, digest: str) -> str | None:
        """Return an address at which devices get the content for some minutes; None for none."""
