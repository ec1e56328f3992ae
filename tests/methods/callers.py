"""A client of raw gRPC, and everybody as whom it calls.

Methods are names and messages bytes: no stub stands between, and none could keep a call back.
"""

import importlib
import pkgutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from google.protobuf.descriptor import MethodDescriptor
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

import fieldwise.v1alpha1
from fieldwise import identity, revival
from fieldwise.v1alpha1 import device_pb2, enrolment_pb2
from fieldwise.wire import PACKAGE
from orchestrator.enrolment.authority import Authority, found_authority
from orchestrator.federation.worker_token import token_digest, worker_token
from orchestrator.leadership import Replica
from orchestrator.people.accounts import Accounts
from orchestrator.people.roles import Role
from tests import campaigns
from tests.fleet_records import CountedEntropy
from tests.sites import NOW, TOKEN, Site
from tools.callers import Caller, Port

SECONDS = 30.0
ROLES = {each: Role(each.value) for each in (Caller.VIEWER, Caller.OPERATOR, Caller.ADMIN)}
REFUSALS = frozenset({grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED})


def described() -> Iterator[MethodDescriptor]:
    """Every method of ours, and of what else the ports serve, from the descriptors."""
    names = [each.name for each in pkgutil.iter_modules(fieldwise.v1alpha1.__path__)]
    ours = [
        importlib.import_module(f"fieldwise.v1alpha1.{name}")
        for name in names
        if name.endswith("_pb2")
    ]
    for module in (*ours, health_pb2, reflection_pb2):
        for service in module.DESCRIPTOR.services_by_name.values():
            yield from service.methods


def service_of(method: MethodDescriptor) -> str:
    return method.containing_service.full_name.removeprefix(f"{PACKAGE}.")


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate with its key, PEM, and a token; empty for none."""

    certificate: bytes = b""
    key: bytes = b""
    token: str = ""


async def everybody(site: Site) -> dict[Caller, Identity]:
    """Make everyone who is to call."""
    callers = {Caller.NO_CERTIFICATE: Identity(), Caller.NO_TOKEN: Identity()}
    callers |= await _devices(site)
    callers |= await _operators(site)
    callers |= await _workers(site)
    for caller in (Caller.WRONG_TICKET, Caller.TICKET, Caller.FORGER):
        callers[caller] = Identity()
    return callers


async def _devices(site: Site) -> dict[Caller, Identity]:
    key = identity.generate_key()
    authority, other = site.authority, found_authority("plant-7", identity.generate_key(), NOW)
    joined = await site.join(key)
    removed = await site.join(gone := identity.generate_key())
    denied = await site.join(out := identity.generate_key())
    await site.denying.deny(_name_of(denied))
    name = identity.identity_of(identity.load_pem_certificate(joined)).device_id
    await site.stores.members.remove(_name_of(removed), NOW)

    def signed(by: Authority, device: str, now: float = NOW, seconds: float = 3600) -> Identity:
        own = identity.generate_key()
        given = by.sign_device(own.public_key(), device, now, seconds).certificate
        return Identity(identity.certificate_pem(given), identity.key_pem(own))

    tomorrow = datetime.fromtimestamp(NOW, UTC) + timedelta(days=1)
    return {
        Caller.OTHER_AUTHORITY: signed(other, name),
        Caller.OTHER_FLEET: _of_fleet(authority, "plant-8", name, key),
        Caller.EXPIRED: signed(authority, name, NOW - 1200, 600),
        Caller.NOT_YET: _begins(authority, name, tomorrow),
        Caller.STRANGER: signed(authority, "d-stranger"),
        Caller.OTHER_KEY: signed(authority, name),
        Caller.REMOVED: Identity(removed, identity.key_pem(gone)),
        Caller.DENIED: Identity(denied, identity.key_pem(out)),
        Caller.SLEEPER: _ended(authority, name, key),
        Caller.MEMBER: Identity(joined, identity.key_pem(key)),
    }


def _of_fleet(authority: Authority, fleet: str, device: str, key: identity.PrivateKey) -> Identity:
    """A certificate for another fleet, of a key that this one knows: its name alone is wrong."""
    named = replace(authority, fleet=fleet)
    given = named.sign_device(key.public_key(), device, NOW, 3600).certificate
    return Identity(identity.certificate_pem(given), identity.key_pem(key))


def _ended(authority: Authority, device: str, key: identity.PrivateKey) -> Identity:
    """A certificate that has ended, of a key that the fleet knows."""
    given = authority.sign_device(key.public_key(), device, NOW - 1200, 600).certificate
    return Identity(identity.certificate_pem(given), identity.key_pem(key))


def _name_of(certificate: bytes) -> str:
    return identity.identity_of(identity.load_pem_certificate(certificate)).device_id


def _begins(authority: Authority, device: str, begin: datetime) -> Identity:
    """A certificate of the fleet's own authority that is not valid yet."""
    key = identity.generate_key()
    uri = identity.DeviceIdentity(authority.fleet, device).uri
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)])
    built = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(authority.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=1))
        .add_extension(names, critical=True)
    )
    signed = built.sign(authority.key, hashes.SHA256())
    return Identity(identity.certificate_pem(signed), identity.key_pem(key))


async def _operators(site: Site) -> dict[Caller, Identity]:
    accounts = Accounts(site.stores.accounts, site.clock, CountedEntropy())
    callers = {Caller.ROOT: Identity(token=TOKEN), Caller.WRONG_TOKEN: Identity(token="x" * 43)}
    for caller, role in ROLES.items():
        callers[caller] = Identity(token=(await accounts.create(role, role, 0, "root")).token)
    gone = await accounts.create("gone", Role.ADMIN, 0, "root")
    await accounts.revoke("gone")
    over = await accounts.create("over", Role.ADMIN, 60, "root")
    site.clock.pass_by(61)
    callers[Caller.REVOKED_ACCOUNT] = Identity(token=gone.token)
    callers[Caller.EXPIRED_ACCOUNT] = Identity(token=over.token)
    return callers


async def _workers(site: Site) -> dict[Caller, Identity]:
    stores = site.federation.stores
    await stores.backbones.add(campaigns.BACKBONE)
    campaign = await site.federation.campaigns.start(campaigns.plan())
    lead = await stores.leadership.claim(Replica("process", "place"), 600.0)
    old, new = (worker_token(campaign.id, bytes([number]) * 32) for number in (1, 2))
    for token in (old, new):
        await stores.campaigns.keep_worker_token(campaign.id, token_digest(token), lead.term)
    other = worker_token("c99", bytes([2]) * 32)
    return {
        Caller.WORKER: Identity(token=new),
        Caller.OLD_WORKER: Identity(token=old),
        Caller.OTHER_WORKER: Identity(token=other),
    }


@asynccontextmanager
async def calling(site: Site, port: Port, who: Identity) -> AsyncIterator[grpc.aio.Channel]:
    """A channel of someone to a port; a certificate is offered at both, asked for at one."""
    address = site.device_address if port is Port.DEVICE else site.operator_address
    credentials = grpc.ssl_channel_credentials(site.roots, who.key or None, who.certificate or None)
    async with grpc.aio.secure_channel(address, credentials) as opened:
        yield opened


async def _revival(opened: grpc.aio.Channel, sleeper: Identity, *, is_own: bool) -> bytes:
    """What asks for a certificate over the server's nonce, signed by the old key or by another."""
    certificate = identity.load_pem_certificate(sleeper.certificate)
    fresh = identity.certificate_request(identity.generate_key())
    asked = enrolment_pb2.ReviveRequest(
        certificate=identity.certificate_der(certificate), certificate_request=fresh
    )
    call = opened.unary_unary(f"/{PACKAGE}.Enrolment/Revive")
    try:
        answer = await call(asked.SerializeToString(), timeout=SECONDS)
    except grpc.aio.AioRpcError:  # at the other port; the call itself tells it again
        return b""
    asked.nonce = enrolment_pb2.ReviveResponse.FromString(answer).nonce
    key = identity.load_key(sleeper.key) if is_own else identity.generate_key()
    whose = identity.identity_of(certificate)
    asked.signature = revival.signed(key, whose, asked.nonce, fresh)
    return asked.SerializeToString()


async def request_of(
    opened: grpc.aio.Channel,
    site: Site,
    caller: Caller,
    method: MethodDescriptor,
    sleeper: Identity,
) -> bytes:
    """The bytes of a call: none, but where what they say is what lets one in.

    A check-in asks who calls only once it has read what is said, so it is said.
    """
    if method.name == "Revive":
        return await _revival(opened, sleeper, is_own=caller is Caller.SLEEPER)
    if method.name == "CheckIn":
        return device_pb2.CheckInRequest(incarnation=1, sequence=1).SerializeToString()
    if method.name != "Enrol" or caller not in {Caller.TICKET, Caller.WRONG_TICKET}:
        return b""
    minted = await site.enrolment.create_ticket(1, 3600, {})
    secret = minted.secret if caller is Caller.TICKET else bytes(len(minted.secret))
    asked = enrolment_pb2.EnrolRequest(
        ticket_id=minted.ticket.id,
        ticket_secret=secret,
        certificate_request=identity.certificate_request(identity.generate_key()),
        facts=enrolment_pb2.DeviceFacts(agent_version="0.1.0", processors=1),
    )
    return asked.SerializeToString()


async def tried(
    opened: grpc.aio.Channel, method: MethodDescriptor, request: bytes, token: str
) -> tuple[grpc.StatusCode, str]:
    """Call a method with bytes; return what the server, or the handshake, said."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    metadata = (("authorization", f"Bearer {token}"),) if token else ()
    arity = ("stream" if method.client_streaming else "unary") + "_"
    arity += "stream" if method.server_streaming else "unary"
    asked = iter([request]) if method.client_streaming else request
    call = getattr(opened, arity)(path)(asked, metadata=metadata, timeout=SECONDS)
    try:
        if method.server_streaming:
            await anext(aiter(call), None)
        else:
            await call
    except grpc.aio.AioRpcError as error:
        return error.code(), error.details() or ""
    finally:
        call.cancel()
    return grpc.StatusCode.OK, ""
