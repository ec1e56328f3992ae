"""Check-ins go on while the database is away: devices hear again what they heard last.

A check-in needs the database for everything that it decides. Without one, what a device should be
is what it was told before: so each replica remembers the newest target that it told each device,
and repeats it. Nothing is decided meanwhile: no permit is given, no settings, no device is
welcomed. A device that this replica does not remember, or that knows more than it was told here,
is turned away as if nobody were there. Devices treat that alike: they keep what they have.

Nothing that a device says meanwhile is kept, and nothing of it is lost. A report says what is, so
phase, failure and verdict are in the next one again.

A database that does not answer can take long to say so. After one call has waited in vain, others
are answered at once for a moment, and a call of a database that hangs is broken off before the
device would give up.
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.fleet.check_in import CheckIns, Orders
from orchestrator.fleet.device import Caller, Target
from orchestrator.fleet.report import Report
from orchestrator.ports import Clock

REMEMBERED_MAX = 50_000  # devices, some 30 MB; more than one replica serves at a minute's pace
REMEMBERED_SECONDS = 3600.0  # longer than any repair of a database that nobody is woken for
TRUSTED_SECONDS = 2.0  # that a database is away, after it was
STORE_SECONDS = 15.0  # a device waits for 30, and SQLite for a writer 10
OUT = frozenset(
    {
        Fault.DEVICE_DENIED,
        Fault.DEVICE_REMOVED,
        Fault.DEVICE_UNKNOWN,
        Fault.CERTIFICATE_INVALID,
    }
)


@dataclass(frozen=True, slots=True)
class _Told:
    """What a device was told, with which key it called, and when."""

    fingerprint: str
    target: Target | None
    at: float


class Answering:
    """Check-ins with or without the store.

    Args:
        check_ins: What answers while the store is there.
        clock: What time it is.
        pace_seconds: When devices are to call again while it is away.
        remembered_max: Devices that are remembered; those that called longest ago are forgotten.
        store_seconds: How long a check-in may wait for the store.
    """

    def __init__(
        self,
        check_ins: CheckIns,
        clock: Clock,
        pace_seconds: int,
        remembered_max: int = REMEMBERED_MAX,
        store_seconds: float = STORE_SECONDS,
    ) -> None:
        self._check_ins = check_ins
        self._clock = clock
        self._pace_seconds = pace_seconds
        self._remembered_max = remembered_max
        self._store_seconds = store_seconds
        self._told: OrderedDict[str, _Told] = OrderedDict()
        self._away_since = float("-inf")

    async def check_in(self, caller: Caller, report: Report) -> Orders:
        """Take a report, and return orders or, without the store, those of before.

        Raises:
            FieldwiseError: As ``CheckIns.check_in``; ``UNAVAILABLE`` only for a device that is not
                remembered.
        """
        if 0 <= self._clock.now() - self._away_since < TRUSTED_SECONDS:
            return self._again(caller, report, _away("it did not a moment ago"))
        try:
            orders = await self._asked(caller, report)
        except FieldwiseError as error:
            if error.fault in OUT:
                self._told.pop(caller.device, None)
            if error.fault is not Fault.UNAVAILABLE:
                raise
            self._away_since = self._clock.now()
            return self._again(caller, report, error)
        self._remember(caller, orders)
        return orders

    async def _asked(self, caller: Caller, report: Report) -> Orders:
        try:
            async with asyncio.timeout(self._store_seconds):
                return await self._check_ins.check_in(caller, report)
        except TimeoutError as error:
            raise _away(f"it said nothing for {self._store_seconds:g} s") from error

    def _remember(self, caller: Caller, orders: Orders) -> None:
        told = _Told(caller.fingerprint, orders.target, self._clock.now())
        self._told[caller.device] = told
        self._told.move_to_end(caller.device)
        if len(self._told) > self._remembered_max:
            self._told.popitem(last=False)

    def _again(self, caller: Caller, report: Report, error: FieldwiseError) -> Orders:
        now = self._clock.now()
        told = self._told.get(caller.device)
        if told is None or told.fingerprint != caller.fingerprint:
            raise error
        generation = told.target.generation if told.target else 0
        if report.generation > generation or not 0 <= now - told.at < REMEMBERED_SECONDS:
            raise error
        return Orders(told.target, None, None, self._pace_seconds, int(now))


def _away(reason: str) -> FieldwiseError:
    return FieldwiseError(Fault.UNAVAILABLE, f"the database does not answer: {reason}")
