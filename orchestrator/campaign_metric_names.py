"""Name, kind, labels and meaning of the metrics of federation; ``metric_names`` lists them all.

A campaign is a label, as a rollout is: of those that run or offer a head, the 10 newest.
"""

from orchestrator.metric_entry import Entry, Kind

CAMPAIGN_INFO = Entry(
    "fieldwise_campaign_info",
    Kind.GAUGE,
    "Always 1, for each of the 10 newest campaigns that run or offer a head: its backbone, its"
    " strategy, what it asks owners for, and its phase.",
    ("campaign", "backbone", "strategy", "level", "phase"),
)
CAMPAIGN_ROUNDS = Entry(
    "fieldwise_campaign_rounds",
    Kind.GAUGE,
    "Rounds of the campaign that have ended, by how; it only rises. Unchanged are those in which"
    " too few devices had anything new.",
    ("campaign", "outcome"),
)
ROUND_DEVICES = Entry(
    "fieldwise_campaign_round_devices",
    Kind.GAUGE,
    "Devices of the campaign's newest round: those asked, and of them those whose update was taken,"
    " that have nothing new beside what they gave before, that declined, and whose update was"
    " refused.",
    ("campaign", "answer"),
)
ROUND_BYTES = Entry(
    "fieldwise_campaign_round_bytes",
    Kind.GAUGE,
    "Bytes of the updates that were taken in the campaign's newest round.",
    ("campaign",),
)
ROUND_STARTED = Entry(
    "fieldwise_campaign_round_start_timestamp_seconds",
    Kind.GAUGE,
    "When the campaign's newest round was opened, seconds since 1970.",
    ("campaign",),
)
HEAD_VERSION = Entry(
    "fieldwise_campaign_head_version",
    Kind.GAUGE,
    "Version of the head that the campaign offers; 0 for none.",
    ("campaign",),
)
HEAD_BYTES = Entry(
    "fieldwise_campaign_head_bytes",
    Kind.GAUGE,
    "Size of the head that the campaign offers, which every device of it fetches once.",
    ("campaign",),
)
HEAD_DEVICES = Entry(
    "fieldwise_campaign_head_devices",
    Kind.GAUGE,
    "Devices that judged the head that the campaign offers, by what came of it.",
    ("campaign", "outcome"),
)
GAIN = Entry(
    "fieldwise_campaign_gain_ratio",
    Kind.DISTRIBUTION,
    "Accuracy gained on held-out samples by blending with that head, adopted or not, -1 to 1.",
    ("campaign",),
)
AGGREGATOR_FAILURES = Entry(
    "fieldwise_aggregator_failures_total",
    Kind.COUNTER,
    "Aggregators that ended while their campaign ran, or could not be started.",
)

OF_CAMPAIGNS = (
    CAMPAIGN_INFO,
    CAMPAIGN_ROUNDS,
    ROUND_DEVICES,
    ROUND_BYTES,
    ROUND_STARTED,
    HEAD_VERSION,
    HEAD_BYTES,
    HEAD_DEVICES,
    GAIN,
)
