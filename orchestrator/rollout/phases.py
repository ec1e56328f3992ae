"""Where a rollout stands, and everything that moves it, as tables with a row for every phase.

Operators command (``COMMANDS``), the fleet shows (``TURNS``), and what comes out of a backup is
halted (``HALTS``). Nothing else changes a phase. A command that leads to the phase that it finds is
welcome at any time and may change nothing.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Phase(StrEnum):
    """What holds of a rollout as a whole."""

    RUNNING = "running"  # devices of the waves that are open get the target and permits
    PAUSED = "paused"  # nobody starts; whoever has begun goes on; it waits for an operator
    REVERTING = "reverting"  # devices are ordered back to what they had
    HELD = "held"  # ended: nobody starts, and devices keep what they have
    COMPLETE = "complete"  # every wave went well; newcomers still get its backbone
    REVERTED = "reverted"  # every device that may have had its backbone is back
    SUPERSEDED = "superseded"  # newer rollouts have all of it that had not settled


class Reason(StrEnum):
    """Why a rollout is in its phase, or waits in it, where the phase alone does not say."""

    OPERATOR = "operator"
    HARM = "harm"
    UNDECIDED = "undecided"
    OVERDUE = "overdue"
    PROMOTION = "promotion"  # it runs, the wave went well, and the plan wants an operator's word
    RECALLED = "recalled"
    UNLISTED = "unlisted"


class Command(StrEnum):
    PAUSE = "pause"
    RESUME = "resume"
    PROMOTE = "promote"
    PROMOTE_TO_END = "promote-to-end"
    ABORT = "abort"
    HOLD = "hold"
    RETRY_FAILED = "retry-failed"


class Turn(StrEnum):
    """What the fleet shows of a rollout."""

    RECALLED = "recalled"
    TAKEN_OVER = "taken over"
    HARMFUL_TAKE_BACK = "harmful, take it back"
    HARMFUL_LEAVE_IT = "harmful, leave it"
    UNDECIDED = "undecided"
    OVERDUE = "overdue"
    UNLISTED = "not listed any more"
    WAVE_DONE = "wave done"
    FLEET_DONE = "fleet done"
    FLEET_BACK = "fleet back"
    FOUND_AGAIN = "found again"


COMMANDS: Mapping[Phase, Mapping[Command, Phase]] = MappingProxyType(
    {
        Phase.RUNNING: {
            Command.PAUSE: Phase.PAUSED,
            Command.RESUME: Phase.RUNNING,
            Command.PROMOTE: Phase.RUNNING,
            Command.PROMOTE_TO_END: Phase.RUNNING,
            Command.ABORT: Phase.REVERTING,
            Command.HOLD: Phase.HELD,
            Command.RETRY_FAILED: Phase.RUNNING,
        },
        Phase.PAUSED: {
            Command.PAUSE: Phase.PAUSED,
            Command.RESUME: Phase.RUNNING,
            Command.PROMOTE: Phase.RUNNING,
            Command.PROMOTE_TO_END: Phase.RUNNING,
            Command.ABORT: Phase.REVERTING,
            Command.HOLD: Phase.HELD,
            Command.RETRY_FAILED: Phase.PAUSED,
        },
        Phase.REVERTING: {
            Command.ABORT: Phase.REVERTING,
            Command.HOLD: Phase.HELD,
            Command.RETRY_FAILED: Phase.REVERTING,
        },
        Phase.HELD: {Command.ABORT: Phase.REVERTING, Command.HOLD: Phase.HELD},
        Phase.COMPLETE: {
            Command.ABORT: Phase.REVERTING,
            Command.HOLD: Phase.HELD,
            Command.RETRY_FAILED: Phase.COMPLETE,
        },
        Phase.REVERTED: {Command.ABORT: Phase.REVERTED},
        Phase.SUPERSEDED: {},
    }
)

TURNS: Mapping[Phase, Mapping[Turn, Phase]] = MappingProxyType(
    {
        Phase.RUNNING: {
            Turn.RECALLED: Phase.REVERTING,
            Turn.TAKEN_OVER: Phase.SUPERSEDED,
            Turn.HARMFUL_TAKE_BACK: Phase.REVERTING,
            Turn.HARMFUL_LEAVE_IT: Phase.HELD,
            Turn.UNDECIDED: Phase.PAUSED,
            Turn.OVERDUE: Phase.PAUSED,
            Turn.UNLISTED: Phase.PAUSED,
            Turn.WAVE_DONE: Phase.RUNNING,
            Turn.FLEET_DONE: Phase.COMPLETE,
        },
        Phase.PAUSED: {
            Turn.RECALLED: Phase.REVERTING,
            Turn.TAKEN_OVER: Phase.SUPERSEDED,
            Turn.HARMFUL_TAKE_BACK: Phase.REVERTING,
            Turn.HARMFUL_LEAVE_IT: Phase.HELD,
        },
        Phase.REVERTING: {Turn.FLEET_BACK: Phase.REVERTED},
        Phase.HELD: {},
        Phase.COMPLETE: {Turn.RECALLED: Phase.REVERTING},
        Phase.REVERTED: {Turn.FOUND_AGAIN: Phase.REVERTING},
        Phase.SUPERSEDED: {},
    }
)

# What a backup says of devices may be long past: nothing moves until an operator has looked, who
# then resumes, aborts, or starts a newer rollout.
HALTS: Mapping[Phase, Phase] = MappingProxyType(
    {
        Phase.RUNNING: Phase.PAUSED,
        Phase.PAUSED: Phase.PAUSED,
        Phase.REVERTING: Phase.HELD,
        Phase.HELD: Phase.HELD,
        Phase.COMPLETE: Phase.HELD,
        Phase.REVERTED: Phase.HELD,
        Phase.SUPERSEDED: Phase.SUPERSEDED,
    }
)

ADDING = frozenset({Phase.RUNNING, Phase.PAUSED})  # the cohort grows by whoever comes to match
FORWARD = frozenset({Phase.RUNNING, Phase.COMPLETE})  # devices may start on the backbone
BACKWARD = frozenset({Phase.REVERTING, Phase.REVERTED})  # and are brought back
ENDED = frozenset({Phase.HELD, Phase.COMPLETE, Phase.REVERTED, Phase.SUPERSEDED})
