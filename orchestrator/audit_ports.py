"""What the audit log needs of a store; the terms of ``ports`` hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from orchestrator.audit.entry import Deed, Head, Kept


@dataclass(frozen=True, slots=True)
class Extent:
    """From where to where a log goes: behind which entry it begins, and with which it ends."""

    cut: Head
    head: Head


class AuditStore(Protocol):
    async def append(self, deed: Deed) -> Kept:
        """Put a deed at the end of the chain, as ``entry.sealed`` does, for good.

        However many replicas do so at once, the chain has no fork: each entry follows the one
        before it.
        """
        ...

    async def extent(self) -> Extent: ...

    async def after(self, number: int, limit: int) -> Sequence[Kept]:
        """Return the entries that follow one, in their order, so many at most."""
        ...

    async def before(self, number: int | None, limit: int) -> Sequence[Kept]:
        """Return the entries before one, or from the end on, newest first, so many at most."""
        ...

    async def prune(self, number: int, deed: Deed) -> Kept | None:
        """Take away the entries up to one, and say so at the end of the chain, both or neither.

        What is appended is the deed with ``chain.cut_told`` for its ``after``. The newest entry is
        never taken away.

        Returns:
            None, with nothing changed, where no entry goes.
        """
        ...
