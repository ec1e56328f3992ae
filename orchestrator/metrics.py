"""Every metric of the orchestrator, by Prometheus' rules for names, in one place.

Figures of the fleet are distributions and counts over devices, never a series for each: a label may
only hold words that this file lists, method names, the twenty most used backbones, and the ten
newest rollouts of which devices may still move. However large the fleet grows, a scrape stays as
long as it is; ``fieldwise_metrics_series`` says how long.

Counters are raised by ``rpc.interceptors`` as calls end. Gauges show the newest ``Snapshot``, which
a loop takes every few seconds, so that scrapers cost the database nothing. The gRPC metrics have
the names and labels of go-grpc-prometheus, for which dashboards exist.
"""

from collections.abc import Iterator, Mapping, Sequence

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import GaugeHistogramMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from fieldwise.update import UpdateFailure
from orchestrator.fleet.device import DeviceState
from orchestrator.metric_names import (
    BACKBONE_DEVICES,
    BUILD,
    CALLS_HANDLED,
    CALLS_SECONDS,
    CALLS_STARTED,
    CERTIFICATES,
    CHECK_INS,
    DEVICE_ACCURACY,
    DEVICES,
    DOWNLOAD_BYTES,
    DOWNLOADS,
    ENROLMENTS,
    FAILED_DEVICES,
    LOOP_FAILURES,
    MESSAGES_RECEIVED,
    MESSAGES_SENT,
    ROLLOUT_DEVICES,
    ROLLOUT_INFO,
    ROLLOUT_LOSS,
    ROLLOUT_LOSS_BOUND,
    ROLLOUT_WAVE,
    ROLLOUTS,
    SERIES,
    SNAPSHOT_TIME,
    TICKETS,
    Entry,
    Loop,
    Result,
)
from orchestrator.rollout.phases import Phase
from orchestrator.rollout.places import Place
from orchestrator.survey import EXPIRING_DAYS, Snapshot

# They double the series of every counter and nobody asks for them.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library leaves it untyped

ACCURACY_BOUNDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 1.0)
SECONDS_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600)

# Which calls also count under a name of their own.
COUNTED: Mapping[str, Entry] = {
    "/fieldwise.v1alpha1.Device/CheckIn": CHECK_INS,
    "/fieldwise.v1alpha1.Enrolment/Enrol": ENROLMENTS,
    "/fieldwise.v1alpha1.Device/Download": DOWNLOADS,
}
RESULTS: Mapping[str, Result] = {
    "OK": Result.OK,
    "UNAUTHENTICATED": Result.REFUSED,
    "PERMISSION_DENIED": Result.REFUSED,
    "INVALID_ARGUMENT": Result.INVALID,
    "NOT_FOUND": Result.MISSING,
    "RESOURCE_EXHAUSTED": Result.BUSY,
    "CANCELLED": Result.CANCELLED,
}


class FleetMetrics:
    """The metrics of one orchestrator, in a registry of their own.

    Args:
        version: Version of this program.
    """

    def __init__(self, version: str) -> None:
        self.registry = CollectorRegistry()
        self._calls_started = self._counter(CALLS_STARTED)
        self._calls_handled = self._counter(CALLS_HANDLED)
        self._received = self._counter(MESSAGES_RECEIVED)
        self._sent = self._counter(MESSAGES_SENT)
        self._seconds = Histogram(
            CALLS_SECONDS.name,
            CALLS_SECONDS.text,
            CALLS_SECONDS.labels,
            buckets=SECONDS_BOUNDS,
            registry=self.registry,
        )
        self._results = {entry: self._counter(entry) for entry in COUNTED.values()}
        self._download_bytes = self._counter(DOWNLOAD_BYTES)
        self._loop_failures = self._counter(LOOP_FAILURES)
        self._series = Gauge(SERIES.name, SERIES.text, registry=self.registry)
        Gauge(BUILD.name, BUILD.text, BUILD.labels, registry=self.registry).labels(version).set(1)
        self._fleet = _FleetCollector()
        self.registry.register(self._fleet)
        ProcessCollector(registry=self.registry)
        self._show_zeros()

    def call_started(self, kind: str, service: str, method: str) -> None:
        self._calls_started.labels(kind, service, method).inc()

    def call_ended(self, kind: str, service: str, method: str, code: str, seconds: float) -> None:
        """Count a call that ended with a gRPC status, by its name as in ``grpc.StatusCode``."""
        self._calls_handled.labels(kind, service, method, _camel(code)).inc()
        self._seconds.labels(kind, service, method).observe(seconds)
        entry = COUNTED.get(f"/{service}/{method}")
        if entry is not None:
            self._results[entry].labels(RESULTS.get(code, Result.FAILED)).inc()

    def message_received(self, kind: str, service: str, method: str) -> None:
        self._received.labels(kind, service, method).inc()

    def message_sent(self, kind: str, service: str, method: str) -> None:
        self._sent.labels(kind, service, method).inc()

    def downloaded(self, size: int) -> None:
        self._download_bytes.inc(size)

    def loop_failed(self, loop: Loop) -> None:
        self._loop_failures.labels(loop).inc()

    def show(self, snapshot: Snapshot) -> None:
        """Let every later scrape see this snapshot, and count what a scrape holds."""
        self._fleet.snapshot = snapshot
        self._series.set(self.count_series())

    def count_series(self) -> int:
        return sum(len(family.samples) for family in self.registry.collect())

    def _counter(self, entry: Entry) -> Counter:
        return Counter(entry.name, entry.text, entry.labels, registry=self.registry)

    def _show_zeros(self) -> None:
        """A counter that starts at its first event hides that event from ``rate``."""
        for counter in self._results.values():
            for result in Result:
                counter.labels(result)
        for loop in Loop:
            self._loop_failures.labels(loop)


class _FleetCollector(Collector):
    def __init__(self) -> None:
        self.snapshot = Snapshot()

    def collect(self) -> Iterator[Family]:
        seen = self.snapshot
        yield _gauge(DEVICES, {state: seen.states.get(state, 0) for state in DeviceState})
        yield _gauge(BACKBONE_DEVICES, seen.backbones)
        yield _distribution(DEVICE_ACCURACY, seen.accuracies)
        yield _gauge(FAILED_DEVICES, {each: seen.failures.get(each, 0) for each in UpdateFailure})
        yield _gauge(ROLLOUTS, {phase: seen.phases.get(phase, 0) for phase in Phase})
        yield from _rollouts(seen)
        within = {str(days): seen.expiring.get(days, 0) for days in EXPIRING_DAYS}
        yield _gauge(CERTIFICATES, within)
        yield GaugeMetricFamily(TICKETS.name, TICKETS.text, seen.tickets_open)
        yield GaugeMetricFamily(SNAPSHOT_TIME.name, SNAPSHOT_TIME.text, seen.taken_at)


def _rollouts(seen: Snapshot) -> Iterator[Family]:
    devices, info, wave, loss, bound = (
        GaugeMetricFamily(entry.name, entry.text, labels=entry.labels)
        for entry in (ROLLOUT_DEVICES, ROLLOUT_INFO, ROLLOUT_WAVE, ROLLOUT_LOSS, ROLLOUT_LOSS_BOUND)
    )
    for place in Place:
        devices.add_metric(["other", place], seen.other_places.get(place, 0))
    for rollout in seen.rollouts:
        counts, finding = rollout.counts, rollout.finding
        for place in Place:
            devices.add_metric([rollout.id, place], counts.get(place, 0))
        outcome = finding.outcome if finding else ""
        told = [rollout.id, rollout.title, rollout.phase, rollout.reason or "", outcome]
        info.add_metric(told, 1)
        wave.add_metric([rollout.id], rollout.wave + 1)
        if finding is not None and finding.mean_loss is not None:
            loss.add_metric([rollout.id], finding.mean_loss)
        if finding is not None and finding.upper is not None:
            bound.add_metric([rollout.id], finding.upper)
    yield from (devices, info, wave, loss, bound)


def _gauge(entry: Entry, values: Mapping[str, int]) -> Family:
    family = GaugeMetricFamily(entry.name, entry.text, labels=entry.labels)
    for label, value in values.items():
        family.add_metric([str(label)], value)
    return family


def _distribution(entry: Entry, values: Sequence[float]) -> Family:
    within = [(str(bound), sum(value <= bound for value in values)) for bound in ACCURACY_BOUNDS]
    return GaugeHistogramMetricFamily(
        entry.name,
        entry.text,
        buckets=[*((le, float(count)) for le, count in within), ("+Inf", float(len(values)))],
        gsum_value=sum(values),
    )


def _camel(code: str) -> str:
    """``NOT_FOUND`` as go-grpc-prometheus spells it: ``NotFound``; OK stays OK."""
    return code if code == "OK" else "".join(word.capitalize() for word in code.split("_"))
