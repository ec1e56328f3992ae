"""What a rollout's history tells of a command and of a look.

The history is append-only: an event is written with the change that it tells of, in one
transaction, and never again.
"""

from collections.abc import Mapping
from types import MappingProxyType

from orchestrator.rollout.evidence import Finding
from orchestrator.rollout.phases import Command, Phase, Reason
from orchestrator.rollout.places import Place
from orchestrator.rollout.rollout import Actor, Event, Happening, Rollout

ENTERED: Mapping[Phase, Happening] = MappingProxyType(
    {
        Phase.RUNNING: Happening.RESUMED,
        Phase.PAUSED: Happening.PAUSED,
        Phase.REVERTING: Happening.REVERTING,
        Phase.HELD: Happening.HELD,
        Phase.COMPLETE: Happening.COMPLETE,
        Phase.REVERTED: Happening.REVERTED,
        Phase.SUPERSEDED: Happening.SUPERSEDED,
    }
)
GATE = frozenset({Reason.HARM, Reason.UNDECIDED})


def started(rollout: Rollout, now: float) -> Event:
    """Tell of a start; its first wave opens with it."""
    facts = {"kind": rollout.kind.value, "title": rollout.title, "cohort": rollout.cohort}
    return Event(now, Happening.STARTED, Actor.OPERATOR, facts)


def ordered(kind: Happening, devices: int, now: float) -> tuple[Event, ...]:
    """Tell of orders that an operator asked for, where there were any."""
    if not devices:
        return ()
    return (Event(now, kind, Actor.OPERATOR, {"devices": devices}),)


def of_command(before: Rollout, after: Rollout, command: Command, now: float) -> tuple[Event, ...]:
    """Tell what a command changed."""
    facts: dict[str, str | int | float] = {"command": command.value, "wave": after.wave + 1}
    events = []
    if before.phase is not after.phase:
        events.append(Event(now, ENTERED[after.phase], Actor.OPERATOR, facts))
    if before.wave != after.wave:
        events.append(Event(now, Happening.WAVE_OPENED, Actor.OPERATOR, facts))
    if before.to_end != after.to_end:
        events.append(Event(now, Happening.PROMOTED, Actor.OPERATOR, facts))
    return tuple(events)


def of_step(before: Rollout, after: Rollout, now: float) -> tuple[Event, ...]:
    """Tell what a step of a look changed: the gate's mind, the wave that is open, the phase."""
    events = []
    finding, known = after.finding, before.finding
    if finding is not None and (known is None or known.outcome is not finding.outcome):
        events.append(Event(now, Happening.FINDING, Actor.GATE, _found(after, finding)))
    for wave in range(before.wave + 1, after.wave + 1):
        facts = {"wave": wave + 1, "devices": _devices(after, wave)}
        events.append(Event(now, Happening.WAVE_OPENED, Actor.GATE, facts))
    if before.phase is not after.phase:
        events.append(Event(now, ENTERED[after.phase], _actor(after), _facts(after)))
    elif after.reason is Reason.PROMOTION and before.reason is not Reason.PROMOTION:
        events.append(Event(now, Happening.AWAITS_PROMOTION, Actor.GATE, _facts(after)))
    return tuple(events)


def _actor(rollout: Rollout) -> Actor:
    return Actor.GATE if rollout.reason in GATE else Actor.FLEET


def _facts(rollout: Rollout) -> Mapping[str, str | int | float]:
    reason = {"reason": rollout.reason.value} if rollout.reason else {}
    return {"wave": rollout.wave + 1, **reason}


def _found(rollout: Rollout, finding: Finding) -> Mapping[str, str | int | float]:
    facts: dict[str, str | int | float] = {
        "wave": rollout.wave + 1,
        "outcome": finding.outcome.value,
        "reasons": ", ".join(finding.reasons),
        "devices": finding.devices,
    }
    bounds = {"mean_loss": finding.mean_loss, "lower": finding.lower, "upper": finding.upper}
    return facts | {name: value for name, value in bounds.items() if value is not None}


def _devices(rollout: Rollout, wave: int) -> int:
    counts = rollout.tally[wave] if wave < len(rollout.tally) else {}
    return sum(counts.values()) - counts.get(Place.EXCLUDED, 0)
