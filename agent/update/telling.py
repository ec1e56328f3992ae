"""What a device tells its fleet of an update.

What the owner installs is no affair of the fleet. As long as the owner's bundle is what is wanted,
the fleet hears that the owner refused the target it gave, so that it neither waits for the device
nor takes a bundle it does not know for a sign that its own records were put back.
"""

from dataclasses import dataclass

from agent.update.events import UpdateState
from fieldwise.update import UpdateFailure, UpdateHold, UpdatePhase


@dataclass(frozen=True, slots=True)
class Told:
    """Where the newest target of the fleet stands; ``digest`` is empty where none is named."""

    generation: int
    digest: str
    phase: UpdatePhase
    failure: UpdateFailure | None
    hold: UpdateHold | None


def told(state: UpdateState) -> Told:
    """Return what is told of a state."""
    if state.wish.by_owner and state.generation:
        return Told(state.generation, "", UpdatePhase.DECLINED, UpdateFailure.OWNER, None)
    return Told(state.generation, state.wanted, state.phase, state.failure, state.hold)
