"""What a device makes of the list that its publisher signed: what may be brought into use.

The list comes as the JSON that python-tuf has verified (``agent.device.publisher``) and is read
here by rules of our own, which ask for more than TUF does: nobody may delegate, and everything on
the list has to be a backbone. A list that breaks a rule is refused as a whole.

Two things are asked of a bundle. It has to be on the list, and its epoch must not be below the
floor, the highest that the device ever saw: an old list that somebody brings back does not bring
back what was withdrawn before it. What serves already goes on serving, also when it is taken off
the list: a device without a backbone would be worse off than one with an old one.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fieldwise.bundle import Manifest, encode_manifest
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.trust import Listed, Role, floor_from, listed_from

# What servers sign lives for hours, so that a list cannot be held back; without a network there is
# only what publishers signed, for months.
OFFLINE = (Role.ROOT, Role.TARGETS)


@dataclass(frozen=True, slots=True)
class Signed:
    """The part of any metadata that a device shows: its version, and until when it holds.

    Attributes:
        version: Rises with each.
        expires: As TUF writes it: UTC, to the second, with a Z.
    """

    version: int
    expires: str


@dataclass(frozen=True, slots=True)
class Trusted:
    """What a device trusts of its publisher; nothing where no root is pinned.

    Attributes:
        signed: Newest metadata of each kind.
        floor_epoch: Highest that was ever seen.
        listed: The bundles of the newest list, by digest.
    """

    signed: Mapping[Role, Signed] = field(default_factory=dict)
    floor_epoch: int = 0
    listed: Mapping[str, Listed] = field(default_factory=dict)

    @property
    def is_pinned(self) -> bool:
        """Whether there is a publisher at all."""
        return Role.ROOT in self.signed

    def version(self, role: Role) -> int:
        """Of the newest metadata; 0 for none."""
        return self.signed[role].version if role in self.signed else 0

    def expires(self, role: Role) -> str:
        """Until when the newest metadata holds; empty for none."""
        return self.signed[role].expires if role in self.signed else ""


@dataclass(frozen=True, slots=True)
class List:
    """A publisher's list.

    Attributes:
        signed: Its version and end.
        floor_epoch: That it states.
        listed: Its bundles, by digest.
    """

    signed: Signed
    floor_epoch: int
    listed: Mapping[str, Listed]


def read_signed(content: bytes) -> Signed:
    """Version and end of metadata that was verified, or is only to be shown.

    Raises:
        FieldwiseError: ``METADATA_INVALID``.
    """
    fields = _signed_part(content)
    version, expires = fields.get("version"), fields.get("expires")
    if not isinstance(version, int) or not isinstance(expires, str):
        raise _invalid("it states no version or no end")
    return Signed(version, expires[:40])


def read_list(content: bytes) -> List:
    """The list in metadata that was verified.

    Raises:
        FieldwiseError: ``METADATA_INVALID`` where somebody else is to sign a part of it, or where
            anything on it is no backbone.
    """
    fields = _signed_part(content)
    if fields.get("delegations") is not None:
        raise _invalid("it delegates to others, and nobody else may sign bundles")
    targets = fields.get("targets")
    if not isinstance(targets, dict):
        raise _invalid("it has no list of targets")
    found = [_listed(path, target) for path, target in targets.items()]
    return List(read_signed(content), floor_from(fields), {each.digest: each for each in found})


def check_listed(trusted: Trusted, digest: str) -> Listed:
    """The entry of a bundle.

    Raises:
        FieldwiseError: ``NOT_VOUCHED``, ``BELOW_FLOOR``.
    """
    found = trusted.listed.get(digest)
    if found is None:
        version = trusted.version(Role.TARGETS)
        where = f"not on version {version} of the publisher's list" if version else "on no list"
        raise FieldwiseError(Fault.NOT_VOUCHED, f"bundle {digest[:12]} is {where}")
    _check_epoch(trusted, found.title, found.epoch)
    return found


def check_manifest(trusted: Trusted, listed: Listed, manifest: Manifest) -> None:
    """Hold length and floor against what a bundle says itself, whatever the list says of it.

    Raises:
        FieldwiseError: ``NOT_VOUCHED``, ``BELOW_FLOOR``.
    """
    check_length(listed, len(encode_manifest(manifest)))
    _check_epoch(trusted, manifest.title, manifest.epoch)


def check_length(listed: Listed, length: int) -> None:
    """Hold the length that was signed against that of a manifest.

    Raises:
        FieldwiseError: ``NOT_VOUCHED``.
    """
    if length != listed.length:
        raise FieldwiseError(
            Fault.NOT_VOUCHED,
            f"the publisher vouches for {listed.length:,} bytes of manifest {listed.digest[:12]},"
            f" which has {length:,}",
        )


def ends_before(trusted: Trusted, now: str) -> Role | None:
    """Which of what publishers signed is over at a time, written as TUF does; None for neither."""
    over = (role for role in OFFLINE if role in trusted.signed)
    return next((role for role in over if trusted.expires(role) <= now), None)


def _check_epoch(trusted: Trusted, title: str, epoch: int) -> None:
    if epoch < trusted.floor_epoch:
        raise FieldwiseError(
            Fault.BELOW_FLOOR,
            f"{title} has epoch {epoch}; the publisher withdrew all below {trusted.floor_epoch}",
        )


def _signed_part(content: bytes) -> dict[str, Any]:
    try:
        read = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _invalid("it is not JSON") from error
    fields = read.get("signed") if isinstance(read, dict) else None
    if not isinstance(fields, dict):
        raise _invalid("it has no signed part")
    return fields


def _listed(path: str, target: object) -> Listed:
    if not isinstance(target, dict) or not isinstance(target.get("hashes"), dict):
        raise _invalid(f"the target {path[:100]!r} is no backbone")
    length, custom = target.get("length"), target.get("custom")
    if not isinstance(length, int) or not isinstance(custom, dict):
        raise _invalid(f"the target {path[:100]!r} is no backbone")
    return listed_from(path, length, target["hashes"], custom)


def _invalid(reason: str) -> FieldwiseError:
    return FieldwiseError(
        Fault.METADATA_INVALID, f"the publisher's metadata is not valid: {reason}"
    )
