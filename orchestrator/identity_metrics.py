"""What the metrics tell of the identity of devices."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge

from orchestrator.identity_metric_names import (
    CALLS_SHUT_OUT,
    DENIED,
    REVIVALS,
    TRUST_BEHIND,
    TRUST_OLDEST,
    TRUST_REVISION,
)
from orchestrator.identity_ports import Reported
from orchestrator.metric_names import Result


class IdentityMetrics:
    """The metrics of the identity of devices.

    Args:
        registry: Where they are shown.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._denied = Gauge(DENIED.name, DENIED.text, registry=registry)
        self._shut_out = Counter(CALLS_SHUT_OUT.name, CALLS_SHUT_OUT.text, registry=registry)
        labels = REVIVALS.labels
        self._revivals = Counter(REVIVALS.name, REVIVALS.text, labels, registry=registry)
        self._revision, self._oldest, self._behind = (
            Gauge(each.name, each.text, registry=registry)
            for each in (TRUST_REVISION, TRUST_OLDEST, TRUST_BEHIND)
        )
        for result in (
            Result.OK,
            Result.REFUSED,
        ):  # a first event that is the counter's start hides
            self._revivals.labels(result)

    def watch_denied(self, denied: Callable[[], int]) -> None:
        """Ask for how many devices are denied at every scrape."""
        self._denied.set_function(lambda: float(denied()))

    def shut_out(self, calls: int) -> None:
        """Count calls under way that were ended since their device may not call any more."""
        self._shut_out.inc(calls)

    def revived(self, result: Result) -> None:
        """Count a device that asked to be revived."""
        self._revivals.labels(result).inc()

    def trust(self, revision: int, reported: Reported) -> None:
        """Show which authorities devices should trust, and how many lag behind."""
        self._revision.set(revision)
        self._oldest.set(reported.oldest)
        self._behind.set(reported.behind)
