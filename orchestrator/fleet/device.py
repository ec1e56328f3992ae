"""A device as the fleet sees it, and the rules that need nothing but its own record.

All times are seconds since 1970 UTC. A generation numbers the targets of one device: it rises with
every change and is never reused, so that a late report cannot pass for a fresh one. Where a device
knows a higher generation than the store, as after a restored backup, it is continued from there;
so are the revisions of its settings.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.update import UNDER_WAY, UpdateHold, UpdatePhase
from fieldwise.verdict import Verdict
from orchestrator.fleet.ledger import NOTHING_TOLD, LedgerRecord
from orchestrator.fleet.report import NOTHING_BEGUN, Report, UpdateReport
from orchestrator.fleet.settings import SettingsRevision

CONTINUED_MAX = 2**53  # a thousand orders a second for 285,000 years, and room to count on from
DELIVERY_SECONDS = 30  # no caller waits longer for a reply than its deadline, and that is less
CLOCKS_SECONDS = 300.0  # what clocks of replicas may differ by; keys that old are refused again
PACES_UNTIL_OFFLINE = 3  # two lost messages in a row are weather; three are an outage


class DeviceState(StrEnum):
    """How a device is seen by the fleet at one moment."""

    NEW = "new"
    HEALTHY = "healthy"
    UPDATING = "updating"
    FAILED = "failed"
    WAITING = "waiting"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class Target:
    """The backbone that a device should run, by manifest digest.

    ``variant`` is empty for the device's choice. A target that leads ``back`` is neither judged nor
    watched.
    """

    generation: int
    digest: str
    variant: str = ""
    back: bool = False


@dataclass(frozen=True, slots=True)
class Permit:
    """The right to start on the target of that generation until a moment.

    It was given anew at every check-in since ``since``.
    """

    generation: int
    expires_at: float
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class Standing:
    """The narrow row of a device that decisions are made on: what it should do and what it does.

    ``rollout`` is the number of the rollout that gave the target, 0 before the first; ``permit`` is
    the newest that this rollout gave, maybe for a target before, ``before`` what the device can go
    back to from it, the newest first, and ``ordered_at`` when it got its newest target. The fields
    from ``seen_at`` on are of the newest report; ``pace_seconds`` is what its reply asked for.
    Before the first report ``agent_version`` is that of the enrolment.
    """

    device: str
    enrolled_at: float
    target: Target | None = None
    rollout: int = 0
    permit: Permit | None = None
    before: tuple[str, ...] = ()
    ordered_at: float = 0.0
    architecture: str = ""
    memory_bytes: int = 0
    seen_at: float | None = None
    pace_seconds: int = 60
    report_order: tuple[int, int] = (0, 0)
    generation: int = 0
    bundle_in_use: str | None = None
    update: UpdateReport = NOTHING_BEGUN
    settings_revision: int = 0
    window_samples: int = 0
    window_correct: int = 0
    judge_samples: int = 0
    agent_version: str = ""
    execution_provider: str = ""
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What hardware asked to join, and with which agent."""

    agent_version: str = ""
    architecture: str = ""
    memory_bytes: int = 0
    processors: int = 0


@dataclass(frozen=True, slots=True)
class DeviceKey:
    """A public key that a device proved to hold, with the certificate issued for it.

    ``fingerprint`` is the SHA-256 of the SubjectPublicKeyInfo and ``serial`` the certificate's
    serial number, both in hexadecimal. ``ticket`` is the ticket that it enrolled with, None for a
    key of a renewal.
    """

    fingerprint: str
    device: str
    serial: str
    expires_at: float
    ticket: str | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls by its certificate: the device's id and the fingerprint of the key.

    ``issued_at`` is when the fleet's authority gave the certificate.
    """

    device: str
    fingerprint: str
    issued_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Restoration:
    """A backup that was put back: of which moment it was, and when that was done.

    Keys of certificates that were given in between are not in it, and no harm to trust: the
    authority has signed them for this very device, and nobody here remembers to have taken one
    back. Without that, every device that happened to renew would have to join again.
    """

    made_at: float
    restored_at: float

    def spans(self, caller: Caller) -> bool:
        """Tell whether the caller's certificate was given in between, by clocks that differ."""
        since, until = self.made_at - CLOCKS_SECONDS, self.restored_at + CLOCKS_SECONDS
        return since <= caller.issued_at <= until


@dataclass(frozen=True, slots=True)
class Device:
    """Everything that is known of a member; ``key`` is its newest, ``denied_at`` mostly None."""

    id: str
    tags: Mapping[str, str]
    facts: Facts
    enrolled_at: float
    key: DeviceKey
    standing: Standing
    report: Report | None = None
    settings: SettingsRevision | None = None
    ledger: LedgerRecord = NOTHING_TOLD
    denied_at: float | None = None


def not_a_member(device_id: str) -> FieldwiseError:
    """What a device hears that was taken out of the fleet."""
    return FieldwiseError(
        Fault.DEVICE_REMOVED, f"the device {device_id[:70]} was taken out of the fleet"
    )


def denied(device_id: str) -> FieldwiseError:
    """What a device hears that may not call for now."""
    return FieldwiseError(
        Fault.DEVICE_DENIED, f"the operator has denied the device {device_id[:70]}"
    )


def check_continuable(name: str, told: int, given: int) -> None:
    """Refuse a generation or revision that no one can have given, and that leaves no room above.

    Args:
        name: What it is.
        told: What the device says that it knows.
        given: The highest that the store has given it, 0 for none.

    Raises:
        FieldwiseError: ``OVER_LIMIT``.
    """
    limit = max(CONTINUED_MAX, given)
    if told > limit:
        raise FieldwiseError(Fault.OVER_LIMIT, f"{name} is {told:,}; the limit is {limit:,}")


def after_report(standing: Standing, report: Report, seen_at: float, pace: int) -> Standing:
    """Return the standing that a report leaves, which the caller knows to be newer."""
    return replace(
        standing,
        seen_at=seen_at,
        pace_seconds=pace,
        report_order=report.order,
        generation=report.generation,
        bundle_in_use=report.bundle_in_use,
        update=report.update,
        settings_revision=report.settings_revision,
        window_samples=report.learning.window_samples,
        window_correct=report.learning.window_correct,
        judge_samples=report.learning.judge_samples,
        agent_version=report.agent_version or standing.agent_version,
        execution_provider=report.execution_provider,
        verdict=report.verdict,
    )


def is_offline(standing: Standing, now: float) -> bool:
    """Tell whether a device has been silent for three of its own paces."""
    heard = standing.enrolled_at if standing.seen_at is None else standing.seen_at
    return is_silent(heard, standing.pace_seconds, now)


def is_silent(heard_at: float, pace_seconds: int, now: float) -> bool:
    """Tell whether three of a device's paces have passed since it was heard."""
    return now - heard_at > PACES_UNTIL_OFFLINE * pace_seconds


def is_ahead(standing: Standing) -> bool:
    """Tell whether a device has a target that the store does not know of.

    Either its generation is higher, or it is the same one with another bundle: the store was put
    back in time and has given the generation out again before it heard from the device.
    """
    target, update = standing.target, standing.update
    if target is None:
        return standing.generation > 0
    renumbered = update.generation == target.generation and not _begun(standing)
    return standing.generation > target.generation or renumbered


def next_generation(standing: Standing) -> int:
    """Return a generation that neither the store nor the device has used."""
    return max(standing.generation, standing.target.generation if standing.target else 0) + 1


def has_failed(standing: Standing) -> bool:
    """Tell whether the device gave up its target and fell back to the pair from before.

    A device that had the bundle active and serves another one again has turned back as well,
    whatever made it: which bundle serves is what counts.
    """
    target, phase = standing.target, standing.update.phase
    if target is None or not _begun(standing):
        return False
    turned_back = phase is UpdatePhase.ACTIVE and standing.bundle_in_use != target.digest
    return phase is UpdatePhase.REVERTED or turned_back


def has_declined(standing: Standing) -> bool:
    """Tell whether the device or its owner refused its target, and another pair serves."""
    target = standing.target
    if target is None or standing.bundle_in_use == target.digest or not _begun(standing):
        return False
    return standing.update.phase is UpdatePhase.DECLINED


def has_arrived(standing: Standing) -> bool:
    """Tell whether the device knows its target and the pair of that bundle serves."""
    target = standing.target
    if target is None or standing.generation != target.generation or is_ahead(standing):
        return False
    if standing.bundle_in_use != target.digest or has_failed(standing) or has_declined(standing):
        return False
    return standing.update.phase not in UNDER_WAY


def is_settled(standing: Standing) -> bool:
    """Tell whether the device came to an end with its present target, well or not."""
    return has_arrived(standing) or has_failed(standing) or has_declined(standing)


def is_pinned(standing: Standing) -> bool:
    """Tell whether the device's owner wants to keep the backbone in use."""
    return standing.update.hold is UpdateHold.PINNED


def is_held(standing: Standing) -> bool:
    """Tell whether the device's owner keeps it from beginning, whatever it is permitted."""
    return standing.update.phase is UpdatePhase.IDLE and standing.update.hold is not None


def verdict_of(standing: Standing) -> Verdict | None:
    """Return the device's comparison of its present target with what it had."""
    verdict, target = standing.verdict, standing.target
    if verdict is None or target is None or verdict.generation != target.generation:
        return None
    return verdict


def is_under_way(standing: Standing) -> bool:
    """Tell whether the device works on its present target."""
    return _begun(standing) and standing.update.phase in UNDER_WAY


def permit_held(standing: Standing) -> Permit | None:
    """Return the permit for the present target, expired or not."""
    permit, target = standing.permit, standing.target
    if permit is None or target is None or permit.generation != target.generation:
        return None
    return permit


def has_permit(standing: Standing, now: float) -> bool:
    """Tell whether the device may start on its present target right now."""
    permit = permit_held(standing)
    return permit is not None and now < permit.expires_at


def may_still_start(permit: Permit, standing: Standing, now: float) -> bool:
    """Tell whether a device may begin on a permit, and has not, for all that is known.

    The permit may be for a target that was replaced since: until the device hears of it, it holds.
    """
    if now >= permit.expires_at or standing.generation > permit.generation:
        return False
    begun = standing.update.phase is not UpdatePhase.IDLE
    known = permit_held(standing) is not None and has_arrived(standing)
    return not known and not (begun and standing.update.generation >= permit.generation)


def state_of(standing: Standing, now: float) -> DeviceState:
    """Derive the one state in which a device is shown and counted."""
    if is_offline(standing, now):
        return DeviceState.OFFLINE
    if standing.seen_at is None:
        return DeviceState.NEW
    if is_under_way(standing):
        return DeviceState.UPDATING
    if has_failed(standing):
        return DeviceState.FAILED
    settled = standing.target is None or is_ahead(standing) or is_settled(standing)
    return DeviceState.HEALTHY if settled else DeviceState.WAITING


def _begun(standing: Standing) -> bool:
    """Tell whether the update that the device reports is of its present target."""
    target, update = standing.target, standing.update
    if target is None or update.generation != target.generation:
        return False
    return update.digest in (None, target.digest)
