"""Metrics of campaigns: counts by campaign, and gains as a distribution over devices."""

from dataclasses import replace

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from fieldwise.federation import Consent, HeadOutcome
from fieldwise.verdict import PairedCounts
from orchestrator.campaign_metric_names import AGGREGATOR_FAILURES, OF_CAMPAIGNS
from orchestrator.federation.campaign import Campaign, HeadVersion
from orchestrator.federation.surveying import (
    CAMPAIGNS_MAX,
    CampaignFigures,
    CampaignSurvey,
    gain_of,
)
from orchestrator.metrics import FleetMetrics
from orchestrator.storage.memory import memory_stores
from orchestrator.storage.stores import Stores
from orchestrator.survey import Snapshot
from tests import campaigns
from tests.fleet_records import NOW


def samples(metrics: FleetMetrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text = generate_latest(metrics.registry).decode()
    return {
        (one.name, tuple(sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def shown(*seen: CampaignFigures) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    metrics = FleetMetrics("0.1.0")
    metrics.show(Snapshot(), seen)
    return samples(metrics)


def test_a_campaign_tells_its_rounds_its_devices_and_its_head() -> None:
    found = shown(campaigns.figures())
    name = ("campaign", "c1")
    for metric, labels, value in (
        ("campaign_rounds", (name, ("outcome", "committed")), 2),
        ("campaign_rounds", (name, ("outcome", "missed")), 1),
        ("campaign_round_devices", (("answer", "asked"), name), 8),
        ("campaign_round_devices", (("answer", "taken"), name), 4),
        ("campaign_round_devices", (("answer", "declined"), name), 2),
        ("campaign_round_devices", (("answer", "refused"), name), 1),
        ("campaign_round_devices", (("answer", "unchanged"), name), 1),
        ("campaign_rounds", (name, ("outcome", "unchanged")), 4),
        ("campaign_round_bytes", (name,), 4096),
        ("campaign_round_start_timestamp_seconds", (name,), NOW),
        ("campaign_head_version", (name,), 2),
        ("campaign_head_bytes", (name,), 1000),
        ("campaign_head_devices", (name, ("outcome", "adopted")), 9),
        ("campaign_head_devices", (name, ("outcome", "harm")), 0),
    ):
        assert found[f"fieldwise_{metric}", labels] == value, metric


def test_gains_are_a_distribution_over_devices() -> None:
    found = shown(campaigns.figures())
    name = ("campaign", "c1")

    def within(end: str) -> float:
        return found["fieldwise_campaign_gain_ratio_bucket", (name, ("le", end))]

    assert (within("-0.2"), within("0.02"), within("0.05"), within("+Inf")) == (1, 1, 3, 3)
    assert found["fieldwise_campaign_gain_ratio_gsum", (name,)] == pytest.approx(-0.22)


def test_a_campaign_before_its_first_round_has_neither_round_nor_head() -> None:
    found = shown(CampaignFigures(campaigns.campaign(1)))
    assert found["fieldwise_campaign_head_version", (("campaign", "c1"),)] == 0
    assert not any(name == "fieldwise_campaign_round_bytes" for name, _ in found)


def test_everything_of_the_list_is_shown_with_its_labels() -> None:
    found = shown(campaigns.figures())
    for entry in OF_CAMPAIGNS:
        labels = {
            tuple(label for label, _ in each if label != "le")
            for name, each in found
            if name in {entry.name, f"{entry.name}_bucket"}
        }
        assert labels == {tuple(sorted(entry.labels))}, entry.name


def test_of_campaigns_only_a_leader_tells() -> None:
    metrics = FleetMetrics("0.1.0")
    metrics.leads(1)
    metrics.show(Snapshot(), (campaigns.figures(),))
    version = ("fieldwise_campaign_head_version", (("campaign", "c1"),))
    assert version in samples(metrics)
    metrics.leads(None)
    assert version not in samples(metrics)


def test_aggregators_that_end_are_counted_from_none_on() -> None:
    metrics = FleetMetrics("0.1.0")
    assert samples(metrics)[AGGREGATOR_FAILURES.name, ()] == 0
    metrics.aggregator_ended()
    assert samples(metrics)[AGGREGATOR_FAILURES.name, ()] == 1


def test_a_gain_is_the_share_of_samples_that_became_right() -> None:
    judged = PairedCounts(
        both_right=5, only_old=1, only_new=3, both_wrong=1, scenes=10, scenes_better=3
    )
    assert gain_of(campaigns.federated(Consent.WEIGHTS, judged=judged)) == pytest.approx(0.2)
    assert gain_of(campaigns.federated(Consent.WEIGHTS, judged=PairedCounts())) is None
    assert gain_of(campaigns.federated(Consent.WEIGHTS)) is None


@pytest.fixture
def stores() -> Stores:
    return memory_stores()


async def test_a_look_sees_the_newest_campaigns_and_no_more(stores: Stores) -> None:
    for _ in range(CAMPAIGNS_MAX + 3):
        await campaigns.started(stores)
    seen = await CampaignSurvey(stores.campaigns).figures()
    assert len(seen) == CAMPAIGNS_MAX
    assert seen[0].campaign.number == CAMPAIGNS_MAX + 3


async def test_a_look_counts_what_devices_made_of_the_head_that_is_offered(
    stores: Stores,
) -> None:
    await campaigns.partners(stores, "a", "b")
    asking = await campaigns.asking(stores, "a", "b")
    offered = HeadVersion(1, "ab" * 32, 10, NOW, round=1)
    await stores.campaigns.save(replace(asking, head=offered, version=1), head=offered)
    better = PairedCounts(both_right=1, only_new=1, scenes=2, scenes_better=1)
    for device, outcome, judged in (
        ("a", HeadOutcome.ADOPTED, better),
        ("b", HeadOutcome.TOO_FEW, None),
    ):
        told = campaigns.federated(
            Consent.WEIGHTS,
            head_campaign=asking.id,
            head_version=1,
            outcome=outcome,
            judged=judged,
        )
        await stores.contributions.tell(device, told)
    (seen,) = await CampaignSurvey(stores.campaigns).figures()
    assert seen.outcomes == {HeadOutcome.ADOPTED: 1, HeadOutcome.TOO_FEW: 1}
    assert (seen.gains.known, seen.gains.total) == (1, 0.5)
    assert isinstance(seen.campaign, Campaign)
