"""The metrics of signed backbones: gauges of the newest look at metadata."""

from collections.abc import Iterator, Sequence

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family

from orchestrator.trust.upkeep import Remaining
from orchestrator.trust_metric_names import METADATA_LEFT, METADATA_LEFT_RATIO


def trust_families(metadata: Sequence[Remaining]) -> Iterator[Family]:
    """Yield what is shown of metadata; nothing of what there is none of."""
    left, share = (
        GaugeMetricFamily(entry.name, entry.text, labels=entry.labels)
        for entry in (METADATA_LEFT, METADATA_LEFT_RATIO)
    )
    for each in metadata:
        left.add_metric([each.role.value], each.seconds)
        if each.share is not None:
            share.add_metric([each.role.value], each.share)
    yield from (left, share)
