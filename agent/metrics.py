"""The agent's own metrics for a Prometheus on the device or beside it: off unless a port is set.

They are what status and check-ins tell, with no class name, no id and no label whose words this
file does not list but the kinds of the ledger, the backbone in use and the agent's version. Nothing
is counted for them: a scrape reads what is there. They listen on this machine only.

This module alone knows prometheus_client, an extra of 3 MB that nobody pays for who has them off.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from agent.reporting import Total
from fieldwise.answers import LearningSigns, Status
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.update import UpdatePhase

HOST = "127.0.0.1"
PERMILLE, MICROS = 1e-3, 1e-6


@dataclass(frozen=True, slots=True)
class Told:
    """What a scrape tells: the status, the signs of a check-in, and what has left the device."""

    status: Status
    signs: LearningSigns
    left: dict[str, Total]


class AgentCollector(Collector):
    """Reads the agent at every scrape.

    Args:
        tell: What to show; called in the thread of a scrape.
    """

    def __init__(self, tell: Callable[[], Told]) -> None:
        self._tell = tell

    def collect(self) -> Iterator[Family]:
        told = self._tell()
        yield from _names(told.status)
        yield from _process(told.status)
        yield from _learning(told)
        yield from _fleet(told)


@contextmanager
def shown(port: int, tell: Callable[[], Told]) -> Iterator[int]:
    """Serve ``/metrics`` until the end of the context; yields the port, 0 taking a free one.

    Raises:
        FieldwiseError: ``SETTING_INVALID`` where the port is taken.
    """
    registry = CollectorRegistry()
    registry.register(AgentCollector(tell))
    ProcessCollector(registry=registry)
    try:
        server, thread = start_http_server(port, HOST, registry)
    except OSError as error:
        raise FieldwiseError(
            Fault.SETTING_INVALID, f"metrics_port: cannot listen on {HOST}:{port}: {error.strerror}"
        ) from error
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _names(status: Status) -> Iterable[Family]:
    told = {"version": status.agent_version, "backbone": status.backbone, "variant": status.variant}
    info = GaugeMetricFamily(
        "fieldwise_agent_info", "Always 1; what runs is in the labels.", labels=list(told)
    )
    info.add_metric(list(told.values()), 1)
    phases = GaugeMetricFamily(
        "fieldwise_agent_update", "1 for the phase that an update is in, else 0.", labels=["phase"]
    )
    for phase in UpdatePhase:
        phases.add_metric([phase], float(status.update.phase == phase))
    return (info, phases)


def _process(status: Status) -> Iterable[Family]:
    vital = status.vital_signs
    if vital.predictions:
        latency = GaugeMetricFamily(
            "fieldwise_agent_prediction_seconds",
            "Percentiles of the last 1,000 predictions, image to answer.",
            labels=["quantile"],
        )
        latency.add_metric(["0.5"], vital.prediction_p50_micros * MICROS)
        latency.add_metric(["0.99"], vital.prediction_p99_micros * MICROS)
        yield latency
    yield _counter("predictions", "Predictions answered.", vital.predictions)
    yield _counter("prediction_errors", "Predictions refused.", vital.prediction_errors)
    yield _gauge("state_bytes", "Size of the state folder.", vital.state_bytes)
    yield _gauge("disk_free_bytes", "Room left for the state folder.", vital.disk_free_bytes)
    yield _gauge("uptime_seconds", "Time since the daemon started.", vital.uptime_seconds)


def _learning(told: Told) -> Iterable[Family]:
    learning, signs = told.status.learning, told.signs
    window, held = learning.window_samples, told.status.select_samples
    yield _gauge("learned_samples", "Samples that the head knows.", learning.samples)
    yield _gauge("classes", "Classes that the head knows.", learning.classes)
    yield _gauge("select_samples", "Held out for choosing settings.", learning.select_samples)
    yield _gauge("judge_samples", "Held out for judging.", learning.judge_samples)
    yield _gauge("exemplars", "Images kept for another backbone.", learning.exemplars)
    yield _gauge("exemplar_bytes", "Size of those images.", learning.exemplar_bytes)
    yield _gauge("waiting_samples", "Recorded and not learned yet.", signs.waiting_samples)
    yield _counter("skipped_frames", "Frames that the device was not ready for.", signs.skipped)
    if median := signs.learning_p50_micros:
        text = "Median time from a taught image to its being learned."
        yield _gauge("learning_seconds", text, median * MICROS)
    if window:
        right = learning.window_correct / window
        same = learning.window_last_label_correct / window
        yield _gauge("accuracy_ratio", "Right before learning, of the last labels.", right)
        yield _gauge("last_label_accuracy_ratio", "Right by saying the last label again.", same)
    if held:
        share = told.status.select_correct / held
        yield _gauge("held_out_accuracy_ratio", "Right on scenes never learned.", share)
    if signs.calibration_samples:
        error = signs.calibration_error_permille * PERMILLE
        yield _gauge("calibration_error_ratio", "Expected calibration error.", error)
    if signs.novelty_samples:
        new = signs.novelty_novel / signs.novelty_samples
        yield _gauge("novel_ratio", "Share of the last predictions that are new.", new)
    if learning.samples:
        near = signs.drift_permille * PERMILLE
        yield _gauge("drift_ratio", "How near a drift detector is to an alarm.", near)
    yield _gauge("drift_alarms", "Alarms of drift detectors in the last day.", signs.drift_alarms)


def _fleet(told: Told) -> Iterable[Family]:
    messages = CounterMetricFamily(
        "fieldwise_agent_sent_messages", "Messages that left the device.", labels=["kind"]
    )
    size = CounterMetricFamily(
        "fieldwise_agent_sent_bytes", "Bytes that left the device.", labels=["kind"]
    )
    for kind, total in told.left.items():
        messages.add_metric([kind], total.messages)
        size.add_metric([kind], total.bytes)
    yield messages
    yield size
    status = told.status
    yield _gauge("member", "Whether it belongs to a fleet.", float(bool(status.fleet)))
    if status.check_in_seconds is not None:
        seconds, off = status.check_in_seconds, told.signs.clock_off_seconds
        yield _gauge("clock_offset_seconds", "How far the fleet's clock is, either way.", off)
        yield _gauge("check_in_timestamp_seconds", "When the fleet last answered.", seconds)


def _gauge(name: str, text: str, value: float) -> Family:
    return GaugeMetricFamily(f"fieldwise_agent_{name}", text, value)


def _counter(name: str, text: str, value: float) -> Family:
    return CounterMetricFamily(f"fieldwise_agent_{name}", text, value)
