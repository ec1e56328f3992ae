"""Name, kind, labels and meaning of every metric; docs/reference.md is made from this list."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    DISTRIBUTION = "distribution over devices"


class Result(StrEnum):
    """How a call ended, as operators count it."""

    OK = "ok"
    REFUSED = "refused"
    INVALID = "invalid"
    MISSING = "missing"
    BUSY = "busy"
    CANCELLED = "cancelled"
    FAILED = "failed"


class Loop(StrEnum):
    """What the orchestrator does by itself again and again."""

    RECONCILE = "reconcile"
    FLUSH = "flush"
    METRICS = "metrics"
    READINESS = "readiness"


@dataclass(frozen=True, slots=True)
class Entry:
    """One metric; a distribution appears as NAME_bucket with label ``le``, _gcount and _gsum."""

    name: str
    kind: Kind
    text: str
    labels: tuple[str, ...] = ()


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
DEVICE_ACCURACY = Entry(
    "fieldwise_device_accuracy_ratio",
    Kind.DISTRIBUTION,
    "Test-then-train accuracy of each device over its last window of labelled samples, 0 to 1.",
)
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
CHECK_INS = Entry("fieldwise_check_ins_total", Kind.COUNTER, "Check-ins by result.", ("result",))
ENROLMENTS = Entry("fieldwise_enrolments_total", Kind.COUNTER, "Enrolments by result.", ("result",))
DOWNLOADS = Entry(
    "fieldwise_downloads_total", Kind.COUNTER, "Downloads of bundle files by result.", ("result",)
)
DOWNLOAD_BYTES = Entry(
    "fieldwise_download_bytes_total", Kind.COUNTER, "Bytes of bundle files sent to devices."
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
    DEVICE_ACCURACY,
    FAILED_DEVICES,
    ROLLOUTS,
    ROLLOUT_DEVICES,
    ROLLOUT_INFO,
    ROLLOUT_WAVE,
    ROLLOUT_LOSS,
    ROLLOUT_LOSS_BOUND,
    CERTIFICATES,
    TICKETS,
    SNAPSHOT_TIME,
    CHECK_INS,
    ENROLMENTS,
    DOWNLOADS,
    DOWNLOAD_BYTES,
    LOOP_FAILURES,
    SERIES,
    BUILD,
    CALLS_STARTED,
    CALLS_HANDLED,
    MESSAGES_RECEIVED,
    MESSAGES_SENT,
    CALLS_SECONDS,
)
