"""Name, kind, labels and meaning of the metrics of signed backbones."""

from orchestrator.metric_entry import Entry, Kind

METADATA_LEFT = Entry(
    "fieldwise_metadata_left_seconds",
    Kind.GAUGE,
    "For how long signed metadata of backbones still holds, by role; targets is the list.",
    ("role",),
)
METADATA_LEFT_RATIO = Entry(
    "fieldwise_metadata_left_ratio",
    Kind.GAUGE,
    "The share of its life that is left, of what this server signs by itself: anew at a half.",
    ("role",),
)
OF_TRUST = (METADATA_LEFT, METADATA_LEFT_RATIO)
