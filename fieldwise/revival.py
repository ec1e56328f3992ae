"""What a device signs with its old key to get a certificate for a fresh one.

The words begin with what they are for, so that no signature made here is good for anything else,
and none made elsewhere is good here. They name the fleet and the device, the server's nonce, and
the certificate request, so that the signature gives nothing to whoever has another request.
"""

import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from fieldwise.identity import DeviceIdentity, PrivateKey, PublicKey

PURPOSE = b"fieldwise revival v1"
_ALGORITHM = ec.ECDSA(hashes.SHA256())


def words(identity: DeviceIdentity, nonce: bytes, request: bytes) -> bytes:
    """Return what is signed; every part has its length before it."""
    parts = (PURPOSE, identity.uri.encode(), nonce, hashlib.sha256(request).digest())
    return b"".join(len(part).to_bytes(4) + part for part in parts)


def signed(key: PrivateKey, identity: DeviceIdentity, nonce: bytes, request: bytes) -> bytes:
    """Return the old key's signature, DER."""
    return key.sign(words(identity, nonce, request), _ALGORITHM)


def is_signed(
    key: PublicKey, signature: bytes, identity: DeviceIdentity, nonce: bytes, request: bytes
) -> bool:
    """Tell whether a signature is the old key's over these words; total over whatever is sent."""
    try:
        key.verify(signature, words(identity, nonce, request), _ALGORITHM)
    except InvalidSignature:
        return False
    return True
