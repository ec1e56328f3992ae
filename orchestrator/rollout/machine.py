"""Rollout lifecycle: pure rules that bring one backbone to a cohort.

Nothing here reads a clock, a database or a socket. A rollout changes its phase in two ways, each
a literal table with a row for every phase: an operator commands it (``COMMANDS``), or the fleet
shows something (``VERDICTS``). ``reconcile`` looks at what is, never at what happened: it may be
called at any time, any number of times, by anyone, and messages may be lost, late or doubled.

The cohort is every device that the selector matches while the rollout runs, and it is sticky: once
ordered, a device stays in it until it is removed, whatever becomes of its tags. Devices that join
or get a matching tag later are ordered then. An empty cohort is no success: such a rollout waits
for its first device.

A complete rollout has ended, but it still says what its cohort should run. A member of no rollout
is welcome to the newest one that its tags match (``host_of``), at its check-in; one that belongs to
a rollout already is never moved by one that is complete. A welcome lets the controller look at the
rollout again until the newcomer has settled too. Nothing of that changes the phase: whether the
backbone suits the cohort was found out before.

A device belongs to the newest rollout that ordered it. Numbers of rollouts rise, so an older one
can never take a device back. It counts those that a newer one has as superseded, whether it ordered
them or never came to it: a rollout that is overtaken at its start ends, too. An order carries a
generation above everything that the store or the device itself knows; a device that turns out to
know a higher one than its target, as after a restored backup, is owed another order.

Where a device stands is read off the generation and the phase that it reports, not off the bundle
that serves: a device that turned back by itself serves the same bundle as one that never started.
Offline is never settled. It keeps a rollout running, since nobody knows what that device does.

``orchestrator.rollout.controller`` reads what is needed here and stores what comes out.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.update import UpdatePhase
from orchestrator.fleet.cohort import parse_selector
from orchestrator.fleet.device import (
    Standing,
    Target,
    has_arrived,
    has_failed,
    has_permit,
    is_ahead,
    is_offline,
    is_under_way,
    next_generation,
    permit_held,
)


class Phase(StrEnum):
    RUNNING = "running"
    STOPPED = "stopped"
    COMPLETE = "complete"
    SUPERSEDED = "superseded"


class Command(StrEnum):
    STOP = "stop"


class Verdict(StrEnum):
    """What the cohort as a whole shows, once nobody of it has anything left to do."""

    ALL_SETTLED = "all settled"
    REST_TAKEN_OVER = "rest taken over"


class Place(StrEnum):
    """Where one device of the cohort stands."""

    WAITING = "waiting"
    PERMITTED = "permitted"
    FETCHING = "fetching"
    VERIFYING = "verifying"
    MIGRATING = "migrating"
    HEALTHY = "healthy"
    FAILED = "failed"
    OFFLINE = "offline"
    SUPERSEDED = "superseded"


COMMANDS: Mapping[Phase, Mapping[Command, Phase]] = MappingProxyType(
    {
        Phase.RUNNING: {Command.STOP: Phase.STOPPED},
        Phase.STOPPED: {},
        Phase.COMPLETE: {Command.STOP: Phase.STOPPED},
        Phase.SUPERSEDED: {},
    }
)

VERDICTS: Mapping[Phase, Mapping[Verdict, Phase]] = MappingProxyType(
    {
        Phase.RUNNING: {
            Verdict.ALL_SETTLED: Phase.COMPLETE,
            Verdict.REST_TAKEN_OVER: Phase.SUPERSEDED,
        },
        Phase.STOPPED: {},
        Phase.COMPLETE: {},
        Phase.SUPERSEDED: {},
    }
)

SETTLED = frozenset({Place.HEALTHY, Place.FAILED})
STEPS: Mapping[UpdatePhase, Place] = MappingProxyType(
    {
        UpdatePhase.FETCHING: Place.FETCHING,
        UpdatePhase.VERIFYING: Place.VERIFYING,
        UpdatePhase.MIGRATING: Place.MIGRATING,
    }
)


@dataclass(frozen=True, slots=True)
class Rollout:
    """One backbone for one cohort.

    ``number`` is given by the store and rises; ``digest`` and ``title`` name the backbone.
    ``counts`` is as of the last look; ``watched`` is true while devices may still move on it, and
    afterwards nothing of it changes any more, unless it is complete and a newcomer is welcomed.
    ``revision`` rises with every save and every welcome, so that of two writers who read the same
    rollout only one can save it.
    """

    number: int
    digest: str
    title: str
    cohort: str
    created_at: float
    phase: Phase = Phase.RUNNING
    counts: Mapping[Place, int] = field(default_factory=dict)
    watched: bool = True
    ended_at: float | None = None
    revision: int = 0

    @property
    def id(self) -> str:
        """How people name it: ``r7``."""
        return f"r{self.number}"


@dataclass(frozen=True, slots=True)
class Order:
    """A new target for one device; it replaces whatever target the device had."""

    device: str
    target: Target


def obey(rollout: Rollout, command: Command, now: float) -> Rollout:
    """Return the rollout as the command leaves it.

    Raises:
        FieldwiseError: ``ILLEGAL_COMMAND`` where the command has no meaning in the present phase.
    """
    phase = COMMANDS[rollout.phase].get(command)
    if phase is None:
        raise FieldwiseError(
            Fault.ILLEGAL_COMMAND, f"cannot {command} rollout {rollout.id}: it is {rollout.phase}"
        )
    ended_at = now if rollout.ended_at is None else rollout.ended_at
    return replace(rollout, phase=phase, ended_at=ended_at)


def reconcile(
    rollout: Rollout, cohort: Sequence[Standing], now: float
) -> tuple[Rollout, tuple[Order, ...]]:
    """Return the rollout as its cohort shows it, and the orders that are owed.

    Args:
        rollout: As last saved.
        cohort: Every device that the rollout has ordered and that was not removed, and, while it
            runs, every other that its selector matches.
        now: Seconds since 1970.
    """
    if not rollout.watched:
        return rollout, ()
    places = [place_of(rollout, each, now) for each in cohort]
    counts = Counter(places)
    judged = _judge(rollout, frozenset(places), now)
    seen = replace(
        judged,
        counts={place: counts[place] for place in Place if counts[place]},
        watched=_is_watched(judged, cohort, now),
    )
    return seen, tuple(_order(rollout, each) for each in cohort if _is_owed(rollout, each))


def place_of(rollout: Rollout, standing: Standing, now: float) -> Place:
    """Return the one place in which a device of the cohort is counted."""
    if standing.rollout > rollout.number:
        return Place.SUPERSEDED
    if standing.rollout == rollout.number and not is_ahead(standing):
        if has_failed(standing):
            return Place.FAILED
        if has_arrived(standing):
            return Place.HEALTHY
    if is_offline(standing, now):
        return Place.OFFLINE
    if standing.rollout == rollout.number and is_under_way(standing):
        return STEPS[standing.update.phase]
    permitted = standing.rollout == rollout.number and has_permit(standing, now)
    return Place.PERMITTED if permitted else Place.WAITING


def may_start(phase: Phase) -> bool:
    """Tell whether devices get start permits in a phase."""
    return phase in {Phase.RUNNING, Phase.COMPLETE}


def host_of(newest_first: Iterable[Rollout], tags: Mapping[str, str]) -> Rollout | None:
    """Return the complete rollout that a member of no rollout belongs to by its tags.

    None where there is none, and where a newer one that runs takes the device: the controller
    orders it soon, and nobody should migrate twice.
    """
    for rollout in newest_first:
        if may_start(rollout.phase) and parse_selector(rollout.cohort).matches(tags):
            return rollout if rollout.phase is Phase.COMPLETE else None
    return None


def _judge(rollout: Rollout, places: frozenset[Place], now: float) -> Rollout:
    verdict = _verdict(places)
    phase = VERDICTS[rollout.phase].get(verdict) if verdict else None
    return replace(rollout, phase=phase, ended_at=now) if phase else rollout


def _verdict(places: frozenset[Place]) -> Verdict | None:
    if not places or not places <= SETTLED | {Place.SUPERSEDED}:
        return None
    return Verdict.REST_TAKEN_OVER if Place.SUPERSEDED in places else Verdict.ALL_SETTLED


def _is_owed(rollout: Rollout, standing: Standing) -> bool:
    if standing.rollout == rollout.number:
        return may_start(rollout.phase) and is_ahead(standing)
    return rollout.phase is Phase.RUNNING and standing.rollout < rollout.number


def _order(rollout: Rollout, standing: Standing) -> Order:
    return Order(standing.device, Target(next_generation(standing), rollout.digest))


def _is_watched(rollout: Rollout, cohort: Iterable[Standing], now: float) -> bool:
    if rollout.phase is Phase.RUNNING:
        return True
    own = [each for each in cohort if each.rollout == rollout.number]
    if rollout.phase is Phase.COMPLETE:
        return any(place_of(rollout, each, now) not in SETTLED for each in own)
    return rollout.phase is Phase.STOPPED and any(_may_move(each, now) for each in own)


def _may_move(standing: Standing, now: float) -> bool:
    """Tell whether a device works on its target, or may arrive there without our knowing yet.

    One that serves the wanted bundle already arrives by merely hearing of its target.
    """
    if standing.target is None or has_failed(standing) or has_arrived(standing):
        return False
    if standing.generation != standing.target.generation or is_ahead(standing):
        return standing.generation < standing.target.generation
    permit = permit_held(standing)
    unheard = permit is not None and (standing.seen_at or 0.0) < permit.expires_at
    return is_under_way(standing) or has_permit(standing, now) or unheard
