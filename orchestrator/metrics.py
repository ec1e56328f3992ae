"""Every metric of the orchestrator, by Prometheus' rules for names, in one place.

Figures of the fleet are distributions and counts over devices, never a series for each: a label may
only hold words that this file lists, method names, the twenty most used backbones, the ten most
used versions of the agent, the twenty largest cohorts of one tag, the ten newest rollouts of which
devices may still move, as many campaigns, and, only where somebody asks, up to twenty of the worst
devices. However large the fleet grows, a scrape stays as long as it is;
``fieldwise_metrics_series`` says how long.

Counters are raised by ``rpc.interceptors`` as calls end. Gauges show the newest ``Snapshot``, which
a loop takes every few seconds, so that scrapers cost the database nothing. The gRPC metrics have
the names and labels of go-grpc-prometheus, for which dashboards exist.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import accumulate, product

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

from fieldwise.update import UpdateFailure, UpdateHold, UpdatePhase
from orchestrator.audit_metrics import AuditMetrics
from orchestrator.campaign_metric_names import AGGREGATOR_FAILURES
from orchestrator.campaign_metrics import CampaignCollector
from orchestrator.enrolment.applicant import JoinOutcome
from orchestrator.federation.surveying import CampaignFigures
from orchestrator.fleet.device import DeviceState
from orchestrator.fleet.ledger import Rewriting
from orchestrator.fleet.readings import Spread
from orchestrator.identity_metrics import IdentityMetrics
from orchestrator.joining_metric_names import APPLICANTS, JOINS
from orchestrator.metric_entry import Entry
from orchestrator.metric_names import (
    AGENT_DEVICES,
    BACKBONE_DEVICES,
    BUILD,
    CALLS_HANDLED,
    CALLS_SECONDS,
    CALLS_STARTED,
    CERTIFICATES,
    CHECK_INS,
    COHORT_ACCURACY,
    COHORT_ACCURACY_DEVICES,
    COHORT_DEVICES,
    DEVICES,
    DISK_FREE,
    DISK_SIZE,
    DOWNLOAD_BYTES,
    DOWNLOADS,
    ENROLMENTS,
    FAILED_DEVICES,
    HELD_DEVICES,
    LATE_SECONDS,
    LEADER,
    LEDGERS_REWRITTEN,
    LOOP_FAILURES,
    LOOP_SECONDS,
    MESSAGES_RECEIVED,
    MESSAGES_SENT,
    READY,
    REPORTS_WAITING,
    ROLLOUT_DEVICES,
    ROLLOUT_EVENTS,
    ROLLOUT_INFO,
    ROLLOUT_LOSS,
    ROLLOUT_LOSS_BOUND,
    ROLLOUT_SECONDS,
    ROLLOUT_STARTED,
    ROLLOUT_WAVE,
    ROLLOUTS,
    SERIES,
    SNAPSHOT_TIME,
    SPREADS,
    TARGET_DEVICES,
    THROTTLED,
    TICKETS,
    UPDATE_DEVICES,
    UPDATES_ENDED,
    WORST_ACCURACY,
    WORST_SILENCE,
    Excess,
    Loop,
    Result,
)
from orchestrator.rollout.phases import Phase
from orchestrator.rollout.places import Place
from orchestrator.rollout.rollout import Actor, Event, Happening, Rollout
from orchestrator.survey import EXPIRING_DAYS, Snapshot
from orchestrator.trust_metrics import trust_families

# They double the series of every counter and nobody asks for them.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library leaves it untyped

SECONDS_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600)

MINUTE, HOUR, DAY = 60, 3600, 86_400
ROLLOUT_BOUNDS = (MINUTE, 10 * MINUTE, HOUR, 6 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 30 * DAY)

LATE_BOUNDS = (0.001, 0.01, 0.05, 0.1, 0.5, 1, 5)

# Which calls also count under a name of their own.
COUNTED: Mapping[str, Entry] = {
    "/fieldwise.v1alpha1.Device/CheckIn": CHECK_INS,
    "/fieldwise.v1alpha1.Enrolment/Enrol": ENROLMENTS,
    "/fieldwise.v1alpha1.Device/Download": DOWNLOADS,
}
OF_A_ROLLOUT = (
    ROLLOUT_DEVICES,
    ROLLOUT_INFO,
    ROLLOUT_WAVE,
    ROLLOUT_STARTED,
    ROLLOUT_LOSS,
    ROLLOUT_LOSS_BOUND,
)
ENDS = (Happening.COMPLETE, Happening.REVERTED, Happening.HELD, Happening.SUPERSEDED)
RESULTS: Mapping[str, Result] = {
    "OK": Result.OK,
    "UNAUTHENTICATED": Result.REFUSED,
    "PERMISSION_DENIED": Result.REFUSED,
    "INVALID_ARGUMENT": Result.INVALID,
    "NOT_FOUND": Result.MISSING,
    "RESOURCE_EXHAUSTED": Result.BUSY,
    "CANCELLED": Result.CANCELLED,
}


OF_DEVICES = frozenset({Excess.DEVICE_RATE, Excess.DEVICE_CALLS})


class FleetMetrics:
    """The metrics of one orchestrator, in a registry of their own.

    Args:
        version: Version of this program.
    """

    def __init__(self, version: str) -> None:
        self._counted = CollectorRegistry()
        self.registry = CollectorRegistry()
        self.registry.register(_SeriesCollector(self._counted))
        # Methods are few, and looking a series up costs more than counting in it.
        self._calls_started = cache(self._counter(CALLS_STARTED).labels)
        self._calls_handled = cache(self._counter(CALLS_HANDLED).labels)
        self._received = cache(self._counter(MESSAGES_RECEIVED).labels)
        self._sent = cache(self._counter(MESSAGES_SENT).labels)
        self._seconds = cache(self._histogram(CALLS_SECONDS, SECONDS_BOUNDS).labels)
        self._results = {entry: self._counter(entry) for entry in COUNTED.values()}
        self._download_bytes = self._counter(DOWNLOAD_BYTES)
        self._joins = self._counter(JOINS)
        for outcome in JoinOutcome:
            self._joins.labels(outcome)
        self._throttled = self._counter(THROTTLED)
        self._loop_failures = self._counter(LOOP_FAILURES)
        self._loop_seconds = self._histogram(LOOP_SECONDS, SECONDS_BOUNDS)
        self._late_seconds = self._histogram(LATE_SECONDS, LATE_BOUNDS)
        self._rollout_events = self._counter(ROLLOUT_EVENTS)
        self._rollout_seconds = self._histogram(ROLLOUT_SECONDS, ROLLOUT_BOUNDS)
        self._updates_ended = self._counter(UPDATES_ENDED)
        self._ledgers_rewritten = self._counter(LEDGERS_REWRITTEN)
        self._disk_free, self._disk_size = self._gauge(DISK_FREE), self._gauge(DISK_SIZE)
        self._leader = self._gauge(LEADER)
        self._gauge(BUILD).labels(version).set(1)
        self._aggregator_failures = self._counter(AGGREGATOR_FAILURES)
        self.audit = AuditMetrics(self._counted)
        self.identities = IdentityMetrics(self._counted)
        self._fleet, self._campaigns = _FleetCollector(), CampaignCollector()
        self._counted.register(self._fleet)
        self._counted.register(self._campaigns)
        ProcessCollector(registry=self._counted)
        self._show_zeros()

    def call_started(self, kind: str, service: str, method: str) -> None:
        self._calls_started(kind, service, method).inc()

    def call_ended(self, kind: str, service: str, method: str, code: str, seconds: float) -> None:
        """Count a call that ended with a gRPC status, by its name as in ``grpc.StatusCode``."""
        self._calls_handled(kind, service, method, _camel(code)).inc()
        self._seconds(kind, service, method).observe(seconds)
        entry = COUNTED.get(f"/{service}/{method}")
        if entry is not None:
            self._results[entry].labels(RESULTS.get(code, Result.FAILED)).inc()

    def message_received(self, kind: str, service: str, method: str) -> None:
        self._received(kind, service, method).inc()

    def message_sent(self, kind: str, service: str, method: str) -> None:
        self._sent(kind, service, method).inc()

    def asked_to_join(self, outcome: JoinOutcome) -> None:
        self._joins.labels(outcome).inc()

    def downloaded(self, size: int) -> None:
        self._download_bytes.inc(size)

    def throttled(self, method: str, excess: Excess) -> None:
        """Count a call that was put off since its caller calls too often."""
        self._throttled.labels(method, excess).inc()

    def loop_failed(self, loop: Loop) -> None:
        self._loop_failures.labels(loop).inc()

    def loop_ended(self, loop: Loop, seconds: float) -> None:
        self._loop_seconds.labels(loop).observe(seconds)

    def loop_late(self, seconds: float) -> None:
        """Hear by how much what was due began too late."""
        self._late_seconds.observe(seconds)

    def rollout_told(self, event: Event, rollout: Rollout) -> None:
        """Count what happened to a rollout, and how long it had run where that is its end."""
        self._rollout_events.labels(event.kind, event.actor).inc()
        if event.kind in ENDS:
            self._rollout_seconds.labels(event.kind).observe(event.at - rollout.created_at)

    def update_ended(self, phase: UpdatePhase, failure: UpdateFailure | None) -> None:
        self._updates_ended.labels(phase, failure or "").inc()

    def ledger_rewritten(self, how: Rewriting) -> None:
        self._ledgers_rewritten.labels(how).inc()

    def aggregator_ended(self) -> None:
        """Count an aggregator that ended while its campaign ran, or could not be started."""
        self._aggregator_failures.inc()

    def watch(self, is_ready: Callable[[], bool], reports_waiting: Callable[[], int]) -> None:
        """Ask for these at every scrape."""
        self._gauge(READY).set_function(lambda: float(is_ready()))
        self._gauge(REPORTS_WAITING).set_function(lambda: float(reports_waiting()))

    def watch_disk(self, folder: str, room: Callable[[], tuple[int, int]]) -> None:
        """Ask for bytes left and bytes in all of a disk at every scrape."""
        self._disk_free.labels(folder).set_function(lambda: float(room()[0]))
        self._disk_size.labels(folder).set_function(lambda: float(room()[1]))

    def leads(self, term: int | None) -> None:
        """Show whether this replica leads: of the fleet only a leader tells, so sums are right."""
        self._leader.set(term is not None)
        if term is None:
            self._fleet.snapshot, self._campaigns.figures = None, None

    def show(self, snapshot: Snapshot, campaigns: Sequence[CampaignFigures] = ()) -> None:
        """Let every later scrape see this snapshot."""
        self._fleet.snapshot, self._campaigns.figures = snapshot, campaigns

    def _counter(self, entry: Entry) -> Counter:
        return Counter(entry.name, entry.text, entry.labels, registry=self._counted)

    def _gauge(self, entry: Entry) -> Gauge:
        return Gauge(entry.name, entry.text, entry.labels, registry=self._counted)

    def _histogram(self, entry: Entry, bounds: Sequence[float]) -> Histogram:
        return Histogram(
            entry.name, entry.text, entry.labels, buckets=bounds, registry=self._counted
        )

    def _show_zeros(self) -> None:
        """A counter that starts at its first event hides that event from ``rate``."""
        for counter in self._results.values():
            for result in Result:
                counter.labels(result)
        for excess in Excess:
            first = "CheckIn" if excess in OF_DEVICES else "Enrol"
            self._throttled.labels(first, excess)
        for loop in Loop:
            self._loop_failures.labels(loop)
            self._loop_seconds.labels(loop)
        for happening, actor in product(Happening, Actor):
            if happening is not Happening.STARTED:  # what is counted comes after it
                self._rollout_events.labels(happening, actor)
        for end in ENDS:
            self._rollout_seconds.labels(end)
        self._updates_ended.labels(UpdatePhase.ACTIVE, "")
        for how in Rewriting:
            self._ledgers_rewritten.labels(how)
        for phase, failure in product((UpdatePhase.DECLINED, UpdatePhase.REVERTED), UpdateFailure):
            self._updates_ended.labels(phase, failure)


class _SeriesCollector(Collector):
    """Shows what a registry has, and how much that is: at every scrape, on every replica."""

    def __init__(self, counted: CollectorRegistry) -> None:
        self._counted = counted

    def collect(self) -> Iterator[Family]:
        series = 1  # the one that says so
        for family in self._counted.collect():
            series += len(family.samples)
            yield family
        yield GaugeMetricFamily(SERIES.name, SERIES.text, series)


class _FleetCollector(Collector):
    def __init__(self) -> None:
        self.snapshot: Snapshot | None = None

    def collect(self) -> Iterator[Family]:
        if (seen := self.snapshot) is None:
            return
        yield _gauge(DEVICES, {state: seen.states.get(state, 0) for state in DeviceState})
        yield _gauge(BACKBONE_DEVICES, seen.backbones)
        yield _gauge(TARGET_DEVICES, seen.targets)
        yield _gauge(AGENT_DEVICES, seen.agents)
        yield from _cohorts(seen)
        yield _gauge(WORST_ACCURACY, seen.worst.accuracies)
        yield _gauge(WORST_SILENCE, seen.worst.silences)
        for measure, entry in SPREADS.items():
            yield _distribution(entry, seen.spreads.get(measure))
        yield _gauge(UPDATE_DEVICES, {each: seen.updates.get(each, 0) for each in UpdatePhase})
        yield _gauge(HELD_DEVICES, {each: seen.holds.get(each, 0) for each in UpdateHold})
        yield _gauge(FAILED_DEVICES, {each: seen.failures.get(each, 0) for each in UpdateFailure})
        yield _gauge(ROLLOUTS, {phase: seen.phases.get(phase, 0) for phase in Phase})
        yield from _rollouts(seen)
        within = {str(days): seen.expiring.get(days, 0) for days in EXPIRING_DAYS}
        yield _gauge(CERTIFICATES, within)
        yield GaugeMetricFamily(TICKETS.name, TICKETS.text, seen.tickets_open)
        yield GaugeMetricFamily(APPLICANTS.name, APPLICANTS.text, seen.applicants)
        yield from trust_families(seen.metadata)
        yield GaugeMetricFamily(SNAPSHOT_TIME.name, SNAPSHOT_TIME.text, seen.taken_at)


def _cohorts(seen: Snapshot) -> Iterator[Family]:
    devices, accuracy, known = (
        GaugeMetricFamily(entry.name, entry.text, labels=entry.labels)
        for entry in (COHORT_DEVICES, COHORT_ACCURACY, COHORT_ACCURACY_DEVICES)
    )
    for name, cohort in seen.cohorts.items():
        for state in DeviceState:
            devices.add_metric([name, state], cohort.states.get(state, 0))
        known.add_metric([name], cohort.known)
        if cohort.accuracy is not None:
            accuracy.add_metric([name], cohort.accuracy)
    yield from (devices, accuracy, known)


def _rollouts(seen: Snapshot) -> Iterator[Family]:
    devices, info, wave, begun, loss, bound = (
        GaugeMetricFamily(entry.name, entry.text, labels=entry.labels) for entry in OF_A_ROLLOUT
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
        begun.add_metric([rollout.id], rollout.created_at)
        if finding is not None and finding.mean_loss is not None:
            loss.add_metric([rollout.id], finding.mean_loss)
        if finding is not None and finding.upper is not None:
            bound.add_metric([rollout.id], finding.upper)
    yield from (devices, info, wave, begun, loss, bound)


def _gauge(entry: Entry, values: Mapping[str, float]) -> Family:
    family = GaugeMetricFamily(entry.name, entry.text, labels=entry.labels)
    for label, value in values.items():
        family.add_metric([str(label)], value)
    return family


def _distribution(entry: Entry, spread: Spread | None) -> Family:
    """Show a distribution; before the first look, and of a measure without values, it has none."""
    family = GaugeHistogramMetricFamily(entry.name, entry.text)
    if spread is not None:
        within = accumulate(spread.devices)
        ends = (*map(str, spread.bounds), "+Inf")
        buckets = [(end, float(count)) for end, count in zip(ends, within, strict=True)]
        family.add_metric([], buckets=buckets, gsum_value=spread.total)
    return family


def _camel(code: str) -> str:
    """``NOT_FOUND`` as go-grpc-prometheus spells it: ``NotFound``; OK stays OK."""
    return code if code == "OK" else "".join(word.capitalize() for word in code.split("_"))
