"""Metrics: whatever the size of the fleet, a scrape has the same length."""

import random
from collections import Counter
from dataclasses import replace

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from fieldwise.trust import Role
from fieldwise.update import UpdateFailure, UpdatePhase
from orchestrator.fleet.device import DeviceState, Standing, Target
from orchestrator.fleet.ranking import Cohort, Worst
from orchestrator.fleet.readings import READINGS, Measure, spread_of, spreads_of
from orchestrator.fleet.report import UpdateReport
from orchestrator.metric_entry import Kind
from orchestrator.metric_names import CATALOGUE, Loop, Result
from orchestrator.metrics import COUNTED, RESULTS, FleetMetrics
from orchestrator.rollout.evidence import Finding, Outcome
from orchestrator.rollout.phases import Phase, Reason
from orchestrator.rollout.places import Place
from orchestrator.rollout.plan import Plan
from orchestrator.rollout.rollout import Actor, Event, Happening, Rollout
from orchestrator.survey import (
    AGENTS_MAX,
    BACKBONES_MAX,
    ROLLOUTS_MAX,
    Snapshot,
    snapshot_of,
)
from orchestrator.trust.upkeep import Remaining
from tests.campaigns import figures

NOW = 1_800_000_000.0
COUNTED_EVENTS = {"fieldwise_rollout_events_total", "fieldwise_updates_ended_total"}


def fleet(size: int, backbones: int) -> list[Standing]:
    chance = random.Random(size)
    return [
        Standing(
            f"d{index}",
            NOW - 1000,
            target=Target(1, "ab" * 32),
            seen_at=chance.choice([None, NOW - 1, NOW - 900]),
            bundle_in_use=f"{chance.randrange(backbones):064x}",
            update=UpdateReport(
                1, "ab" * 32, UpdatePhase.REVERTED, chance.choice([None, *UpdateFailure])
            ),
            agent_version=f"0.{chance.randrange(backbones)}.0",
        )
        for index in range(size)
    ]


def told(size: int) -> list[dict[str, int]]:
    """What so many devices report, anything from nothing to too much."""
    chance = random.Random(size)
    names = {name for each in READINGS.values() for name in (each.part, each.known, *each.whole)}
    return [{name: chance.choice([0, 1, 900, 2**40]) for name in names} for _ in range(size)]


def snapshot(size: int, backbones: int = BACKBONES_MAX) -> Snapshot:
    titles = {f"{number:064x}": f"lite0:{number}" for number in range(backbones)}
    plan, tally = Plan("lite0:1"), ({Place.WAITING: size},)
    finding = Finding(Outcome.OPEN, (), mean_loss=0.01, upper=0.02)
    rollout = Rollout(1, "ab" * 32, "lite0:1", "", NOW, plan, tally=tally, finding=finding)
    seen = snapshot_of(
        fleet(size, backbones),
        [rollout],
        titles,
        spreads_of(told(size)),
        expiring={0: 0, 1: size // 2, 7: size},
        tickets_open=size,
        now=NOW,
    )
    return replace(
        seen,
        cohorts={"berlin": Cohort({DeviceState.HEALTHY: size}, 0.75, size)},
        worst=Worst({"d1": 0.25}, {"d2": 900.0}),
        metadata=(Remaining(Role.TARGETS, 600.0, None), Remaining(Role.TIMESTAMP, 60.0, 0.5)),
    )


def samples(metrics: FleetMetrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text = generate_latest(metrics.registry).decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_two_thousand_devices_make_as_many_series_as_ten() -> None:
    lengths = {}
    for size, backbones in ((10, 3), (2000, 3), (2000, 300)):
        metrics = FleetMetrics("0.1.0")
        metrics.show(snapshot(size, backbones))
        lengths[size, backbones] = len(samples(metrics))
    assert lengths[2000, 3] == lengths[10, 3]
    more = BACKBONES_MAX + 1 - 3 + AGENTS_MAX + 1 - 3
    assert lengths[2000, 300] == lengths[10, 3] + more


def test_the_counts_of_a_gauge_add_up_to_the_fleet() -> None:
    metrics = FleetMetrics("0.1.0")
    metrics.show(snapshot(500, 40))
    shown = samples(metrics)
    totals: Counter[str] = Counter()
    for (name, _), value in shown.items():
        totals[name] += int(value)
    assert totals["fieldwise_devices"] == 500
    assert totals["fieldwise_backbone_devices"] == 500
    assert totals["fieldwise_rollout_devices"] == 500
    assert totals["fieldwise_rollouts"] == 1
    assert totals["fieldwise_agent_devices"] == 500
    assert totals["fieldwise_update_devices"] == 500
    assert shown["fieldwise_device_learned_samples_gcount", ()] == sum(
        each["sequence"] > 0 for each in told(500)
    )


def test_the_newest_rollouts_have_figures_of_their_own_and_the_rest_are_counted_together() -> None:
    finding = Finding(Outcome.CLOSED, (), mean_loss=0.05, upper=0.09)
    rollout = replace(
        Rollout(1, "ab" * 32, "lite0:1", "", NOW, Plan("lite0:1")),
        phase=Phase.REVERTING,
        reason=Reason.HARM,
        wave=1,
        finding=finding,
        tally=({Place.HEALTHY: 3}, {Place.FAILED: 2}),
    )
    many = [replace(rollout, number=number) for number in range(1, ROLLOUTS_MAX + 3)]
    metrics = FleetMetrics("0.1.0")
    metrics.show(snapshot_of([], many, {}, {}, expiring={}, tickets_open=0, now=NOW))
    shown = samples(metrics)
    told = (("place", "failed"), ("rollout", "r12"))
    assert shown["fieldwise_rollout_devices", told] == 2
    assert shown["fieldwise_rollout_devices", (("place", "failed"), ("rollout", "other"))] == 4
    labels = {"rollout": "r12", "backbone": "lite0:1", "phase": "reverting", "reason": "harm"}
    info = tuple(sorted({**labels, "outcome": "closed"}.items()))
    assert shown["fieldwise_rollout_info", info] == 1
    assert shown["fieldwise_rollout_wave", (("rollout", "r3"),)] == 2
    assert shown["fieldwise_rollout_mean_loss_ratio", (("rollout", "r3"),)] == 0.05
    assert shown["fieldwise_rollout_loss_bound_ratio", (("rollout", "r3"),)] == 0.09
    assert not [labels for _, labels in shown if ("rollout", "r2") in labels]


def test_accuracy_is_a_distribution_over_devices() -> None:
    metrics = FleetMetrics("0.1.0")
    bounds = READINGS[Measure.ACCURACY].bounds
    spread = spread_of(bounds, (0.0, 0.1, 0.55, 0.95, 1.0))
    metrics.show(Snapshot(spreads={Measure.ACCURACY: spread}))
    shown = samples(metrics)
    buckets = {
        dict(labels)["le"]: value
        for (name, labels), value in shown.items()
        if name == "fieldwise_device_accuracy_ratio_bucket"
    }
    assert (buckets["0.1"], buckets["0.5"], buckets["0.6"], buckets["1.0"]) == (2, 2, 3, 5)
    assert list(buckets.values()) == sorted(buckets.values())
    assert shown["fieldwise_device_accuracy_ratio_gsum", ()] == pytest.approx(2.6)


def test_a_backbone_without_a_title_is_counted_as_unknown() -> None:
    fleet = [Standing("d1", NOW, bundle_in_use="ff" * 32), Standing("d2", NOW)]
    seen = snapshot_of(fleet, [], {}, {}, expiring={}, tickets_open=0, now=NOW)
    assert seen.backbones == {"unknown": 1}


def test_what_happens_is_counted_by_what_and_by_whom() -> None:
    metrics = FleetMetrics("0.1.0")
    rollout = Rollout(1, "ab" * 32, "lite0:1", "", NOW - 3000, Plan("lite0:1"))
    metrics.rollout_told(Event(NOW - 60, Happening.REVERTING, Actor.GATE), rollout)
    metrics.rollout_told(Event(NOW, Happening.REVERTED, Actor.GATE), rollout)
    metrics.update_ended(UpdatePhase.REVERTED, UpdateFailure.CRASHED)
    metrics.update_ended(UpdatePhase.ACTIVE, None)
    shown = samples(metrics)
    counted = {key: value for key, value in shown.items() if value and key[0] in COUNTED_EVENTS}
    assert counted == {
        ("fieldwise_rollout_events_total", (("actor", "gate"), ("event", "reverting"))): 1,
        ("fieldwise_rollout_events_total", (("actor", "gate"), ("event", "reverted"))): 1,
        ("fieldwise_updates_ended_total", (("phase", "reverted"), ("reason", "crashed"))): 1,
        ("fieldwise_updates_ended_total", (("phase", "active"), ("reason", ""))): 1,
    }


def test_a_rollout_that_ends_tells_how_long_it_ran_and_one_that_goes_on_does_not() -> None:
    metrics = FleetMetrics("0.1.0")
    rollout = Rollout(1, "ab" * 32, "lite0:1", "", NOW - 3000, Plan("lite0:1"))
    metrics.rollout_told(Event(NOW, Happening.PAUSED, Actor.GATE), rollout)
    metrics.rollout_told(Event(NOW, Happening.COMPLETE, Actor.FLEET), rollout)
    name = "fieldwise_rollout_duration_seconds"
    shown = {
        dict(labels)["phase"]: value
        for (series, labels), value in samples(metrics).items()
        if series == f"{name}_sum"
    }
    assert shown == {"complete": 3000, "reverted": 0, "held": 0, "superseded": 0}


def test_cohorts_and_the_worst_devices_are_told_where_there_are_any() -> None:
    metrics = FleetMetrics("0.1.0")
    metrics.show(snapshot(4))
    shown = samples(metrics)
    cohort = (("cohort", "berlin"),)
    assert shown["fieldwise_cohort_devices", (*cohort, ("state", "healthy"))] == 4
    assert shown["fieldwise_cohort_devices", (*cohort, ("state", "offline"))] == 0
    assert shown["fieldwise_cohort_accuracy_ratio", cohort] == 0.75
    assert shown["fieldwise_cohort_accuracy_devices", cohort] == 4
    assert shown["fieldwise_worst_device_accuracy_ratio", (("device", "d1"),)] == 0.25
    assert shown["fieldwise_worst_device_last_seen_age_seconds", (("device", "d2"),)] == 900
    metrics.show(Snapshot())
    assert not [name for name, _ in samples(metrics) if "cohort" in name or "worst" in name]


def test_of_metadata_it_is_told_how_long_it_holds_and_the_share_that_the_server_signs() -> None:
    metrics = FleetMetrics("0.1.0")
    metrics.show(snapshot(1))
    shown = samples(metrics)
    left = "fieldwise_metadata_left_seconds"
    assert shown[left, (("role", "targets"),)] == 600
    assert shown[left, (("role", "timestamp"),)] == 60
    ratios = {labels: value for (name, labels), value in shown.items() if "left_ratio" in name}
    assert ratios == {(("role", "timestamp"),): 0.5}


def test_every_replica_tells_how_long_its_scrape_is_whether_it_leads_or_not() -> None:
    metrics = FleetMetrics("0.1.0")
    lengths = []
    for change in (lambda: None, lambda: metrics.show(snapshot(4)), lambda: metrics.leads(None)):
        change()
        shown = samples(metrics)
        assert shown["fieldwise_metrics_series", ()] == len(shown)
        lengths.append(len(shown))
    assert lengths[0] == lengths[2] < lengths[1]


def test_readiness_waiting_reports_and_disks_are_asked_for_at_every_scrape() -> None:
    metrics, waiting = FleetMetrics("0.1.0"), [1]
    metrics.watch(lambda: len(waiting) > 1, lambda: len(waiting))
    metrics.watch_disk("data", lambda: (1000 * len(waiting), 9000))
    first = samples(metrics)
    waiting.append(2)
    second = samples(metrics)
    for name, labels, values in (
        ("fieldwise_ready", (), (0, 1)),
        ("fieldwise_reports_waiting", (), (1, 2)),
        ("fieldwise_disk_free_bytes", (("folder", "data"),), (1000, 2000)),
        ("fieldwise_disk_bytes", (("folder", "data"),), (9000, 9000)),
    ):
        assert (first[name, labels], second[name, labels]) == values


@pytest.mark.parametrize(("code", "result"), RESULTS.items())
@pytest.mark.parametrize("path", COUNTED)
def test_a_call_is_counted_by_its_result(path: str, code: str, result: Result) -> None:
    metrics = FleetMetrics("0.1.0")
    service, method = path.strip("/").split("/")
    metrics.call_started("unary", service, method)
    metrics.call_ended("unary", service, method, code, 0.01)
    shown = samples(metrics)
    assert shown[COUNTED[path].name, (("result", result),)] == 1
    others = [value for (name, _), value in shown.items() if name == COUNTED[path].name]
    assert sum(others) == 1
    assert len(others) == len(Result)


def test_codes_are_spelled_as_dashboards_expect() -> None:
    metrics = FleetMetrics("0.1.0")
    for code in ("OK", "NOT_FOUND", "DEADLINE_EXCEEDED"):
        metrics.call_ended("unary", "s", "m", code, 0.01)
    codes = {
        dict(labels)["grpc_code"]
        for (name, labels) in samples(metrics)
        if name == "grpc_server_handled_total"
    }
    assert codes == {"OK", "NotFound", "DeadlineExceeded"}


def test_failures_of_loops_and_bytes_are_counted() -> None:
    metrics = FleetMetrics("0.1.0")
    metrics.loop_failed(Loop.FLUSH)
    metrics.downloaded(1000)
    metrics.downloaded(24)
    shown = samples(metrics)
    assert shown["fieldwise_loop_failures_total", (("loop", "flush"),)] == 1
    assert shown["fieldwise_loop_failures_total", (("loop", "metrics"),)] == 0
    assert shown["fieldwise_download_bytes_total", ()] == 1024


def test_nothing_is_shown_that_the_catalogue_does_not_have() -> None:
    metrics = FleetMetrics("0.1.0")
    metrics.call_started("unary", "s", "m")
    metrics.call_ended("unary", "s", "m", "OK", 0.1)
    metrics.message_received("unary", "s", "m")
    metrics.message_sent("unary", "s", "m")
    metrics.watch(lambda: True, lambda: 0)
    metrics.watch_disk("data", lambda: (1, 2))
    metrics.show(snapshot(3), (figures(),))
    known = {entry.name for entry in CATALOGUE}
    parts = {
        f"{entry.name}_{part}"
        for entry in CATALOGUE
        if entry.kind in {Kind.HISTOGRAM, Kind.DISTRIBUTION}
        for part in ("bucket", "count", "sum", "gcount", "gsum")
    }
    shown = {name for name, _ in samples(metrics)}
    assert {name for name in shown if not name.startswith("process_")} <= known | parts
    assert known - shown == {
        entry.name for entry in CATALOGUE if entry.kind in {Kind.HISTOGRAM, Kind.DISTRIBUTION}
    }


def test_names_follow_the_rules_of_prometheus() -> None:
    for entry in CATALOGUE:
        assert entry.name.startswith(("fieldwise_", "grpc_server_"))
        assert (entry.kind is Kind.COUNTER) == entry.name.endswith("_total")
        assert entry.text.endswith(".")


def test_a_snapshot_counts_phases_states_and_failures() -> None:
    seen = snapshot(40)
    assert seen.phases == {Phase.RUNNING: 1}
    assert sum(seen.states.values()) == 40
    assert set(seen.states) == set(DeviceState)
    failed = replace(
        fleet(1, 1)[0], update=UpdateReport(1, None, UpdatePhase.REVERTED, UpdateFailure.DISK_FULL)
    )
    only = snapshot_of([failed], [], {}, {}, expiring={}, tickets_open=0, now=NOW)
    assert only.failures == {UpdateFailure.DISK_FULL: 1}


def test_of_the_fleet_only_a_leader_tells() -> None:
    metrics = FleetMetrics("0.1.0")
    of_the_fleet = ("fieldwise_devices", (("state", "healthy"),))
    assert of_the_fleet not in samples(metrics)
    metrics.leads(1)
    metrics.show(snapshot(3))
    assert of_the_fleet in samples(metrics)
    assert samples(metrics)["fieldwise_leader", ()] == 1
    metrics.leads(None)
    assert of_the_fleet not in samples(metrics)
    assert samples(metrics)["fieldwise_leader", ()] == 0
