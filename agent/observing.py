"""How the agent is: what a check-in reports and what its status shows, from the same facts."""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from agent.checkins import Contact
from agent.learning.embedder import EXECUTION_PROVIDER
from agent.ports import Clock
from agent.reporting import Membership, Report, SteeringRevision
from agent.serving import Serving
from agent.update.events import UpdateState
from fieldwise.answers import (
    LearningCounters,
    LearningSigns,
    ProbationStatus,
    PublisherStatus,
    SettingsInForce,
    Status,
    UpdateStatus,
    VitalSigns,
)
from fieldwise.diagnosis import DiagnosisRule
from fieldwise.federation import FederationReport
from fieldwise.ledger import LedgerHead
from fieldwise.trust import PublisherReport

DAY_SECONDS = 86_400
UINT32_MAX = 2**32 - 1  # the wire's width


class Folder(Protocol):
    """Where the state lies."""

    def size_bytes(self) -> int:
        """Room that it takes, bytes."""
        ...

    def free_bytes(self) -> int:
        """Room that is left, bytes."""
        ...


class Host(Protocol):
    """The process and its machine."""

    agent_version: str

    def resident_bytes(self) -> int:
        """Memory of this process that is in use now."""
        ...


class Publisher(Protocol):
    """Who vouches for backbones here."""

    def report(self) -> PublisherReport:
        """For the orchestrator."""
        ...

    def status(self, in_use: str) -> PublisherStatus:
        """For the owner, with what is said of the bundle in use, by its digest."""
        ...


class Observer:
    """Looks at the agent's parts.

    Args:
        serving: What serves.
        update: Where the update stands now.
        probation: How far the probation under way is.
        steering: Which of the operator's settings are in force.
        folder: Where the state lies.
        host: The process and its machine.
        clock: For the time since the start.
        diagnosis_rule: What the owner has settled about diagnoses.
        federation: Where the device stands in federation.
        ledger: Where the ledger ends.
        publisher: What is trusted of the publisher, as it is reported and as it is shown.
    """

    def __init__(
        self,
        serving: Serving,
        update: Callable[[], UpdateState],
        probation: Callable[[], ProbationStatus | None],
        steering: Callable[[], SteeringRevision],
        folder: Folder,
        host: Host,
        clock: Clock,
        diagnosis_rule: DiagnosisRule = DiagnosisRule.ASK,
        *,
        federation: Callable[[], FederationReport | None] = lambda: None,
        ledger: Callable[[], LedgerHead | None] = lambda: None,
        publisher: Publisher,
    ) -> None:
        self._ledger = ledger
        self._publisher = publisher
        self._federation = federation
        self._diagnosis_rule = diagnosis_rule
        self._serving = serving
        self._update = update
        self._probation = probation
        self._steering = steering
        self._folder = folder
        self._host = host
        self._clock = clock
        self._started = clock.monotonic()

    def report(self, incarnation: int, sequence: int, contact: Contact) -> Report:
        """What is, for the orchestrator."""
        return Report(
            incarnation=incarnation,
            sequence=sequence,
            update=self._update(),
            vital_signs=self.vital_signs(),
            learning=self.counters(),
            agent_version=self._host.agent_version,
            settings_revision=self._steering().revision,
            execution_provider=EXECUTION_PROVIDER,
            signs=self.signs(contact),
            diagnosis_rule=self._diagnosis_rule,
            federation=self._federation(),
            ledger=self._ledger(),
            publisher=self._publisher.report(),
        )

    def status(self, membership: Membership | None, contact: Contact) -> Status:
        """What is, for the device's owner and applications."""
        learner, update = self._serving.learner, self._update()
        tally = learner.select_tally() if learner else None
        return Status(
            agent_version=self._host.agent_version,
            device_id=membership.device_id if membership else "",
            fleet=membership.fleet if membership else "",
            backbone=learner.pair.embedder.manifest.title if learner else "",
            variant=learner.pair.embedder.variant if learner else "",
            update=_update_status(update, self._probation()),
            learning=self.counters(),
            vital_signs=self.vital_signs(),
            classes=learner.class_counts() if learner else {},
            check_in_seconds=contact.answered,
            check_in_error=contact.error,
            select_samples=tally.samples if tally else 0,
            select_correct=tally.correct if tally else 0,
            settings_revision=self._steering().revision,
            settings=self.settings_in_force(),
            lost_samples=learner.pair.lost if learner else 0,
            clock_ahead_seconds=contact.clock_ahead_seconds,
            skipped=self._serving.stopwatch.skipped,
            waiting_samples=learner.behind if learner else 0,
            verdict=update.verdict,
            carried_samples=sum(learner.pair.carried.values()) if learner else 0,
            own_labels_dropped=self._serving.own_labels_dropped,
            publisher=self._publisher.status(update.in_use.digest if update.in_use else ""),
        )

    def settings_in_force(self) -> SettingsInForce:
        """What an operator may steer, as it is in force."""
        settings = self._serving.settings
        return SettingsInForce(
            exemplar_bytes_max=settings.exemplar_bytes_max,
            shrinkage=settings.shrinkage,
            learning_paused=settings.learning_paused,
            retention_days=settings.retention_days,
        )

    def vital_signs(self) -> VitalSigns:
        """How process and host are."""
        stopwatch = self._serving.stopwatch
        return VitalSigns(
            uptime_seconds=int(self._clock.monotonic() - self._started),
            resident_bytes=self._host.resident_bytes(),
            state_bytes=self._folder.size_bytes(),
            disk_free_bytes=self._folder.free_bytes(),
            predictions=stopwatch.answered,
            prediction_errors=stopwatch.refused,
            prediction_p50_micros=stopwatch.percentile_micros(50),
            prediction_p99_micros=stopwatch.percentile_micros(99),
        )

    def signs(self, contact: Contact) -> LearningSigns:
        """How the world looks to the device."""
        learner, serving = self._serving.learner, self._serving
        told = LearningSigns(
            skipped=serving.stopwatch.skipped,
            learning_p50_micros=serving.lessons.percentile_micros(50),
            clock_off_seconds=min(abs(contact.clock_ahead_seconds), UINT32_MAX),
        )
        if learner is None:
            return told
        record, (judged, novel) = learner.tracker.record, learner.tracker.novelties()
        error = record.calibration.error_after
        return replace(
            told,
            novelty_samples=judged,
            novelty_novel=novel,
            calibration_samples=record.calibration.samples,
            calibration_error_permille=round(1000 * min(1.0, error)),
            drift_permille=round(1000 * record.drift),
            drift_alarms=record.alarms_since(self._clock.wall() - DAY_SECONDS),
            waiting_samples=learner.behind,
        )

    def counters(self) -> LearningCounters:
        """Learning in counts only."""
        figures = self._serving.figures()
        return LearningCounters(
            samples=figures.learned,
            classes=figures.classes,
            select_samples=figures.select,
            judge_samples=figures.judge,
            exemplars=figures.exemplars,
            exemplar_bytes=figures.exemplar_bytes,
            window_samples=figures.window,
            window_correct=figures.window_correct,
            window_last_label_correct=figures.window_last_label_correct,
        )


def _update_status(update: UpdateState, probation: ProbationStatus | None) -> UpdateStatus:
    return UpdateStatus(
        generation=update.generation,
        digest=update.wanted,
        phase=update.phase.value,
        failure=update.failure.value if update.failure else "",
        hold=update.hold.value if update.hold else "",
        missing_bytes=update.missing_bytes,
        pinned=update.pinned,
        probation=probation,
    )
