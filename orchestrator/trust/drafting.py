"""Metadata as it is written and signed.

Nothing of it depends on more than its arguments: with the same keys and times, two programs write
the same bytes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from securesystemslib.signer import Key
from tuf.api import metadata as tuf
from tuf.api.serialization.json import JSONSerializer

from fieldwise.trust import FLOOR_FIELD, Listed, Role, custom_of, path_of
from orchestrator.trust.documents import Document, read
from orchestrator.trust.signing_keys import SigningKey


@dataclass(frozen=True, slots=True)
class Holders:
    """Who may sign a kind of metadata, and how many of them have to."""

    keys: tuple[Key, ...]
    threshold: int = 1


def new_root(version: int, expires_at: float, holders: Mapping[Role, Holders]) -> Document:
    """Return a root without signatures.

    Raises:
        FieldwiseError: ``METADATA_INVALID`` for holders who could not sign.
    """
    keys = {key.keyid: key for each in holders.values() for key in each.keys}
    roles = {
        role.value: tuf.Role([key.keyid for key in each.keys], each.threshold)
        for role, each in holders.items()
    }
    expires = _moment(expires_at)
    signed = tuf.Root(version=version, expires=expires, keys=keys, roles=roles)
    return _document(Role.ROOT, tuf.Metadata(signed))


def holders_of(root: Document) -> dict[Role, Holders]:
    """Return who may sign what, as a root says."""
    return {
        role: Holders(tuple(root.keys[each] for each in root.key_ids(role)), root.threshold(role))
        for role in Role
    }


def new_list(version: int, expires_at: float, listed: Iterable[Listed], floor: int) -> Document:
    """Return a list without signatures."""
    targets = {path_of(each.digest): _target(each) for each in listed}
    signed = tuf.Targets(
        version=version,
        expires=_moment(expires_at),
        targets=dict(sorted(targets.items())),
        unrecognized_fields={FLOOR_FIELD: floor},
    )
    return _document(Role.TARGETS, tuf.Metadata(signed))


def bytes_on_list(listed: Listed) -> int:
    """Return what a backbone takes on a list."""
    target = _target(listed)
    return len(msgspec.json.encode({target.path: target.to_dict()}))


def new_snapshot(version: int, expires_at: float, of: Document) -> Document:
    """Return a snapshot of a list, without signatures."""
    signed = tuf.Snapshot(
        version=version, expires=_moment(expires_at), meta={"targets.json": _meta(of)}
    )
    return _document(Role.SNAPSHOT, tuf.Metadata(signed))


def new_timestamp(version: int, expires_at: float, of: Document) -> Document:
    """Return a timestamp of a snapshot, without signatures."""
    signed = tuf.Timestamp(version=version, expires=_moment(expires_at), snapshot_meta=_meta(of))
    return _document(Role.TIMESTAMP, tuf.Metadata(signed))


def signed(document: Document, keys: Iterable[SigningKey]) -> Document:
    """Return metadata with these signatures beside those that it has."""
    body = tuf.Metadata.from_bytes(document.content)
    for each in keys:
        body.sign(each.signer, append=True)
    return _document(document.role, body)


def _document(role: Role, body: tuf.Metadata[Any]) -> Document:
    return read(role, body.to_bytes(JSONSerializer(compact=True)))


def _target(listed: Listed) -> tuf.TargetFile:
    unrecognized = {"custom": custom_of(listed)}
    hashes = {"sha256": listed.digest}
    return tuf.TargetFile(listed.length, hashes, path_of(listed.digest), unrecognized)


def _meta(of: Document) -> tuf.MetaFile:
    return tuf.MetaFile.from_data(of.version, of.content, ["sha256"])


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)
