"""One authority follows another while every device stays a member.

**Settled**: one root. **Begun**: its successor is there, devices get both roots, and everything is
still signed by the old one. **Switched**: the successor signs. Then it is settled again, with the
successor alone. Every step raises the **trust revision**. A device is given it with the roots and
the certificate of that step, and reports it, so that nobody has to guess who knows what.

The server is trusted by all of them meanwhile, and by devices that slept through it all: the old
root signs the successor once, as an authority (``cross``), and from the switch on the server shows
that beside its certificate. Whoever trusts only the old root comes over it to the successor. Roots
may sign end certificates only, and this one is allowed even so, since it has their name: X.509
counts no authority that is issued under its own name. The server goes on showing it after the end.
That gives nobody anything, least of all who holds the old key: the server takes nothing that was
signed by it, and a device that wakes up years later revives by its own key, and gets the new root.

The successor's key is kept in the database, sealed by a secret that follows from the old key. So
every replica that has the old one has both, and whoever reads the database has neither. At the end
it is taken out of there, and stands where the old one stood.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from cryptography import x509
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.identity import PublicKey, certificate_der, key_pem, load_key
from orchestrator.enrolment.authority import (
    FIRST_REVISION,
    Authority,
    Issued,
    issuer_key_id,
    key_usage,
)

PURPOSE = b"fieldwise authority's successor v1"
NONCE_BYTES = 12


class Step(StrEnum):
    """How far one authority has followed another."""

    SETTLED = "settled"
    BEGUN = "begun"
    SWITCHED = "switched"


@dataclass(frozen=True, slots=True)
class Succession:
    """How it stands, as it is kept; certificates in DER, ``sealed`` the successor's key.

    ``crossed`` is the newest root as the one before it signed it, empty before the first time.
    """

    revision: int
    step: Step
    root: bytes
    successor: bytes = b""
    crossed: bytes = b""
    sealed: bytes = b""
    changed_at: float = 0.0


@dataclass(slots=True)
class Authorities:
    """What signs now, and what is trusted now; it changes under those who hold it.

    Args:
        signing: Whose signature new certificates bear.
        trusted: Every root that devices are to trust, newest first.
        shown: What the server shows beside its own certificate.
        trust_revision: Of the trusted roots.
    """

    signing: Authority
    trusted: tuple[x509.Certificate, ...]
    shown: tuple[x509.Certificate, ...]
    trust_revision: int

    def become(self, other: "Authorities") -> None:
        """Be as it stands by now."""
        self.signing, self.trusted = other.signing, other.trusted
        self.shown, self.trust_revision = other.shown, other.trust_revision

    @property
    def fleet(self) -> str:
        return self.signing.fleet

    @property
    def certificate(self) -> x509.Certificate:
        return self.signing.certificate

    def sign_device(self, key: PublicKey, device_id: str, now: float, seconds: float) -> Issued:
        """Name a key as a device of the fleet."""
        return self.signing.sign_device(key, device_id, now, seconds)

    def sign_server(self, key: PublicKey, hosts: Sequence[str], now: float) -> x509.Certificate:
        """Name a key as the fleet's server."""
        return self.signing.sign_server(key, hosts, now)

    def secret_for(self, purpose: bytes) -> bytes:
        """Return a secret of the signing authority."""
        return self.signing.secret_for(purpose)

    def vouches_for(self, certificate: x509.Certificate, now: float) -> bool:
        """Tell whether a certificate is of a trusted root and valid now."""
        begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        valid = begin.timestamp() <= now <= end.timestamp()
        return valid and any(is_issued_by(certificate, root) for root in self.trusted)


def first(authority: Authority) -> Succession:
    """Return how it stands where nothing was ever rotated."""
    root = certificate_der(authority.certificate)
    return Succession(FIRST_REVISION, Step.SETTLED, root)


def cross(old: Authority, new: Authority) -> bytes:
    """Return the new root as the old one signs it, DER."""
    public = new.key.public_key()
    begin = max(old.certificate.not_valid_before_utc, new.certificate.not_valid_before_utc)
    end = min(old.certificate.not_valid_after_utc, new.certificate.not_valid_after_utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(new.certificate.subject)
        .issuer_name(old.certificate.subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(issuer_key_id(old.certificate), critical=False)
    )
    return certificate_der(builder.sign(old.key, hashes.SHA256()))


def seal(old: Authority, new: Authority, chance: bytes) -> bytes:
    """Return the new key as only holders of the old one can read it."""
    assert len(chance) == NONCE_BYTES
    box = AESGCM(old.secret_for(PURPOSE))
    return chance + box.encrypt(chance, key_pem(new.key), certificate_der(new.certificate))


def unsealed(old: Authority, successor: bytes, sealed: bytes) -> Authority:
    """Return the successor that was sealed.

    Raises:
        FieldwiseError: ``AUTHORITY_UNUSABLE`` where the old key is another, or it was changed.
    """
    try:
        box = AESGCM(old.secret_for(PURPOSE))
        key = load_key(box.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], successor))
        certificate = x509.load_der_x509_certificate(successor)
    except (InvalidTag, ValueError, FieldwiseError) as error:
        raise useless("the successor's key in the database cannot be read with this key") from error
    return Authority(old.fleet, certificate, key)


def standing(held: Authority, kept: Succession) -> Authorities:
    """Return what signs and what is trusted.

    Args:
        held: What this replica has the key of: the root, or already its successor.
        kept: How it stands.

    Raises:
        FieldwiseError: ``AUTHORITY_UNUSABLE`` where this replica holds neither, or not yet.
    """
    own = certificate_der(held.certificate)
    crossed = (x509.load_der_x509_certificate(kept.crossed),) if kept.crossed else ()
    if kept.step is Step.SETTLED:
        if own != kept.root:
            raise useless("this is not the fleet's authority any more: it was rotated")
        return Authorities(held, (held.certificate,), crossed, kept.revision)
    root = x509.load_der_x509_certificate(kept.root)
    if own == kept.successor:
        if kept.step is Step.BEGUN:
            raise useless("this authority is the successor, and nobody has switched to it yet")
        return Authorities(held, (held.certificate, root), crossed, kept.revision)
    if own != kept.root:
        raise useless("this is neither the fleet's authority nor its successor")
    successor = unsealed(held, kept.successor, kept.sealed)
    both = (successor.certificate, root)
    if kept.step is Step.BEGUN:
        return Authorities(held, both, (), kept.revision)
    return Authorities(successor, both, crossed, kept.revision)


def is_issued_by(certificate: x509.Certificate, root: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(root)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def useless(sentence: str) -> FieldwiseError:
    return FieldwiseError(Fault.AUTHORITY_UNUSABLE, sentence)
