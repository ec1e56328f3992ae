"""What check-ins need of a store; the terms of ``ports`` hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from fieldwise.federation import FederationReport
from orchestrator.fleet.device import Caller, Permit, Standing
from orchestrator.fleet.diagnosis import OpenRequest
from orchestrator.fleet.ledger import NOTHING_TOLD, LedgerRecord
from orchestrator.fleet.report import Report
from orchestrator.fleet.settings import SettingsRevision


@dataclass(frozen=True, slots=True)
class Visitor:
    """What a check-in needs to know of its device.

    ``may_start`` tells whether the rollout that its target belongs to gives permits for it, as far
    as its phase goes, and the target is not recalled; ``is_welcome`` whether it belongs to no
    rollout and a complete one takes it; ``runs_recalled`` whether it told that a backbone serves
    which nobody is to run. ``diagnosis`` is a request that may be over, ``federation`` as reported,
    ``ledger`` what is known of its ledger.
    """

    standing: Standing
    settings: SettingsRevision | None
    may_start: bool
    is_welcome: bool
    runs_recalled: bool = False
    diagnosis: OpenRequest | None = None
    federation: FederationReport | None = None
    ledger: LedgerRecord = NOTHING_TOLD


@dataclass(frozen=True, slots=True)
class Sighting:
    """A report with when it came, the pace that its reply asked for, and what is known with it."""

    device: str
    report: Report
    seen_at: float
    pace_seconds: int
    ledger: LedgerRecord = NOTHING_TOLD


@dataclass(frozen=True, slots=True)
class Granted:
    """A permit as kept, and how fast the device may download; 0 for no bound."""

    permit: Permit
    bytes_per_second: int = 0


class CheckInStore(Protocol):
    async def visitor(self, caller: Caller) -> Visitor:
        """Return a member's affairs.

        Raises:
            FieldwiseError: As ``MembershipStore.admit``.
        """

    async def welcome(self, device_id: str, generation: int, now: float) -> Visitor | None:
        """Order a member of no rollout what the complete rollout of its tags says, if there is one.

        Which one is ``rollout.machine.host_of``. It is watched from then on, with its next
        revision, so that whoever has looked at it before cannot save what he saw.

        Args:
            device_id: A visitor that is welcome.
            generation: The highest that the device says it knows; the order's is above.
            now: Seconds since 1970.

        Returns:
            The member's affairs, also where somebody else ordered it meanwhile; None, with nothing
            changed, where no complete rollout takes it.

        Raises:
            FieldwiseError: ``DEVICE_REMOVED`` where it is not a member.
        """

    async def look_again(self, device_id: str) -> None:
        """Watch the ended rollout for which a member is news, where there is one.

        That is its own, or else the one that took away the backbone which serves on it, as
        ``rollout.machine.is_news`` says.
        """

    async def continue_settings(self, device_id: str, known: int) -> SettingsRevision:
        """Give a member's settings a revision above one that the device knows.

        Without any they are the device's own values. A revision above it is left as it is.

        Raises:
            FieldwiseError: ``DEVICE_REMOVED`` where it is not a member.
        """

    async def keep(self, sightings: Sequence[Sighting]) -> None:
        """Keep each report that is newer than the one of its device; skip the rest."""

    async def permit(self, device_id: str, permit: Permit, now: float) -> Granted | None:
        """Give a start permit, in place of an older one of the same rollout.

        It is given where the device's target is of the permit's generation, its backbone is not
        recalled, and the rollout gives permits (``rollout.rollout.may_start``). On the way to the
        rollout's backbone its window has to be open, too, and its limits kept
        (``rollout.limits.refuses``). A complete rollout is watched from then on, as after a
        welcome.

        Returns:
            None, with nothing changed, where that does not hold. Once a save that pauses or ends
            the rollout has returned, it does not, on any replica; and however many replicas ask at
            once, no limit is exceeded.
        """
