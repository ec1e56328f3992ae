"""Who a device is: a key that never leaves it and a certificate that names it.

A device makes an EC P-256 key and sends a certificate request; only the key of the request counts.
The authority answers with a certificate whose URI is the SPIFFE name ``spiffe://FLEET/device/ID``.
The transport checks the chain once per connection, and connections live long, so the name and the
validity are read again on every call, against a clock that is an argument.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InternalError, InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fieldwise.errors import Fault, FieldwiseError

PrivateKey = ec.EllipticCurvePrivateKey
PublicKey = ec.EllipticCurvePublicKey

# What reading raises that is no certificate: a version that nobody knows is none of the others.
# Nor is a key that OpenSSL fails over: one of 32 bytes that says that it is of the curve X448.
UNREADABLE = (
    ValueError,
    InternalError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)

REQUEST_BYTES_MAX = 2048  # a P-256 request has about 220 bytes; the wire's cap is the same
FLEET_PATTERN = "[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?"
DEVICE_PATTERN = "[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?"
URI_PATTERN = re.compile(f"spiffe://({FLEET_PATTERN})/device/({DEVICE_PATTERN})")


@dataclass(frozen=True, slots=True)
class DeviceIdentity:
    """A device of a fleet, as its certificate names it."""

    fleet: str
    device_id: str

    @property
    def uri(self) -> str:
        return f"spiffe://{self.fleet}/device/{self.device_id}"


def parse_uri(uri: str) -> DeviceIdentity:
    """Read ``spiffe://FLEET/device/ID``.

    Raises:
        FieldwiseError: ``CERTIFICATE_INVALID`` for anything else.
    """
    found = URI_PATTERN.fullmatch(uri)
    if found is None:
        raise _invalid("the certificate does not name a device of a fleet")
    return DeviceIdentity(fleet=found[1], device_id=found[2])


def identity_of(certificate: x509.Certificate) -> DeviceIdentity:
    """Return the device that a certificate names in its one URI.

    Raises:
        FieldwiseError: ``CERTIFICATE_INVALID`` without exactly one URI, or with another kind of it.
    """
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        uris = names.value.get_values_for_type(x509.UniformResourceIdentifier)
    except (x509.ExtensionNotFound, ValueError) as error:
        raise _invalid("the certificate names no device") from error
    if len(uris) != 1:
        raise _invalid(f"the certificate has {len(uris)} URIs where one names the device")
    return parse_uri(uris[0])


def check_validity(certificate: x509.Certificate, now: datetime) -> None:
    """Refuse a certificate outside its validity; both bounds belong to it.

    Raises:
        FieldwiseError: ``CERTIFICATE_INVALID``, with the bound and the present time.
    """
    if now < certificate.not_valid_before_utc:
        begin = _text(certificate.not_valid_before_utc)
        raise _invalid(f"the certificate is valid from {begin}; it is {_text(now)} here")
    if now > certificate.not_valid_after_utc:
        end = _text(certificate.not_valid_after_utc)
        raise _invalid(f"the certificate expired at {end}; it is {_text(now)} here")


def generate_key() -> PrivateKey:
    """Make a fresh EC P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def certificate_request(key: PrivateKey) -> bytes:
    """Return a PKCS#10 request for the key, DER, with an empty subject."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def requested_key(request: bytes) -> PublicKey:
    """Return the public key of a PKCS#10 request, DER, whose sender proved to hold it.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for a malformed or unproven request, or another curve.
    """
    if len(request) > REQUEST_BYTES_MAX:
        raise _bad_request(f"it has {len(request):,} bytes; the limit is {REQUEST_BYTES_MAX:,}")
    try:
        parsed = x509.load_der_x509_csr(request)
        key = parsed.public_key()
        proven = parsed.is_signature_valid
    except (*UNREADABLE, InvalidSignature) as error:
        raise _bad_request("it is not a PKCS#10 request") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise _bad_request("its key is not on the curve P-256")
    if not proven:
        raise _bad_request("it is not signed with its own key")
    return key


def load_certificate(der: bytes) -> x509.Certificate:
    """Read a certificate, DER.

    Raises:
        FieldwiseError: ``CERTIFICATE_INVALID`` for anything else.
    """
    try:
        return _whole(x509.load_der_x509_certificate(der))
    except UNREADABLE as error:
        raise _invalid("the bytes are not a certificate") from error


def load_pem_certificate(pem: bytes) -> x509.Certificate:
    """Read the first certificate of a PEM text.

    Raises:
        FieldwiseError: ``CERTIFICATE_INVALID`` for anything else.
    """
    try:
        return _whole(x509.load_pem_x509_certificate(pem))
    except UNREADABLE as error:
        raise _invalid("the text is not a PEM certificate") from error


def _whole(certificate: x509.Certificate) -> x509.Certificate:
    """Read now the parts that are otherwise read when asked for, and could raise there."""
    _ = (certificate.subject, certificate.issuer, certificate.extensions, certificate.public_key())
    return certificate


def certificate_der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


def certificate_pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def key_pem(key: PrivateKey) -> bytes:
    """Return the key as unencrypted PKCS#8 PEM; files of it are 0600 by ``fieldwise.private``."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def load_key(pem: bytes) -> PrivateKey:
    """Read an EC P-256 key from PEM.

    Raises:
        FieldwiseError: ``STATE_DAMAGED`` for anything else.
    """
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (TypeError, *UNREADABLE) as error:
        raise FieldwiseError(Fault.STATE_DAMAGED, "the file holds no private key") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise FieldwiseError(Fault.STATE_DAMAGED, "the private key is not on the curve P-256")
    return key


def public_key_der(key: PublicKey) -> bytes:
    """Return the SubjectPublicKeyInfo, DER: what a key is recognised by."""
    return key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _text(time: datetime) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%SZ")


def _invalid(sentence: str) -> FieldwiseError:
    return FieldwiseError(Fault.CERTIFICATE_INVALID, sentence)


def _bad_request(reason: str) -> FieldwiseError:
    return FieldwiseError(Fault.INVALID_ARGUMENT, f"the certificate request is refused: {reason}")
