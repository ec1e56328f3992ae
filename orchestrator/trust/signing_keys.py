"""Keys that sign metadata: ed25519, as PEM, with a passphrase where somebody gives one."""

from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner, Key

from fieldwise.errors import Fault, FieldwiseError

PASSPHRASE_BYTES_MAX = 1023  # OpenSSL's own limit


@dataclass(frozen=True, slots=True, repr=False)
class SigningKey:
    """A private key with its public half."""

    signer: CryptoSigner

    @property
    def key_id(self) -> str:
        return self.signer.public_key.keyid

    @property
    def public(self) -> Key:
        return self.signer.public_key


def signing_key(private: Ed25519PrivateKey) -> SigningKey:
    return SigningKey(CryptoSigner(private))


def load(pem: bytes, name: str, passphrase: bytes | None = None) -> SigningKey:
    """Read a key, told of by a name.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for anything else, or another passphrase.
    """
    try:
        private = serialization.load_pem_private_key(pem, passphrase)
    except TypeError as error:
        word = "has no passphrase" if passphrase else "needs its passphrase"
        raise FieldwiseError(Fault.INVALID_ARGUMENT, f"the key {name} {word}") from error
    except (ValueError, InternalError, UnsupportedAlgorithm) as error:
        reason = "is damaged, or has another passphrase" if passphrase else "is no private key"
        raise FieldwiseError(Fault.INVALID_ARGUMENT, f"{name} {reason}") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise FieldwiseError(Fault.INVALID_ARGUMENT, f"{name} is no ed25519 key")
    return signing_key(private)


def pem_of(private: Ed25519PrivateKey, passphrase: bytes | None = None) -> bytes:
    """Write a key, encrypted where there is a passphrase.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for a passphrase that is too long.
    """
    if passphrase and len(passphrase) > PASSPHRASE_BYTES_MAX:
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT, f"a passphrase has at most {PASSPHRASE_BYTES_MAX:,} bytes"
        )
    return private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase)
        if passphrase
        else serialization.NoEncryption(),
    )


def by_id(keys: Iterable[SigningKey]) -> dict[str, SigningKey]:
    return {each.key_id: each for each in keys}
