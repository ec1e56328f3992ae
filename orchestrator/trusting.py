"""What gives devices their identity and takes it away, put together."""

from orchestrator.config import OrchestratorSettings
from orchestrator.enrolment.applying import Applications
from orchestrator.enrolment.authority import Authority
from orchestrator.enrolment.service import Enrolment
from orchestrator.ports import Clock, Entropy
from orchestrator.storage.stores import Stores

DAY_SECONDS = 86_400


def enrolment(
    settings: OrchestratorSettings,
    stores: Stores,
    authority: Authority,
    clock: Clock,
    entropy: Entropy,
    applications: Applications,
) -> Enrolment:
    """Return what lets devices in, and renews their certificates."""
    seconds = settings.certificate_days * DAY_SECONDS
    return Enrolment(
        stores.tickets, stores.members, authority, clock, entropy, applications, seconds
    )
