"""A certificate for a device that slept past its own: by its old key, over a nonce.

**The nonce** is made and checked without being kept: moment, chance, and an HMAC over both, the
fleet, the old key and the request. The secret of the HMAC follows from the authority's key, so any
replica takes what another gave. A nonce is good for as long as replicas' clocks may differ, and
once: a device remembers the moment of the newest nonce that revived it, and takes none that is not
later. So nothing has to be kept of nonces, and nobody can fill a table with them.

**Which key** may revive: the newest of the device, or the newest that it has called with. Where a
renewal's answer was lost, the device has the key from before and no other. Once it has called with
a newer key, an older one is good for nothing here: whoever finds it on a discarded disk, with a
certificate that is long over, cannot come back with it.

The old certificate says whose the key is and no more. Whether it is over, or of a root that is
trusted no longer, does not matter: what counts is that the key is the one that the fleet's own
record names, and that the caller holds it. A device that was removed or denied is not revived, and
one whose certificate is still good has no reason to be.
"""

import hashlib
import hmac
import struct
from collections.abc import Callable

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.identity import (
    DeviceIdentity,
    PublicKey,
    identity_of,
    load_certificate,
    requested_key,
)
from fieldwise.revival import is_signed
from orchestrator.enrolment.authority import Signing, fingerprint_of
from orchestrator.enrolment.service import Credentials, credentials_of, record_of
from orchestrator.fleet.device import CLOCKS_SECONDS, denied, not_a_member
from orchestrator.identity_ports import RevivalStore
from orchestrator.metric_names import Result
from orchestrator.ports import Clock, Entropy, MembershipStore

NONCE_SECONDS = CLOCKS_SECONDS
CHANCE_BYTES = 16
MAC_BYTES = 32
MOMENT_BYTES = 8
NONCE_BYTES = MOMENT_BYTES + CHANCE_BYTES + MAC_BYTES
PURPOSE = b"fieldwise revival nonce v1"


class Reviving:
    """The use cases around revival.

    Args:
        members: Where members and their keys are kept.
        store: Where it is kept who was revived.
        authority: What signs certificates.
        clock: What time it is.
        entropy: Where nonces come from.
        certificate_seconds: How long certificates of devices last.
        told: Hears how every attempt with a nonce ended.
    """

    def __init__(
        self,
        members: MembershipStore,
        store: RevivalStore,
        authority: Signing,
        clock: Clock,
        entropy: Entropy,
        certificate_seconds: float,
        told: Callable[[Result], None] = lambda _: None,
    ) -> None:
        self._members = members
        self._store = store
        self._authority = authority
        self._clock = clock
        self._entropy = entropy
        self._certificate_seconds = certificate_seconds
        self._told = told

    def challenge(self, certificate: bytes, request: bytes) -> bytes:
        """Return a nonce for a certificate (DER) that is over, and a request (PKCS#10, DER).

        Raises:
            FieldwiseError: ``CERTIFICATE_INVALID`` for another fleet's certificate or none,
                ``ILLEGAL_COMMAND`` for one that is good, ``INVALID_ARGUMENT`` for a bad request.
        """
        key, _ = self._read(certificate)
        requested_key(request)
        moment = struct.pack(">d", self._clock.now())
        chance = self._entropy.token(CHANCE_BYTES)
        return moment + chance + self._mac(moment + chance, key, request)

    async def revive(
        self, certificate: bytes, request: bytes, nonce: bytes, signature: bytes
    ) -> Credentials:
        """Give a device that proves its old key a certificate for a fresh one.

        Raises:
            FieldwiseError: As ``challenge``; ``UNAUTHENTICATED`` for a nonce or signature that is
                not right, ``CONFLICT`` for a nonce that was used, ``CERTIFICATE_INVALID`` for a key
                that is not the device's newest, ``DEVICE_REMOVED`` or ``DEVICE_DENIED``.
        """
        try:
            credentials = await self._revive(certificate, request, nonce, signature)
        except FieldwiseError:
            self._told(Result.REFUSED)
            raise
        self._told(Result.OK)
        return credentials

    async def _revive(
        self, certificate: bytes, request: bytes, nonce: bytes, signature: bytes
    ) -> Credentials:
        old, identity = self._read(certificate)
        asked_at = self._checked(nonce, old, request)
        if not is_signed(old, signature, identity, nonce, request):
            raise FieldwiseError(
                Fault.UNAUTHENTICATED, "the signature is not that of the certificate's key"
            )
        fingerprint, key = fingerprint_of(old), requested_key(request)
        await self._check_known(fingerprint, identity)
        if key == old:
            raise FieldwiseError(Fault.INVALID_ARGUMENT, "the request is not for a fresh key")
        now = self._clock.now()
        issued = self._authority.sign_device(
            key, identity.device_id, now, self._certificate_seconds
        )
        await self._store.revive(record_of(issued, identity.device_id), fingerprint, asked_at)
        return credentials_of(self._authority, issued, identity.device_id)

    def _read(self, certificate: bytes) -> tuple[PublicKey, DeviceIdentity]:
        read = load_certificate(certificate)
        key, identity = read.public_key(), identity_of(read)
        if not isinstance(key, PublicKey) or identity.fleet != self._authority.fleet:
            raise FieldwiseError(
                Fault.CERTIFICATE_INVALID, "the certificate is not of a device of this fleet"
            )
        if self._authority.vouches_for(read, self._clock.now()):
            raise FieldwiseError(
                Fault.ILLEGAL_COMMAND, "the certificate is good, and there is nothing to revive"
            )
        return key, identity

    def _checked(self, nonce: bytes, key: PublicKey, request: bytes) -> float:
        """Return the moment of a nonce that was given here for this."""
        given, mac = nonce[:-MAC_BYTES], nonce[-MAC_BYTES:]
        genuine = hmac.compare_digest(mac, self._mac(given, key, request))
        if len(nonce) != NONCE_BYTES or not genuine:
            raise FieldwiseError(Fault.UNAUTHENTICATED, "the nonce was not given here for this")
        (moment,) = struct.unpack(">d", given[:MOMENT_BYTES])
        if abs(self._clock.now() - moment) > NONCE_SECONDS:
            raise FieldwiseError(
                Fault.UNAUTHENTICATED, f"the nonce is older than {NONCE_SECONDS:.0f} s"
            )
        return float(moment)

    def _mac(self, given: bytes, key: PublicKey, request: bytes) -> bytes:
        parts = (
            self._authority.fleet.encode(),
            given,
            fingerprint_of(key).encode(),
            hashlib.sha256(request).digest(),
        )
        told = b"".join(len(part).to_bytes(4) + part for part in parts)
        return hmac.digest(self._authority.secret_for(PURPOSE), told, "sha256")

    async def _check_known(self, fingerprint: str, identity: DeviceIdentity) -> None:
        known = await self._members.find_key(fingerprint)
        if known is None or known.key.device != identity.device_id:
            raise FieldwiseError(
                Fault.CERTIFICATE_INVALID,
                f"the key is not known as one of the device {identity.device_id}",
            )
        if known.removed:
            raise not_a_member(identity.device_id)
        if known.denied:
            raise denied(identity.device_id)
