"""A membership in memory, with real keys and certificates."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from agent.reporting import Application, Credentials, Membership
from fieldwise.identity import certificate_der, generate_key, key_pem

if TYPE_CHECKING:
    from fieldwise.errors import FieldwiseError

BEGIN = datetime(2027, 1, 1, tzinfo=UTC)


class MemoryIdentity:
    """The identity port in memory."""

    def __init__(self, membership: Membership | None = None) -> None:
        self.membership = membership
        self.pending: bytes | None = None
        self.applied: Application | None = None

    def read(self) -> Membership | None:
        return self.membership

    def write(self, membership: Membership) -> None:
        self.membership, self.pending, self.applied = membership, None, None

    def application(self) -> Application | None:
        return self.applied

    def apply(self, application: Application | None) -> None:
        self.applied = application

    def pending_key(self, make: Callable[[], bytes]) -> bytes:
        self.pending = self.pending or make()
        return self.pending

    def forget_key(self) -> None:
        self.pending = None

    def remove(self) -> None:
        self.membership = self.pending = self.applied = None


def certificate(days: int = 90) -> bytes:
    """A certificate from ``BEGIN`` on, DER."""
    key = generate_key()
    name = x509.Name([])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(BEGIN)
        .not_valid_after(BEGIN + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    return certificate_der(built)


def credentials() -> Credentials:
    return Credentials("device-1", "fleet", certificate(), (certificate(3650),), "localhost:8443")


def member() -> Membership:
    given = credentials()
    return Membership(
        given.device_id,
        given.fleet,
        given.device_address,
        key_pem(generate_key()),
        given.certificate,
        given.trust_roots,
    )


class Revival:
    """An orchestrator that revives, unless it is to refuse."""

    def __init__(self) -> None:
        self.refuses: FieldwiseError | None = None
        self.asked: list[Membership] = []

    async def __call__(self, member: Membership, request: bytes) -> Credentials:
        self.asked.append(member)
        if self.refuses is not None:
            raise self.refuses
        return credentials()


async def no_revival(_member: Membership, _request: bytes) -> Credentials:
    raise AssertionError
