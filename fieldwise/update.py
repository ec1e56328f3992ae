"""Where an update stands, in the words that device and orchestrator share.

A device brings one backbone at a time into use. The pair from before serves until JUDGING has ended
well; from PROBATION on the new one does.
"""

from enum import StrEnum


class UpdatePhase(StrEnum):
    """Where a device stands in bringing a backbone into use."""

    IDLE = "idle"
    FETCHING = "fetching"
    VERIFYING = "verifying"
    MIGRATING = "migrating"
    JUDGING = "judging"
    PROBATION = "probation"
    ACTIVE = "active"
    DECLINED = "declined"
    REVERTED = "reverted"


class UpdateFailure(StrEnum):
    """Why an update ended in ``REVERTED`` or ``DECLINED``."""

    DIGEST_MISMATCH = "digest-mismatch"
    BUNDLE_INVALID = "bundle-invalid"
    UNSUITABLE = "unsuitable"
    DISK_FULL = "disk-full"
    LOAD_FAILED = "load-failed"
    GOLDEN_MISMATCH = "golden-mismatch"
    MIGRATION_FAILED = "migration-failed"
    NOT_AVAILABLE = "not-available"
    INTERNAL = "internal"
    HARM = "harm"
    HARM_CRITICAL = "harm-critical"
    TOO_SLOW = "too-slow"
    PROBATION_ERRORS = "probation-errors"
    PROBATION_LATENCY = "probation-latency"
    PROBATION_ACCURACY = "probation-accuracy"
    CRASHED = "crashed"
    OWNER = "owner"
    NOT_VOUCHED = "not-vouched"
    BELOW_FLOOR = "below-floor"


class UpdateHold(StrEnum):
    """What a device waits for before it goes on with an update."""

    WINDOW = "window"
    CONDITIONS = "conditions"
    CONFIRMATION = "confirmation"
    PINNED = "pinned"
    TOO_FEW = "too-few"
    DISK = "disk"


# The device works on it, or watches what came of it.
UNDER_WAY = frozenset(
    {
        UpdatePhase.FETCHING,
        UpdatePhase.VERIFYING,
        UpdatePhase.MIGRATING,
        UpdatePhase.JUDGING,
        UpdatePhase.PROBATION,
    }
)
