"""Name, kind, labels and meaning of the metrics of joining."""

from orchestrator.metric_entry import Entry, Kind

APPLICANTS = Entry(
    "fieldwise_applicants_waiting",
    Kind.GAUGE,
    "Devices that brought a ticket and wait to be accepted.",
)
JOINS = Entry(
    "fieldwise_joins_total",
    Kind.COUNTER,
    "Requests of devices to join by what came of them: a device that waits asks again and again.",
    ("outcome",),
)
