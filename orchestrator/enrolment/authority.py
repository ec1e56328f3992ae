"""The fleet's certificate authority: one root that signs devices and the fleet's own server.

A device certificate carries the key of the request and nothing else of it: the name is the
orchestrator's choice, ``spiffe://FLEET/device/ID``. It begins an hour early, for clocks of replicas
that differ, and lasts some days, after which a copy of a key that was replaced is worth nothing.
The server's own certificate begins with the root: a device whose clock is behind can still trust
it, and learns the time from its first answer. The root lasts ten years and may sign end
certificates only. Times are seconds since 1970 and come from outside; serial numbers are random,
so that no one foresees a certificate's bytes, and drawn by ``cryptography`` itself.
"""

import hashlib
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fieldwise.identity import DeviceIdentity, PrivateKey, PublicKey, public_key_der

BACKDATED = timedelta(hours=1)
DEVICE_SECONDS = 14 * 86_400.0
SERVER_LIFE = timedelta(days=90)  # renewed by the server itself; a clone of its disk ends with it
ROOT_LIFE = timedelta(days=3653)
FIRST_REVISION = 1  # of what devices trust: it rises with every step of a rotation


@dataclass(frozen=True, slots=True)
class Issued:
    """A device certificate; ``serial`` and ``fingerprint`` (of the key) in hexadecimal."""

    certificate: x509.Certificate
    serial: str
    fingerprint: str
    expires_at: float


class Signing(Protocol):
    """What signs for a fleet, and whom devices are to trust."""

    @property
    def fleet(self) -> str: ...

    @property
    def certificate(self) -> x509.Certificate:
        """Of the root that signs."""
        ...

    @property
    def trusted(self) -> tuple[x509.Certificate, ...]:
        """Every root that devices are to trust, newest first."""
        ...

    @property
    def shown(self) -> tuple[x509.Certificate, ...]:
        """What the server shows beside its own certificate."""
        ...

    @property
    def trust_revision(self) -> int:
        """Of the trusted roots."""
        ...

    def sign_device(self, key: PublicKey, device_id: str, now: float, seconds: float) -> Issued:
        """Name a key as a device of the fleet."""
        ...

    def sign_server(self, key: PublicKey, hosts: Sequence[str], now: float) -> x509.Certificate:
        """Name a key as the fleet's server under host names and IP addresses."""
        ...

    def vouches_for(self, certificate: x509.Certificate, now: float) -> bool:
        """Tell whether a certificate is of a trusted root and valid now."""
        ...

    def secret_for(self, purpose: bytes) -> bytes:
        """Return 32 bytes that only holders of the signing key know, others for each purpose."""
        ...


@dataclass(frozen=True, slots=True)
class Authority:
    """The root's certificate and key for the fleet of that name."""

    fleet: str
    certificate: x509.Certificate
    key: PrivateKey

    @property
    def trusted(self) -> tuple[x509.Certificate, ...]:
        return (self.certificate,)

    @property
    def shown(self) -> tuple[x509.Certificate, ...]:
        return ()

    @property
    def trust_revision(self) -> int:
        return FIRST_REVISION

    def sign_device(
        self, key: PublicKey, device_id: str, now: float, seconds: float = DEVICE_SECONDS
    ) -> Issued:
        """Name a key as a device of the fleet."""
        identity = DeviceIdentity(self.fleet, device_id)
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(identity.uri)])
        begin, end = _moment(now) - BACKDATED, _moment(now + seconds)
        builder = self._end_entity(key, names, ExtendedKeyUsageOID.CLIENT_AUTH, begin, end)
        signed = builder.sign(self.key, hashes.SHA256())
        return Issued(
            certificate=signed,
            serial=f"{signed.serial_number:x}",
            fingerprint=fingerprint_of(key),
            expires_at=signed.not_valid_after_utc.timestamp(),
        )

    def sign_server(self, key: PublicKey, hosts: Sequence[str], now: float) -> x509.Certificate:
        """Name a key as the fleet's server under host names and IP addresses."""
        names = x509.SubjectAlternativeName([_host_name(host) for host in hosts])
        begin, end = self.certificate.not_valid_before_utc, _moment(now) + SERVER_LIFE
        builder = self._end_entity(key, names, ExtendedKeyUsageOID.SERVER_AUTH, begin, end)
        return builder.sign(self.key, hashes.SHA256())

    def vouches_for(self, certificate: x509.Certificate, now: float) -> bool:
        """Tell whether a certificate was signed by this root and is valid now."""
        try:
            certificate.verify_directly_issued_by(self.certificate)
        except (ValueError, TypeError, InvalidSignature):
            return False
        begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        return begin.timestamp() <= now <= end.timestamp()

    def secret_for(self, purpose: bytes) -> bytes:
        """Return 32 bytes that only holders of this key know, others for each purpose."""
        content = self.key.private_numbers().private_value.to_bytes(32)
        return HKDF(hashes.SHA256(), 32, salt=None, info=purpose).derive(content)

    def _end_entity(
        self,
        key: PublicKey,
        names: x509.SubjectAlternativeName,
        usage: x509.ObjectIdentifier,
        begin: datetime,
        end: datetime,
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self.certificate.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(max(begin, self.certificate.not_valid_before_utc))
            .not_valid_after(min(end, self.certificate.not_valid_after_utc))
            .add_extension(names, critical=True)  # as the subject is empty
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(issuer_key_id(self.certificate), critical=False)
        )


def found_authority(
    fleet: str, key: PrivateKey, now: float, since: datetime | None = None
) -> Authority:
    """Make the self-signed root of a fleet; a successor is valid since the first one was founded.

    So a device trusts it whose clock still stands where the device slept in.
    """
    subject = name_of_root(fleet)
    public = key.public_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(since or _moment(now) - BACKDATED)
        .not_valid_after(_moment(now) + ROOT_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )
    return Authority(fleet, builder.sign(key, hashes.SHA256()), key)


def name_of_root(fleet: str) -> x509.Name:
    """Return what the root of a fleet is called, as far as a common name reaches."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"fieldwise {fleet}"[:64])])


def issued_at(certificate: x509.Certificate) -> float:
    """Return when a device certificate was given, which begins earlier."""
    return (certificate.not_valid_before_utc + BACKDATED).timestamp()


def fingerprint_of(key: PublicKey) -> str:
    """What a key is recognised by: SHA-256 of its SubjectPublicKeyInfo, in hexadecimal."""
    return hashlib.sha256(public_key_der(key)).hexdigest()


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


def _host_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def issuer_key_id(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    key_id = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(key_id)


def key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
