"""What gives devices their identity and keeps them out, put together."""

import time
from dataclasses import dataclass

from fieldwise.identity import certificate_pem
from orchestrator.config import OrchestratorSettings
from orchestrator.enrolment.applying import Applications
from orchestrator.enrolment.authority import Authority
from orchestrator.enrolment.belonging import check_installation
from orchestrator.enrolment.denying import LOOK_SECONDS, CallsUnderWay, Denying
from orchestrator.enrolment.guessing import Guessing
from orchestrator.enrolment.reviving import Reviving
from orchestrator.enrolment.rotating import LOOK_SECONDS as ROTATION_SECONDS
from orchestrator.enrolment.rotating import Rotating
from orchestrator.enrolment.service import Enrolment
from orchestrator.home import put_authority
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
        rotating: Lets one authority follow another.
        gate: Looks at each of their calls.
        metrics: Where calls that were ended are counted.
    """

    enrolment: Enrolment
    reviving: Reviving
    denying: Denying
    rotating: Rotating
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
        return IdentityServicer(self.denying, self.rotating)

    @property
    def roots(self) -> bytes:
        """Every root that is trusted now, PEM."""
        return b"".join(map(certificate_pem, self.rotating.authorities.trusted))

    def looks(self) -> tuple[Repeated, Repeated]:
        """Return what every replica does to see whom others denied, and how a rotation stands."""

        async def look() -> None:
            self.metrics.identities.shut_out(await self.denying.look())

        rotate = Repeated(Loop.ROTATE, ROTATION_SECONDS, self.rotating.look)
        return Repeated(Loop.DENY, LOOK_SECONDS, look), rotate


async def identities(
    settings: OrchestratorSettings,
    stores: Stores,
    authority: Authority,
    clock: Clock,
    entropy: Entropy,
    metrics: FleetMetrics,
    applications: Applications,
) -> Identities:
    """Put it together.

    Raises:
        FieldwiseError: ``AUTHORITY_UNUSABLE`` where the database belongs to another authority.
    """
    kept = await stores.succession.kept()
    if kept is None:
        await check_installation(stores.installation, authority)
    rotating = Rotating(
        stores.succession,
        authority,
        kept,
        clock,
        entropy,
        lambda new: put_authority(settings.folder, settings.authority_file, new, clock.now()),
        metrics.identities.trust,
    )
    signing, seconds = rotating.authorities, settings.certificate_days * DAY_SECONDS
    calls = CallsUnderWay()
    metrics.identities.watch_denied(lambda: calls.denied)
    return Identities(
        Enrolment(
            stores.tickets,
            stores.members,
            signing,
            clock,
            entropy,
            applications,
            seconds,
            Guessing(time.monotonic),
        ),
        Reviving(
            stores.members,
            stores.revivals,
            signing,
            clock,
            entropy,
            seconds,
            metrics.identities.revived,
        ),
        Denying(stores.denials, calls, clock),
        rotating,
        DeviceOnly(authority.fleet, clock, stores.members.admit, calls),
        metrics,
    )
