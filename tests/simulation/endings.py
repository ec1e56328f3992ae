"""What must hold when the storm has been over for long: everything has settled, or says why not."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from fieldwise.update import UpdateFailure, UpdatePhase
from orchestrator.fleet.cohort import parse_selector
from orchestrator.fleet.device import Device, Standing, is_ahead
from orchestrator.rollout.orders import wave_in
from orchestrator.rollout.phases import BACKWARD, ENDED, FORWARD, Phase, Reason
from orchestrator.rollout.places import Place
from orchestrator.rollout.placing import (
    APART,
    exclusion_of,
    is_overdue,
    may_have_run,
    place_of,
    way_back,
)
from orchestrator.rollout.rollout import Kind, Rollout, may_start
from orchestrator.rollout.timetable import is_open
from tests.simulation.devices import SimulatedDevice

ENDS = {UpdatePhase.ACTIVE, UpdatePhase.REVERTED, UpdatePhase.DECLINED}
TRUTH = {
    Place.HEALTHY: UpdatePhase.ACTIVE,
    Place.FAILED: UpdatePhase.REVERTED,
    Place.DECLINED: UpdatePhase.DECLINED,
}


def check_device(
    device: SimulatedDevice,
    standing: Standing,
    owner: Rollout | None,
    now: float,
    recalled: Collection[str],
) -> None:
    """Fail where a device that is there did not come to an end with what it was ordered."""
    told = (standing.generation, standing.bundle_in_use, standing.update)
    assert told == (device.generation, device.bundle, device.update), "the store is behind"
    if standing.target is None or owner is None:
        return
    # A rollout orders devices forward or back, or is paused, held or superseded and orders nobody.
    waits = owner.phase not in FORWARD | BACKWARD and is_ahead(standing)
    closed = owner.phase in FORWARD and not is_open(owner.plan.window, now)
    # What it should go back to was recalled meanwhile, and it had nothing else.
    gone = standing.target.digest in recalled and way_back(owner, standing, recalled) is None
    if waits or closed or gone or not may_start(owner, standing.target):
        return
    generation = standing.target.generation
    assert device.generation == generation, f"{device.name} never heard of its target"
    ended = device.history.get(generation, set()) & ENDS
    serves = device.bundle == standing.target.digest
    assert serves or ended, f"{device.name} never came to an end with {generation}"


def check_served(member: Device, rollouts: Iterable[Rollout]) -> None:
    """Fail where an operator would ask why this device was left without a backbone."""
    meant = [
        rollout.id
        for rollout in rollouts
        if rollout.phase in FORWARD
        and rollout.kind is not Kind.RECALL
        and parse_selector(rollout.cohort).matches(member.tags)
        and exclusion_of(rollout, member.standing) is None
        and (rollout.phase is Phase.COMPLETE or wave_in(rollout, member.id) <= rollout.wave)
    ]
    assert member.standing.target or not meant, f"{member.id} has no backbone despite {meant}"


def check_recalled(device: SimulatedDevice, standing: Standing, recalled: Collection[str]) -> None:
    """Fail where a device runs a recalled backbone though it had an allowed one."""
    allowed = [each for each in standing.before if each not in recalled]
    runs = device.bundle in recalled and allowed
    failed = standing.update.phase in {UpdatePhase.REVERTED, UpdatePhase.DECLINED}
    assert not runs or failed, f"{device.name} runs a recalled backbone"


def check_rollout(
    rollout: Rollout,
    cohort: Sequence[Standing],
    devices: Mapping[str, SimulatedDevice],
    now: float,
    recalled: Collection[str],
) -> None:
    """Fail where a rollout neither ended nor waits for anything that only a person can give."""
    places = {each.device: place_of(rollout, each, now, recalled) for each in cohort}
    lost = {each.device for each in cohort if not devices[each.device].reachable}
    behind = {name for name, place in places.items() if place is Place.OFFLINE}
    told = f"{rollout.id} is still {rollout.phase}: {dict(rollout.counts)}"
    if rollout.phase is Phase.RUNNING:
        closed = not is_open(rollout.plan.window, now)
        nobody = set(places.values()) <= APART
        awaited = [each for each in cohort if each.device in lost and each.device in behind]
        # An undo has the deadlines of a plan of its own, and those are longer than the run.
        in_time = any(not is_overdue(rollout, each, now) for each in awaited)
        assert closed or nobody or in_time or rollout.reason is Reason.PROMOTION, told
    elif rollout.phase is Phase.REVERTING:
        away = [
            each
            for each in cohort
            if may_have_run(rollout, each) and places[each.device] not in APART | {Place.HEALTHY}
        ]
        stuck = (each.device in lost or _stays(each, places[each.device]) for each in away)
        assert away, told
        assert all(stuck), told
    elif rollout.phase in ENDED and rollout.watched:
        assert lost or not is_open(rollout.plan.window, now), f"{told}, and watched"
    if rollout.phase in {Phase.COMPLETE, Phase.REVERTED}:
        for standing in cohort:
            _check_truth(rollout, standing, devices[standing.device], places[standing.device])


def _stays(standing: Standing, place: Place) -> bool:
    """Tell whether a device could not go back, or its owner would not: nobody judges a way back."""
    refused = place is Place.DECLINED and standing.update.failure is UpdateFailure.OWNER
    return refused or place is Place.FAILED


def _check_truth(
    rollout: Rollout, standing: Standing, device: SimulatedDevice, place: Place
) -> None:
    """Fail where a device is said to have come to an end that it never came to."""
    if place not in TRUTH or standing.target is None:
        return
    reached = set(device.history.get(standing.target.generation, set()))
    if device.bundle == standing.target.digest:
        reached.add(UpdatePhase.ACTIVE)  # also where it was before a generation came again
    if place is Place.FAILED and UpdatePhase.ACTIVE in reached:
        return  # it turned back later, whatever made it
    assert TRUTH[place] in reached, f"{device.name} of {rollout.id} is called {place}"
