"""Metadata as it is read and checked. Every signature is checked by python-tuf, nothing by hand.

What is read here may come from anybody: it is bounded, has to be what TUF says, and no more of it
than this product uses. Roots have ed25519 keys under the ids that these keys have, each once, so
that no key counts twice towards a threshold. The list delegates nothing and holds backbones alone.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import Key, SSlibKey
from tuf.api import metadata as tuf
from tuf.api.exceptions import LengthOrHashMismatchError, UnsignedMetadataError
from tuf.api.serialization import DeserializationError, SerializationError

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.trust import BYTES_MAX, VERSION_MAX, Listed, Role, floor_from, listed_from

KEYS_MAX = 16  # of a root; it stays well below 16 KiB
ED25519_HEX = 64


@dataclass(frozen=True)
class Document:
    """Metadata that is well formed; who signed it is another question.

    Not for tests of equality: ``content`` is what counts.
    """

    role: Role
    content: bytes
    body: tuf.Metadata[Any]

    @property
    def version(self) -> int:
        return int(self.body.signed.version)

    @property
    def expires_at(self) -> float:
        """When it ends, seconds since 1970."""
        return float(self.body.signed.expires.timestamp())

    @property
    def signers(self) -> frozenset[str]:
        """Key ids of the signatures that it has, right or wrong."""
        return frozenset(self.body.signatures)

    @cached_property
    def listed(self) -> Mapping[str, Listed]:
        """The backbones of a list, by digest."""
        found = (
            listed_from(path, each.length, each.hashes, each.custom)
            for path, each in self.body.signed.targets.items()
        )
        return {each.digest: each for each in found}

    @property
    def floor(self) -> int:
        """The lowest epoch that a list still lets be installed."""
        return floor_from(self.body.signed.unrecognized_fields)

    @property
    def keys(self) -> Mapping[str, Key]:
        """The keys of a root by their ids."""
        return cast("Mapping[str, Key]", self.body.signed.keys)

    def key_ids(self, role: Role) -> tuple[str, ...]:
        """Return who may sign a role, as a root says."""
        return tuple(self.body.signed.roles[role.value].keyids)

    def threshold(self, role: Role) -> int:
        return int(self.body.signed.roles[role.value].threshold)


def read(role: Role, content: bytes) -> Document:
    """Read metadata of a kind.

    Raises:
        FieldwiseError: ``METADATA_INVALID`` for anything else.
    """
    if len(content) > BYTES_MAX[role]:
        raise _no(f"{role} has {len(content):,} bytes; the limit is {BYTES_MAX[role]:,}")
    with _told_plainly(role):
        document = Document(role, content, tuf.Metadata.from_bytes(content))
        _ = document.body.signed_bytes  # what signatures are over; a number with a point has none
        if document.body.signed.type != role.value:
            raise _no(f"{document.body.signed.type} is in the place of {role}")
        version = document.body.signed.version
        if type(version) is not int or not 0 < version <= VERSION_MAX:
            raise _no(f"{role} has no version that could be")
        _CHECKS[role](document)
    return document


def check_successor(root: Document, before: Document) -> None:
    """Let a root follow another one: the next version, signed by the old keys and by its own.

    Raises:
        FieldwiseError: ``METADATA_INVALID`` saying what is missing, ``CONFLICT`` for a version
            that is not the next.
    """
    if root.version != before.version + 1:
        raise FieldwiseError(
            Fault.CONFLICT, f"the root {root.version} does not follow the root {before.version}"
        )
    check_signed(root, before)
    check_signed(root, root)


def check_signed(document: Document, root: Document) -> None:
    """Let metadata pass that enough of the keys have signed which a root names for it.

    Raises:
        FieldwiseError: ``METADATA_INVALID``.
    """
    missing = signatures_missing(document, root)
    if missing:
        raise _no(
            f"{document.role} {document.version} lacks {missing} of the "
            f"{root.threshold(document.role)} signatures that root {root.version} asks for"
        )


def is_same(one: Document, other: Document) -> bool:
    """Tell whether both say the same, whoever has signed which."""
    return bool(one.body.signed_bytes == other.body.signed_bytes)


def is_signed(document: Document, root: Document) -> bool:
    return signatures_missing(document, root) == 0


def signatures_missing(document: Document, root: Document) -> int:
    """Count the signatures that metadata lacks by what a root says."""
    return int(_verified(document, root).missing)


def signed_by(document: Document, root: Document) -> frozenset[str]:
    """Return those keys of a root whose signatures metadata has, and that are right."""
    return frozenset(_verified(document, root).signed)


def describes(pointer: Document, target: Document) -> bool:
    """Tell whether a snapshot or timestamp means exactly this list or snapshot."""
    signed = pointer.body.signed
    found = (
        signed.snapshot_meta
        if pointer.role is Role.TIMESTAMP
        else signed.meta.get(f"{target.role}.json")
    )
    if found is None or found.version != target.version:
        return False
    try:
        found.verify_length_and_hashes(target.content)
    except LengthOrHashMismatchError:
        return False
    return True


def _verified(document: Document, root: Document) -> tuf.VerificationResult:
    with _told_plainly(document.role):
        found: tuf.VerificationResult = root.body.signed.get_verification_result(
            document.role.value, document.body.signed_bytes, document.body.signatures
        )
    return found


def _check_root(document: Document) -> None:
    signed = document.body.signed
    if not signed.consistent_snapshot:
        raise _no("a root without consistent snapshots")
    if len(signed.keys) > KEYS_MAX:
        raise _no(f"a root with {len(signed.keys)} keys; the limit is {KEYS_MAX}")
    for key_id, key in signed.keys.items():
        _check_key(key_id, key)
    for role in Role:
        named = signed.roles[role.value]
        if not set(named.keyids) <= set(signed.keys) or named.threshold > len(named.keyids):
            raise _no(f"a root that nobody could sign {role} for")


def _check_key(key_id: str, key: Key) -> None:
    public = key.keyval.get("public", "")
    if (key.keytype, key.scheme) != ("ed25519", "ed25519") or len(public) != ED25519_HEX:
        raise _no("a root with a key that is not ed25519")
    assert isinstance(key, SSlibKey)
    if SSlibKey.from_crypto(key._crypto_key()).keyid != key_id:  # noqa: SLF001 - its own comparison does so
        raise _no("a root with a key under another id than the key's own")


def _check_list(document: Document) -> None:
    if document.body.signed.delegations is not None:
        raise _no("a list that delegates")
    if document.floor < 0 or len(document.listed) < len(document.body.signed.targets):
        raise _no("a list with a backbone twice")


def _check_snapshot(document: Document) -> None:
    if set(document.body.signed.meta) != {"targets.json"}:
        raise _no("a snapshot of other metadata than the one list")


def _check_timestamp(document: Document) -> None:
    if document.body.signed.snapshot_meta.version > VERSION_MAX:
        raise _no("a timestamp of a snapshot that nobody can have signed")


_CHECKS = {
    Role.ROOT: _check_root,
    Role.TARGETS: _check_list,
    Role.SNAPSHOT: _check_snapshot,
    Role.TIMESTAMP: _check_timestamp,
}


@contextmanager
def _told_plainly(role: Role) -> Iterator[None]:
    """Whatever is wrong with foreign bytes, say it in the product's words."""
    try:
        yield
    except (DeserializationError, SerializationError) as error:
        raise _no(f"{role} is not metadata of TUF") from error
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        OverflowError,
        RecursionError,
        UnsignedMetadataError,
        UnverifiedSignatureError,
    ) as error:
        raise _no(f"{role} is not as TUF says: {type(error).__name__}") from error


def _no(reason: str) -> FieldwiseError:
    sentence = f"the publisher's metadata is not valid: {reason}"
    return FieldwiseError(Fault.METADATA_INVALID, sentence)
