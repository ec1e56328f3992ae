"""Where one device of a rollout's cohort stands: in exactly one place, so that counts add up."""

from enum import StrEnum


class Place(StrEnum):
    """Where one device of the cohort stands."""

    EXCLUDED = "excluded"
    WAITING = "waiting"
    PERMITTED = "permitted"
    FETCHING = "fetching"
    VERIFYING = "verifying"
    MIGRATING = "migrating"
    JUDGING = "judging"
    PROBATION = "probation"
    HEALTHY = "healthy"
    DECLINED = "declined"
    FAILED = "failed"
    OVERDUE = "overdue"
    OFFLINE = "offline"
    SUPERSEDED = "superseded"
