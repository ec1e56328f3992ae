"""What must hold of records alone, whatever the simulated devices do."""

from collections.abc import Iterable, Mapping, Sequence

from orchestrator.fleet.cohort import parse_selector
from orchestrator.fleet.device import Device, Standing, is_ahead
from orchestrator.rollout import machine
from orchestrator.rollout.machine import Phase, Place, Rollout


def settled(rollout: Rollout) -> int:
    return sum(rollout.counts.get(place, 0) for place in machine.SETTLED)


def check_progress(before: Standing, after: Standing) -> None:
    assert after.report_order >= before.report_order, "a late report passed for a fresh one"
    assert after.rollout >= before.rollout, "an older rollout took a device back"
    if before.target is not None and before.target != after.target:
        assert after.target is not None
        assert after.target.generation > before.target.generation, "a generation was reused"


def check_owner(before: Standing, after: Standing, phases: Mapping[int, Phase]) -> None:
    """Fail where a rollout took a device that it might not; ``phases`` are as of ``before``."""
    if after.rollout == before.rollout:
        return
    phase = phases.get(after.rollout, Phase.RUNNING)
    assert phase in {Phase.RUNNING, Phase.COMPLETE}, f"{phase}, yet it took {after.device}"
    assert phase is Phase.RUNNING or not before.rollout, f"complete, yet it took {after.device}"


def check_look(rollout: Rollout, cohort: Sequence[Standing], now: float) -> Rollout:
    """Look at a rollout twice and return it as seen."""
    seen, orders = machine.reconcile(rollout, cohort, now)
    assert sum(seen.counts.values()) == len(cohort), "the counts do not add up to the cohort"
    again, repeated = machine.reconcile(seen, cohort, now)
    assert again == seen, "a second look saw something else"
    assert repeated == (orders if seen.watched else ()), "a second look ordered something else"
    taken = {each.device for each in cohort if each.rollout > rollout.number}
    assert not taken & {order.device for order in orders}, "an order for another's device"
    known = {each.device: each.generation for each in cohort}
    for order in orders:
        above = order.target.generation > known[order.device]
        assert above, "an order with a generation that the device knows"
    return seen


def check_left(rollout: Rollout, cohort: Sequence[Standing], now: float) -> None:
    """Fail where nobody looks at a complete rollout though a device of it is on its way.

    A device that knows more than a database that was put back is the next rollout's.
    """
    for standing in cohort:
        place = machine.place_of(rollout, standing, now)
        ended = place in machine.SETTLED | {Place.SUPERSEDED} or is_ahead(standing)
        assert ended, f"nobody looks at {rollout.id} with {standing.device} {place}"


def check_served(member: Device, rollouts: Iterable[Rollout]) -> None:
    """Fail where an operator would ask why this device was left without a backbone."""
    meant = [
        rollout.id
        for rollout in rollouts
        if rollout.phase in {Phase.RUNNING, Phase.COMPLETE}
        and parse_selector(rollout.cohort).matches(member.tags)
    ]
    assert member.standing.target or not meant, f"{member.id} has no backbone despite {meant}"


def check_counts(rollout: Rollout, cohort: Sequence[Standing], now: float) -> None:
    """Fail where a rollout that nobody looks at any more counts too few that came to an end."""
    ended = [each for each in cohort if machine.place_of(rollout, each, now) in machine.SETTLED]
    left_early = f"{rollout.id} was left before its devices came to an end"
    assert settled(rollout) >= len(ended), left_early
