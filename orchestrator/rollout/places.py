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


class Exclusion(StrEnum):
    """Why a device of the cohort is never ordered."""

    AGENT_TOO_OLD = "agent-too-old"
    MEMORY_TOO_SMALL = "memory-too-small"
    VARIANT_MISSING = "variant-missing"  # its class wants one that the bundle does not have
    PINNED = "pinned"  # by its owner
    NOTHING_BEFORE = "nothing-before"  # it is to go back and never had another allowed backbone
