"""A real Prometheus scrapes a real orchestrator: every documented metric is there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fieldwise.v1alpha1 import device_pb2
from orchestrator.campaign_metric_names import OF_CAMPAIGNS
from orchestrator.metric_entry import Entry, Kind
from orchestrator.metric_names import (
    CATALOGUE,
    ROLLOUT_INFO,
    ROLLOUT_LOSS,
    ROLLOUT_LOSS_BOUND,
    ROLLOUT_STARTED,
    ROLLOUT_WAVE,
    TARGET_DEVICES,
)
from tests.bundles import tiny_bundle
from tests.orchestrators import Member, Orchestrator, join, serving
from tests.services.programs import prometheus, query, wait_for

pytestmark = [pytest.mark.services, pytest.mark.timeout(1800)]
OF_A_ROLLOUT = (
    ROLLOUT_INFO,
    ROLLOUT_WAVE,
    ROLLOUT_STARTED,
    ROLLOUT_LOSS,
    ROLLOUT_LOSS_BOUND,
    TARGET_DEVICES,
)


def series_of(entry: Entry) -> list[str]:
    match entry.kind:
        case Kind.HISTOGRAM:
            return [f"{entry.name}_{part}" for part in ("bucket", "sum", "count")]
        case Kind.DISTRIBUTION:
            return [f"{entry.name}_{part}" for part in ("bucket", "gsum", "gcount")]
        case _:
            return [entry.name]


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[Orchestrator]:
    """An orchestrator with a device that has a backbone in use and an accuracy."""
    flags = ("--metrics-seconds=1", "--metrics-tag=site", "--metrics-worst-devices=1")
    with serving(tmp_path / "data", *flags) as running:
        member = join(running.json("ticket", "create", "--tag=site=berlin")["token"])
        member.check_in(
            bundle_in_use=b"\x01" * 32,
            learning={"window_samples": 200, "window_correct": 150},
        )
        yield running


def test_every_metric_of_the_catalogue_is_scraped(busy: Orchestrator, tmp_path: Path) -> None:
    with prometheus(tmp_path, busy.told["metrics_address"]) as base:
        wait_for(base, "fieldwise_device_accuracy_ratio_gcount == 1")
        # What campaigns have is asked of a fleet that federates, in test_dashboards.
        absent = {*OF_A_ROLLOUT, *OF_CAMPAIGNS}
        told = [entry for entry in CATALOGUE if entry not in absent]
        missing = [name for entry in told for name in series_of(entry) if not query(base, name)]
        assert missing == []
        assert query(base, 'fieldwise_devices{state="healthy"} == 1')
        assert query(base, 'fieldwise_backbone_devices{backbone="unknown"} == 1')
        within = query(base, 'fieldwise_device_accuracy_ratio_bucket{le="0.8"} == 1')
        below = query(base, 'fieldwise_device_accuracy_ratio_bucket{le="0.7"} == 0')
        assert within
        assert below
        assert query(base, 'fieldwise_check_ins_total{result="ok"} == 1')
        assert query(base, 'fieldwise_cohort_devices{cohort="berlin",state="healthy"} == 1')
        assert query(base, 'fieldwise_cohort_accuracy_ratio{cohort="berlin"} == 0.75')
        assert query(base, "fieldwise_worst_device_accuracy_ratio == 0.75")
        assert query(base, 'fieldwise_enrolments_total{result="ok"} == 1')
        handled = 'grpc_server_handled_total{grpc_method="CheckIn",grpc_code="OK"} == 1'
        assert query(base, handled)
        assert query(base, "up == 1")


def obeying(member: Member, lost: int) -> None:
    """A device that took its target, and lost so many of 40 samples by it."""
    target = member.check_in().target
    overall = {"both_right": 40 - lost, "only_old": lost, "scenes": 40, "scenes_worse": lost}
    member.check_in(
        sequence=2,
        generation=target.generation,
        bundle_in_use=target.bundle_digest,
        update={
            "generation": target.generation,
            "bundle_digest": target.bundle_digest,
            "phase": device_pb2.UPDATE_PHASE_ACTIVE,
        },
        verdict={
            "generation": target.generation,
            "judgement": device_pb2.JUDGEMENT_ACCEPTED,
            "basis": device_pb2.VERDICT_BASIS_LABELLED,
            "overall": overall,
        },
    )


def test_a_rollout_under_way_is_scraped_with_what_its_gate_found(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "tiny.bundle")
    with serving(tmp_path / "data", "--metrics-seconds=1") as running:
        ticket = running.json("ticket", "create", "--uses=3")["token"]
        first, second, _silent = [join(ticket) for _ in range(3)]
        pushed = running.json("backbone", "push", str(bundle))["backbone"]
        running.json("rollout", "start", f"{pushed['name']}:{pushed['version']}")
        obeying(first, 0)
        obeying(second, 1)
        with prometheus(tmp_path, running.told["metrics_address"]) as base:
            for entry in OF_A_ROLLOUT:
                assert wait_for(base, entry.name)
            assert wait_for(base, 'fieldwise_rollout_devices{rollout="r1",place="healthy"} == 2')
            assert wait_for(base, 'fieldwise_rollout_mean_loss_ratio{rollout="r1"} == 0.0125')


def test_the_series_that_a_scrape_has_are_the_series_that_are_told(
    busy: Orchestrator, tmp_path: Path
) -> None:
    with prometheus(tmp_path, busy.told["metrics_address"]) as base:
        wait_for(base, "fieldwise_metrics_series > 100")
        told = "fieldwise_metrics_series - scalar(scrape_samples_scraped)"
        found = wait_for(base, f"abs({told}) <= 1")
        assert found
