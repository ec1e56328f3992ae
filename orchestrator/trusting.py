"""What gives devices their identity and keeps them out, put together."""

import time
from dataclasses import dataclass

from orchestrator.config import OrchestratorSettings
from orchestrator.enrolment.applying import Applications
from orchestrator.enrolment.authority import Authority
from orchestrator.enrolment.denying import LOOK_SECONDS, CallsUnderWay, Denying
from orchestrator.enrolment.guessing import Guessing
from orchestrator.enrolment.reviving import Reviving
from orchestrator.enrolment.service import Enrolment
from orchestrator.loops import Repeated
from orchestrator.metric_names import Loop
from orchestrator.metrics import FleetMetrics
from orchestrator.ports import Clock, Entropy
from orchestrator.rpc.enrolment import EnrolmentServicer
from orchestrator.rpc.identities import IdentityServicer
from orchestrator.rpc.interceptors import DeviceOnly
from orchestrator.storage.stores import Stores
from orchestrator.trust.serving import Serving

DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Identities:
    """Who devices are and which of them may call.

    Args:
        enrolment: Lets devices in, and renews their certificates.
        reviving: Gives those back their identity that slept past it.
        denying: Keeps them out for a while.
        gate: Looks at each of their calls.
        metrics: Where calls that were ended are counted.
    """

    enrolment: Enrolment
    reviving: Reviving
    denying: Denying
    gate: DeviceOnly
    metrics: FleetMetrics

    def joining(
        self, metadata: Serving, device_address: str, *, by_address: bool
    ) -> EnrolmentServicer:
        """Return the enrolment API."""
        return EnrolmentServicer(
            self.enrolment,
            self.reviving,
            metadata,
            device_address,
            self.metrics.asked_to_join,
            by_address=by_address,
        )

    @property
    def servicer(self) -> IdentityServicer:
        return IdentityServicer(self.denying)

    def look(self) -> Repeated:
        """Return what every replica does to keep out whoever was denied elsewhere."""

        async def look() -> None:
            self.metrics.shut_out(await self.denying.look())

        return Repeated(Loop.DENY, LOOK_SECONDS, look)


def identities(
    settings: OrchestratorSettings,
    stores: Stores,
    authority: Authority,
    clock: Clock,
    entropy: Entropy,
    metrics: FleetMetrics,
    applications: Applications,
) -> Identities:
    """Put it together."""
    seconds = settings.certificate_days * DAY_SECONDS
    calls = CallsUnderWay()
    metrics.watch_denied(lambda: calls.denied)
    return Identities(
        Enrolment(
            stores.tickets,
            stores.members,
            authority,
            clock,
            entropy,
            applications,
            seconds,
            Guessing(time.monotonic),
        ),
        Reviving(
            stores.members, stores.revivals, authority, clock, entropy, seconds, metrics.revived
        ),
        Denying(stores.denials, calls, clock),
        DeviceOnly(authority.fleet, clock, stores.members.admit, calls),
        metrics,
    )
