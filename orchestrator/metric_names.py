"""Name, kind, labels and meaning of every metric; docs/reference.md is made from this list."""

from collections.abc import Mapping
from enum import StrEnum

from orchestrator.audit_metric_names import OF_AUDIT
from orchestrator.campaign_metric_names import AGGREGATOR_FAILURES, OF_CAMPAIGNS
from orchestrator.fleet.readings import Measure
from orchestrator.identity_metric_names import OF_IDENTITIES
from orchestrator.joining_metric_names import APPLICANTS, JOINS
from orchestrator.metric_entry import Entry, Kind
from orchestrator.trust_metric_names import OF_TRUST


class Result(StrEnum):
    """How a call ended, as operators count it."""

    OK = "ok"
    REFUSED = "refused"
    INVALID = "invalid"
    MISSING = "missing"
    BUSY = "busy"
    CANCELLED = "cancelled"
    FAILED = "failed"


class Excess(StrEnum):
    """What a caller had too much of who is told to come back later."""

    DEVICE_RATE = "device-rate"
    DEVICE_CALLS = "device-calls"
    ADDRESS_RATE = "address-rate"
    ADDRESS_CALLS = "address-calls"
    EVERYBODY_RATE = "everybody-rate"
    EVERYBODY_CALLS = "everybody-calls"
    GUESSES = "guesses"


class Loop(StrEnum):
    """What the orchestrator does by itself again and again."""

    RECONCILE = "reconcile"
    FLUSH = "flush"
    METRICS = "metrics"
    READINESS = "readiness"
    LEAD = "lead"
    FEDERATE = "federate"
    JOINING = "joining"
    TRUST = "trust"
    AUDIT = "audit"
    DENY = "deny"
    ROTATE = "rotate"


def _spread(name: str, text: str) -> Entry:
    return Entry(name, Kind.DISTRIBUTION, text)


_CALL = ("grpc_type", "grpc_service", "grpc_method")

DEVICES = Entry(
    "fieldwise_devices",
    Kind.GAUGE,
    "Devices by the state they are seen in.",
    ("state",),
)
BACKBONE_DEVICES = Entry(
    "fieldwise_backbone_devices",
    Kind.GAUGE,
    "Devices by NAME:VERSION of the backbone in use: the 20 most used, then other.",
    ("backbone",),
)
TARGET_DEVICES = Entry(
    "fieldwise_target_devices",
    Kind.GAUGE,
    "Devices by NAME:VERSION of the backbone that rollouts want on them: the 20 most wanted, then"
    " other.",
    ("backbone",),
)
COHORT_DEVICES = Entry(
    "fieldwise_cohort_devices",
    Kind.GAUGE,
    "Devices by value of the tag that metrics_tag names and by state: the 20 cohorts with most"
    " devices, then other; none has those without the tag.",
    ("cohort", "state"),
)
COHORT_ACCURACY = Entry(
    "fieldwise_cohort_accuracy_ratio",
    Kind.GAUGE,
    "Mean accuracy over the devices of those cohorts that know theirs, 0 to 1.",
    ("cohort",),
)
COHORT_ACCURACY_DEVICES = Entry(
    "fieldwise_cohort_accuracy_devices",
    Kind.GAUGE,
    "Devices of those cohorts that know their accuracy.",
    ("cohort",),
)
WORST_ACCURACY = Entry(
    "fieldwise_worst_device_accuracy_ratio",
    Kind.GAUGE,
    "Accuracy of the devices that are least often right, as many as metrics_worst_devices says.",
    ("device",),
)
WORST_SILENCE = Entry(
    "fieldwise_worst_device_last_seen_age_seconds",
    Kind.GAUGE,
    "Time since the devices were heard of that are silent longest, as many as that says.",
    ("device",),
)
AGENT_DEVICES = Entry(
    "fieldwise_agent_devices",
    Kind.GAUGE,
    "Devices by version of the agent: the 10 most used, then other; unknown where it says none.",
    ("version",),
)
UPDATE_DEVICES = Entry(
    "fieldwise_update_devices", Kind.GAUGE, "Devices by the phase of their update.", ("phase",)
)
HELD_DEVICES = Entry(
    "fieldwise_update_held_devices",
    Kind.GAUGE,
    "Devices whose update waits for their owner's rules, by what it waits for.",
    ("hold",),
)
SPREADS: Mapping[Measure, Entry] = {
    Measure.ACCURACY: _spread(
        "fieldwise_device_accuracy_ratio",
        "Test-then-train accuracy over the last window of labelled samples, 0 to 1.",
    ),
    Measure.SILENCE: _spread(
        "fieldwise_device_last_seen_age_seconds", "Time since a device was last heard of."
    ),
    Measure.LOSS: _spread(
        "fieldwise_device_verdict_loss_ratio",
        "Accuracy lost by the newest backbone on held-out samples, -1 to 1; below 0 is a gain.",
    ),
    Measure.CALIBRATION_ERROR: _spread(
        "fieldwise_device_calibration_error_ratio",
        "Expected calibration error of confidences on held-out samples, 0 to 1.",
    ),
    Measure.DRIFT: _spread(
        "fieldwise_device_drift_ratio",
        "How near a device's nearest drift detector is to an alarm, 0 to 1.",
    ),
    Measure.DRIFT_ALARMS: _spread(
        "fieldwise_device_drift_alarms", "Alarms of a device's drift detectors in the last day."
    ),
    Measure.NOVEL: _spread(
        "fieldwise_device_novel_ratio", "Share of the last 1,000 predictions that were told new."
    ),
    Measure.LEARNED: _spread("fieldwise_device_learned_samples", "Samples learned in all."),
    Measure.LEARNING_SECONDS: _spread(
        "fieldwise_device_learning_seconds", "Median time from a taught image to its being learned."
    ),
    Measure.WAITING: _spread(
        "fieldwise_device_waiting_samples", "Recorded samples that wait to be learned."
    ),
    Measure.SKIPPED: _spread(
        "fieldwise_device_skipped_ratio",
        "Share of frames that a device was not ready for, since its agent started.",
    ),
    Measure.PREDICTION_SECONDS: _spread(
        "fieldwise_device_prediction_seconds",
        "99th percentile of the last 1,000 predictions, image to answer.",
    ),
    Measure.PREDICTION_ERRORS: _spread(
        "fieldwise_device_prediction_error_ratio",
        "Share of predictions that were refused, since the agent started.",
    ),
    Measure.RESIDENT_BYTES: _spread(
        "fieldwise_device_resident_bytes", "Memory of the agent's process."
    ),
    Measure.DISK_FREE_BYTES: _spread(
        "fieldwise_device_disk_free_bytes", "Room that is left where a device keeps its state."
    ),
    Measure.CLOCK_OFF: _spread(
        "fieldwise_device_clock_offset_seconds",
        "By how much a device's clock is off the orchestrator's, either way.",
    ),
}
FAILED_DEVICES = Entry(
    "fieldwise_update_failed_devices",
    Kind.GAUGE,
    "Devices whose newest update failed, by reason.",
    ("reason",),
)
ROLLOUTS = Entry(
    "fieldwise_rollouts",
    Kind.GAUGE,
    "Rollouts of which devices may still move, by phase.",
    ("phase",),
)
ROLLOUT_DEVICES = Entry(
    "fieldwise_rollout_devices",
    Kind.GAUGE,
    "Devices of those rollouts by where they stand: the 10 newest, the rest as other.",
    ("rollout", "place"),
)
ROLLOUT_INFO = Entry(
    "fieldwise_rollout_info",
    Kind.GAUGE,
    "Always 1, for each of the 10 newest of those rollouts: its backbone, its phase and the reason,"
    " and what the gate says of the wave that is open.",
    ("rollout", "backbone", "phase", "reason", "outcome"),
)
ROLLOUT_WAVE = Entry(
    "fieldwise_rollout_wave", Kind.GAUGE, "Wave that is open, from 1 on.", ("rollout",)
)
ROLLOUT_STARTED = Entry(
    "fieldwise_rollout_start_timestamp_seconds",
    Kind.GAUGE,
    "When the rollout was started, seconds since 1970.",
    ("rollout",),
)
ROLLOUT_LOSS = Entry(
    "fieldwise_rollout_mean_loss_ratio",
    Kind.GAUGE,
    "Mean loss of accuracy over the devices that compared, 0.02 for 2 points.",
    ("rollout",),
)
ROLLOUT_LOSS_BOUND = Entry(
    "fieldwise_rollout_loss_bound_ratio",
    Kind.GAUGE,
    "The mean loss is below it, however often one looks.",
    ("rollout",),
)
CERTIFICATES = Entry(
    "fieldwise_certificates_expiring",
    Kind.GAUGE,
    "Devices whose newest certificate ends within so many days; 0 has ended.",
    ("days",),
)
TICKETS = Entry("fieldwise_tickets_open", Kind.GAUGE, "Tickets that still admit a device.")
SNAPSHOT_TIME = Entry(
    "fieldwise_snapshot_timestamp_seconds",
    Kind.GAUGE,
    "When the fleet was last counted for these gauges, seconds since 1970.",
)
ROLLOUT_EVENTS = Entry(
    "fieldwise_rollout_events_total",
    Kind.COUNTER,
    "What happened to rollouts after their start, by event and by who made it happen.",
    ("event", "actor"),
)
ROLLOUT_SECONDS = Entry(
    "fieldwise_rollout_duration_seconds",
    Kind.HISTOGRAM,
    "Time from the start of a rollout to its end, by how it ended.",
    ("phase",),
)
UPDATES_ENDED = Entry(
    "fieldwise_updates_ended_total",
    Kind.COUNTER,
    "Updates of which a device first told how they ended, by phase and reason.",
    ("phase", "reason"),
)
LEDGERS_REWRITTEN = Entry(
    "fieldwise_ledgers_rewritten_total",
    Kind.COUNTER,
    "Times that rewriting of a device's ledger showed, by how: lost, different, altered.",
    ("how",),
)
LEADER = Entry(
    "fieldwise_leader", Kind.GAUGE, "1 while this replica leads and tells of the fleet, else 0."
)
READY = Entry("fieldwise_ready", Kind.GAUGE, "1 while the database answers, else 0.")
DISK_FREE = Entry(
    "fieldwise_disk_free_bytes",
    Kind.GAUGE,
    "Room that is left where the orchestrator keeps data and bundles, where these are folders.",
    ("folder",),
)
DISK_SIZE = Entry("fieldwise_disk_bytes", Kind.GAUGE, "Size of those disks.", ("folder",))
REPORTS_WAITING = Entry(
    "fieldwise_reports_waiting", Kind.GAUGE, "Reports of devices that wait to be written."
)
LOOP_SECONDS = Entry(
    "fieldwise_loop_seconds",
    Kind.HISTOGRAM,
    "Time that a turn of one of the orchestrator's own loops took.",
    ("loop",),
)
LATE_SECONDS = Entry(
    "fieldwise_event_loop_delay_seconds",
    Kind.HISTOGRAM,
    "How late the process came to what was due: it grows before a core is full.",
)
CHECK_INS = Entry("fieldwise_check_ins_total", Kind.COUNTER, "Check-ins by result.", ("result",))
ENROLMENTS = Entry("fieldwise_enrolments_total", Kind.COUNTER, "Enrolments by result.", ("result",))
DOWNLOADS = Entry(
    "fieldwise_downloads_total", Kind.COUNTER, "Downloads of bundle files by result.", ("result",)
)
DOWNLOAD_BYTES = Entry(
    "fieldwise_download_bytes_total", Kind.COUNTER, "Bytes of bundle files sent to devices."
)
THROTTLED = Entry(
    "fieldwise_calls_throttled_total",
    Kind.COUNTER,
    "Calls that were put off since somebody called too often, by method and by what was too much.",
    ("method", "reason"),
)
LOOP_FAILURES = Entry(
    "fieldwise_loop_failures_total",
    Kind.COUNTER,
    "Turns of the orchestrator's own loops that failed and will be tried again.",
    ("loop",),
)
SERIES = Entry("fieldwise_metrics_series", Kind.GAUGE, "Series in a scrape of this orchestrator.")
BUILD = Entry(
    "fieldwise_build_info", Kind.GAUGE, "Always 1; the label is the version.", ("version",)
)
CALLS_STARTED = Entry(
    "grpc_server_started_total", Kind.COUNTER, "Calls started on the server.", _CALL
)
CALLS_HANDLED = Entry(
    "grpc_server_handled_total",
    Kind.COUNTER,
    "Calls ended on the server, whatever the status.",
    (*_CALL, "grpc_code"),
)
MESSAGES_RECEIVED = Entry(
    "grpc_server_msg_received_total", Kind.COUNTER, "Messages received in calls.", _CALL
)
MESSAGES_SENT = Entry("grpc_server_msg_sent_total", Kind.COUNTER, "Messages sent in calls.", _CALL)
CALLS_SECONDS = Entry(
    "grpc_server_handling_seconds",
    Kind.HISTOGRAM,
    "Time from the start of a call to its end on the server.",
    _CALL,
)

CATALOGUE = (
    DEVICES,
    BACKBONE_DEVICES,
    TARGET_DEVICES,
    COHORT_DEVICES,
    COHORT_ACCURACY,
    COHORT_ACCURACY_DEVICES,
    WORST_ACCURACY,
    WORST_SILENCE,
    AGENT_DEVICES,
    *SPREADS.values(),
    UPDATE_DEVICES,
    HELD_DEVICES,
    FAILED_DEVICES,
    UPDATES_ENDED,
    LEDGERS_REWRITTEN,
    ROLLOUTS,
    ROLLOUT_DEVICES,
    ROLLOUT_INFO,
    ROLLOUT_WAVE,
    ROLLOUT_STARTED,
    ROLLOUT_LOSS,
    ROLLOUT_LOSS_BOUND,
    ROLLOUT_EVENTS,
    ROLLOUT_SECONDS,
    *OF_CAMPAIGNS,
    AGGREGATOR_FAILURES,
    CERTIFICATES,
    TICKETS,
    APPLICANTS,
    *OF_TRUST,
    SNAPSHOT_TIME,
    CHECK_INS,
    ENROLMENTS,
    JOINS,
    DOWNLOADS,
    DOWNLOAD_BYTES,
    THROTTLED,
    *OF_IDENTITIES,
    *OF_AUDIT,
    LEADER,
    READY,
    REPORTS_WAITING,
    DISK_FREE,
    DISK_SIZE,
    LOOP_FAILURES,
    LOOP_SECONDS,
    LATE_SECONDS,
    SERIES,
    BUILD,
    CALLS_STARTED,
    CALLS_HANDLED,
    MESSAGES_RECEIVED,
    MESSAGES_SENT,
    CALLS_SECONDS,
)
