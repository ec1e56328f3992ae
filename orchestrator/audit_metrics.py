"""What the metrics tell of the audit log: how far it goes, and what could not be written."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from orchestrator.audit_metric_names import AUDIT_FAILURES, AUDIT_FIRST, AUDIT_HEAD
from orchestrator.audit_ports import Extent


class AuditMetrics:
    """The metrics of the audit log.

    Args:
        registry: Where they are shown.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._head = Gauge(AUDIT_HEAD.name, AUDIT_HEAD.text, registry=registry)
        self._first = Gauge(AUDIT_FIRST.name, AUDIT_FIRST.text, registry=registry)
        self._failures = Counter(AUDIT_FAILURES.name, AUDIT_FAILURES.text, registry=registry)

    def show(self, extent: Extent) -> None:
        """Let every later scrape see where the log begins and ends."""
        self._head.set(extent.head.number)
        self._first.set(extent.cut.number + 1)

    def failed(self) -> None:
        """Count an entry that could not be written."""
        self._failures.inc()
