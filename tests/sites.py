"""Both ports of an orchestrator in the test's own process, over stores in memory."""

import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fieldwise import channel, identity
from fieldwise.v1alpha1 import device_pb2_grpc
from orchestrator.config import OrchestratorSettings
from orchestrator.enrolment.applying import Admission, Applications
from orchestrator.enrolment.authority import DEVICE_SECONDS, Authority, found_authority
from orchestrator.enrolment.denying import CallsUnderWay, Denying
from orchestrator.enrolment.reviving import Reviving
from orchestrator.enrolment.rotating import Rotating
from orchestrator.enrolment.service import Enrolment
from orchestrator.federating import Federation, federation
from orchestrator.fleet.check_in import CheckIns
from orchestrator.fleet.device import Facts
from orchestrator.fleet.diagnosing import Diagnosing
from orchestrator.fleet.directory import Directory
from orchestrator.metrics import FleetMetrics
from orchestrator.operating import Operating, operating
from orchestrator.publishing import Publishing
from orchestrator.rollout.controller import Controller
from orchestrator.rollout.explanations import Explanations
from orchestrator.rollout.operations import Rollouts
from orchestrator.rollout.previewing import Previews
from orchestrator.rollout.withholding import Withholding
from orchestrator.rpc.applicants import AdmissionServicer
from orchestrator.rpc.client import OperatorClient, connect
from orchestrator.rpc.credentials import ServerCertificate
from orchestrator.rpc.devices import DeviceServicer
from orchestrator.rpc.enrolment import EnrolmentServicer
from orchestrator.rpc.identities import IdentityServicer
from orchestrator.rpc.interceptors import DeviceOnly
from orchestrator.rpc.operating_rollouts import RolloutUseCases
from orchestrator.rpc.operators import OperatorServicer, OperatorUseCases
from orchestrator.rpc.server import PortLimits, Servers, Services
from orchestrator.rpc.trust import TrustServicer
from orchestrator.storage.blobs import folder_bundles
from orchestrator.storage.memory import memory_stores
from orchestrator.storage.stores import Stores
from orchestrator.survey import Survey
from orchestrator.trust.accepting import Accepting
from orchestrator.trust.keeping import Keeping
from orchestrator.trust.serving import Serving
from orchestrator.trust.upkeep import PublisherKeys
from tests.fleet_records import CountedEntropy, SetClock

NOW = float(int(time.time()))  # TLS itself knows no clock but the machine's
TOKEN = "a-token-of-the-operator"
DOWNLOADS_MAX = 3
OPEN = Admission()


@dataclass
class Site:
    """A server in this process; ``check_ins`` and the rest are its own parts."""

    clock: SetClock
    authority: Authority
    enrolment: Enrolment
    applications: Applications
    metrics: FleetMetrics
    folder: Path
    servers: Servers
    federation: Federation
    stores: Stores
    denying: Denying
    device_address: str = ""
    operator_address: str = ""

    @cached_property
    def keeping(self) -> Keeping:
        """Of a server without keys, until a test gives it some."""
        stores = self.stores
        return Keeping(stores.trust, stores.backbones, PublisherKeys(), self.clock, lambda: None)

    @property
    def roots(self) -> bytes:
        return identity.certificate_pem(self.authority.certificate)

    async def join(self, key: identity.PrivateKey) -> bytes:
        """Admit a key; return its certificate, PEM."""
        minted = await self.enrolment.create_ticket(1, 3600, {})
        request = identity.certificate_request(key)
        given = await self.enrolment.enrol(minted.ticket.id, minted.secret, request, Facts())
        return channel.pem_of(given.certificate)

    @asynccontextmanager
    async def device(
        self, key: identity.PrivateKey, certificate: bytes
    ) -> AsyncIterator[device_pb2_grpc.DeviceStub]:
        async with channel.device_channel(
            self.device_address,
            key=identity.key_pem(key),
            certificate=certificate,
            roots=self.roots,
        ) as opened:
            yield device_pb2_grpc.DeviceStub(opened)

    @asynccontextmanager
    async def operator(self, token: str = TOKEN) -> AsyncIterator[OperatorClient]:
        async with connect(self.operator_address, self.roots, token) as client:
            yield client


def about_rollouts_of(stores: Stores, clock: SetClock) -> RolloutUseCases:
    controller = Controller(stores.rollouts, stores.backbones, clock)
    return RolloutUseCases(
        Rollouts(stores.rollouts, stores.backbones, controller, clock),
        Previews(stores.rollouts, stores.backbones, clock),
        Explanations(stores.devices, stores.rollouts, stores.backbones, clock),
        Survey("plant-7", stores.devices, stores.backbones, stores.rollouts, stores.tickets, clock),
    )


def put_nowhere(_authority: Authority) -> None:
    """An authority in memory is where it is."""


def joining_of(
    stores: Stores, clock: SetClock, authority: Authority, admission: Admission
) -> tuple[Enrolment, Applications]:
    entropy, applications = CountedEntropy(), Applications(stores.applicants, clock, admission)
    return (
        Enrolment(stores.tickets, stores.members, authority, clock, entropy, applications),
        applications,
    )


def servers_of(
    authority: Authority,
    clock: SetClock,
    gate: DeviceOnly,
    federated: Federation,
    operated: Operating,
    metrics: FleetMetrics,
    connection_age_seconds: int,
) -> Servers:
    return Servers(
        ServerCertificate(authority, ("127.0.0.1",), clock),
        (gate, operated.gate, federated.gate),
        operated.audit,
        metrics,
        PortLimits(50, connection_age_seconds, check_ins_per_second=2.0, by_address=True),
    )


def trust_of(site: Site) -> TrustServicer:
    trust, backbones = site.stores.trust, site.stores.backbones
    keeping = site.keeping
    return TrustServicer(Accepting(trust, backbones, keeping, site.clock, lambda: keeping.keys))


@asynccontextmanager
async def opened(
    folder: Path, connection_age_seconds: int = 1800, admission: Admission = OPEN
) -> AsyncIterator[Site]:
    """Serve both ports for as long as the context lasts."""
    stores, clock, bundles = memory_stores(), SetClock(NOW), folder_bundles(folder / "bundles")
    files, settings = folder_bundles(folder / "updates"), OrchestratorSettings(data_folder=folder)
    federated = federation(settings, stores, bundles, files, clock, CountedEntropy())
    check_ins = CheckIns(stores.check_ins, clock, offering=federated.offering)
    authority = found_authority("plant-7", identity.generate_key(), NOW)
    enrolment, applications = joining_of(stores, clock, authority, admission)
    calls = CallsUnderWay()
    rotating = Rotating(stores.succession, authority, None, clock, CountedEntropy(), put_nowhere)
    reviving = Reviving(
        stores.members, stores.revivals, authority, clock, CountedEntropy(), DEVICE_SECONDS
    )
    denying = Denying(stores.denials, calls, clock)
    diagnosing = Diagnosing(stores.diagnoses, stores.devices, clock, CountedEntropy())
    about_rollouts = about_rollouts_of(stores, clock)
    metrics = FleetMetrics("0.1.0")
    operated = operating(
        settings, TOKEN, stores, clock, CountedEntropy(), metrics.audit, ExitStack()
    )
    gate = DeviceOnly("plant-7", clock, stores.members.admit, calls)
    servers = servers_of(
        authority, clock, gate, federated, operated, metrics, connection_age_seconds
    )
    parts = (clock, authority, enrolment, applications, metrics, folder)
    made = Site(*parts, servers, federated, stores, denying)
    ports = servers.listen("127.0.0.1:0", "127.0.0.1:0")
    made.device_address, made.operator_address = (f"127.0.0.1:{port}" for port in ports)
    metadata = Serving(stores.trust, clock)
    devices = DeviceServicer(
        check_ins,
        enrolment,
        bundles,
        Withholding(stores.backbones, clock),
        diagnosing,
        federated.receiving,
        metadata,
        device_address=made.device_address,
        downloads_max=DOWNLOADS_MAX,
        downloaded=made.metrics.downloaded,
    )
    uses = OperatorUseCases(
        enrolment=enrolment,
        directory=Directory(stores.devices, stores.members, clock),
        diagnosing=diagnosing,
        publishing=Publishing(stores.backbones, bundles, clock, folder, 1 << 20),
        backbones=stores.backbones,
        about_rollouts=about_rollouts,
        survey=about_rollouts.survey,
        write_ticket=lambda minted: minted.ticket.id,
    )
    joining = EnrolmentServicer(enrolment, reviving, metadata, "there:1")
    people = AdmissionServicer(applications), *federated.servicers, *operated.servicers
    last = IdentityServicer(denying, rotating), trust_of(made)
    await servers.serve(Services(devices, joining, OperatorServicer(uses), *people, *last))
    try:
        yield made
    finally:
        await servers.stop(0)
