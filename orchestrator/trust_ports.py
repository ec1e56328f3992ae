"""What signed backbones need of a store; the terms of ``ports`` hold."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from fieldwise.trust import PublisherReport, Role

KEPT_MAX = 8  # a device that began with one list or snapshot ends with it while newer ones come


@dataclass(frozen=True, slots=True)
class Kept:
    """Metadata as it was signed."""

    role: Role
    version: int
    content: bytes


class TrustStore(Protocol):
    async def newest(self, roles: Collection[Role]) -> Mapping[Role, Kept]:
        """Return the newest metadata of some kinds, of those that there are."""
        ...

    async def get(self, role: Role, version: int) -> Kept | None:
        """Return metadata of a version: any root, and of others the newest ``KEPT_MAX``."""
        ...

    async def keep(self, documents: Sequence[Kept], term: int | None = None) -> None:
        """Keep metadata, all of it or none; roots in their order.

        Raises:
            FieldwiseError: ``CONFLICT`` where a version is not above the newest of its kind, or of
                a root not the next one, or a leader's ``term`` is not the newest.
        """
        ...

    async def heard(self) -> Mapping[PublisherReport, int]:
        """Count the members by what they said of their publisher, of those that said anything."""
        ...
