"""Name, kind and meaning of the metrics of the audit log."""

from orchestrator.metric_entry import Entry, Kind

AUDIT_HEAD = Entry(
    "fieldwise_audit_head_entry",
    Kind.GAUGE,
    "Number of the newest entry of the audit log, told by the leader; it never falls.",
)
AUDIT_FIRST = Entry(
    "fieldwise_audit_first_entry",
    Kind.GAUGE,
    "Number of the oldest entry of the audit log that is not pruned, told by the leader.",
)
AUDIT_FAILURES = Entry(
    "fieldwise_audit_failures_total",
    Kind.COUNTER,
    "Ends and refusals that could not be written into the audit log.",
)
OF_AUDIT = (AUDIT_HEAD, AUDIT_FIRST, AUDIT_FAILURES)
