"""The two gRPC ports: one for devices alone, one for joining and operating."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_reflection.v1alpha import reflection

from fieldwise.calls import CheckMessages, Interceptor, Layer
from fieldwise.channel import MIB, ServerLimits, join_address, server_options, split_address
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.status import TranslateErrors
from fieldwise.v1alpha1 import (
    account_pb2_grpc,
    admission_pb2_grpc,
    audit_pb2_grpc,
    campaign_pb2_grpc,
    device_pb2_grpc,
    enrolment_pb2_grpc,
    identity_pb2_grpc,
    operator_pb2_grpc,
    trust_pb2_grpc,
    worker_pb2_grpc,
)
from fieldwise.wire import PACKAGE
from orchestrator.metrics import FleetMetrics
from orchestrator.readiness import Ready
from orchestrator.rpc.accounts import AccountServicer
from orchestrator.rpc.applicants import AdmissionServicer
from orchestrator.rpc.audit import AuditServicer
from orchestrator.rpc.auditing import Audit
from orchestrator.rpc.campaigns import CampaignServicer
from orchestrator.rpc.credentials import ServerCertificate
from orchestrator.rpc.devices import DeviceServicer
from orchestrator.rpc.discretion import Discretion
from orchestrator.rpc.enrolment import EnrolmentServicer
from orchestrator.rpc.identities import IdentityServicer
from orchestrator.rpc.interceptors import CountCalls, DeviceOnly, OperatorsOnly, WorkersOnly
from orchestrator.rpc.journal import Journal
from orchestrator.rpc.operators import OperatorServicer
from orchestrator.rpc.throttling import PerAddress, PerDevice
from orchestrator.rpc.trust import TrustServicer
from orchestrator.rpc.workers import WorkerServicer

# A part of an update has 2 MiB, everything else that devices send 16 KiB; operators send pieces of
# bundles of 1 MiB, publishers a list of 1 MiB with some roots.
DEVICE_REQUEST_BYTES = 2 * MIB + 65_536
OPERATOR_REQUEST_BYTES = MIB + 327_680
OPERATOR_METADATA_BYTES = 16_384  # a token of a cluster or an issuer has up to 8 KiB
OPERATORS_SHARE, OPERATORS_MIN = 10, 100  # of connections; who joins stays for one call
FOR_DEVICES = "Device"
SERVICES = (
    FOR_DEVICES,
    "Enrolment",
    "Operator",
    "Admission",
    "Federation",
    "Accounts",
    "Audit",
    "Identity",
    "Trust",
    "Worker",
)
REFLECTED = (
    f"{PACKAGE}.Enrolment",
    f"{PACKAGE}.Operator",
    f"{PACKAGE}.Admission",
    f"{PACKAGE}.Federation",
    f"{PACKAGE}.Accounts",
    f"{PACKAGE}.Audit",
    f"{PACKAGE}.Identity",
    f"{PACKAGE}.Trust",
    "grpc.health.v1.Health",
    reflection.SERVICE_NAME,
)


@dataclass(frozen=True, slots=True)
class Services:
    """What is served."""

    devices: DeviceServicer
    enrolment: EnrolmentServicer
    operators: OperatorServicer
    admission: AdmissionServicer
    campaigns: CampaignServicer
    workers: WorkerServicer
    accounts: AccountServicer
    audit: AuditServicer
    identities: IdentityServicer
    trust: TrustServicer


@dataclass(frozen=True, slots=True)
class PortLimits:
    """What callers may have of both ports.

    Args:
        calls_max: Calls under way at the same time on each port.
        connection_age_seconds: After which a peer connects anew, perhaps to another replica.
        check_ins_per_second: Of one device, over time.
        by_address: Whether callers without an identity are limited by their address.
        connections_max: Connections of devices at a time; the other port has a tenth of it.
    """

    calls_max: int
    connection_age_seconds: int
    check_ins_per_second: float
    by_address: bool
    connections_max: int = 2000


class Servers:
    """Both ports: ``listen``, ``serve``, ``stop``, all inside of one running loop.

    Args:
        certificate: The server's own.
        gates: Who may call: the layer of the device port, and those of the operator port.
        audit: What writes down who changes what.
        metrics: Where calls are counted.
        limits: What callers may have.
    """

    def __init__(
        self,
        certificate: ServerCertificate,
        gates: tuple[DeviceOnly, OperatorsOnly, WorkersOnly],
        audit: Audit,
        metrics: FleetMetrics,
        limits: PortLimits,
    ) -> None:
        self._certificate = certificate
        self._health = HealthServicer()
        devices, operators, workers = gates
        per_device = PerDevice(limits.check_ins_per_second, metrics)
        per_address = PerAddress(by_address=limits.by_address, metrics=metrics)
        aged = partial(ServerLimits, connection_age_seconds=limits.connection_age_seconds)
        for_devices = aged(DEVICE_REQUEST_BYTES, connections_max=limits.connections_max)
        for_operators = aged(
            OPERATOR_REQUEST_BYTES,
            connections_max=operators_of(limits.connections_max),
            metadata_bytes_max=OPERATOR_METADATA_BYTES,
        )
        gated: tuple[Layer, ...] = (per_device, devices, audit)
        self._devices = _server(metrics, gated, for_devices, limits.calls_max)
        gated = (per_address, operators, workers, audit)
        self._operators = _server(metrics, gated, for_operators, limits.calls_max)

    def listen(self, device: str, operator: str) -> tuple[int, int]:
        """Take the ports of two host:port, and return them; port 0 takes a free one.

        Raises:
            FieldwiseError: ``SETTING_INVALID`` where it cannot listen.
        """
        asked = self._certificate.credentials(devices_only=True)
        unasked = self._certificate.credentials(devices_only=False)
        return (
            listen(
                "device_listen",
                device,
                lambda place: self._devices.add_secure_port(place, asked),
            ),
            listen(
                "operator_listen",
                operator,
                lambda place: self._operators.add_secure_port(place, unasked),
            ),
        )

    async def serve(self, services: Services) -> None:
        """Begin to answer; health says so only when ``show_health`` was told."""
        device_pb2_grpc.add_DeviceServicer_to_server(services.devices, self._devices)
        enrolment_pb2_grpc.add_EnrolmentServicer_to_server(services.enrolment, self._operators)
        operator_pb2_grpc.add_OperatorServicer_to_server(services.operators, self._operators)
        admission_pb2_grpc.add_AdmissionServicer_to_server(services.admission, self._operators)
        campaign_pb2_grpc.add_FederationServicer_to_server(services.campaigns, self._operators)
        account_pb2_grpc.add_AccountsServicer_to_server(services.accounts, self._operators)
        audit_pb2_grpc.add_AuditServicer_to_server(services.audit, self._operators)
        identity_pb2_grpc.add_IdentityServicer_to_server(services.identities, self._operators)
        trust_pb2_grpc.add_TrustServicer_to_server(services.trust, self._operators)
        worker_pb2_grpc.add_WorkerServicer_to_server(services.workers, self._operators)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._operators)
        reflection.enable_server_reflection(REFLECTED, self._operators)
        await self.show_health(Ready())
        await asyncio.gather(self._devices.start(), self._operators.start())

    async def show_health(self, ready: Ready) -> None:
        """Tell whoever asks gRPC's health service: for each service, and for the whole.

        The whole is what load balancers ask for, and they serve devices first of all.
        """
        status = health_pb2.HealthCheckResponse
        for name in ("", *SERVICES):
            serving = ready.devices if name in {"", FOR_DEVICES} else ready.everybody
            full = f"{PACKAGE}.{name}" if name else ""
            await self._health.set(full, status.SERVING if serving else status.NOT_SERVING)

    async def stop(self, grace_seconds: float) -> None:
        """Take no further calls, let those under way end for a while, then end them."""
        await self._health.enter_graceful_shutdown()
        await asyncio.gather(self._devices.stop(grace_seconds), self._operators.stop(grace_seconds))


def _server(
    metrics: FleetMetrics, gates: Sequence[Layer], limits: ServerLimits, calls_max: int
) -> grpc.aio.Server:
    layers: tuple[Layer, ...] = (
        CountCalls(metrics),
        TranslateErrors(),
        Discretion(),
        Journal(),
        CheckMessages(),
        *gates,
    )
    return grpc.aio.server(
        interceptors=[Interceptor(layers)],
        options=server_options(limits),
        maximum_concurrent_rpcs=calls_max,
    )


def operators_of(connections: int) -> int:
    """Return how many connections the operator port may have beside so many of devices."""
    return max(OPERATORS_MIN, connections // OPERATORS_SHARE)


def listen(setting: str, address: str, take: Callable[[str], int]) -> int:
    """Let a server take the port of a host:port, and return it; port 0 takes a free one.

    Raises:
        FieldwiseError: ``SETTING_INVALID`` where it cannot listen.
    """
    place = join_address(*split_address(address))
    try:
        return take(place)
    except RuntimeError as error:
        raise FieldwiseError(
            Fault.SETTING_INVALID,
            f"{setting}: cannot listen on {address}; another program may use the port",
        ) from error
