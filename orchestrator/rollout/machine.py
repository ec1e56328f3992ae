"""Rollout lifecycle: pure rules that bring one backbone to a cohort, wave by wave, or back.

Nothing here reads a clock, a database or a socket. A rollout changes its phase in two ways, by the
tables of ``phases.py``: an operator commands it (``obey``), or the fleet shows something
(``reconcile``). ``reconcile`` looks at what is, never at what happened: it may be called at any
time, any number of times, by anyone, and messages may be lost, late or doubled.

The cohort is every device that the selector matches while the rollout runs or is paused, and it is
sticky: once ordered, a device stays in it until it is removed, whatever becomes of its tags.
Devices get the target when their wave is open, also those that join or match later. An empty cohort
is no success: such a rollout waits for its first device.

What the fleet shows, and when a wave is over, stands in ``turns.py``.

A complete rollout has ended, but it still says what its cohort should run. A member of no rollout
is welcome to the newest one that its tags match (``host_of``), at its check-in; one that belongs to
a rollout already is never moved by one that is complete. A welcome lets the controller look at the
rollout again until the newcomer has settled too. Nothing of that changes the phase: whether the
backbone suits the cohort was found out before.

A recall is a rollout, too: its cohort is whoever runs the backbone or should, and it only goes
back. Rollouts that bring a recalled backbone turn back by themselves. What has turned back is not
done with for ever: a device may turn up that was thought to be elsewhere, as after a restored
backup. Then it turns back again, for that device (``is_news``).

``orchestrator.rollout.controller`` reads what is needed here and stores what comes out.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.fleet.cohort import parse_selector
from orchestrator.fleet.device import (
    Standing,
    has_permit,
    is_ahead,
    is_offline,
    is_settled,
    is_under_way,
    permit_held,
)
from orchestrator.rollout.history import of_command, of_step
from orchestrator.rollout.orders import is_owed_back, orders_owed, wave_in
from orchestrator.rollout.phases import (
    ADDING,
    COMMANDS,
    ENDED,
    FORWARD,
    TURNS,
    Command,
    Phase,
    Reason,
    Turn,
)
from orchestrator.rollout.places import Place
from orchestrator.rollout.placing import (
    NONE,
    SETTLED,
    exclusion_of,
    place_of,
)
from orchestrator.rollout.rollout import Event, Kind, Order, Rollout
from orchestrator.rollout.timetable import is_open
from orchestrator.rollout.turns import Moment, Seen, assessed, turn_of
from orchestrator.rollout.waves import fraction_of, thresholds_of

PLACES = tuple(Place)
REASONS: Mapping[Turn, Reason] = {
    Turn.RECALLED: Reason.RECALLED,
    Turn.HARMFUL_TAKE_BACK: Reason.HARM,
    Turn.HARMFUL_LEAVE_IT: Reason.HARM,
    Turn.UNDECIDED: Reason.UNDECIDED,
    Turn.OVERDUE: Reason.OVERDUE,
    Turn.UNLISTED: Reason.UNLISTED,
}


@dataclass(frozen=True, slots=True)
class Look:
    """A rollout after a look, with the orders it owes and what is new of it."""

    rollout: Rollout
    orders: tuple[Order, ...] = ()
    events: tuple[Event, ...] = ()


def obey(
    rollout: Rollout, command: Command, now: float, seen: int = 0
) -> tuple[Rollout, tuple[Event, ...]]:
    """Return the rollout as the command leaves it, unchanged where it is so already.

    Args:
        rollout: As last saved.
        command: What an operator wants.
        now: Seconds since 1970.
        seen: For a promotion, the wave that was open when the operator decided, from 1 on; 0 for
            whichever is open.

    Raises:
        FieldwiseError: ``ILLEGAL_COMMAND`` where the command has no meaning in the present phase,
            ``INVALID_ARGUMENT`` for a wave that has never been open.
    """
    if seen > rollout.wave + 1:
        sentence = f"wave {seen} of rollout {rollout.id} is not open: wave {rollout.wave + 1} is"
        raise FieldwiseError(Fault.INVALID_ARGUMENT, sentence)
    if seen and _is_passed(rollout, command, seen):
        return rollout, ()
    phase = COMMANDS[rollout.phase].get(command)
    if phase is None:
        raise FieldwiseError(
            Fault.ILLEGAL_COMMAND, f"cannot {command} rollout {rollout.id}: it is {rollout.phase}"
        )
    if command in {Command.PROMOTE, Command.PROMOTE_TO_END}:
        obeyed = _promoted(rollout, to_end=command is Command.PROMOTE_TO_END)
        told = (rollout.phase, rollout.wave, rollout.to_end)
        if told == (obeyed.phase, obeyed.wave, obeyed.to_end):
            return rollout, ()  # what the wave has been watched for is not lost
    elif phase is rollout.phase:
        return rollout, ()
    elif command is Command.RESUME:
        undecided = rollout.patient or rollout.reason is Reason.UNDECIDED
        obeyed = replace(_going_on(rollout, rollout.wave), patient=undecided)
    else:
        obeyed = _entered(rollout, phase, Reason.OPERATOR, now)
    return obeyed, of_command(rollout, obeyed, command, now)


def _is_passed(rollout: Rollout, command: Command, seen: int) -> bool:
    later = rollout.wave + 1 > seen and command is Command.PROMOTE
    return rollout.phase is Phase.COMPLETE or (later and rollout.phase in FORWARD)


def reconcile(
    rollout: Rollout,
    cohort: Sequence[Standing],
    now: float,
    recalled: Collection[str] = NONE,
    heard_since: float = 0.0,
    *,
    unlisted: bool = False,
) -> Look:
    """Return the rollout as its cohort shows it, with the orders that are owed.

    Args:
        rollout: As last saved.
        cohort: Every device that the rollout has ordered and that was not removed, and, while it
            runs or is paused, every other that its selector matches; for a recall, whoever runs
            the backbone or has it for a target.
        now: Seconds since 1970.
        recalled: Digests of backbones that are not allowed any more.
        heard_since: Since when devices could be heard without a break; nobody is silent for longer.
        unlisted: Whether devices refuse its backbone, by what its publisher has signed.
    """
    if not rollout.watched:
        return Look(rollout)
    begun = _begun(rollout, cohort, now)
    waves = {each.device: wave_in(begun, each.device) for each in cohort}
    steps, seen = _settle(begun, cohort, waves, Moment(now, recalled, heard_since, unlisted))
    settled = steps[-1]
    after = replace(settled, watched=_is_watched(settled, seen, now))
    events = (event for step in pairwise((rollout, *steps)) for event in of_step(*step, now))
    return Look(after, orders_owed(settled, cohort, now, recalled), tuple(events))


def host_of(
    newest_first: Iterable[Rollout], standing: Standing, tags: Mapping[str, str]
) -> Rollout | None:
    """Return the complete rollout that a member of no rollout belongs to by its tags.

    None where there is none, and where a newer one that runs takes the device: the controller
    orders it soon, and nobody should migrate twice. A running one whose wave of this device is not
    open yet leaves it to an older one meanwhile.
    """
    for rollout in newest_first:
        if rollout.phase not in FORWARD or not parse_selector(rollout.cohort).matches(tags):
            continue
        if rollout.kind is Kind.RECALL or exclusion_of(rollout, standing) is not None:
            continue
        if rollout.phase is Phase.COMPLETE:
            return rollout
        if wave_in(rollout, standing.device) <= rollout.wave:
            return None
    return None


def is_news(rollout: Rollout, standing: Standing, recalled: Collection[str] = NONE) -> bool:
    """Tell whether a rollout that has ended has to be looked at again for a device.

    It is complete, and a device of it knows an order that nobody here remembers; or all was back,
    and such a device has to go back, too, or one that a recall missed runs the backbone.
    """
    own = standing.rollout == rollout.number
    if rollout.watched:
        return False
    if rollout.phase is Phase.COMPLETE:
        return own and is_ahead(standing)
    runs = rollout.kind is Kind.RECALL and standing.bundle_in_use == rollout.digest
    concerned = rollout.phase is Phase.REVERTED and (own or runs)
    return concerned and is_owed_back(rollout, standing, recalled)


def _begun(rollout: Rollout, cohort: Sequence[Standing], now: float) -> Rollout:
    """Cut the waves at the first device, and start the clock of a wave that may start."""
    if not rollout.thresholds and rollout.phase in ADDING:
        rollout = _cut(rollout, cohort, now)
    waits = rollout.phase is Phase.RUNNING and rollout.wave_started_at is None
    if waits and rollout.thresholds and is_open(rollout.plan.window, now):
        return replace(rollout, wave_started_at=now)
    return rollout


def _cut(rollout: Rollout, cohort: Iterable[Standing], now: float) -> Rollout:
    able = [each for each in cohort if exclusion_of(rollout, each) is None]
    if not able:
        return rollout
    fractions = [fraction_of(each.device, rollout.number) for each in able]
    silent = sum(is_offline(each, now) for each in able) / len(able)
    thresholds = thresholds_of(rollout.plan.waves, fractions)
    return replace(rollout, thresholds=thresholds, silent_before=silent)


def _settle(
    rollout: Rollout,
    cohort: Sequence[Standing],
    waves: Mapping[str, int],
    moment: Moment,
) -> tuple[Sequence[Rollout], Sequence[Seen]]:
    """Apply what the fleet shows until nothing changes; return every step, the last one last."""
    seen = _see(rollout, cohort, waves, moment)
    steps: list[Rollout] = []
    while True:
        rollout = assessed(replace(rollout, tally=_tally(rollout, seen)), seen, moment)
        steps.append(rollout)
        turn = turn_of(rollout, seen, moment)
        phase = TURNS[rollout.phase].get(turn) if turn else None
        if turn is None or phase is None:
            return steps, seen
        if turn is Turn.WAVE_DONE:
            rollout = _begun(_going_on(rollout, rollout.wave + 1), cohort, moment.now)
        else:
            again = rollout.reason if turn is Turn.FOUND_AGAIN else None
            rollout = _entered(rollout, phase, REASONS.get(turn, again), moment.now)
            seen = _see(rollout, cohort, waves, moment)
        steps.append(rollout)


def _see(
    rollout: Rollout,
    cohort: Sequence[Standing],
    waves: Mapping[str, int],
    moment: Moment,
) -> Sequence[Seen]:
    return [
        Seen(each, waves[each.device], place_of(rollout, each, moment.now, moment.recalled))
        for each in cohort
    ]


def _promoted(rollout: Rollout, *, to_end: bool) -> Rollout:
    """Open the next wave, or all; after the last, want no more evidence than there is."""
    last = rollout.last_wave
    wave = last if to_end else min(rollout.wave + 1, last)
    insists = to_end or rollout.wave == last
    return replace(_going_on(rollout, wave), to_end=rollout.to_end or insists)


def _going_on(rollout: Rollout, wave: int) -> Rollout:
    """Run in a wave, with all the time that the plan gives it."""
    overdue = sum(each.get(Place.OVERDUE, 0) for each in rollout.tally)
    return replace(
        rollout,
        phase=Phase.RUNNING,
        reason=None,
        wave=wave,
        wave_started_at=None,
        wave_settled_at=None,
        overdue_accepted=overdue,
        patient=False,
        finding=None if wave != rollout.wave else rollout.finding,
    )


def _entered(rollout: Rollout, phase: Phase, reason: Reason | None, now: float) -> Rollout:
    ended_at = rollout.ended_at if rollout.ended_at is not None else now
    return replace(
        rollout,
        phase=phase,
        reason=rollout.reason if phase is Phase.REVERTED else reason,
        ended_at=ended_at if phase in ENDED else None,
        watched=True,
    )


def _tally(rollout: Rollout, seen: Sequence[Seen]) -> tuple[Mapping[Place, int], ...]:
    waves: list[Counter[Place]] = [Counter() for _ in rollout.plan.waves]
    for each in seen:
        waves[each.wave][each.place] += 1
    return tuple({place: wave[place] for place in PLACES if wave[place]} for wave in waves)


def _is_watched(rollout: Rollout, seen: Sequence[Seen], now: float) -> bool:
    if rollout.phase not in ENDED:
        return True
    own = [each.standing for each in seen if each.standing.rollout == rollout.number]
    if rollout.phase is Phase.COMPLETE:
        unsettled = (each for each in seen if each.place not in SETTLED - {Place.OVERDUE})
        return any(each.standing.rollout == rollout.number for each in unsettled)
    return rollout.phase is Phase.HELD and any(_may_move(each, now) for each in own)


def _may_move(standing: Standing, now: float) -> bool:
    """Tell whether a device works on its target, or may arrive there without our knowing yet.

    One that serves the wanted bundle already arrives by merely hearing of its target.
    """
    if standing.target is None or is_settled(standing):
        return False
    if standing.generation != standing.target.generation or is_ahead(standing):
        return standing.generation < standing.target.generation
    permit = permit_held(standing)
    unheard = permit is not None and (standing.seen_at or 0.0) < permit.expires_at
    return is_under_way(standing) or has_permit(standing, now) or unheard
