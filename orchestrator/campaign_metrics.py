"""The metrics of federation: gauges of the newest look at campaigns."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

from prometheus_client.core import GaugeHistogramMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from fieldwise.federation import HeadOutcome
from orchestrator.campaign_metric_names import (
    CAMPAIGN_INFO,
    CAMPAIGN_ROUNDS,
    GAIN,
    HEAD_BYTES,
    HEAD_DEVICES,
    HEAD_VERSION,
    ROUND_BYTES,
    ROUND_DEVICES,
    ROUND_STARTED,
)
from orchestrator.federation.campaign import Campaign
from orchestrator.federation.surveying import CampaignFigures
from orchestrator.metric_entry import Entry

Sample = tuple[tuple[str, ...], float]


class CampaignCollector(Collector):
    """Shows the campaigns that were counted last; none while another replica tells of them."""

    def __init__(self) -> None:
        self.figures: Sequence[CampaignFigures] | None = None

    def collect(self) -> Iterator[Family]:
        if (seen := self.figures) is None:
            return
        yield _family(CAMPAIGN_INFO, ((_told(each.campaign), 1.0) for each in seen))
        yield _family(CAMPAIGN_ROUNDS, (one for each in seen for one in _rounds(each.campaign)))
        yield _family(ROUND_DEVICES, (one for each in seen for one in _answers(each.campaign)))
        yield from _newest(seen)
        yield _family(HEAD_DEVICES, (one for each in seen for one in _outcomes(each)))
        yield _gains(seen)


def _newest(seen: Sequence[CampaignFigures]) -> Iterator[Family]:
    campaigns = [each.campaign for each in seen]
    with_round = [(each.id, each.round) for each in campaigns if each.round is not None]
    yield _family(ROUND_BYTES, (((name,), each.tally.bytes) for name, each in with_round))
    yield _family(ROUND_STARTED, (((name,), each.opened_at) for name, each in with_round))
    heads = [(each.id, each.head) for each in campaigns]
    yield _family(HEAD_VERSION, (((name,), each.version if each else 0) for name, each in heads))
    yield _family(HEAD_BYTES, (((name,), each.bytes if each else 0) for name, each in heads))


def _told(campaign: Campaign) -> tuple[str, ...]:
    plan = campaign.plan
    return campaign.id, campaign.title, plan.strategy, plan.level, campaign.phase


def _rounds(campaign: Campaign) -> Iterator[Sample]:
    counts = {
        "committed": campaign.committed,
        "missed": campaign.missed,
        "unchanged": campaign.unchanged,
        "dropped": campaign.dropped,
    }
    return _labelled(campaign, counts)


def _answers(campaign: Campaign) -> Iterator[Sample]:
    if campaign.round is None:
        return iter(())
    tally = campaign.round.tally
    counts = {
        "asked": tally.asked,
        "taken": tally.taken,
        "declined": tally.declined,
        "refused": tally.refused,
        "unchanged": tally.unchanged,
    }
    return _labelled(campaign, counts)


def _outcomes(seen: CampaignFigures) -> Iterator[Sample]:
    return _labelled(seen.campaign, {each: seen.outcomes.get(each, 0) for each in HeadOutcome})


def _labelled(campaign: Campaign, counts: Mapping[str, int]) -> Iterator[Sample]:
    return (((campaign.id, name), count) for name, count in counts.items())


def _gains(seen: Sequence[CampaignFigures]) -> Family:
    family = GaugeHistogramMetricFamily(GAIN.name, GAIN.text, labels=GAIN.labels)
    for each in seen:
        spread = each.gains
        ends = (*map(str, spread.bounds), "+Inf")
        within = map(float, accumulate(spread.devices))
        buckets = list(zip(ends, within, strict=True))
        family.add_metric([each.campaign.id], buckets=buckets, gsum_value=spread.total)
    return family


def _family(entry: Entry, samples: Iterator[Sample]) -> Family:
    family = GaugeMetricFamily(entry.name, entry.text, labels=entry.labels)
    for labels, value in samples:
        family.add_metric(list(labels), value)
    return family
