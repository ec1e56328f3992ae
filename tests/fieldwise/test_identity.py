"""Keys, requests and names of devices."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from fieldwise import identity
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.identity import DeviceIdentity

BEGIN = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
END = BEGIN + timedelta(days=30)


def certificate(*names: x509.GeneralName) -> x509.Certificate:
    key = identity.generate_key()
    subject = x509.Name([])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(BEGIN)
        .not_valid_after(END)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key, hashes.SHA256())


def uri(text: str) -> x509.GeneralName:
    return x509.UniformResourceIdentifier(text)


def test_a_name_survives_its_uri() -> None:
    named = DeviceIdentity("plant-7.example", "d-4711")
    assert named.uri == "spiffe://plant-7.example/device/d-4711"
    assert identity.parse_uri(named.uri) == named


@pytest.mark.parametrize(
    "text",
    [
        "",
        "spiffe://fleet/device/",
        "spiffe:///device/d1",
        "spiffe://fleet/device/d1/more",
        "spiffe://fleet/user/d1",
        "spiffe://FLEET/device/d1",
        "spiffe://fleet/device/d1\n",
        "spiffe://fleet/device/../d1",
        "https://fleet/device/d1",
        "spiffe://fleet/device/" + "d" * 65,
    ],
)
def test_what_is_no_name_of_a_device_is_refused(text: str) -> None:
    with pytest.raises(FieldwiseError) as refused:
        identity.parse_uri(text)
    assert refused.value.fault is Fault.CERTIFICATE_INVALID


@given(st.text(max_size=100))
def test_no_text_at_all_breaks_the_reader_of_names(text: str) -> None:
    assert named_or_refused(text) in {text, Fault.CERTIFICATE_INVALID}


def named_or_refused(text: str) -> str:
    try:
        return identity.parse_uri(text).uri
    except FieldwiseError as error:
        return error.fault


def test_a_certificate_names_its_device() -> None:
    named = certificate(uri("spiffe://fleet/device/d1"))
    assert identity.identity_of(named) == DeviceIdentity("fleet", "d1")


@pytest.mark.parametrize(
    "names",
    [
        (),
        (x509.DNSName("spiffe.example"),),
        (uri("spiffe://fleet/device/d1"), uri("spiffe://fleet/device/d2")),
        (uri("https://fleet/device/d1"),),
    ],
)
def test_a_certificate_that_names_no_device_or_two_is_refused(
    names: tuple[x509.GeneralName, ...],
) -> None:
    with pytest.raises(FieldwiseError) as refused:
        identity.identity_of(certificate(*names))
    assert refused.value.fault is Fault.CERTIFICATE_INVALID


@pytest.mark.parametrize("now", [BEGIN, END, BEGIN + timedelta(days=3)])
def test_both_bounds_belong_to_the_validity(now: datetime) -> None:
    identity.check_validity(certificate(), now)


@pytest.mark.parametrize(
    ("now", "sentence"),
    [
        (
            BEGIN - timedelta(seconds=1),
            "the certificate is valid from 2026-05-01 12:00:00Z; it is 2026-05-01 11:59:59Z here",
        ),
        (
            END + timedelta(seconds=1),
            "the certificate expired at 2026-05-31 12:00:00Z; it is 2026-05-31 12:00:01Z here",
        ),
    ],
)
def test_a_refusal_names_both_times(now: datetime, sentence: str) -> None:
    with pytest.raises(FieldwiseError) as refused:
        identity.check_validity(certificate(), now)
    assert (refused.value.fault, refused.value.sentence) == (Fault.CERTIFICATE_INVALID, sentence)


def test_a_request_gives_the_key_that_signed_it() -> None:
    key = identity.generate_key()
    asked = identity.requested_key(identity.certificate_request(key))
    assert identity.public_key_der(asked) == identity.public_key_der(key.public_key())


def request_of(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def test_a_request_with_another_kind_of_key_is_refused() -> None:
    for key in (
        rsa.generate_private_key(public_exponent=65537, key_size=2048),
        ec.generate_private_key(ec.SECP384R1()),
    ):
        with pytest.raises(FieldwiseError, match="not on the curve P-256"):
            identity.requested_key(request_of(key))


def test_a_request_whose_signature_was_changed_is_refused() -> None:
    content = bytearray(identity.certificate_request(identity.generate_key()))
    content[-1] ^= 1
    with pytest.raises(FieldwiseError) as refused:
        identity.requested_key(bytes(content))
    assert refused.value.fault is Fault.INVALID_ARGUMENT


@given(st.binary(max_size=300))
def test_rubbish_is_no_request_and_no_certificate(content: bytes) -> None:
    with pytest.raises(FieldwiseError):
        identity.requested_key(content)
    with pytest.raises(FieldwiseError):
        identity.load_certificate(content)
    with pytest.raises(FieldwiseError):
        identity.load_pem_certificate(content)
    with pytest.raises(FieldwiseError):
        identity.load_key(content)


def test_a_certificate_whose_key_is_no_point_of_the_curve_is_refused_at_once() -> None:
    made = certificate()
    point = made.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    content = identity.certificate_der(made).replace(point, point[:-1] + bytes([point[-1] ^ 1]))
    with pytest.raises(FieldwiseError) as refused:
        identity.load_certificate(content)
    assert refused.value.fault is Fault.CERTIFICATE_INVALID


def test_a_version_that_nobody_knows_is_refused_like_other_rubbish() -> None:
    """The library raises an error of its own there, which is no ValueError."""
    request = bytearray(identity.certificate_request(identity.generate_key()))
    request[request.index(b"\x02\x01\x00") + 2] = 16
    with pytest.raises(FieldwiseError) as refused:
        identity.requested_key(bytes(request))
    assert refused.value.fault is Fault.INVALID_ARGUMENT
    made = bytearray(identity.certificate_der(certificate()))
    made[made.index(b"\xa0\x03\x02\x01\x02") + 4] = 21
    with pytest.raises(FieldwiseError) as refused:
        identity.load_certificate(bytes(made))
    assert refused.value.fault is Fault.CERTIFICATE_INVALID


def test_a_key_that_openssl_fails_over_is_refused_like_other_rubbish() -> None:
    """32 bytes that say that they are of X448; cryptography calls that an error of its own."""
    made = ed25519.Ed25519PrivateKey.generate()
    coded = made.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).replace(b"\x2b\x65\x70", b"\x2b\x65\x6f")
    text = base64.encodebytes(coded)
    with pytest.raises(FieldwiseError) as refused:
        identity.load_key(b"-----BEGIN PRIVATE KEY-----\n" + text + b"-----END PRIVATE KEY-----\n")
    assert refused.value.fault is Fault.STATE_DAMAGED
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    request = builder.sign(made, None).public_bytes(serialization.Encoding.DER)
    for oid in (b"\x2b\x65\x6f", b"\x2b\x65\x71", b"\x2b\x65\x6e"):
        with pytest.raises(FieldwiseError) as refused:
            identity.requested_key(request.replace(b"\x2b\x65\x70", oid))
        assert refused.value.fault is Fault.INVALID_ARGUMENT


def test_a_request_beyond_the_limit_is_not_even_parsed() -> None:
    with pytest.raises(FieldwiseError, match="2,049 bytes"):
        identity.requested_key(b"\x30" * 2049)


def test_a_key_and_a_certificate_survive_pem_and_der() -> None:
    key = identity.generate_key()
    again = identity.load_key(identity.key_pem(key))
    assert again.private_numbers() == key.private_numbers()
    made = certificate()
    assert identity.load_pem_certificate(identity.certificate_pem(made)) == made
    assert identity.load_certificate(identity.certificate_der(made)) == made
