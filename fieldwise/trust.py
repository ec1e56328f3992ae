"""What publisher, orchestrator and device agree on about signed backbones: TUF, and our use of it.

A backbone is one target. Its path names the digest of its manifest, whose length and hash are the
target's; the manifest pins every other file of the bundle by digest, so that signing the target
signs all of them. Metadata has TUF's own file names with consistent snapshots and is fetched by
them. Nobody delegates: who signs the list signs all of it.

The list has a floor besides: the lowest epoch that may still be installed. It is an extra field of
the signed part of the list, so it is signed with it. A device keeps the highest floor that it ever
saw. Going back to an older bundle is legal while that is listed and not below the floor.

A device begins from the root that its credentials bring, over a connection that its ticket has
authenticated. It takes one only while it has none: from then on roots change by TUF's own chain. An
agent that knows all this says so, with ``knows_publisher`` where it asks for credentials and by a
``PublisherReport`` in its check-ins, or else is sent nothing of it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from fieldwise.errors import Fault, FieldwiseError

FLOOR_FIELD = "x-fieldwise-floor-epoch"
VERSION_MAX = 2**53  # versions are seconds since 1970 at most, and every database counts as far
EPOCH_MAX = 2**53
KIB = 1024


class Role(StrEnum):
    """The kinds of metadata; the first two are signed by publishers, the others by servers."""

    ROOT = "root"
    TARGETS = "targets"
    SNAPSHOT = "snapshot"
    TIMESTAMP = "timestamp"


# Each fits into one message. A root of sixteen keys has 6 KiB, and three thousand bundles fit into
# a list. There is one list, so snapshots are small; TUF's own limit, for many, is 2 MB.
BYTES_MAX: Mapping[Role, int] = MappingProxyType(
    {
        Role.ROOT: 16 * KIB,
        Role.TARGETS: 1024 * KIB,
        Role.SNAPSHOT: 64 * KIB,
        Role.TIMESTAMP: 16 * KIB,
    }
)

_NAME = re.compile(r"(?:([1-9][0-9]{0,15})\.)?(root|targets|snapshot|timestamp)\.json")
# As manifests have them (``fieldwise.bundle``): people read lists in terminals before they sign.
TITLE = (re.compile(r"[a-z0-9][a-z0-9._-]{0,63}"), re.compile(r"[0-9a-zA-Z][0-9a-zA-Z.+-]{0,31}"))
_PATH = re.compile(r"bundles/([0-9a-f]{64})\.json")


class PublisherTrouble(StrEnum):
    """What keeps a device from trusting metadata."""

    NO_ROOT = "no-root"
    EXPIRED = "expired"
    CLOCK = "clock"
    REFUSED = "refused"
    STATE = "state"


@dataclass(frozen=True, slots=True)
class PublisherReport:
    """What of the publisher's metadata a device trusts; 0 for none."""

    root_version: int = 0
    targets_version: int = 0
    floor_epoch: int = 0
    trouble: PublisherTrouble | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A backbone as the list has it.

    Args:
        digest: SHA-256 of its manifest.
        length: Bytes of its manifest.
        name: Name of the backbone.
        version: Its version.
        epoch: Compared with the floor.
    """

    digest: str
    length: int
    name: str
    version: str
    epoch: int

    @property
    def title(self) -> str:
        return f"{self.name}:{self.version}"


def name_of(role: Role, version: int) -> str:
    """Return the file name under which metadata of a version is fetched."""
    return f"{role}.json" if role is Role.TIMESTAMP else f"{version}.{role}.json"


def parse_name(name: str) -> tuple[Role, int]:
    """Read a file name of metadata; the version is 0 for the newest timestamp, which has none.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT``.
    """
    found = _NAME.fullmatch(name)
    if found is None or (found[1] is None) != (found[2] == Role.TIMESTAMP):
        raise FieldwiseError(Fault.INVALID_ARGUMENT, f"{name[:40]!r} is no name of metadata")
    return Role(found[2]), int(found[1] or 0)


def path_of(digest: str) -> str:
    """Return the path of the target that a backbone is."""
    return f"bundles/{digest}.json"


def listed_from(
    path: str, length: int, hashes: Mapping[str, str], custom: Mapping[str, Any] | None
) -> Listed:
    """Read one target of the list.

    Raises:
        FieldwiseError: ``METADATA_INVALID`` for one that is no backbone.
    """
    found = _PATH.fullmatch(path)
    told = custom or {}
    texts, epoch = (told.get("name"), told.get("version")), told.get("epoch")
    named = zip(TITLE, texts, strict=True)
    fits = all(isinstance(each, str) and shape.fullmatch(each) for shape, each in named)
    if found is None or not fits or epoch is None or not _is_count(epoch) or not _is_count(length):
        raise _no(f"the target {path[:100]!r} is no backbone")
    if dict(hashes) != {"sha256": found[1]}:
        raise _no(f"the target {path[:100]!r} has other hashes than its name says")
    return Listed(found[1], length, str(texts[0]), str(texts[1]), int(epoch))


def custom_of(listed: Listed) -> dict[str, Any]:
    """Return what the list says of a backbone beyond length and hash."""
    return {"name": listed.name, "version": listed.version, "epoch": listed.epoch}


def floor_from(fields: Mapping[str, Any]) -> int:
    """Read the floor out of those fields of a list that TUF does not know; 0 without one.

    Raises:
        FieldwiseError: ``METADATA_INVALID`` for one that is no epoch.
    """
    floor = fields.get(FLOOR_FIELD, 0)
    if not _is_count(floor):
        raise _no(f"its {FLOOR_FIELD} is no epoch")
    return int(floor)


def _is_count(value: object) -> bool:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return whole and 0 <= value <= EPOCH_MAX  # type: ignore[operator]  # a whole number


def _no(reason: str) -> FieldwiseError:
    return FieldwiseError(
        Fault.METADATA_INVALID, f"the publisher's metadata is not valid: {reason}"
    )
