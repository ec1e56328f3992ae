"""When each alert fires and when it does not, as series by the minute.

Values are in promtool's notation: ``5x10`` is 5 eleven times, ``0+2x10`` rises by 2. ``promtool
test rules`` evaluates the rules over them with their own durations; ``exporting`` serves the same
series to a real Prometheus, with the durations cut short.
"""

from collections.abc import Mapping
from dataclasses import dataclass

Series = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Case:
    """An alert with series on which it fires, and series on which it must not.

    Attributes:
        firing: Something that a person should see.
        quiet: What resembles it and is no cause for alarm.
        after: When it has to fire, and not before half of that where it waits at all.
    """

    alert: str
    firing: Series
    quiet: Series
    after: str


def calls(method: str, code: str, values: str) -> Series:
    labels = f'grpc_service="fieldwise.v1alpha1.Device",grpc_method="{method}",grpc_code="{code}"'
    return {f"grpc_server_handled_total{{{labels}}}": values}


def lasting(method: str, within: str, of: str) -> Series:
    """Calls of which so many take at most a second, by the minute."""
    labels = f'grpc_service="fieldwise.v1alpha1.Device",grpc_method="{method}"'
    return {
        f'grpc_server_handling_seconds_bucket{{{labels},le="1"}}': within,
        f'grpc_server_handling_seconds_bucket{{{labels},le="2.5"}}': of,
        f'grpc_server_handling_seconds_bucket{{{labels},le="+Inf"}}': of,
    }


def spread(name: str, within: str, bound: str, of: str) -> Series:
    """Devices of which so many are within a bound."""
    return {
        f'{name}_bucket{{le="{bound}"}}': within,
        f'{name}_bucket{{le="+Inf"}}': of,
        f"{name}_gcount": of,
    }


def rounds(missed: str, committed: str) -> Series:
    """How the rounds of a campaign ended."""
    name = "fieldwise_campaign_rounds"
    return {
        f'{name}{{campaign="c1",outcome="missed"}}': missed,
        f'{name}{{campaign="c1",outcome="committed"}}': committed,
    }


def rollout(phase: str, reason: str, settled: str, waiting: str = "5x800") -> Series:
    told = f'rollout="r1",backbone="lite0:2",phase="{phase}",reason="{reason}",outcome="open"'
    return {
        f"fieldwise_rollout_info{{{told}}}": "1x800",
        'fieldwise_rollout_start_timestamp_seconds{rollout="r1"}': "0x800",
        'fieldwise_rollout_devices{rollout="r1",place="healthy"}': settled,
        'fieldwise_rollout_devices{rollout="r1",place="waiting"}': waiting,
    }


def devices(healthy: str, offline: str) -> Series:
    return {
        'fieldwise_devices{state="healthy"}': healthy,
        'fieldwise_devices{state="offline"}': offline,
    }


def accuracy(median: str, known: str, job: str = "one") -> Series:
    """Half of the devices are above 0.9; ``median`` of ten are at most at 0.5."""
    name = "fieldwise_device_accuracy_ratio"
    return {
        f'{name}_bucket{{job="{job}",le="0.5"}}': median,
        f'{name}_bucket{{job="{job}",le="0.9"}}': median,
        f'{name}_bucket{{job="{job}",le="1.0"}}': known,
        f'{name}_bucket{{job="{job}",le="+Inf"}}': known,
        f'{name}_gcount{{job="{job}"}}': known,
    }


def cohort(name: str, healthy: str, offline: str) -> Series:
    labels = f'cohort="{name}"'
    return {
        f'fieldwise_cohort_devices{{{labels},state="healthy"}}': healthy,
        f'fieldwise_cohort_devices{{{labels},state="offline"}}': offline,
    }


def right(cohort: str, accuracy: str, known: str) -> Series:
    """How often so many devices of a cohort are right."""
    return {
        f'fieldwise_cohort_accuracy_ratio{{cohort="{cohort}"}}': accuracy,
        f'fieldwise_cohort_accuracy_devices{{cohort="{cohort}"}}': known,
    }


def backbones(*counts: int) -> Series:
    named = {
        f'fieldwise_backbone_devices{{backbone="lite0:{number}"}}': f"{count}x2000"
        for number, count in enumerate(counts)
    }
    return {**devices("1000x2000", "0x2000"), **named}


CASES = (
    Case(
        "FieldwiseDown",
        {},
        {'fieldwise_build_info{version="0.1.0"}': "1x20"},
        "6m",
    ),
    Case(
        "FieldwiseDatabaseDown",
        {'fieldwise_ready{instance="a"}': "0x20", 'fieldwise_ready{instance="b"}': "0x20"},
        {'fieldwise_ready{instance="a"}': "0x20", 'fieldwise_ready{instance="b"}': "1x20"},
        "3m",
    ),
    Case(
        "FieldwiseNoLeader",
        {'fieldwise_leader{instance="a"}': "0x20", 'fieldwise_leader{instance="b"}': "0x20"},
        {'fieldwise_leader{instance="a"}': "0x20", 'fieldwise_leader{instance="b"}': "1x20"},
        "5m",
    ),
    Case(
        "FieldwiseFiguresOld",
        {"fieldwise_snapshot_timestamp_seconds": "0x30"},
        {"fieldwise_snapshot_timestamp_seconds": "0+60x30"},
        "12m",
    ),
    Case(
        "FieldwiseLoopFailing",
        {'fieldwise_loop_failures_total{loop="reconcile"}': "0+2x60"},
        {'fieldwise_loop_failures_total{loop="reconcile"}': "0x20 3x40"},
        "30m",
    ),
    Case(
        "FieldwiseGrpcErrors",
        {**calls("CheckIn", "OK", "0+60x60"), **calls("CheckIn", "Unavailable", "0+10x60")},
        {**calls("CheckIn", "OK", "0+60x60"), **calls("CheckIn", "PermissionDenied", "0+10x60")},
        "20m",
    ),
    Case(
        "FieldwiseGrpcSlow",
        lasting("CheckIn", "0+90x60", "0+100x60"),
        lasting("CheckIn", "0+999x60", "0+1000x60"),
        "20m",
    ),
    Case(
        "FieldwiseDiskFull",
        {
            'fieldwise_disk_free_bytes{folder="data"}': "5x60",
            'fieldwise_disk_bytes{folder="data"}': "100x60",
        },
        {
            'fieldwise_disk_free_bytes{folder="data"}': "15x60",
            'fieldwise_disk_bytes{folder="data"}': "100x60",
        },
        "20m",
    ),
    Case(
        "FieldwiseSeriesMany",
        {"fieldwise_metrics_series": "2500x60"},
        {"fieldwise_metrics_series": "800x60"},
        "20m",
    ),
    Case("FieldwiseDevicesSilent", devices("85x60", "15x60"), devices("95x60", "5x60"), "20m"),
    Case(
        "FieldwiseCohortSilent",
        {**cohort("east", "1x60", "4x60"), **cohort("west", "95x60", "0x60")},
        {**cohort("east", "3x60", "2x60"), **cohort("pair", "0x60", "2x60")},
        "20m",
    ),
    Case(
        "FieldwiseEnrolmentFailing",
        {'fieldwise_enrolments_total{result="refused"}': "0+1x60"},
        {
            'fieldwise_enrolments_total{result="refused"}': "0x10 1x50",
            'fieldwise_enrolments_total{result="ok"}': "0+5x60",
        },
        "15m",
    ),
    Case(
        "FieldwiseApplicantsWaiting",
        {"fieldwise_applicants_waiting": "0x10 2x1500"},
        {"fieldwise_applicants_waiting": "3x1000 0x1 3x600"},
        "1460m",
    ),
    Case(
        "FieldwiseCertificatesExpiring",
        {
            'fieldwise_certificates_expiring{days="0"}': "2x120",
            'fieldwise_certificates_expiring{days="1"}': "3x120",
        },
        {
            'fieldwise_certificates_expiring{days="0"}': "2x120",
            'fieldwise_certificates_expiring{days="1"}': "2x120",
            'fieldwise_certificates_expiring{days="7"}': "9x120",
        },
        "70m",
    ),
    Case(
        "FieldwiseMetadataExpiring",
        {'fieldwise_metadata_left_seconds{role="targets"}': "1200000x60"},
        {
            'fieldwise_metadata_left_seconds{role="root"}': "1300000x60",
            'fieldwise_metadata_left_seconds{role="timestamp"}': "43000x60",
            'fieldwise_metadata_left_ratio{role="timestamp"}': "0.5x60",
        },
        "12m",
    ),
    Case(
        "FieldwiseClocksOff",
        spread("fieldwise_device_clock_offset_seconds", "9x120", "60.0", "10x120"),
        spread("fieldwise_device_clock_offset_seconds", "99x120", "60.0", "100x120"),
        "70m",
    ),
    Case(
        "FieldwiseLedgerRewritten",
        {'fieldwise_ledgers_rewritten_total{how="lost"}': "0x10 1x60"},
        {'fieldwise_ledgers_rewritten_total{how="lost"}': "1x70"},
        "12m",
    ),
    Case(
        "FieldwiseAuditShortened",
        {"fieldwise_audit_head_entry": "40x10 38x60"},
        # It grows; and a replica that does not lead tells nothing of it.
        {
            'fieldwise_audit_head_entry{instance="a"}': "40x10 41x60",
            'fieldwise_audit_head_entry{instance="b"}': "0x70",
        },
        "20m",
    ),
    Case(
        "FieldwisePredictionsFailing",
        spread("fieldwise_device_prediction_error_ratio", "9x120", "0.05", "10x120"),
        spread("fieldwise_device_prediction_error_ratio", "99x120", "0.05", "100x120"),
        "40m",
    ),
    Case(
        "FieldwiseAccuracyRegressed",
        accuracy("2x1500 8x200", "10x1700"),
        # A little less; and yesterday only two devices knew theirs.
        {
            **accuracy("2x1500 3x200", "10x1700"),
            **accuracy("0x1500 8x200", "2x1500 10x200", job="another"),
        },
        "1630m",
    ),
    Case(
        "FieldwiseCohortRegressed",
        right("south", "0.9x1500 0.7x200", "6x1700"),
        {
            **right("south", "0.9x1500 0.85x200", "6x1700"),
            **right("new", "0.9x1500 0.7x200", "2x1500 6x200"),
            **right("small", "0.9x1500 0.7x200", "2x1700"),
            **right("other", "0.9x1500 0.7x200", "6x1700"),  # which cohorts these are may change
        },
        "1630m",
    ),
    Case(
        "FieldwiseDriftWidespread",
        spread("fieldwise_device_drift_alarms", "6x120", "0.0", "10x120"),
        spread("fieldwise_device_drift_alarms", "1x120", "0.0", "4x120"),  # too few to say so
        "70m",
    ),
    Case(
        "FieldwiseRolloutWaits",
        rollout("paused", "overdue", "3x800"),
        rollout("running", "", "3x800"),
        "70m",
    ),
    Case(
        "FieldwiseRolloutStuck",
        rollout("running", "", "3x800"),
        rollout("running", "", "3+1x800"),
        "480m",
    ),
    Case(
        "FieldwiseRolloutTurnedBack",
        {'fieldwise_rollout_events_total{event="reverting",actor="gate"}': "0x10 1x60"},
        {'fieldwise_rollout_events_total{event="reverting",actor="operator"}': "0x10 1x60"},
        "20m",
    ),
    Case(
        "FieldwiseRollbackRateHigh",
        {
            'fieldwise_updates_ended_total{phase="reverted",reason="crashed"}': "0+1x60",
            'fieldwise_updates_ended_total{phase="active",reason=""}': "0+3x60",
        },
        {
            'fieldwise_updates_ended_total{phase="reverted",reason="crashed"}': "0x10 1x60",
            'fieldwise_updates_ended_total{phase="active",reason=""}': "0+3x60",
        },
        "30m",
    ),
    Case(
        "FieldwiseBackboneSkew", backbones(400, 300, 200, 100), backbones(500, 490, 9, 1), "1500m"
    ),
    Case(
        "FieldwiseAggregatorFailing",
        {"fieldwise_aggregator_failures_total": "0+1x120"},
        {"fieldwise_aggregator_failures_total": "0x10 2x110"},
        "60m",
    ),
    Case(
        "FieldwiseRoundsMissed",
        rounds("0x200 4x400", "2x600"),
        rounds("0x200 4x400", "2x220 3x380"),
        "400m",
    ),
)
