"""How many devices may start at once, and how fast: asked in the transaction that gives a permit.

A device takes a place from its permit on until it has settled, or its time is up. One that is not
heard after its permit may have started all the same, so it keeps the place: what is counted is
never less than what is true. The way back knows no limits: harm is undone as fast as devices call.
"""

from dataclasses import dataclass

from orchestrator.fleet.device import (
    DELIVERY_SECONDS,
    Permit,
    Standing,
    is_settled,
    is_under_way,
    permit_held,
)
from orchestrator.rollout.placing import target_of
from orchestrator.rollout.plan import Limits
from orchestrator.rollout.rollout import Rollout
from orchestrator.rollout.timetable import closes_in

MINUTE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Load:
    """Devices of a rollout, but for the one that asks: under way, and started in this minute."""

    in_flight: int = 0
    lately: int = 0


def is_bounded(rollout: Rollout) -> bool:
    """Tell whether the rollout's load has to be known before a permit."""
    return rollout.plan.limits != Limits()


def granted(
    rollout: Rollout, load: Load, permit: Permit, held: Permit | None, now: float
) -> Permit | None:
    """Return the permit that a device gets, with the moment since which it has held it unbroken.

    It ends with the window, and is given no more where a reply might be heard after that.

    Args:
        rollout: To whose backbone the device is on its way.
        load: Of its other devices.
        permit: What the device asks for.
        held: What it has.
        now: Seconds since 1970.

    Returns:
        None where the device has to wait for its turn.
    """
    left = closes_in(rollout.plan.window, now)
    if left <= DELIVERY_SECONDS + 1:  # a permit has whole seconds
        return None
    if not is_renewed(permit, held, now) and _is_full(rollout, load):
        return None
    ends = min(permit.expires_at, now + left)
    return continued(Permit(permit.generation, ends), held, now)


def _is_full(rollout: Rollout, load: Load) -> bool:
    limits = rollout.plan.limits
    full = limits.in_flight and load.in_flight >= limits.in_flight
    fast = limits.starts_per_minute and load.lately >= limits.starts_per_minute
    return bool(full or fast)


def share_of(rollout: Rollout, load: Load) -> int:
    """Return the bytes a second that a device may take beside the others; 0 for no bound.

    It keeps them while it downloads, so each has its part from the start, of as many as there may
    be: a plan that bounds the bandwidth has to bound the places.
    """
    limits = rollout.plan.limits
    places = max(limits.in_flight, load.in_flight + 1)
    limit = limits.bytes_per_second
    return max(1, limit // places) if limit else 0


def has_left(rollout: Rollout, standing: Standing, now: float) -> bool:
    """Tell whether a device cannot count as under way again without another permit."""
    permit = permit_held(standing)
    if permit is None or target_of(rollout, standing) is None or is_settled(standing):
        return True
    return now - permit.since > rollout.plan.device_deadline_seconds


def takes_place(rollout: Rollout, standing: Standing, now: float) -> bool:
    """Tell whether a device counts as under way."""
    permit = permit_held(standing)
    if permit is None or has_left(rollout, standing, now):
        return False
    unheard = (standing.seen_at or 0.0) < permit.expires_at
    return now < permit.expires_at or unheard or is_under_way(standing)


def started_lately(standing: Standing, now: float) -> bool:
    """Tell whether a device got its permit within the last minute."""
    permit = permit_held(standing)
    return permit is not None and now - permit.since < MINUTE_SECONDS


def continued(permit: Permit, held: Permit | None, now: float) -> Permit:
    """Return a permit with the moment since which it has been held without a break."""
    renewed = is_renewed(permit, held, now)
    since = held.since if held is not None and renewed else now
    return Permit(permit.generation, permit.expires_at, since)


def is_renewed(permit: Permit, held: Permit | None, now: float) -> bool:
    """Tell whether a permit goes on with one that has not expired."""
    return held is not None and held.generation == permit.generation and now < held.expires_at
