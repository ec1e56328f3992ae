"""What a device should run, why, and what it waits for, in sentences.

Total: whatever a device reported and wherever its rollout stands, there is an explanation, and it
never says that nothing is wrong where something is. An explanation has up to four parts: what the
device serves, what it should run and why, where it stands with that, and which rollout comes next
for it. Every place of ``places.py`` and every hold and failure of a device has a sentence here.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from fieldwise.trust import PublisherTrouble
from fieldwise.update import UpdateFailure, UpdateHold
from orchestrator.fleet.device import (
    Standing,
    Target,
    is_ahead,
    is_offline,
    is_under_way,
    permit_held,
    verdict_of,
)
from orchestrator.rollout.orders import wave_in
from orchestrator.rollout.phases import FORWARD, Phase
from orchestrator.rollout.places import Exclusion, Place
from orchestrator.rollout.placing import (
    APART,
    MIB,
    exclusion_of,
    goes_back,
    place_of,
    target_of,
    variant_of,
)
from orchestrator.rollout.rollout import Kind, Rollout, is_way_back, may_start
from orchestrator.rollout.telling import UNTRUSTED, judged, span, why
from orchestrator.rollout.timetable import opens_in

STARTED = frozenset(
    {
        Place.PERMITTED,
        Place.FETCHING,
        Place.VERIFYING,
        Place.MIGRATING,
        Place.JUDGING,
        Place.PROBATION,
    }
)
FAILURES: Mapping[UpdateFailure, str] = MappingProxyType(
    {
        UpdateFailure.DIGEST_MISMATCH: "what it downloaded did not have the digest asked for",
        UpdateFailure.BUNDLE_INVALID: "the bundle breaks a rule of its format",
        UpdateFailure.UNSUITABLE: "the device does not meet what the bundle requires",
        UpdateFailure.DISK_FULL: "there was not enough room on the device",
        UpdateFailure.LOAD_FAILED: "the graph did not load, or crashed where it was tried",
        UpdateFailure.GOLDEN_MISMATCH: "the device does not reproduce the bundle's golden vectors",
        UpdateFailure.MIGRATION_FAILED: "the head could not be rebuilt",
        UpdateFailure.NOT_AVAILABLE: "the server did not have the bundle any more",
        UpdateFailure.INTERNAL: "something failed that the device's own log tells of",
        UpdateFailure.HARM: "it was judged worse on the device's held-out samples",
        UpdateFailure.HARM_CRITICAL: "it was judged worse on classes that are marked critical",
        UpdateFailure.TOO_SLOW: "it was judged too slow beside the old pair",
        UpdateFailure.PROBATION_ERRORS: "predictions failed while it was on probation",
        UpdateFailure.PROBATION_LATENCY: "predictions took too long while it was on probation",
        UpdateFailure.PROBATION_ACCURACY: "it was less often right on probation than the old pair",
        UpdateFailure.CRASHED: "the agent came to an end too often with it",
        UpdateFailure.OWNER: "the device's owner took it back or refused it",
        UpdateFailure.NOT_VOUCHED: "the publisher's metadata, as the device has it, lists it not",
        UpdateFailure.BELOW_FLOOR: "its epoch is below the floor that its publisher set",
    }
)
HOLDS: Mapping[UpdateHold, str] = MappingProxyType(
    {
        UpdateHold.WINDOW: "for the maintenance window that its owner set",
        UpdateHold.CONDITIONS: "until its owner's hook lets it, as on mains or a free network",
        UpdateHold.CONFIRMATION: "for its owner's word: `fieldwise-agent backbone confirm`",
        UpdateHold.PINNED: "because its owner pinned the backbone in use",
        UpdateHold.TOO_FEW: "for more held-out samples: its owner wants no judgement on fewer",
        UpdateHold.DISK: "for room on its disk to finish what it would begin",
    }
)


@dataclass(frozen=True, slots=True)
class Known:
    """All that an explanation is made of.

    ``home`` is the rollout that gave the device its target, ``coming`` the newest later one that
    takes devices with its tags and has not ordered it. ``titles`` has NAME:VERSION by digest.
    """

    standing: Standing
    now: float
    home: Rollout | None = None
    coming: Rollout | None = None
    titles: Mapping[str, str] = field(default_factory=dict)
    recalled: Collection[str] = frozenset()
    trouble: PublisherTrouble | None = None  # that it says it has with its publisher

    def title(self, digest: str | None) -> str:
        if digest is None:
            return "no backbone"
        return self.titles.get(digest, f"the backbone {digest[:12]}")


def explain(known: Known) -> tuple[str, ...]:
    """Return the explanation, sentence by sentence."""
    return (*_serves(known), *_should(known), *_stands(known), *_comes(known))


def placed(known: Known) -> tuple[Place, str]:
    """Return where a device of the cohort of its ``home`` stands, and what it waits for there."""
    home, standing = known.home, known.standing
    assert home is not None
    place = place_of(home, standing, known.now, known.recalled)
    if place in APART:
        sentences = PLACES[place](known, home)
    elif standing.rollout == home.number and standing.target is not None:
        sentences = _stands(known)
    elif goes_back(home):
        sentences = iter(("It is ordered back within seconds.",))
    else:
        sentences = _awaits(known, home)
    return place, " ".join(sentences)


def _serves(known: Known) -> Iterator[str]:
    standing = known.standing
    if standing.seen_at is None:
        age = span(known.now - standing.enrolled_at)
        yield f"It joined {age} ago and has not been heard from since."
    elif standing.bundle_in_use is None:
        yield "It serves no backbone yet."
    else:
        yield f"It serves {known.title(standing.bundle_in_use)}."
    if standing.bundle_in_use is not None and standing.bundle_in_use in known.recalled:
        yield "That backbone was recalled."


def _should(known: Known) -> Iterator[str]:
    target, home = known.standing.target, known.home
    if target is None:
        yield "Nothing was ordered for it: it keeps what it has."
        if known.coming is None:
            yield "No rollout that runs or is complete takes devices with its tags."
    elif home is None:
        yield f"It should run {known.title(target.digest)}, as it was ordered once."
    else:
        yield _reason(known, home, target)
    if target is not None and is_ahead(known.standing):
        yield (
            "It knows an order that this server does not, as after a restored database; "
            f"{_continued(home)}."
        )


def _continued(home: Rollout | None) -> str:
    if home is None or home.phase in {Phase.HELD, Phase.SUPERSEDED}:
        return "it keeps what it runs until a newer rollout takes it"
    if home.phase is Phase.PAUSED:
        return f"it is ordered again from there once {home.id} goes on"
    return "it is ordered again from there"


def _reason(known: Known, home: Rollout, target: Target) -> str:
    title = known.title(target.digest)
    if home.kind is Kind.RECALL:
        return f"It should go back to {title}: {home.title} was recalled (rollout {home.id})."
    if is_way_back(home, target):
        return f"It should go back to {title}: rollout {home.id} {why(home.phase, home.reason)}."
    verb = "goes back to" if home.kind is Kind.UNDO else "brings"
    wave = wave_in(home, known.standing.device) + 1
    cohort = f"the cohort {home.cohort}" if home.cohort else "the whole fleet"
    variant = f" as {target.variant}" if target.variant else ""
    return (
        f"It should run {title}{variant}: rollout {home.id} {verb} that for {cohort}, and this "
        f"device is in wave {wave} of {home.last_wave + 1}."
    )


def _stands(known: Known) -> Iterator[str]:
    home = known.home
    if home is None or known.standing.target is None:
        if is_offline(known.standing, known.now):
            yield _unheard(known)
        elif known.standing.target is not None:
            yield "The rollout that ordered it is not known any more."
        return
    place = place_of(home, known.standing, known.now, known.recalled)
    yield from PLACES[place](known, home)
    untrusted = UNTRUSTED.get(known.trouble) if known.trouble else None
    if place is Place.FETCHING and untrusted is not None:
        yield f"It waits: {untrusted}."
    if place in STARTED and known.standing.update.hold is not None:
        yield f"It waits {HOLDS[known.standing.update.hold]}."
    if place in STARTED | {Place.WAITING, Place.OFFLINE} and home.phase not in FORWARD:
        yield f"Rollout {home.id} {why(home.phase, home.reason)}."


def _comes(known: Known) -> Iterator[str]:
    coming = known.coming
    if coming is None:
        return
    yield f"Rollout {coming.id} brings {coming.title} to devices with its tags."
    yield from _awaits(known, coming)


def _awaits(known: Known, coming: Rollout) -> Iterator[str]:
    """What a device waits for that a rollout has not ordered."""
    standing = known.standing
    wave = wave_in(coming, standing.device) + 1
    exclusion = exclusion_of(coming, standing, known.recalled)
    if exclusion is not None:
        yield f"It is excluded there: {_excluded(coming, standing, exclusion)}."
    elif coming.phase is Phase.COMPLETE:
        yield "That rollout is complete and takes it in at its next check-in."
    elif coming.phase is not Phase.RUNNING:
        yield f"It is in wave {wave} there, and that rollout {why(coming.phase, coming.reason)}."
    elif wave > coming.wave + 1:
        yield (
            f"It is in wave {wave} of {coming.last_wave + 1} there, and wave {coming.wave + 1} is "
            f"the newest that is open{_gate(coming)}."
        )
    else:
        yield f"Its wave {wave} is open there: it is ordered within seconds."


def _gate(rollout: Rollout) -> str:
    if rollout.finding is None:
        return ""
    reasons = ", ".join(rollout.finding.reasons)
    return f"; its gate is {rollout.finding.outcome}" + (f": {reasons}" if reasons else "")


def _excluded(rollout: Rollout, standing: Standing, exclusion: Exclusion | None) -> str:
    if exclusion is None:
        return "it was not suited when it was looked at"
    return EXCLUSIONS[exclusion](rollout, standing)


EXCLUSIONS: Mapping[Exclusion, Callable[[Rollout, Standing], str]] = MappingProxyType(
    {
        Exclusion.AGENT_TOO_OLD: lambda rollout, standing: (
            f"its agent is {standing.agent_version or 'of no known version'}, and "
            f"{_oldest(rollout)} is the oldest that will do"
        ),
        Exclusion.MEMORY_TOO_SMALL: lambda rollout, standing: (
            f"it has {standing.memory_bytes // MIB:,} MiB of memory, and the bundle wants "
            f"{rollout.needs.memory_mib:,}"
        ),
        Exclusion.VARIANT_MISSING: lambda rollout, standing: (
            f"devices of its class run the variant {variant_of(rollout, standing)}, "
            "which the bundle does not have"
        ),
        Exclusion.PINNED: lambda _rollout, _standing: (
            "its owner pinned the backbone in use with `fieldwise-agent backbone pin`"
        ),
        Exclusion.NOTHING_BEFORE: lambda _rollout, _standing: (
            "it has nothing to go back to that is allowed, and keeps what it has"
        ),
    }
)


def _oldest(rollout: Rollout) -> str:
    wanted = (rollout.plan.minimum_agent_version, rollout.needs.agent_version)
    return " or ".join(each for each in wanted if each)


def _place_excluded(known: Known, home: Rollout) -> Iterator[str]:
    exclusion = exclusion_of(home, known.standing, known.recalled)
    yield f"It is excluded: {_excluded(home, known.standing, exclusion)}."


def _place_waiting(known: Known, home: Rollout) -> Iterator[str]:
    standing, target = known.standing, known.standing.target
    assert target is not None
    if goes_back(home) and not is_way_back(home, target):
        yield "It is ordered back within seconds."
    elif standing.generation < target.generation:
        yield f"It has not heard of that yet: it checks in every {span(standing.pace_seconds)}."
    elif standing.update.hold is not None:
        yield f"It waits {HOLDS[standing.update.hold]}."
    elif may_start(home, target):
        yield _waits_for_permit(known, home)
    else:
        yield "It gets no permit to start."


def _waits_for_permit(known: Known, home: Rollout) -> str:
    closed = opens_in(home.plan.window, known.now) if target_of(home, known.standing) else 0.0
    if closed:
        return f"It waits for the window of the rollout, which opens in {span(closed)}."
    limit = home.plan.limits.in_flight
    flying = sum(home.counts.get(place, 0) for place in STARTED)
    if limit and flying >= limit:
        return f"It waits for its turn: {flying:,} of {limit:,} devices are on their way."
    pace = home.plan.limits.starts_per_minute
    bound = f", where {pace:,} start in a minute" if pace else ""
    return f"It waits for a permit to start, which it gets at a check-in{bound}."


def _place_permitted(known: Known, _home: Rollout) -> Iterator[str]:
    permit = permit_held(known.standing)
    left = permit.expires_at - known.now if permit else 0.0
    yield f"It may start now, and for {span(max(0.0, left))} yet."


def _place_judging(_known: Known, _home: Rollout) -> Iterator[str]:
    yield "It compares the new pair with the old one on held-out samples; the old pair serves."


def _place_healthy(known: Known, _home: Rollout) -> Iterator[str]:
    yield "That is done."
    verdict = verdict_of(known.standing)
    if verdict is not None:
        yield judged(verdict)


def _place_declined(known: Known, _home: Rollout) -> Iterator[str]:
    yield f"It declined: {_failure(known)}. The old pair serves."
    verdict = verdict_of(known.standing)
    if verdict is not None:
        yield judged(verdict)


def _place_failed(known: Known, home: Rollout) -> Iterator[str]:
    yield f"It failed: {_failure(known)}. The pair from before serves."
    if home.phase in FORWARD | {Phase.PAUSED, Phase.REVERTING}:
        yield f"To order it again: `fieldwise rollout retry {home.id}`."


def _failure(known: Known) -> str:
    failure = known.standing.update.failure
    if failure is None:
        return "it serves another backbone than the one it had in use"
    return FAILURES[failure]


def _place_overdue(known: Known, home: Rollout) -> Iterator[str]:
    yield (
        f"It is overdue: it had {span(home.plan.device_deadline_seconds)} and has not come to an "
        "end. It may still."
    )
    if is_offline(known.standing, known.now):
        yield _unheard(known)
    elif known.standing.update.hold is not None:
        yield f"It waits {HOLDS[known.standing.update.hold]}."
    elif is_under_way(known.standing):
        yield f"It is {known.standing.update.phase}."


def _place_offline(known: Known, _home: Rollout) -> Iterator[str]:
    yield _unheard(known)
    yield "What it does is not known; it is told when it checks in again."


def _unheard(known: Known) -> str:
    standing = known.standing
    heard = standing.enrolled_at if standing.seen_at is None else standing.seen_at
    pace = span(standing.pace_seconds)
    return f"It is offline: not heard from for {span(known.now - heard)}, with a pace of {pace}."


def _place_superseded(_known: Known, home: Rollout) -> Iterator[str]:
    yield f"A newer rollout than {home.id} has it."


def _says(sentence: str) -> Callable[[Known, Rollout], Iterator[str]]:
    return lambda _known, _home: iter((sentence,))


PLACES: Mapping[Place, Callable[[Known, Rollout], Iterator[str]]] = MappingProxyType(
    {
        Place.EXCLUDED: _place_excluded,
        Place.WAITING: _place_waiting,
        Place.PERMITTED: _place_permitted,
        Place.FETCHING: _says("It downloads what it needs of the bundle; the old pair serves."),
        Place.VERIFYING: _says("It checks the bundle in a child process; the old pair serves."),
        Place.MIGRATING: _says("It rebuilds its head for the new backbone; the old pair serves."),
        Place.JUDGING: _place_judging,
        Place.PROBATION: _says("The new pair serves on probation, and falls back by itself."),
        Place.HEALTHY: _place_healthy,
        Place.DECLINED: _place_declined,
        Place.FAILED: _place_failed,
        Place.OVERDUE: _place_overdue,
        Place.OFFLINE: _place_offline,
        Place.SUPERSEDED: _place_superseded,
    }
)


def concerns(known: Known) -> tuple[Rollout | None, int]:
    """Return the rollout that the device waits for or belongs to, and its wave from 1 on."""
    rollout = known.coming or known.home
    return rollout, wave_in(rollout, known.standing.device) + 1 if rollout else 0
