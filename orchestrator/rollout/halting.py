"""Rollouts out of a backup stand still until an operator has looked.

Whatever happened after the backup is not in it: devices may have gone on to other backbones, and a
rollout that was complete then may have been undone or recalled. Going on by itself it would order
devices that are ahead back to what the backup remembers. Halted, it leaves every device with what
it runs, until it is resumed or a newer rollout takes the device.

A recall goes on: that a backbone must not run anywhere has not become less true.
"""

from dataclasses import replace

from orchestrator.rollout.history import ENTERED
from orchestrator.rollout.phases import ENDED, HALTS, Reason
from orchestrator.rollout.rollout import Actor, Event, Kind, Rollout
from orchestrator.rollout.telling import RESTORE


def halted(rollout: Rollout, now: float) -> tuple[Rollout, tuple[Event, ...]]:
    """Return a rollout as it stands after a restoration, and what its history tells of that."""
    phase = HALTS[rollout.phase]
    if phase is rollout.phase or rollout.kind is Kind.RECALL:
        return rollout, ()
    ended_at = (rollout.ended_at or now) if phase in ENDED else None
    stands = replace(
        rollout,
        phase=phase,
        reason=Reason.OPERATOR,
        ended_at=ended_at,
        watched=True,
        revision=rollout.revision + 1,
    )
    facts: dict[str, str | int | float] = {"command": RESTORE, "wave": rollout.wave + 1}
    return stands, (Event(now, ENTERED[phase], Actor.OPERATOR, facts),)
