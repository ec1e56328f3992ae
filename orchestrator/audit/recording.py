"""Writing down who does what, so that nothing is changed without it.

What cannot be written down is not done: a deed whose beginning the database does not take is
refused. Its end is another matter, as the change is made by then: where it cannot be written the
log of the server says so, the caller hears what he would have heard, and the entry of the beginning
stands, with an outcome that nobody knows.

A refusal changes nothing, and costs a caller nothing: so many a minute are written, few of them of
one person, so that nobody can hide what others try, or press older entries out of the log. The
metrics have the number of all.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from fieldwise.errors import FieldwiseError
from orchestrator.audit import entry
from orchestrator.audit.entry import Deed
from orchestrator.audit_ports import AuditStore
from orchestrator.ports import Clock
from orchestrator.rights import Operator

REFUSALS_PER_MINUTE = 20
REFUSALS_PER_PERSON = 4  # that somebody tried is shown by one of them
MINUTE_SECONDS = 60.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Begun:
    """A deed under way, with the number of its first entry."""

    deed: Deed
    number: int


class Recording:
    """The use cases of writing.

    Args:
        store: Where entries go.
        clock: What time it is.
        failed: Told of every end that could not be written.
    """

    def __init__(
        self, store: AuditStore, clock: Clock, failed: Callable[[], None] = lambda: None
    ) -> None:
        self._store = store
        self._clock = clock
        self._failed = failed
        self._minute = 0.0
        self._refusals: Counter[Operator] = Counter()

    async def begin(
        self,
        who: Operator,
        method: str,
        thing: str,
        asked: Mapping[str, Any],
        before: Mapping[str, Any] | None,
    ) -> Begun:
        """Write that somebody begins to do something.

        Raises:
            FieldwiseError: As the store; then it must not be done.
        """
        deed = entry.begun(who, method, thing, asked, before, self._clock.now())
        return Begun(deed, (await self._store.append(deed)).number)

    async def end(
        self, begun: Begun, outcome: str, *, told: str = "", after: Mapping[str, Any] | None = None
    ) -> None:
        """Write how it ended; where that cannot be, it is logged and no error."""
        now = self._clock.now()
        deed = entry.ended(begun.deed, begun.number, now, outcome, told=told, after=after)
        try:
            await self._store.append(deed)
        except FieldwiseError as error:
            self.lost(begun, outcome, error.sentence)

    def lost(self, begun: Begun, outcome: str, reason: str) -> None:
        """Say in the server's log what the audit log has no end of."""
        self._failed()
        _log.error(
            "the end of a deed is not in the audit log",
            begun=begun.number,
            method=begun.deed.method,
            outcome=outcome,
            reason=reason,
        )

    async def note(self, who: Operator, method: str, thing: str, *, outcome: str = "ok") -> None:
        """Write that something was done.

        Raises:
            FieldwiseError: As the store.
        """
        now = self._clock.now()
        await self._store.append(entry.happened(who, method, thing, now, outcome=outcome))

    async def refused(self, who: Operator, method: str, error: FieldwiseError) -> None:
        """Write that somebody who is known was not let do something, unless too many are."""
        now = self._clock.now()
        if not 0 <= now - self._minute < MINUTE_SECONDS:
            self._minute, self._refusals = now, Counter()
        if self._refusals[who] >= REFUSALS_PER_PERSON:
            return
        if self._refusals.total() >= REFUSALS_PER_MINUTE:
            return
        self._refusals[who] += 1
        deed = entry.happened(who, method, "", now, outcome=error.fault.value, told=error.sentence)
        try:
            await self._store.append(deed)
        except FieldwiseError as failure:
            self._failed()
            _log.warning("a refusal is not in the audit log", reason=failure.sentence)
