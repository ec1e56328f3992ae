"""Metadata of publishers in memory."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from fieldwise.trust import PublisherReport, Role
from orchestrator.storage import refusals
from orchestrator.storage.memory_contents import Contents
from orchestrator.storage.memory_replicas import MemoryLeadership
from orchestrator.trust_ports import KEPT_MAX, Kept


class MemoryTrust:
    """``TrustStore``."""

    def __init__(self, contents: Contents, leadership: MemoryLeadership) -> None:
        self._contents = contents
        self._leadership = leadership

    async def newest(self, roles: Collection[Role]) -> Mapping[Role, Kept]:
        return {role: kept for role in roles if (kept := _newest(self._contents.metadata, role))}

    async def get(self, role: Role, version: int) -> Kept | None:
        return self._contents.metadata.get((role, version))

    async def keep(self, documents: Sequence[Kept], term: int | None = None) -> None:
        lead = self._leadership.lead
        if term is not None and (lead is None or lead.term != term):
            raise refusals.term_over(term)
        kept = dict(self._contents.metadata)
        for each in documents:
            newest = _newest(kept, each.role)
            refusals.check_metadata(each.role, each.version, newest.version if newest else None)
            kept[each.role, each.version] = each
            for version in _too_old(kept, each.role):
                del kept[each.role, version]
        self._contents.metadata = kept

    async def heard(self) -> Mapping[PublisherReport, int]:
        told = (each.report.publisher for each in self._contents.fleet() if each.report)
        return Counter(each for each in told if each is not None)


def _newest(metadata: Mapping[tuple[Role, int], Kept], role: Role) -> Kept | None:
    found = [each for each in metadata.values() if each.role is role]
    return max(found, key=lambda each: each.version, default=None)


def _too_old(metadata: Mapping[tuple[Role, int], Kept], role: Role) -> list[int]:
    if role is Role.ROOT:
        return []
    return sorted((version for kind, version in metadata if kind is role), reverse=True)[KEPT_MAX:]
