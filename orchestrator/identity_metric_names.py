"""The metrics of the identity of devices: who is kept out, who came back, whom devices trust."""

from orchestrator.metric_entry import Entry, Kind

TRUST_REVISION = Entry(
    "fieldwise_trust_revision", Kind.GAUGE, "What devices should trust, as this replica knows."
)
TRUST_OLDEST = Entry(
    "fieldwise_trust_revision_oldest", Kind.GAUGE, "The lowest that a member reports; 0 for none."
)
TRUST_BEHIND = Entry(
    "fieldwise_devices_trust_behind", Kind.GAUGE, "Members that have not reported the newest one."
)
DENIED = Entry(
    "fieldwise_devices_denied", Kind.GAUGE, "Members that may not call, as this replica knows."
)
REVIVALS = Entry(
    "fieldwise_revivals_total",
    Kind.COUNTER,
    "Devices that slept past their certificate and asked for another, by whether they got one.",
    ("result",),
)
CALLS_SHUT_OUT = Entry(
    "fieldwise_calls_shut_out_total",
    Kind.COUNTER,
    "Calls under way that were ended: their device was denied or removed, or its certificate over.",
)

OF_IDENTITIES: tuple[Entry, ...] = (
    DENIED,
    CALLS_SHUT_OUT,
    REVIVALS,
    TRUST_REVISION,
    TRUST_OLDEST,
    TRUST_BEHIND,
)
