"""What a message says, in words for the device's owner."""

from datetime import UTC, datetime

from agent.federation.standing import ConsentNote
from agent.reporting import DeviceFacts, DiagnosisAnswer, Report
from fieldwise.diagnosis import ALLOWED_SETTINGS, Diagnosis, DiagnosisStep, Trouble
from fieldwise.federation import Consent, FederationReport
from fieldwise.ledger import LedgerHead
from fieldwise.trust import PublisherReport
from fieldwise.verdict import PairedCounts, Verdict

CONSENTS = {
    Consent.OFF: "nothing of its heads leave",
    Consent.WEIGHTS: "means and counts of the classes leave that its settings share",
    Consent.STATISTICS: "sums, counts and scatter of the classes leave that its settings share",
}


def enrolment(facts: DeviceFacts, fleet: str) -> str:
    return (
        f"asks to join {fleet} as agent {facts.agent_version} on {facts.architecture} with"
        f" {facts.memory_bytes:,} bytes of memory and {facts.processors} processors"
    )


def check_in(report: Report) -> str:
    """Every number of a report, so that the ledger shows all that was told."""
    update, vital, learning, signs = (
        report.update,
        report.vital_signs,
        report.learning,
        report.signs,
    )
    pair = f"{update.in_use.digest[:12]} {update.in_use.variant}" if update.in_use else "none"
    return "; ".join(
        (
            f"report {report.incarnation}.{report.sequence} of agent {report.agent_version}",
            f"settings {report.settings_revision}",
            f"backbone {pair}",
            f"update to {update.wanted[:12] or 'none'} of generation {update.generation}",
            f"phase {update.phase}, failure {update.failure or 'none'}",
            f"hold {update.hold or 'none'}",
            f"runs on {report.execution_provider}",
            *([_verdict(update.verdict)] if update.verdict else []),
            f"{learning.samples:,} samples of {learning.classes:,} classes learned",
            f"{learning.select_samples:,} and {learning.judge_samples:,} set aside",
            f"{learning.exemplars:,} images kept in {learning.exemplar_bytes:,} bytes",
            f"last {learning.window_samples:,}: {learning.window_correct:,} right",
            f"{learning.window_last_label_correct:,} by the last label",
            f"up {vital.uptime_seconds:,} s, memory {vital.resident_bytes:,} bytes",
            f"state {vital.state_bytes:,} bytes, {vital.disk_free_bytes:,} free",
            f"{vital.predictions:,} predictions, {vital.prediction_errors:,} refused",
            f"p50 {vital.prediction_p50_micros:,} us, p99 {vital.prediction_p99_micros:,} us",
            f"{signs.novelty_novel:,} of {signs.novelty_samples:,} new",
            f"sure off {signs.calibration_error_permille}/1000 of {signs.calibration_samples:,}",
            f"drift {signs.drift_permille}/1000, {signs.drift_alarms:,} alarms",
            f"{signs.skipped:,} skipped, {signs.waiting_samples:,} wait",
            f"learned in {signs.learning_p50_micros:,} us, clock off {signs.clock_off_seconds:,} s",
            f"diagnoses {report.diagnosis_rule}",
            *([_federation(report.federation)] if report.federation else []),
            *([_ledger(report.ledger)] if report.ledger else []),
            *([_publisher(report.publisher)] if report.publisher else []),
            *([f"trusts revision {report.trust_revision}"] if report.trust_revision else []),
        )
    )


def unsigned(bundle: str) -> str:
    """What an owner brings although no publisher vouches for it."""
    return f"the owner brings backbone {bundle} into use, and asks no publisher about it"


def consent(note: ConsentNote) -> str:
    """What an owner lets leave, in words that say what it is."""
    if note.until is None:
        return f"from now on the owner lets {CONSENTS[note.consent]}"
    until = datetime.fromtimestamp(note.until, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"until {until} the owner lets {CONSENTS[note.consent]}"


def diagnosis(answer: DiagnosisAnswer) -> str:
    """What a request is answered; of a diagnosis what it says, so far as a line holds."""
    if answer.diagnosis is not None:
        return f"gives the diagnosis {answer.id}: {_diagnosis(answer.diagnosis)}"
    if answer.step is DiagnosisStep.REFUSED:
        return f"refuses the diagnosis {answer.id}"
    return f"says that its owner is asked about the diagnosis {answer.id}"


def _diagnosis(found: Diagnosis) -> str:
    system = f"{found.system}, kernel {found.kernel}, {found.architecture}"
    return "; ".join(
        (
            f"agent {found.agent_version}, Python {found.python_version}, {system}",
            f"{len(ALLOWED_SETTINGS)} settings, the counters of a report",
            f"what left so far of {len(found.sent)} kinds",
            f"{found.troubles_noticed:,} errors noticed",
            *map(_trouble, found.troubles),
        )
    )


def _trouble(trouble: Trouble) -> str:
    name = trouble.fault or trouble.exception or "another's exception"
    frames = f" in {len(trouble.frames)} frames to {trouble.frames[-1]}" if trouble.frames else ""
    return f"{name} {trouble.times:,} times{frames}"


def _verdict(verdict: Verdict) -> str:
    """All numbers of a verdict; 700 bytes where each has its most digits."""
    critical = f"; critical {_counts(verdict.critical)}" if verdict.critical else ""
    times = (
        verdict.old_p50_micros,
        verdict.old_p99_micros,
        verdict.new_p50_micros,
        verdict.new_p99_micros,
    )
    return (
        f"verdict {verdict.judgement} of generation {verdict.generation}, {verdict.basis}:"
        f" {_counts(verdict.overall)}{critical}; us {'/'.join(map(str, times))};"
        f" {verdict.agreed} of {verdict.compared} agreed, sure"
        f" {verdict.old_confidence_permille}/{verdict.new_confidence_permille},"
        f" novel {verdict.old_novel}/{verdict.new_novel}"
    )


def _federation(found: FederationReport) -> str:
    """All of a report; 150 bytes where each number has its most digits."""
    head = f"head {found.head_campaign or 'none'}.{found.head_version}"
    judged = f" {_counts(found.judged)}" if found.judged else ""
    return (
        f"federation {found.consent}, round {found.campaign or 'none'}.{found.round}"
        f" {found.step or 'none'}, {head} {found.outcome or 'none'}{judged},"
        f" {found.blend_permille}/1000 of others"
    )


def _ledger(head: LedgerHead) -> str:
    altered = f", altered {head.alterations:,} times" if head.alterations else ""
    return f"ledger ends with {head.number:,} {head.digest[:12]}{altered}"


def _publisher(found: PublisherReport) -> str:
    trouble = f" {found.trouble}" if found.trouble else ""
    versions = f"{found.root_version}.{found.targets_version}"
    return f"publisher {versions}, floor {found.floor_epoch}{trouble}"


def _counts(counts: PairedCounts) -> str:
    samples = (counts.both_right, counts.only_old, counts.only_new, counts.both_wrong)
    scenes = (counts.scenes, counts.scenes_worse, counts.scenes_better)
    return f"{'/'.join(map(str, samples))} in scenes {'/'.join(map(str, scenes))}"
