"""Who is owed a new target, and which.

An order carries a generation above everything that the store or the device itself knows, so that a
late report cannot pass for a fresh one. A device belongs to the newest rollout that ordered it:
numbers of rollouts rise, so an older one can never take a device back. A device that turns out to
know a higher generation than its target, as after a restored backup, is owed another order.
"""

from collections.abc import Collection, Iterable, Sequence

from orchestrator.fleet.device import (
    Standing,
    Target,
    has_failed,
    is_ahead,
    is_settled,
    next_generation,
)
from orchestrator.rollout.phases import FORWARD, Phase
from orchestrator.rollout.placing import (
    NONE,
    exclusion_of,
    goes_back,
    past_of,
    target_of,
    variant_of,
    way_back,
)
from orchestrator.rollout.rollout import Kind, Order, Rollout, is_way_back
from orchestrator.rollout.waves import fraction_of, wave_of


def wave_in(rollout: Rollout, device: str) -> int:
    """Return a device's wave, from 0 on."""
    return wave_of(rollout.thresholds, fraction_of(device, rollout.number))


def orders_owed(
    rollout: Rollout, cohort: Iterable[Standing], now: float, recalled: Collection[str] = NONE
) -> tuple[Order, ...]:
    """Return the orders that a rollout in its present phase and wave owes its cohort."""
    if goes_back(rollout):
        return tuple(
            _order_back(rollout, each, now, recalled)
            for each in cohort
            if is_owed_back(rollout, each, recalled)
        )
    if rollout.phase not in FORWARD:
        return ()
    owed = (each for each in cohort if _is_owed(rollout, each, recalled))
    return tuple(order_for(rollout, each, now) for each in owed)


def order_for(rollout: Rollout, standing: Standing, now: float, known: int = 0) -> Order:
    """Return the order that brings a device to the rollout's backbone.

    Args:
        rollout: Which goes forward.
        standing: A device that is not excluded.
        now: Seconds since 1970.
        known: The highest generation that the device says it knows.
    """
    generation = max(next_generation(standing), known + 1)
    variant, back = variant_of(rollout, standing), rollout.kind is Kind.UNDO
    target = Target(generation, rollout.digest, variant, back)
    return Order(standing.device, target, _before(rollout, standing), now)


def retries(
    rollout: Rollout, cohort: Sequence[Standing], now: float, recalled: Collection[str] = NONE
) -> tuple[Order, ...]:
    """Return orders that let devices try again that failed, forward or on the way back."""
    failed = [each for each in cohort if _has_failed_here(rollout, each)]
    if goes_back(rollout):
        there = [each for each in failed if way_back(rollout, each, recalled) is not None]
        return tuple(_order_back(rollout, each, now, recalled) for each in there)
    return tuple(order_for(rollout, each, now) for each in failed)


def revocations(
    rollout: Rollout, cohort: Sequence[Standing], now: float, recalled: Collection[str] = NONE
) -> tuple[Order, ...]:
    """Return orders that take the target back from devices that have not come to an end with it.

    They go to what they served before; a device without anything before keeps its target.
    """
    return tuple(
        _order_back(rollout, each, now, recalled)
        for each in cohort
        if target_of(rollout, each) is not None
        and not is_settled(each)
        and way_back(rollout, each, recalled) is not None
    )


def taken_over(
    rollout: Rollout, undone: Rollout, devices: Iterable[Standing], now: float
) -> tuple[Order, ...]:
    """Return orders that bring an undone rollout's devices along, whatever their tags are."""
    if rollout.phase not in FORWARD:
        return ()
    own = (each for each in devices if each.rollout == undone.number)
    able = (each for each in own if exclusion_of(rollout, each) is None)
    return tuple(order_for(rollout, each, now) for each in able)


def _is_owed(rollout: Rollout, standing: Standing, recalled: Collection[str]) -> bool:
    """Tell whether a device of a rollout that goes forward is owed its target."""
    if standing.rollout == rollout.number:
        return is_ahead(standing) or target_of(rollout, standing) is None
    newer = standing.rollout > rollout.number
    if newer or rollout.phase is not Phase.RUNNING or _leaves(standing, recalled):
        return False
    reached = wave_in(rollout, standing.device) <= rollout.wave
    return reached and exclusion_of(rollout, standing) is None


def _leaves(standing: Standing, recalled: Collection[str]) -> bool:
    """Tell whether a device is on its way from a recalled backbone to one that is allowed.

    Whoever took it now might be paused before it starts, and leave it with what was recalled.
    """
    target = standing.target
    on_the_way = target is not None and target.back and target.digest not in recalled
    return on_the_way and standing.bundle_in_use in recalled and not is_settled(standing)


def is_owed_back(rollout: Rollout, standing: Standing, recalled: Collection[str]) -> bool:
    """Tell whether a device of a rollout that goes back is owed its way."""
    if standing.rollout > rollout.number or way_back(rollout, standing, recalled) is None:
        return False
    target = standing.target
    if standing.rollout < rollout.number:
        return rollout.kind is Kind.RECALL
    if target is None or is_ahead(standing):
        return True
    return not is_way_back(rollout, target) or target.digest in recalled


def _order_back(
    rollout: Rollout, standing: Standing, now: float, recalled: Collection[str]
) -> Order:
    digest = way_back(rollout, standing, recalled)
    assert digest is not None
    target = Target(next_generation(standing), digest, back=True)
    return Order(standing.device, target, _before(rollout, standing), now)


def _before(rollout: Rollout, standing: Standing) -> tuple[str, ...]:
    own = standing.rollout == rollout.number
    return standing.before if own else past_of(standing)


def _has_failed_here(rollout: Rollout, standing: Standing) -> bool:
    own = standing.rollout == rollout.number and not is_ahead(standing)
    return own and has_failed(standing)
