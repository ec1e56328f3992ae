"""Where a device of the cohort stands, read off its record: one place, whatever the record says.

A rollout goes forward or back. Forward, a device is judged by how far it is with the target of this
rollout; one that was ordered back meanwhile waits. Back, what counts is whether the device is known
to be on the way, or there: a rollout is not reverted while one that may run its backbone is unseen.

Silence is no end. A device that is not heard is offline, and after the plan's deadline overdue: so
is one that is heard and does not come to an end.
"""

import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from types import MappingProxyType

from fieldwise.update import UpdatePhase
from orchestrator.fleet.device import (
    Standing,
    Target,
    has_arrived,
    has_declined,
    has_failed,
    has_permit,
    is_ahead,
    is_offline,
    is_pinned,
    is_under_way,
    permit_held,
)
from orchestrator.rollout.phases import BACKWARD
from orchestrator.rollout.places import Exclusion, Place
from orchestrator.rollout.plan import DeviceClass
from orchestrator.rollout.rollout import Kind, Rollout, is_way_back

MIB = 1 << 20
BEFORE_MAX = 4  # a device keeps two pairs, and nobody recalls three backbones in a row
NONE: frozenset[str] = frozenset()
_NUMBERS = re.compile(r"[0-9]+(\.[0-9]+)*")
STEPS: Mapping[UpdatePhase, Place] = MappingProxyType(
    {
        UpdatePhase.FETCHING: Place.FETCHING,
        UpdatePhase.VERIFYING: Place.VERIFYING,
        UpdatePhase.MIGRATING: Place.MIGRATING,
        UpdatePhase.JUDGING: Place.JUDGING,
        UpdatePhase.PROBATION: Place.PROBATION,
    }
)
ENDED = frozenset({Place.HEALTHY, Place.DECLINED, Place.FAILED})  # of the device's own accord
APART = frozenset({Place.EXCLUDED, Place.SUPERSEDED})  # not this rollout's affair
SETTLED = ENDED | APART | {Place.OVERDUE}


def place_of(
    rollout: Rollout, standing: Standing, now: float, recalled: Collection[str] = NONE
) -> Place:
    """Return the one place in which a device of the cohort is counted."""
    if standing.rollout > rollout.number:
        return Place.SUPERSEDED
    if goes_back(rollout):
        return _place_back(rollout, standing, now, recalled)
    return _place_forward(rollout, standing, now)


def goes_back(rollout: Rollout) -> bool:
    """Tell whether the rollout takes its backbone away."""
    return rollout.kind is Kind.RECALL or rollout.phase in BACKWARD


def exclusion_of(
    rollout: Rollout, standing: Standing, recalled: Collection[str] = NONE
) -> Exclusion | None:
    """Return why a device is not ordered what the rollout brings; None where it may be."""
    if goes_back(rollout):
        there = way_back(rollout, standing, recalled) is not None
        return None if there else Exclusion.NOTHING_BEFORE
    needs = rollout.needs
    oldest = max(rollout.plan.minimum_agent_version, needs.agent_version, key=_release)
    memory = standing.memory_bytes
    if is_older(standing.agent_version, oldest):
        return Exclusion.AGENT_TOO_OLD
    if memory and memory < needs.memory_mib * MIB:
        return Exclusion.MEMORY_TOO_SMALL
    variant = variant_of(rollout, standing)
    if variant and needs.variants and variant not in needs.variants:
        return Exclusion.VARIANT_MISSING
    return Exclusion.PINNED if is_pinned(standing) else None


def variant_of(rollout: Rollout, standing: Standing) -> str:
    """Return the variant for a device's class; empty, the device's own choice, where none fits."""
    for each in rollout.plan.classes:
        if _fits(each, standing):
            return each.variant
    return ""


def is_older(version: str, minimum: str) -> bool:
    """Tell whether an agent's version is below a minimum, which the empty text never is.

    The numbers that a version begins with count: 1.2.0rc1 counts as 1.2.0, and so does 1.2.
    """
    return _release(version) < _release(minimum)


def past_of(standing: Standing) -> tuple[str, ...]:
    """Return what a device can go back to from the next order, the newest first.

    First what it serves, or should serve where it is being brought back to something.
    """
    target = standing.target
    meant = target is not None and (target.back or has_arrived(standing))
    served = target.digest if target is not None and meant else standing.bundle_in_use
    past = dict.fromkeys((served, *standing.before))
    return tuple(each for each in past if each is not None)[:BEFORE_MAX]


def had_another(standing: Standing) -> bool:
    """Tell whether a device can go back to anything but what serves."""
    return any(each != standing.bundle_in_use for each in past_of(standing))


def way_back(rollout: Rollout, standing: Standing, recalled: Collection[str] = NONE) -> str | None:
    """Return the backbone that a device goes back to; None where there is none.

    A device that had the rollout's backbone before it was ordered stays with it.
    """
    own = standing.rollout == rollout.number
    past = standing.before if own else past_of(standing)
    return back_from(rollout, past, recalled)


def back_from(
    rollout: Rollout, past: tuple[str, ...], recalled: Collection[str] = NONE
) -> str | None:
    """Return what leads back from a rollout, by what was there before it, the newest first."""
    if rollout.kind is not Kind.RECALL and past[:1] == (rollout.digest,):
        return None
    allowed = (each for each in past if each != rollout.digest and each not in recalled)
    return next(allowed, None)


def may_have_run(rollout: Rollout, standing: Standing) -> bool:
    """Tell whether a device may run the rollout's backbone, for all that is known.

    One that never got a permit has not, unless it served that backbone anyway. One whose target it
    still is may have got a permit since it was read, and what a device does that knows more than
    the store, nobody knows.
    """
    told = rollout.digest in (standing.bundle_in_use, standing.update.digest)
    wanted = target_of(rollout, standing) is not None
    return told or wanted or standing.permit is not None or is_ahead(standing)


def target_of(rollout: Rollout, standing: Standing) -> Target | None:
    """Return the device's target where it is this rollout's and leads to its backbone."""
    target = standing.target
    if target is None or standing.rollout != rollout.number or is_way_back(rollout, target):
        return None
    return target


def is_overdue(rollout: Rollout, standing: Standing, now: float) -> bool:
    """Tell whether a device had its time with the target: since its permit, or, unheard, its order.

    One that waits for its turn, and is heard, is not overdue.
    """
    permit = permit_held(standing)
    if permit is not None:
        since = permit.since
    elif is_offline(standing, now):
        since = standing.ordered_at
    else:
        return False
    return now - since > rollout.plan.device_deadline_seconds


def _place_forward(rollout: Rollout, standing: Standing, now: float) -> Place:
    meant = target_of(rollout, standing) is not None and not is_ahead(standing)
    ended = _ended(standing) if meant else None
    if ended is not None:
        return ended
    begun = meant and is_under_way(standing)
    if not begun and exclusion_of(rollout, standing) is not None:
        return Place.EXCLUDED
    if meant and is_overdue(rollout, standing, now):
        return Place.OVERDUE
    return _on_the_way(standing, now, own=meant)


def _place_back(
    rollout: Rollout, standing: Standing, now: float, recalled: Collection[str]
) -> Place:
    own = standing.rollout == rollout.number and not is_ahead(standing)
    led = own and standing.target is not None and is_way_back(rollout, standing.target)
    ended = _ended(standing) if led else None
    if ended is not None:
        return ended
    if exclusion_of(rollout, standing, recalled) is not None:
        return Place.EXCLUDED
    return _on_the_way(standing, now, own=led)


def _ended(standing: Standing) -> Place | None:
    if has_failed(standing):
        return Place.FAILED
    if has_declined(standing):
        return Place.DECLINED
    return Place.HEALTHY if has_arrived(standing) else None


def _on_the_way(standing: Standing, now: float, *, own: bool) -> Place:
    if is_offline(standing, now):
        return Place.OFFLINE
    if own and is_under_way(standing):
        return STEPS[standing.update.phase]
    return Place.PERMITTED if own and has_permit(standing, now) else Place.WAITING


def _fits(wanted: DeviceClass, standing: Standing) -> bool:
    return (
        wanted.architecture in ("", standing.architecture)
        and wanted.execution_provider in ("", standing.execution_provider)
        and standing.memory_bytes >= wanted.memory_mib_min * MIB
    )


@lru_cache(maxsize=1024)  # a fleet has few versions, and a look asks for every device's
def _release(version: str) -> tuple[int, ...]:
    found = _NUMBERS.match(version)
    numbers = [int(part) for part in found[0].split(".")] if found else []
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)
