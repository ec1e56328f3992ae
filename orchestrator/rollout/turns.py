"""What the fleet shows of a rollout, and what follows from it by itself.

A wave is over when every device of it, and of those before, has settled and been watched for the
plan's soak, or when its deadline has passed. Then the gate decides: the next wave opens, or the
rollout is complete after the last, or it waits for an operator, or turns back. Harm turns it back
at once, whatever the wave, paused or not. The deadline starts when devices of the wave may start,
and anew when an operator resumes. Where one resumes what was undecided, all that there is to show
has been shown: to ask the gate at once again would pause at once again. Such a wave waits for
something new (a failed device that is tried again, a silent one that is heard) until its deadline;
who has seen enough promotes instead.

Silence speaks against a backbone only once it has lasted, ``LOST_SECONDS`` in which somebody
listened. Who is silent for less may be behind a router that starts anew, and after an orchestrator
was away for a minute it has heard nobody for as long.

A rollout pauses when its publisher takes the backbone off the signed list, or raises the floor
above it: every further device would refuse it, and a refusal says nothing of the backbone.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from orchestrator.fleet.device import (
    Standing,
    is_offline,
    is_under_way,
    permit_held,
    verdict_of,
)
from orchestrator.rollout.evidence import Evidence, Finding, Outcome
from orchestrator.rollout.evidence import Reason as Why
from orchestrator.rollout.gate import assess
from orchestrator.rollout.phases import ADDING, BACKWARD, Phase, Reason, Turn
from orchestrator.rollout.places import Place
from orchestrator.rollout.placing import APART, NONE, SETTLED, goes_back, may_have_run, target_of
from orchestrator.rollout.plan import OnAbort, Overdue, Promotion, Undecided
from orchestrator.rollout.rollout import Kind, Rollout

LOST_SECONDS = 900.0  # longer than a permit and than devices, routers and servers take to restart


@dataclass(frozen=True, slots=True)
class Moment:
    """When a look is taken, and what is known then beside the cohort.

    ``recalled`` are the digests of backbones that are not allowed any more; ``heard_since`` is
    since when devices could be heard without a break. Where the backbone of the rollout is
    ``unlisted``, devices refuse it, by what its publisher has signed.
    """

    now: float
    recalled: Collection[str] = NONE
    heard_since: float = 0.0
    unlisted: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """A device of the cohort with its wave, from 0 on, and its place."""

    standing: Standing
    wave: int
    place: Place


def assessed(rollout: Rollout, seen: Sequence[Seen], moment: Moment) -> Rollout:
    """Ask the gate, and note since when all that the open waves have has settled."""
    if rollout.phase not in ADDING or not rollout.thresholds:
        return rollout
    now = moment.now
    places = {each.place for each in seen if each.wave <= rollout.wave}
    since = rollout.wave_settled_at
    if since is None:
        since = now if _has_devices(rollout, seen) else now - rollout.plan.soak_seconds
    settled_at = since if places <= SETTLED else None
    finding = _finding(rollout, seen, moment) if rollout.kind is Kind.FORWARD else None
    reason = None if rollout.reason is Reason.PROMOTION else rollout.reason
    known = replace(rollout, wave_settled_at=settled_at, finding=finding, reason=reason)
    waits = _has_passed(known, now) and _waits_for_word(known)
    return replace(known, reason=Reason.PROMOTION) if waits else known


def _has_devices(rollout: Rollout, seen: Sequence[Seen]) -> bool:
    """Tell whether anybody of the newest open wave is to be watched; its soak is skipped if not."""
    return any(each.wave == rollout.wave and each.place not in APART for each in seen)


def _finding(rollout: Rollout, seen: Sequence[Seen], moment: Moment) -> Finding | None:
    """Ask the gate; None where the whole cohort is no affair of this rollout.

    Where devices of this rollout wait for their wave, or are overdue and ignored, and none of an
    open one is left, nothing is decided: nobody has tried the backbone for them.
    """
    own = [each for each in seen if each.place not in APART]
    ignored = {Place.OVERDUE} if rollout.plan.overdue is Overdue.IGNORE else NONE
    counted = [each for each in own if each.place not in ignored]
    evidence = [_evidence(rollout, each, moment) for each in counted if each.wave <= rollout.wave]
    if not evidence:
        missing = Finding(Outcome.UNDECIDED, (Why.EVIDENCE_MISSING,), rollout.wave + 1)
        return missing if own else None
    return assess(
        rollout.plan.gate,
        evidence,
        wave=rollout.wave + 1,
        last_wave=rollout.last_wave + 1,
        cohort_size=len(counted),
        silent_before=rollout.silent_before,
        deadline_passed=_is_late(rollout, moment.now),
    )


def _evidence(rollout: Rollout, seen: Seen, moment: Moment) -> Evidence:
    standing = seen.standing
    gone = seen.place in {Place.OFFLINE, Place.OVERDUE}
    meant = target_of(rollout, standing) is not None
    return Evidence(
        device=standing.device,
        wave=seen.wave + 1,
        place=Place.WAITING if gone and _may_come(standing, moment) else seen.place,
        verdict=verdict_of(standing) if meant else None,
        failure=standing.update.failure if seen.place in {Place.FAILED, Place.DECLINED} else None,
        started=meant and (permit_held(standing) is not None or is_under_way(standing)),
    )


def _may_come(standing: Standing, moment: Moment) -> bool:
    """Tell whether a device is silent for so short a while that nothing follows from it."""
    heard = standing.enrolled_at if standing.seen_at is None else standing.seen_at
    silent = moment.now - max(heard, moment.heard_since)
    return is_offline(standing, moment.now) and silent < LOST_SECONDS


def turn_of(rollout: Rollout, seen: Sequence[Seen], moment: Moment) -> Turn | None:
    """Return the weightiest thing that the fleet shows; None while it shows nothing."""
    if rollout.digest in moment.recalled and not goes_back(rollout):
        return Turn.RECALLED
    if rollout.phase in BACKWARD:
        return _turn_of_return(rollout, seen)
    if rollout.phase not in ADDING:
        return None
    if rollout.finding is not None and rollout.finding.outcome is Outcome.CLOSED:
        return _harm(rollout)
    places = {each.place for each in seen}
    if places <= SETTLED and _is_taken_over(rollout, seen):
        return Turn.TAKEN_OVER
    nobody = places <= APART and not moment.unlisted
    waits = rollout.phase is Phase.PAUSED or nobody
    return None if waits else _turn_of_wave(rollout, seen, moment)


def _is_taken_over(rollout: Rollout, seen: Sequence[Seen]) -> bool:
    """Tell whether newer rollouts have all that is left, or have kept any device from its end.

    One that had the backbone when it was taken has shown what there was to show of it.
    """
    taken = [each.standing for each in seen if each.place is Place.SUPERSEDED]
    left = any(each.place not in APART for each in seen)
    cut_short = any(rollout.digest not in each.before for each in taken)
    return bool(taken) and (cut_short or not left)


def _turn_of_return(rollout: Rollout, seen: Sequence[Seen]) -> Turn | None:
    back = _is_back(rollout, seen)
    if rollout.phase is Phase.REVERTING:
        return Turn.FLEET_BACK if back else None
    return None if back else Turn.FOUND_AGAIN


def _turn_of_wave(rollout: Rollout, seen: Sequence[Seen], moment: Moment) -> Turn | None:
    if moment.unlisted:
        return Turn.UNLISTED
    now, plan, last = moment.now, rollout.plan, rollout.wave == rollout.last_wave
    overdue = sum(each.place is Place.OVERDUE and each.wave <= rollout.wave for each in seen)
    pauses = plan.overdue is Overdue.PAUSE and not rollout.to_end
    if pauses and overdue > rollout.overdue_accepted:
        return Turn.OVERDUE
    if _has_passed(rollout, now):
        done = Turn.FLEET_DONE if last else Turn.WAVE_DONE
        return None if rollout.reason is Reason.PROMOTION else done
    over = _is_late(rollout, now) if rollout.patient else _is_over(rollout, now)
    if not over or rollout.finding is None:
        return None
    if rollout.finding.outcome is not Outcome.UNDECIDED:
        return None
    return _harm(rollout) if plan.undecided is Undecided.ABORT else Turn.UNDECIDED


def _harm(rollout: Rollout) -> Turn:
    back = rollout.plan.on_abort is OnAbort.REVERT
    return Turn.HARMFUL_TAKE_BACK if back else Turn.HARMFUL_LEAVE_IT


def _is_late(rollout: Rollout, now: float) -> bool:
    started = rollout.wave_started_at
    return started is not None and now - started > rollout.plan.wave_deadline_seconds


def _is_over(rollout: Rollout, now: float) -> bool:
    """Tell whether the wave has nothing more to show."""
    settled = rollout.wave_settled_at
    soaked = settled is not None and now - settled >= rollout.plan.soak_seconds
    return _is_late(rollout, now) or (soaked and rollout.wave_started_at is not None)


def _has_passed(rollout: Rollout, now: float) -> bool:
    """Tell whether the wave is over and lets the rollout go on."""
    if not _is_over(rollout, now):
        return False
    if rollout.finding is None or rollout.finding.outcome is Outcome.OPEN:
        return True
    decided = rollout.to_end or rollout.plan.undecided is Undecided.PROMOTE
    return rollout.finding.outcome is Outcome.UNDECIDED and decided


def _waits_for_word(rollout: Rollout) -> bool:
    if rollout.wave == rollout.last_wave or rollout.phase is not Phase.RUNNING:
        return False
    own = rollout.plan.waves[rollout.wave].promotion
    return (own or rollout.plan.promotion) is Promotion.MANUAL


def _is_back(rollout: Rollout, seen: Sequence[Seen]) -> bool:
    """Tell whether no device may run the backbone any more that could be brought back."""
    back = APART | {Place.HEALTHY}
    return all(each.place in back or not may_have_run(rollout, each.standing) for each in seen)
