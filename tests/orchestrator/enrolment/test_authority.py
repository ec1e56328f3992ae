from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from fieldwise.identity import DeviceIdentity, generate_key, identity_of
from orchestrator.enrolment.authority import Authority, fingerprint_of, found_authority
from tests.fleet_records import NOW

MOMENT = datetime.fromtimestamp(NOW, UTC)


@pytest.fixture(scope="module")
def authority() -> Authority:
    return found_authority("bakery", generate_key(), NOW)


def test_a_device_certificate_names_its_device_for_two_weeks(authority: Authority) -> None:
    key = generate_key().public_key()
    issued = authority.sign_device(key, "d-1", NOW)
    certificate = issued.certificate
    assert identity_of(certificate) == DeviceIdentity("bakery", "d-1")
    assert certificate.public_key() == key
    assert issued.fingerprint == fingerprint_of(key)
    assert issued.serial == f"{certificate.serial_number:x}"
    assert certificate.not_valid_before_utc == MOMENT - timedelta(hours=1)
    assert certificate.not_valid_after_utc == MOMENT + timedelta(days=14)
    assert issued.expires_at == NOW + 14 * 86_400
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]


def test_the_root_lasts_ten_years_and_signs_end_certificates_only(authority: Authority) -> None:
    root = authority.certificate
    assert root.not_valid_after_utc - MOMENT >= timedelta(days=3652)
    limits = root.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (limits.ca, limits.path_length) == (True, 0)
    root.verify_directly_issued_by(root)


def test_a_strict_verifier_trusts_the_server_under_its_names(authority: Authority) -> None:
    names = ("localhost", "127.0.0.1")
    certificate = authority.sign_server(generate_key().public_key(), names, NOW)
    trusting = PolicyBuilder().store(Store([authority.certificate])).time(MOMENT)
    trusting.build_server_verifier(x509.DNSName("localhost")).verify(certificate, [])
    with pytest.raises(VerificationError):
        trusting.build_server_verifier(x509.DNSName("elsewhere")).verify(certificate, [])


def test_a_strict_verifier_trusts_a_device_of_this_fleet_only(authority: Authority) -> None:
    certificate = authority.sign_device(generate_key().public_key(), "d-1", NOW).certificate
    other = found_authority("bakery", generate_key(), NOW)
    for root, trusted in ((authority, True), (other, False)):
        policy = PolicyBuilder().store(Store([root.certificate])).time(MOMENT)
        verifier = policy.build_client_verifier()
        if trusted:
            verifier.verify(certificate, [])
        else:
            with pytest.raises(VerificationError):
                verifier.verify(certificate, [])


def test_a_device_whose_clock_is_behind_trusts_the_server_back_to_the_founding(
    authority: Authority,
) -> None:
    years = NOW + 3 * 365 * 86_400
    certificate = authority.sign_server(generate_key().public_key(), ("localhost",), years)
    for moment, trusted in ((MOMENT, True), (MOMENT - timedelta(hours=2), False)):
        policy = PolicyBuilder().store(Store([authority.certificate])).time(moment)
        verifier = policy.build_server_verifier(x509.DNSName("localhost"))
        if trusted:
            verifier.verify(certificate, [])
        else:
            with pytest.raises(VerificationError):
                verifier.verify(certificate, [])


def test_a_certificate_lasts_as_long_as_is_set(authority: Authority) -> None:
    issued = authority.sign_device(generate_key().public_key(), "d-1", NOW, 3 * 86_400)
    assert issued.expires_at == NOW + 3 * 86_400


def test_no_certificate_outlives_the_root(authority: Authority) -> None:
    late = authority.certificate.not_valid_after_utc.timestamp() - 60
    issued = authority.sign_device(generate_key().public_key(), "d-1", late)
    assert issued.certificate.not_valid_after_utc == authority.certificate.not_valid_after_utc


def test_keys_are_recognised_by_what_they_are() -> None:
    first, second = (ec.generate_private_key(ec.SECP256R1()).public_key() for _ in range(2))
    assert fingerprint_of(first) == fingerprint_of(first) != fingerprint_of(second)
