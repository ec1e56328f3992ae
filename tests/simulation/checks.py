"""What must hold of records at every moment, and of devices beside them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from fieldwise.update import UNDER_WAY, UpdatePhase
from orchestrator.fleet.device import Standing, is_ahead, permit_held
from orchestrator.rollout import machine
from orchestrator.rollout.evidence import Outcome
from orchestrator.rollout.history import ENTERED
from orchestrator.rollout.limits import MINUTE_SECONDS
from orchestrator.rollout.orders import wave_in
from orchestrator.rollout.phases import ADDING, BACKWARD, COMMANDS, TURNS, Phase
from orchestrator.rollout.places import Exclusion, Place
from orchestrator.rollout.placing import (
    APART,
    SETTLED,
    exclusion_of,
    goes_back,
    may_have_run,
    place_of,
    target_of,
)
from orchestrator.rollout.plan import Promotion, Undecided
from orchestrator.rollout.rollout import Actor, Event, Happening, Kind, Rollout, is_way_back
from orchestrator.rollout.timetable import closes_in
from orchestrator.storage.memory_contents import Contents
from tests.simulation.devices import SimulatedDevice
from tests.simulation.storage import Given

DONE = {
    Place.HEALTHY,
    Place.DECLINED,
    Place.FAILED,
    Place.OVERDUE,
    Place.EXCLUDED,
    Place.SUPERSEDED,
}
LAWFUL = {phase: {phase, *COMMANDS[phase].values(), *TURNS[phase].values()} for phase in Phase}


def check_progress(before: Standing, after: Standing) -> None:
    assert after.report_order >= before.report_order, "a late report passed for a fresh one"
    assert after.rollout >= before.rollout, "an older rollout took a device back"
    if before.target is not None and before.target != after.target:
        assert after.target is not None
        assert after.target.generation > before.target.generation, "a generation was reused"
    if after.rollout != before.rollout and before.bundle_in_use is not None:
        assert after.before, f"{after.device} was ordered and has no way back"


def check_owner(
    before: Standing, after: Standing, phases: Mapping[int, Phase], recalls: Collection[int]
) -> None:
    """Fail where a rollout took a device that it might not.

    ``phases`` are as of ``before``. Of ``recalls`` one that had ended takes who turned up later.
    """
    if after.rollout == before.rollout:
        return
    phase = phases.get(after.rollout, Phase.RUNNING)
    taking = {Phase.RUNNING, Phase.PAUSED, Phase.COMPLETE, Phase.REVERTING}
    late = phase is Phase.REVERTED and after.rollout in recalls
    assert late or phase in taking, f"{phase}, yet it took {after.device}"
    assert phase is not Phase.COMPLETE or not before.rollout, f"complete, yet took {after.device}"


def check_phase(before: Phase | None, rollout: Rollout, events: Sequence[Event]) -> None:
    """Fail where a phase is not lawful, or the history does not tell of it."""
    told = [event.kind for event in events if event.kind in set(ENTERED.values())]
    begun = Phase.REVERTING if rollout.kind is Kind.RECALL else Phase.RUNNING
    if told or rollout.phase is not begun:
        assert told, f"the history of {rollout.id} does not tell that it is {rollout.phase}"
        assert told[-1] is ENTERED[rollout.phase], f"the history of {rollout.id} ends elsewhere"
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    if before is None:
        return
    # Two commands may come between two looks of the simulation.
    lawful = {after for phase in LAWFUL[before] for after in LAWFUL[phase]}
    assert rollout.phase in lawful, f"{rollout.id} went from {before} to {rollout.phase}"


def check_step(before: Rollout | None, rollout: Rollout, events: Sequence[Event]) -> None:
    """Fail where the gate opened a wave, or completed a rollout, that it had no reason to.

    Args:
        before: As of an earlier moment.
        rollout: As it is now.
        events: What happened in between.
    """
    told = [event.kind for event in events]
    passed = Happening.COMPLETE in told or _gate_opened(events)
    if before is None or not passed or rollout.kind is not Kind.FORWARD:
        return
    outcomes = [event.facts["outcome"] for event in events if event.kind is Happening.FINDING]
    known = [before.finding.outcome] if before.finding else []
    enough = {Outcome.OPEN}
    if rollout.to_end or rollout.plan.undecided is Undecided.PROMOTE:
        enough.add(Outcome.UNDECIDED)
    assert enough & {*outcomes, *known}, f"{rollout.id} went on though the gate was not open"
    if not _gate_opened(events) or before.wave == rollout.wave:
        return
    wave = rollout.plan.waves[before.wave]
    assert (wave.promotion or rollout.plan.promotion) is not Promotion.MANUAL, "nobody was asked"
    opened = max(event.at for event in events)
    late = opened - (before.wave_started_at or opened) > rollout.plan.wave_deadline_seconds
    settled = before.wave_settled_at if before.wave_settled_at is not None else opened
    commanded = any(event.actor is Actor.OPERATOR for event in events)
    nobody = set(rollout.tally[before.wave]) <= APART
    soaked = nobody or opened - settled >= rollout.plan.soak_seconds
    assert soaked or late or commanded, f"a wave of {rollout.id} opened before it was watched"


def _gate_opened(events: Sequence[Event]) -> bool:
    return any(
        event.kind is Happening.WAVE_OPENED and event.actor is Actor.GATE for event in events
    )


def check_start(given: Given, now: float) -> bool:
    """Check that a device might begin on a permit heard now; tell whether it went forward."""
    rollout, known = given.rollout, given.standing
    target = known.target
    assert target is not None
    if is_way_back(rollout, target):
        return False
    told = exclusion_of(replace(rollout, phase=Phase.RUNNING), known)
    assert told in {None, Exclusion.PINNED}, f"{known.device} is {told} and began"
    if rollout.thresholds:
        opened = wave_in(rollout, known.device) <= rollout.wave
        welcomed = rollout.phase is Phase.COMPLETE
        assert opened or welcomed, f"{known.device} began before its wave was open"
    in_time = closes_in(rollout.plan.window, now) >= given.seconds > 0
    assert in_time, f"{known.device} may begin outside of the window"
    return True


def check_limits(
    rollout: Rollout,
    cohort: Sequence[Standing],
    devices: Mapping[str, SimulatedDevice],
    now: float,
) -> None:
    """Fail where more devices are under way than may, or got permits in one minute."""
    limits = rollout.plan.limits
    own = [each for each in cohort if target_of(rollout, each) is not None]
    if limits.in_flight:
        busy = [each for each in own if _is_busy(rollout, each, devices[each.device], now)]
        assert len(busy) <= limits.in_flight, f"{len(busy)} devices of {rollout.id} are under way"
    if limits.starts_per_minute:
        permits = [permit for each in own if (permit := permit_held(each)) is not None]
        lately = sum(now - permit.since < MINUTE_SECONDS for permit in permits)
        assert lately <= limits.starts_per_minute, f"{rollout.id} starts too many at once"


def check_look(
    rollout: Rollout, cohort: Sequence[Standing], now: float, recalled: Collection[str]
) -> None:
    """Look at a rollout twice."""
    look = machine.reconcile(rollout, cohort, now, recalled)
    seen = look.rollout
    brought = rollout.digest in recalled and seen.phase in ADDING | {Phase.COMPLETE}
    assert not brought, f"{rollout.id} brings what was recalled"
    assert sum(seen.counts.values()) == len(cohort), "the counts do not add up to the cohort"
    again = machine.reconcile(seen, cohort, now, recalled)
    assert again.rollout == seen, "a second look saw something else"
    assert not again.events, "a second look told something else"
    assert again.orders == (look.orders if seen.watched else ()), "a second look ordered else"
    _check_end(seen, cohort, now)
    taken = {each.device for each in cohort if each.rollout > rollout.number}
    assert not taken & {order.device for order in look.orders}, "an order for another's device"
    known = {each.device: each for each in cohort}
    for order in look.orders:
        above = order.target.generation > known[order.device].generation
        assert above, "an order with a generation that the device knows"
        back = is_way_back(rollout, order.target)
        # Where nobody had begun it is reverted in the look that orders them back.
        assert back == (seen.phase in BACKWARD), "an order in the wrong direction"
        assert not back or order.target.digest not in recalled, "a way back to what is recalled"


def _check_end(rollout: Rollout, cohort: Sequence[Standing], now: float) -> None:
    """Fail where a rollout goes on, or ended, against what all can see."""
    finding = rollout.finding
    harmful = finding is not None and finding.outcome is Outcome.CLOSED
    assert not (harmful and rollout.phase in ADDING), f"{rollout.id} goes on despite harm"
    places = {each.device: place_of(rollout, each, now) for each in cohort}
    for standing in cohort:
        if target_of(rollout, standing) is None or is_ahead(standing) or goes_back(rollout):
            continue
        told = (standing.update.generation, standing.update.phase)
        assert standing.target is not None
        if told == (standing.target.generation, UpdatePhase.REVERTED):
            assert places[standing.device] is Place.FAILED, "one that turned back has not failed"
        permit = permit_held(standing)
        spent = permit and now - permit.since > rollout.plan.device_deadline_seconds
        if spent and standing.rollout == rollout.number:
            done = {Place.HEALTHY, Place.FAILED, Place.DECLINED, Place.OVERDUE, Place.EXCLUDED}
            assert places[standing.device] in done, f"{standing.device} is not overdue"
    if rollout.phase is Phase.RUNNING and rollout.thresholds:
        of_wave = {
            place for name, place in places.items() if wave_in(rollout, name) <= rollout.wave
        }
        settled = rollout.wave_settled_at is not None
        assert settled == (of_wave <= DONE), f"{rollout.id} waits for what has settled"


def check_left(rollout: Rollout, cohort: Sequence[Standing], now: float) -> None:
    """Fail where nobody looks at a complete rollout though a device of it is on its way.

    A device that knows more than a database that was put back is the next rollout's.
    """
    for standing in cohort:
        place = place_of(rollout, standing, now)
        ended = place in SETTLED - {Place.OVERDUE} or is_ahead(standing)
        idle = place is Place.OVERDUE or ended or standing.rollout != rollout.number
        assert idle, f"nobody looks at {rollout.id} with {standing.device} {place}"


def check_reverted(
    rollout: Rollout,
    contents: Contents,
    devices: Mapping[str, SimulatedDevice],
    meddled: Collection[str] | None,
    now: float,
) -> None:
    """Fail where a device still has the backbone of a rollout that has just turned back.

    ``meddled`` are the devices whose owners acted for themselves; None where nothing is known of
    what devices truly run, since the database was put back.
    """
    backbones = contents.backbones.values()
    gone = {each.digest for each in backbones if each.recalled_at is not None}
    for name in contents.members[rollout.number]:
        device = contents.member(name)
        if device is not None and device.standing.rollout == rollout.number:
            unseen = place_of(rollout, device.standing, now, gone) is Place.OFFLINE
            told = f"{rollout.id} turned back though {name} was not seen"
            assert not unseen or not may_have_run(rollout, device.standing), told
        if meddled is None or device is None or name in meddled:
            continue
        if device.standing.rollout != rollout.number:
            continue
        past = set(device.standing.before) - {rollout.digest, *gone}
        led = device.standing.target is not None and is_way_back(rollout, device.standing.target)
        if past and led:
            assert devices[name].bundle != rollout.digest, f"{name} still runs {rollout.title}"


def _is_busy(rollout: Rollout, standing: Standing, device: SimulatedDevice, now: float) -> bool:
    """Tell whether a device is truly under way on its target, and has time left for it."""
    target, permit = standing.target, permit_held(standing)
    if target is None or permit is None or not device.reachable:
        return False
    in_time = now - permit.since <= rollout.plan.device_deadline_seconds
    # What the owner installs meanwhile is no affair of the rollout.
    on_target = (device.generation, device.update.digest) == (target.generation, target.digest)
    return on_target and device.update.phase in UNDER_WAY and in_time
