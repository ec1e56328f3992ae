"""Where an update stands and why, in the words that people read."""

from collections.abc import Mapping
from types import MappingProxyType

from agent.cli.judged import REASONS
from agent.cli.output import size
from fieldwise.answers import ProbationStatus, UpdateStatus
from fieldwise.update import UpdateFailure, UpdateHold, UpdatePhase

PHASES: Mapping[str, str] = MappingProxyType(
    {
        UpdatePhase.IDLE: "nothing is under way",
        UpdatePhase.FETCHING: "a backbone is being fetched",
        UpdatePhase.VERIFYING: "a backbone is being tried out",
        UpdatePhase.MIGRATING: "the head is being rebuilt for another backbone",
        UpdatePhase.JUDGING: "another backbone is being compared with the one in use",
        UpdatePhase.PROBATION: "the backbone in use is on probation",
        UpdatePhase.ACTIVE: "the wanted backbone is in use",
        UpdatePhase.DECLINED: "the backbone that was wanted was declined",
        UpdatePhase.REVERTED: "the backbone that was wanted is not in use",
    }
)

HOLDS: Mapping[str, str] = MappingProxyType(
    {
        UpdateHold.WINDOW: "it waits for the maintenance window (update_window)",
        UpdateHold.CONDITIONS: "it waits until the owner's hook allows it (update_hook)",
        UpdateHold.CONFIRMATION: "it waits for `fieldwise-agent backbone confirm` or `refuse`",
        UpdateHold.PINNED: "it waits for `fieldwise-agent backbone unpin`",
        UpdateHold.TOO_FEW: (
            "too few samples are held out to judge it: it waits for more of them,"
            " or for `fieldwise-agent backbone confirm` or `refuse`"
        ),
    }
)

FAILURES: Mapping[str, str] = MappingProxyType(
    {
        **REASONS,
        UpdateFailure.DIGEST_MISMATCH: "its bytes were not the ones that were asked for",
        UpdateFailure.BUNDLE_INVALID: "its bundle breaks a rule of the format",
        UpdateFailure.UNSUITABLE: "this device does not meet its requirements",
        UpdateFailure.DISK_FULL: "there was not enough room on the disk",
        UpdateFailure.LOAD_FAILED: "its graph does not run on this device",
        UpdateFailure.GOLDEN_MISMATCH: "this device computes it differently from its publisher",
        UpdateFailure.MIGRATION_FAILED: "the head could not be rebuilt for it",
        UpdateFailure.NOT_AVAILABLE: "the orchestrator does not have it",
        UpdateFailure.NOT_VOUCHED: "its publisher does not list it",
        UpdateFailure.BELOW_FLOOR: "its publisher has withdrawn it for good",
        UpdateFailure.INTERNAL: "something went wrong that the agent's log tells of",
    }
)


def update_words(update: UpdateStatus) -> str:
    """Where an update stands, what it waits for and why it ended."""
    said = [_phase(update)]
    if update.probation is not None:
        said.append(_probation(update.probation))
    if update.hold:
        said.append(_hold(update))
    if update.failure:
        said.append(FAILURES.get(update.failure, update.failure))
    if update.pinned and update.hold != UpdateHold.PINNED:
        said.append("the backbone in use is pinned")
    return "; ".join(said)


def _phase(update: UpdateStatus) -> str:
    if update.phase == UpdatePhase.IDLE and update.digest:
        return f"backbone {update.digest[:12]} is wanted"
    return PHASES.get(update.phase, update.phase)


def _probation(probation: ProbationStatus) -> str:
    seen = probation
    compared = (
        f", {seen.only_old:,} of {seen.samples:,} labelled samples known to the old one alone and"
        f" {seen.only_new:,} to the new one"
        if seen.samples
        else ""
    )
    return (
        f"{seen.predictions:,} of {seen.predictions_wanted:,} predictions or"
        f" {seen.seconds / 60:.1f} of {seen.seconds_wanted / 60:.1f} minutes,"
        f" {seen.failures:,} failed, {seen.slow:,} slow{compared}"
    )


def _hold(update: UpdateStatus) -> str:
    if update.hold == UpdateHold.DISK:
        return f"it waits for {size(update.missing_bytes)} more room on the disk"
    return HOLDS.get(update.hold, update.hold)
