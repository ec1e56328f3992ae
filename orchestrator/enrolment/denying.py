"""Keeping a member out for a while, and ending what it has under way.

Every call is checked against the database, so that whoever is denied or removed is refused by the
next call on, whatever replica it reaches. Two things that does not do: a stream that was let in
goes on, and a check-in is answered from memory while the database is away. So each replica also
looks every second at who may not call, ends what they have under way, and calls whose certificate
has ended meanwhile, and refuses them from memory, too.

A call is counted as under way before it is checked. Whoever is denied after the check is therefore
found by the next look, and nobody slips through in between.

Without the database nobody can be denied. A replica that has lost it, while another denies, goes on
refusing whom it knew, repeats to check-ins what they heard before and lets nobody else in, and ends
the streams of the newly denied as soon as it can look again.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.fleet.device import CLOCKS_SECONDS, Caller, denied, not_a_member
from orchestrator.identity_ports import Denial, DenialStore, ShutOut
from orchestrator.ports import Clock

LOOK_SECONDS = 1.0  # a fifth of the time in which a denial has to be in force everywhere


@dataclass(slots=True, eq=False)
class _Call:
    """One call under way."""

    caller: Caller
    ends_at: float
    task: "asyncio.Task[object] | None"
    reason: FieldwiseError | None = None

    def end(self, reason: FieldwiseError) -> None:
        if self.reason is None and self.task is not None:
            self.reason = reason
            self.task.cancel()


class CallsUnderWay:
    """The calls of devices on this replica, and who may have none."""

    def __init__(self) -> None:
        self._calls: set[_Call] = set()
        self._shut_out = ShutOut()

    @property
    def denied(self) -> int:
        """How many members were denied at the newest look."""
        return len(self._shut_out.denied)

    @contextmanager
    def one(self, caller: Caller, ends_at: float) -> Iterator[None]:
        """Count a call while it lasts.

        Args:
            caller: Whose it is.
            ends_at: When its certificate does.

        Raises:
            FieldwiseError: ``DEVICE_DENIED`` or ``DEVICE_REMOVED``, at once or as soon as that is
                known, and ``CERTIFICATE_INVALID`` for one that outlasts its certificate.
        """
        self._refuse(caller.device)
        call = _Call(caller, ends_at, asyncio.current_task())
        self._calls.add(call)
        try:
            yield
        except asyncio.CancelledError:
            if call.reason is None or call.task is None:
                raise
            call.task.uncancel()
            raise call.reason from None
        finally:
            self._calls.discard(call)

    def shut(self, found: ShutOut, now: float) -> int:
        """Refuse these from now on, and end what they have under way; return how many calls."""
        self._shut_out = found
        ended = 0
        for call in list(self._calls):
            reason = self._reason(call, now)
            if reason is not None and call.reason is None:
                call.end(reason)
                ended += 1
        return ended

    def _reason(self, call: _Call, now: float) -> FieldwiseError | None:
        try:
            self._refuse(call.caller.device)
        except FieldwiseError as error:
            return error
        if now > call.ends_at:
            return FieldwiseError(
                Fault.CERTIFICATE_INVALID, "the certificate expired while the call went on"
            )
        return None

    def _refuse(self, device: str) -> None:
        if device in self._shut_out.denied:
            raise denied(device)
        if device in self._shut_out.removed:
            raise not_a_member(device)


class Denying:
    """The use cases around denials.

    Args:
        store: Where they are kept.
        calls: Those of this replica.
        clock: What time it is.
    """

    def __init__(self, store: DenialStore, calls: CallsUnderWay, clock: Clock) -> None:
        self._store = store
        self._calls = calls
        self._clock = clock
        self._looked_at = clock.now()

    async def deny(self, device_id: str) -> Denial:
        """Keep a member from calling until it is allowed to again.

        Raises:
            FieldwiseError: As ``DenialStore.deny``.
        """
        denial = await self._store.deny(device_id, self._clock.now())
        await self.look()  # here at once, on other replicas within a second
        return denial

    async def allow(self, device_id: str) -> bool:
        """Let a member call again; return whether it was denied.

        Raises:
            FieldwiseError: ``NOT_FOUND``.
        """
        changed = await self._store.allow(device_id)
        await self.look()
        return changed

    async def list(self) -> Sequence[Denial]:
        """Return who is denied, the newest first."""
        return await self._store.denials()

    async def look(self) -> int:
        """See who may not call by now, and end what they have under way; return how many calls.

        Raises:
            FieldwiseError: ``UNAVAILABLE`` without the store; whoever was refused still is.
        """
        asked_at = self._clock.now()
        # Of other replicas' clocks: whoever was removed by one that is behind is not overlooked.
        since = min(self._looked_at, asked_at) - CLOCKS_SECONDS
        found = await self._store.shut_out(since)
        self._looked_at = asked_at
        return self._calls.shut(found, asked_at)
