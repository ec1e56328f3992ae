"""A publisher and the servers that sign for it, with real keys and python-tuf's own metadata.

Whoever attacks in a test has the same means: ``files`` is what the orchestrator answers with, and
each role can be signed by any keys, with any version and end.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from agent.device.clock import SystemClock
from fieldwise.trust import FLOOR_FIELD, Listed, Role, custom_of, name_of, path_of

ONLINE = (Role.SNAPSHOT, Role.TIMESTAMP)
OFFLINE = (Role.ROOT, Role.TARGETS)


def in_days(days: float) -> datetime:
    """So long from now, or before it."""
    now = datetime.fromtimestamp(int(SystemClock().wall()), UTC)  # the one that python-tuf asks
    return now + timedelta(days=days)


def target_of(listed: Listed, **changed: Any) -> TargetFile:
    """A bundle as a target; ``changed`` replaces what a publisher would say."""
    says: dict[str, Any] = {
        "length": listed.length,
        "hashes": {"sha256": listed.digest},
        "path": path_of(listed.digest),
        "unrecognized_fields": {"custom": custom_of(listed)},
    }
    return TargetFile(**{**says, **changed})


class Repository:
    """Signs, and keeps what it signed by name.

    Args:
        root_keys: How many keys sign roots, of which ``threshold`` have to.
        threshold: For roots and lists.

    Attributes:
        keys: Of each role.
        files: What there is to fetch, by name.
        versions: Newest of each role.
    """

    def __init__(self, *, root_keys: int = 1, threshold: int = 1) -> None:
        count = {Role.ROOT: root_keys, Role.TARGETS: root_keys}
        self.keys: dict[Role, list[CryptoSigner]] = {
            role: [CryptoSigner.generate_ed25519() for _ in range(count.get(role, 1))]
            for role in Role
        }
        self.threshold = threshold
        self.files: dict[str, bytes] = {}
        self.versions: dict[Role, int] = dict.fromkeys(Role, 0)
        self.sign_root()

    @property
    def root(self) -> bytes:
        """The newest root."""
        return self.files[name_of(Role.ROOT, self.versions[Role.ROOT])]

    def publish(self, *listed: Listed, floor: int | None = None, **fields: Any) -> None:
        """A new list, and what servers sign for it."""
        self.sign_targets([target_of(each) for each in listed], floor, **fields)
        self.freshen()

    def freshen(self, *, days: float = 1) -> None:
        """A new snapshot of what there is, and a new timestamp."""
        self.sign_snapshot(days=days)
        self.sign_timestamp(days=days)

    def sign_root(
        self,
        *,
        version: int | None = None,
        days: float = 365,
        signers: Sequence[CryptoSigner] | None = None,
        before: Sequence[CryptoSigner] = (),
    ) -> bytes:
        """A root with the present keys; ``before`` are those of the one that it replaces."""
        root = Root(
            version or self._next(Role.ROOT), expires=in_days(days), consistent_snapshot=True
        )
        for role, keys in self.keys.items():
            for key in keys:
                root.add_key(key.public_key, role.value)
            root.roles[role.value].threshold = self.threshold if role in OFFLINE else 1
        return self._keep(Role.ROOT, root, (*(signers or self.keys[Role.ROOT]), *before))

    def sign_targets(
        self,
        targets: Sequence[TargetFile] = (),
        floor: object = None,
        *,
        version: int | None = None,
        days: float = 90,
        signers: Sequence[CryptoSigner] | None = None,
        **fields: Any,
    ) -> bytes:
        """A list of targets."""
        extra = {} if floor is None else {FLOOR_FIELD: floor}
        found = Targets(
            version or self._next(Role.TARGETS),
            expires=in_days(days),
            targets={each.path: each for each in targets},
            unrecognized_fields=extra,
            **fields,
        )
        return self._keep(Role.TARGETS, found, signers or self.keys[Role.TARGETS])

    def sign_snapshot(
        self,
        *,
        targets_version: int | None = None,
        version: int | None = None,
        days: float = 1,
        signers: Sequence[CryptoSigner] | None = None,
        more: Mapping[str, MetaFile] | None = None,
    ) -> bytes:
        """What is the newest list."""
        meta = {
            "targets.json": MetaFile(targets_version or self.versions[Role.TARGETS]),
            **(more or {}),
        }
        number = version or self._next(Role.SNAPSHOT)
        found = Snapshot(number, expires=in_days(days), meta=meta)
        return self._keep(Role.SNAPSHOT, found, signers or self.keys[Role.SNAPSHOT])

    def sign_timestamp(
        self,
        *,
        snapshot_version: int | None = None,
        version: int | None = None,
        days: float = 1,
        signers: Sequence[CryptoSigner] | None = None,
    ) -> bytes:
        """What is the newest snapshot."""
        newest = MetaFile(snapshot_version or self.versions[Role.SNAPSHOT])
        number = version or self._next(Role.TIMESTAMP)
        found = Timestamp(number, expires=in_days(days), snapshot_meta=newest)
        return self._keep(Role.TIMESTAMP, found, signers or self.keys[Role.TIMESTAMP])

    def rotate(self, *roles: Role) -> None:
        """New keys for roles, by a root that the old keys sign as well."""
        before = self.keys[Role.ROOT]
        for role in roles:
            self.keys[role] = [CryptoSigner.generate_ed25519() for _ in self.keys[role]]
        self.sign_root(before=before if Role.ROOT in roles else ())

    def _next(self, role: Role) -> int:
        return self.versions[role] + 1

    def _keep(self, role: Role, signed: Any, signers: Sequence[CryptoSigner]) -> bytes:
        metadata = Metadata(signed)
        for signer in signers:
            metadata.sign(signer, append=True)
        content = metadata.to_bytes()
        self.versions[role] = signed.version
        self.files[name_of(role, signed.version)] = content
        return content
