"""When a worker that ended too soon is started again: at once, then after pauses that grow.

A worker that has run for a while counts as well: whatever ended it then is another matter than
what ended it before, so the pauses begin anew. Nothing is given up. A campaign costs its fleet
nothing while nobody aggregates, and an image that is missing or a database that is away is mended
by people at times of their own.
"""

from dataclasses import dataclass, replace

FIRST_SECONDS = 2.0
CEILING_SECONDS = 300.0  # an operator who has mended it need not wait longer
FACTOR = 2.0
STEADY_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Trials:
    """How a campaign's worker has fared; times are of one clock that never goes back.

    Attributes:
        failures: In a row.
        started_at: When the one that runs was started; ``None`` while none does.
        due_at: Before which none is started.
    """

    failures: int = 0
    started_at: float | None = None
    due_at: float = 0.0


def after_start(trials: Trials, now: float) -> Trials:
    return replace(trials, started_at=now)


def after_end(trials: Trials, now: float) -> Trials:
    """Return what follows when a worker has ended, or could not be started."""
    steady = trials.started_at is not None and now - trials.started_at >= STEADY_SECONDS
    failures = 1 if steady else trials.failures + 1
    # The exponent is bounded before the power: pauses stay floats however often it fails.
    pause = min(CEILING_SECONDS, FIRST_SECONDS * FACTOR ** min(failures - 1, 16))
    return Trials(failures, None, now + pause)


def may_start(trials: Trials, now: float) -> bool:
    return trials.started_at is None and now >= trials.due_at
