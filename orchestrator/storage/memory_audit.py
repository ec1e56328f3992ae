"""The audit log in memory."""

from collections.abc import Sequence

import msgspec

from orchestrator.audit.chain import cut_told
from orchestrator.audit.entry import Deed, Head, Kept, sealed
from orchestrator.audit_ports import Extent


class MemoryAudit:
    """``AuditStore``; ``kept`` may be tampered with by tests."""

    def __init__(self) -> None:
        self.kept: list[Kept] = []
        self.cut = self.head = Head()

    async def append(self, deed: Deed) -> Kept:
        kept = sealed(deed, self.head)
        self.kept.append(kept)
        self.head = kept.head
        return kept

    async def extent(self) -> Extent:
        return Extent(self.cut, self.head)

    async def after(self, number: int, limit: int) -> Sequence[Kept]:
        return [each for each in self.kept if each.number > number][:limit]

    async def before(self, number: int | None, limit: int) -> Sequence[Kept]:
        older = [each for each in self.kept if number is None or each.number < number]
        return older[::-1][:limit]

    async def prune(self, number: int, deed: Deed) -> Kept | None:
        gone = [each for each in self.kept if each.number <= number and each.head != self.head]
        if not gone:
            return None
        self.cut = gone[-1].head
        self.kept = [each for each in self.kept if each.number > self.cut.number]
        return await self.append(msgspec.structs.replace(deed, after=cut_told(self.cut)))
