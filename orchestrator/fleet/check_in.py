"""The check-in: a device says what is, and hears what should be.

The call is level-triggered. The reply follows from what is stored and from the report, never from
what an earlier call did, so a lost message costs a delay and a doubled one nothing.

Two kinds of news come in. What others act on (generation, backbone in use, phase and failure of an
update, settings in force, agent version, consent and the rest of federation) is committed before
the reply. Liveness and counters
change with every call, and nobody acts on the last second of them: they are held in memory, newest
per device, and written together by ``flush``. A crash loses at most what one interval gathered, and
a report is kept only if it is newer, so what is flushed late never hides what another replica kept.

A device that belongs to no rollout, as one that has just joined, is welcomed to the newest complete
rollout that matches its tags: it hears its target and gets its permit in the same reply.

A start permit is given by the store, in a transaction that sees the rollout give permits and its
limits kept. Where a rollout has no place free, its other devices are not asked for during a second:
the database is spared, and a place is taken a little later. A device that its owner keeps from
beginning gets none: it would take a place from others. A permit is relative and short: a device
counts its seconds from the reply's arrival. The store's copy ends later by ``DELIVERY_SECONDS``,
the longest that a reply may be on its way, so that a stopped rollout never counts too few devices
that may still start. Within a rollout's window it ends with the window even so, so the last one is
given half a minute before that.

Pace: a device with nothing to do calls every minute, which ten thousand devices may do on two
cores, and three minutes of silence make it offline. A device that works on an update, or waits to,
calls every ten seconds, since an operator watches it and it holds a permit. Where many do, their
calls are dealt out so that together they stay below ``busy_calls_per_second``.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.update import UpdateFailure, UpdatePhase
from orchestrator.check_in_ports import CheckInStore, Granted, Sighting, Visitor
from orchestrator.federation.contribution import NOTHING_OFFERED, Offers
from orchestrator.federation.offering import Offering
from orchestrator.fleet.device import (
    DELIVERY_SECONDS,
    Caller,
    Permit,
    Standing,
    Target,
    after_report,
    check_continuable,
    is_ahead,
    is_held,
    is_settled,
    is_under_way,
    permit_held,
)
from orchestrator.fleet.ledger import LedgerRecord, Rewriting, after_head
from orchestrator.fleet.report import Report, is_newer
from orchestrator.fleet.settings import SettingsRevision
from orchestrator.ports import Clock
from orchestrator.rollout.placing import had_another

PERMIT_CHECK_INS = 2  # one reply may get lost without a device losing its turn
PERMIT_SECONDS_MAX = 600  # the wire's bound; what a stop may have to wait for
PACE_SECONDS_MAX = 86_400  # the wire's bound
FULL_SECONDS = 1.0  # how late a free place may be given away
PASSING = frozenset({Fault.UNAVAILABLE, Fault.DISK_FULL, Fault.CONFLICT})  # no report's own fault
ENDS = frozenset({UpdatePhase.ACTIVE, UpdatePhase.REVERTED, UpdatePhase.DECLINED})

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often devices call: seconds between calls, and calls a second.

    Raises:
        FieldwiseError: ``SETTING_INVALID`` on creation with a value out of its bounds.
    """

    idle_seconds: int = 60
    busy_seconds: int = 10
    busy_calls_per_second: float = 100.0

    def __post_init__(self) -> None:
        if not 1 <= self.busy_seconds <= self.idle_seconds <= PACE_SECONDS_MAX:
            raise FieldwiseError(
                Fault.SETTING_INVALID,
                f"a busy pace of {self.busy_seconds} s and an idle pace of {self.idle_seconds} s "
                f"are not in order between 1 and {PACE_SECONDS_MAX:,} s",
            )
        if not 0 < self.busy_calls_per_second < math.inf:
            raise FieldwiseError(Fault.SETTING_INVALID, "busy calls per second are not above 0")


@dataclass(frozen=True, slots=True)
class StartPermit:
    """The right to start on a target for some seconds from receipt.

    ``bytes_per_second`` bounds the device's download; 0 for no bound.
    """

    generation: int
    seconds: int
    bytes_per_second: int = 0


@dataclass(frozen=True, slots=True)
class DiagnosisAsked:
    """An operator asks for a diagnosis; it may be answered for some seconds from receipt."""

    id: str
    seconds: int


@dataclass(frozen=True, slots=True)
class Orders:
    """What a device should do; ``settings`` only where it has an older revision."""

    target: Target | None
    permit: StartPermit | None
    settings: SettingsRevision | None
    next_seconds: int
    unix_seconds: int
    diagnosis: DiagnosisAsked | None = None
    offers: Offers = NOTHING_OFFERED


class CheckIns:
    """The use case, with the reports that wait to be written.

    Args:
        store: Where devices stand.
        clock: What time it is.
        pace: How often devices call.
        ended: Hears how an update ended, once for each that a device tells of.
        offering: What campaigns have for devices; None where there are none.
        rewritten: Hears how the rewriting of a ledger showed, once for each.
    """

    def __init__(
        self,
        store: CheckInStore,
        clock: Clock,
        pace: Pace | None = None,
        ended: Callable[[UpdatePhase, UpdateFailure | None], None] = lambda _phase, _failure: None,
        offering: Offering | None = None,
        rewritten: Callable[[Rewriting], None] = lambda _how: None,
    ) -> None:
        self._store = store
        self._ended = ended
        self._offering = offering
        self._rewritten = rewritten
        self._clock = clock
        self._pace = pace or Pace()
        self._pending: dict[str, Sighting] = {}
        self._last_busy_call = -math.inf
        self._full_until: dict[int, float] = {}

    async def check_in(self, caller: Caller, report: Report) -> Orders:
        """Take a report of a device that has proved to hold its key; return its orders.

        Raises:
            FieldwiseError: As the store's ``visitor``, ``OVER_LIMIT`` for a generation or revision
                that nobody can have given, or ``UNAVAILABLE`` without the store: then the device
                keeps what it has.
        """
        now = self._clock.now()
        visitor = await self._visitor(caller, report)
        known = self._with_pending(visitor.standing)
        fresh = is_newer(report, known.report_order)
        standing = after_report(known, report, now, known.pace_seconds) if fresh else known
        waits = visitor.may_start and _waits(standing)
        seconds = self._next_seconds(now, busy=waits or is_under_way(standing))
        if fresh:
            ledger = after_head(self._ledger(visitor), report.ledger, now)
            await self._keep(visitor, Sighting(caller.device, report, now, seconds, ledger))
            if report.update.phase in ENDS and report.update != known.update:
                self._ended(report.update.phase, report.update.failure)
        if (fresh and is_ahead(standing)) or (visitor.runs_recalled and had_another(standing)):
            await self._store.look_again(caller.device)
        permit = await self._permit(standing, seconds, now) if waits else None
        return Orders(
            target=standing.target,
            permit=permit,
            settings=await self._settings(visitor, report),
            next_seconds=seconds,
            unix_seconds=int(now),
            diagnosis=_asked(visitor, report, now),
            offers=await self._offers(caller.device, report),
        )

    def _ledger(self, visitor: Visitor) -> LedgerRecord:
        """What is known of a device's ledger, with a report that still waits to be written."""
        standing = visitor.standing
        waiting = self._pending.get(standing.device)
        newer = waiting is not None and is_newer(waiting.report, standing.report_order)
        return waiting.ledger if waiting is not None and newer else visitor.ledger

    @property
    def waiting(self) -> int:
        """Reports that wait to be written."""
        return len(self._pending)

    async def flush(self) -> None:
        """Write the reports that wait; they wait on while the store cannot be written to.

        A report that the store takes in no company, and not alone either, is dropped: it would keep
        all others from being written for ever.

        Raises:
            FieldwiseError: As the store's ``keep``, or ``INTERNAL`` where reports were dropped.
        """
        taken, self._pending = self._pending, {}
        waiting: list[Sequence[Sighting]] = [tuple(taken.values())] if taken else []
        dropped = 0
        try:
            while waiting:
                halves = await self._write(waiting[-1])
                waiting.pop()
                waiting += halves or ()
                dropped += halves is None
        finally:
            left = {each.device: each for sightings in waiting for each in sightings}
            self._pending = left | self._pending
        if dropped:
            raise FieldwiseError(
                Fault.INTERNAL, f"reports of {dropped:,} devices could not be kept and were dropped"
            )

    async def _write(self, sightings: Sequence[Sighting]) -> Sequence[Sequence[Sighting]] | None:
        """Write reports together; return the halves to try where one spoils it, None if alone."""
        try:
            await self._store.keep(sightings)
        except Exception as error:
            if isinstance(error, FieldwiseError) and error.fault in PASSING:
                raise
            if len(sightings) == 1:
                _log.exception("report dropped", device=sightings[0].device)
                return None
            middle = len(sightings) // 2
            return sightings[:middle], sightings[middle:]
        return ()

    async def _visitor(self, caller: Caller, report: Report) -> Visitor:
        visitor = await self._store.visitor(caller)
        target = visitor.standing.target
        check_continuable("generation", report.generation, target.generation if target else 0)
        check_continuable("settings_revision", report.settings_revision, _revision(visitor))
        if not visitor.is_welcome:
            return visitor
        now = self._clock.now()
        return await self._store.welcome(caller.device, report.generation, now) or visitor

    async def _settings(self, visitor: Visitor, report: Report) -> SettingsRevision | None:
        """Return settings that the device has to hear of: newer ones than it knows, or others."""
        known = report.settings_revision
        if known > _revision(visitor):
            return await self._store.continue_settings(visitor.standing.device, known)
        return visitor.settings if _revision(visitor) > known else None

    async def _offers(self, device: str, report: Report) -> Offers:
        if self._offering is None or report.federation is None:
            return NOTHING_OFFERED
        return await self._offering.offers(device, report.federation, report.bundle_in_use)

    async def _keep(self, visitor: Visitor, sighting: Sighting) -> None:
        report = sighting.report
        told = report.federation != visitor.federation
        if told and self._offering is not None:
            # First, so that it is done again where the report is not kept.
            await self._offering.hear(sighting.device, visitor.federation, report.federation)
        rewritten = self._is_rewritten(visitor, sighting)
        if told or rewritten or _matters(visitor.standing, report):
            await self._store.keep((sighting,))
            self._forget_older(sighting)
            if rewritten:
                self._tell_rewritten(sighting)
        else:
            self._pending[sighting.device] = sighting

    def _is_rewritten(self, visitor: Visitor, sighting: Sighting) -> bool:
        return sighting.ledger.rewritings > self._ledger(visitor).rewritings

    def _tell_rewritten(self, sighting: Sighting) -> None:
        finding = sighting.ledger.finding
        assert finding is not None
        _log.warning(
            "ledger rewritten",
            device=sighting.device,
            how=finding.how.value,
            before=str(finding.before),
            after=str(finding.after),
        )
        self._rewritten(finding.how)

    def _forget_older(self, kept: Sighting) -> None:
        waiting = self._pending.get(kept.device)
        if waiting is not None and is_newer(kept.report, waiting.report.order):
            del self._pending[kept.device]

    def _with_pending(self, stored: Standing) -> Standing:
        waiting = self._pending.get(stored.device)
        if waiting is None or not is_newer(waiting.report, stored.report_order):
            return stored
        return after_report(stored, waiting.report, waiting.seen_at, waiting.pace_seconds)

    def _next_seconds(self, now: float, *, busy: bool) -> int:
        if not busy:
            return self._pace.idle_seconds
        turn = max(
            now + self._pace.busy_seconds,
            self._last_busy_call + 1 / self._pace.busy_calls_per_second,
        )
        if turn >= now + self._pace.idle_seconds:
            return self._pace.idle_seconds
        self._last_busy_call = turn
        return math.ceil(turn - now)

    async def _permit(
        self, standing: Standing, next_seconds: int, now: float
    ) -> StartPermit | None:
        assert standing.target is not None
        generation = standing.target.generation
        seconds = min(PERMIT_CHECK_INS * next_seconds, PERMIT_SECONDS_MAX)
        permit = Permit(generation, now + seconds + DELIVERY_SECONDS)
        given = await self._granted(standing, permit, now)
        if given is None:
            return None
        left = int(given.permit.expires_at - DELIVERY_SECONDS - now)
        return StartPermit(generation, min(left, seconds), given.bytes_per_second)

    async def _granted(self, standing: Standing, permit: Permit, now: float) -> Granted | None:
        full_until = self._full_until.get(standing.rollout, 0.0)
        if now < full_until <= now + FULL_SECONDS and permit_held(standing) is None:
            return None
        given = await self._store.permit(standing.device, permit, now)
        if given is None:
            self._full_until[standing.rollout] = now + FULL_SECONDS
        return given


def _matters(stored: Standing, report: Report) -> bool:
    """Tell whether a report says more than that the device lives and counts."""
    return (
        stored.seen_at is None
        or report.incarnation != stored.report_order[0]
        or report.generation != stored.generation
        or report.bundle_in_use != stored.bundle_in_use
        or report.update != stored.update
        or report.settings_revision != stored.settings_revision
    )


def _waits(standing: Standing) -> bool:
    """Tell whether a device has a target that is still to be begun, and may be by its owner."""
    if standing.target is None or is_settled(standing) or is_ahead(standing):
        return False
    # A bundle that serves is active as soon as the device hears that it is wanted.
    serves = standing.bundle_in_use == standing.target.digest
    return not (serves or is_under_way(standing) or is_held(standing))


def _asked(visitor: Visitor, report: Report, now: float) -> DiagnosisAsked | None:
    """Return what is to be asked of a device whose agent knows what that is."""
    asked = visitor.diagnosis
    if asked is None or report.diagnosis_rule is None or asked.expires_at < now + 1:
        return None
    return DiagnosisAsked(asked.id, int(asked.expires_at - now))


def _revision(visitor: Visitor) -> int:
    return visitor.settings.revision if visitor.settings else 0
