"""Reading the audit log, and keeping it within its bounds.

The log goes on for ever, and its store does not: beyond ``entries_max`` the leader takes the oldest
away, and an admin may at any time. What is left begins at a cut that an entry tells of, so that a
beginning that was taken away otherwise shows. The leader tells the end of the chain in the server's
log, and its number in the metrics: who shortens the log in the database has to reach those, too.
"""

from collections.abc import Callable, Sequence

import structlog

from orchestrator.audit import entry
from orchestrator.audit.chain import PRUNE
from orchestrator.audit.entry import Head, Kept, read
from orchestrator.audit_ports import AuditStore, Extent
from orchestrator.ports import Clock
from orchestrator.rights import Login, Operator

PAGE_MAX = 200  # entries, of which a page may be looked through for those that are asked for
TOLD_SECONDS = 600.0  # a log that is shortened by less than that has nothing to compare with
SLACK = 50  # so many entries beyond the bound before any goes: pruning is an entry, too
ITSELF = Operator("orchestrator", Login.ITSELF)

_log = structlog.get_logger(__name__)


class Custody:
    """The use cases of reading and of pruning.

    Args:
        store: Where entries are.
        clock: What time it is.
        entries_max: How many are kept.
        shown: Told the head at every look of the leader.
    """

    def __init__(
        self,
        store: AuditStore,
        clock: Clock,
        entries_max: int,
        shown: Callable[[Extent], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._entries_max = entries_max
        self._shown = shown
        self._told = Head()
        self._told_at = float("-inf")

    async def extent(self) -> Extent:
        return await self._store.extent()

    async def after(self, number: int) -> Sequence[Kept]:
        """Return the next entries, in their order; none at the end."""
        return await self._store.after(number, PAGE_MAX)

    async def newest(
        self, before: int | None, *, who: str = "", method: str = ""
    ) -> tuple[Sequence[Kept], int | None]:
        """Look through some entries, newest first, for those of a name or a method.

        Returns:
            Those that were found, and before which entry to go on; None where there are no more.
        """
        page = await self._store.before(before, PAGE_MAX)
        found = [each for each in page if _is_meant(each, who, method)]
        return found, (page[-1].number if len(page) == PAGE_MAX else None)

    async def prune(self, number: int, by: Operator) -> Kept | None:
        """Take away the entries up to one; None where there are none.

        Raises:
            FieldwiseError: As the store.
        """
        return await self._store.prune(
            number, entry.happened(by, PRUNE, "audit log", self._clock.now())
        )

    async def look(self, _term: int) -> None:
        """Show where the log ends, and keep it within its bound: what the leader does."""
        extent = await self._store.extent()
        over = extent.head.number - extent.cut.number - self._entries_max
        if over >= SLACK:
            await self.prune(extent.cut.number + over, ITSELF)
            extent = await self._store.extent()
        self._shown(extent)
        now = self._clock.now()
        if extent.head != self._told and now - self._told_at >= TOLD_SECONDS:
            self.tell(extent.head)
            self._told, self._told_at = extent.head, now

    def tell(self, head: Head) -> None:
        """Say in the log of the server where the audit log ends."""
        _log.info("audit log ends", number=head.number, head=str(head))


def _is_meant(kept: Kept, who: str, method: str) -> bool:
    if not who and not method:
        return True
    told = read(kept.content)
    if told is None:
        return False
    return (not who or told.who == who) and (not method or told.method == method)
