"""Which metadata is to be signed anew, and by whom: rules without a clock.

A server signs what it has keys for and leaves the rest alone. It always has the online key, for
snapshot and timestamp. One that founded its trust by itself has the keys of root and list, too:
then the list is whatever is published and not recalled. Once publishers keep those keys elsewhere,
root and list are theirs, and the server only brings what they publish to the devices.

Versions of what a server signs are moments, in seconds since 1970, where those are above the
version before. So a database that is restored from a backup does not sign versions that devices
have seen with other content: they take the next one without being asked. It comes without snapshot
and timestamp, and a list of this server's own that no snapshot names is signed anew with them:
devices may have seen a later one. Roots count by one, since TUF wants that; where a restored server
makes another root of a number that devices have already, they keep theirs, which names the same
keys.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.trust import Listed, Role
from orchestrator.trust.documents import Document, describes, is_signed
from orchestrator.trust.drafting import (
    Holders,
    holders_of,
    new_list,
    new_root,
    new_snapshot,
    new_timestamp,
    signed,
)
from orchestrator.trust.signing_keys import SigningKey

DAY = 86_400.0
# Than a life, by what clocks differ: what holds for longer is of times of longer lives.
LONGER = 1.1
State = Mapping[Role, Document]


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """For how long what a server signs holds, and which share of it may be left at a new signature.

    A timestamp holds for a day: so long may somebody between server and device hide new metadata.
    It is signed anew twice a day, so that a server may be away for half a day. What is signed by
    publishers lasts longer, since people have to do it again.
    """

    timestamp: float = DAY
    snapshot: float = 7 * DAY
    targets: float = 90 * DAY
    root: float = 365 * DAY
    share_left: float = 0.5

    def of(self, role: Role) -> float:
        return {
            Role.TIMESTAMP: self.timestamp,
            Role.SNAPSHOT: self.snapshot,
            Role.TARGETS: self.targets,
            Role.ROOT: self.root,
        }[role]


@dataclass(frozen=True, slots=True, repr=False)
class PublisherKeys:
    """What a server has to sign with, by key id, and metadata that its keys came with."""

    root: Mapping[str, SigningKey] = field(default_factory=dict)
    targets: Mapping[str, SigningKey] = field(default_factory=dict)
    online: Mapping[str, SigningKey] = field(default_factory=dict)
    founding: tuple[Document, ...] = ()

    @property
    def can_found(self) -> bool:
        return bool(self.root and self.targets and self.online)

    def of(self, role: Role) -> Mapping[str, SigningKey]:
        return {Role.ROOT: self.root, Role.TARGETS: self.targets}.get(role, self.online)

    def for_role(self, role: Role, root: Document) -> tuple[SigningKey, ...]:
        """Return the keys that a root lets sign a role; none where they are too few."""
        own = self.of(role)
        found = tuple(own[each] for each in root.key_ids(role) if each in own)
        return found if len(found) >= root.threshold(role) else ()


@dataclass(frozen=True, slots=True)
class Remaining:
    """For how long metadata still holds; its share of a life where a server signs it."""

    role: Role
    seconds: float
    share: float | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the list of a server with its own keys is to be."""

    listed: tuple[Listed, ...]
    floor: int = 0


def upkeep(
    state: State, keys: PublisherKeys, wanted: Wanted, now: float, lives: Lifetimes
) -> tuple[Document, ...]:
    """Return the metadata that is to be kept beside what there is; nothing where all is well.

    Raises:
        FieldwiseError: ``NOT_VOUCHED`` where the root names another online key.
    """
    after = dict(_founded(state, keys, now, lives))
    if Role.ROOT not in after:
        return ()
    _renew_root(after, keys, now, lives)
    _renew_list(after, keys, wanted, now, lives)
    if Role.TARGETS in after and is_signed(after[Role.TARGETS], after[Role.ROOT]):
        _renew_pointer(Role.SNAPSHOT, after[Role.TARGETS], after, keys, now, lives)
        _renew_pointer(Role.TIMESTAMP, after[Role.SNAPSHOT], after, keys, now, lives)
    return tuple(each for role, each in after.items() if state.get(role) is not each)


def remaining(
    state: State, keys: PublisherKeys, now: float, lives: Lifetimes
) -> tuple[Remaining, ...]:
    """Return for how long each kind of metadata still holds."""
    root = state.get(Role.ROOT)
    return tuple(
        Remaining(role, left, left / lives.of(role) if root and signs(role, keys, root) else None)
        for role, document in state.items()
        for left in (document.expires_at - now,)
    )


def next_version(before: Document | None, now: float) -> int:
    """Return the version of what a server signs after something else."""
    return max(int(now), before.version + 1 if before else 1)


def signs(role: Role, keys: PublisherKeys, root: Document) -> bool:
    """Tell whether a server can sign a role by itself."""
    return bool(keys.for_role(role, root))


def _founded(state: State, keys: PublisherKeys, now: float, lives: Lifetimes) -> State:
    if Role.ROOT in state:
        return state
    if keys.founding:
        return {each.role: each for each in keys.founding}
    if not keys.can_found:
        return state
    online = Holders(tuple(each.public for each in keys.online.values()))
    holders = {
        Role.ROOT: Holders(tuple(each.public for each in keys.root.values())),
        Role.TARGETS: Holders(tuple(each.public for each in keys.targets.values())),
        Role.SNAPSHOT: online,
        Role.TIMESTAMP: online,
    }
    return {Role.ROOT: signed(new_root(1, now + lives.root, holders), keys.root.values())}


def _renew_root(
    after: dict[Role, Document], keys: PublisherKeys, now: float, lives: Lifetimes
) -> None:
    root = after[Role.ROOT]
    own = keys.for_role(Role.ROOT, root)
    if own and _is_due(root, now, lives):
        fresh = new_root(root.version + 1, now + lives.root, holders_of(root))
        after[Role.ROOT] = signed(fresh, own)


def _renew_list(
    after: dict[Role, Document],
    keys: PublisherKeys,
    wanted: Wanted,
    now: float,
    lives: Lifetimes,
) -> None:
    root, known = after[Role.ROOT], after.get(Role.TARGETS)
    own = keys.for_role(Role.TARGETS, root)
    if not own:
        return
    floor = max(wanted.floor, known.floor if known else 0)
    listed = {each.digest: each for each in wanted.listed if each.epoch >= floor}
    same = known is not None and (dict(known.listed), known.floor) == (listed, floor)
    named = Role.SNAPSHOT in after  # else it comes out of a backup, and was not the last one
    if known and same and named and is_signed(known, root) and not _is_due(known, now, lives):
        return
    version = next_version(known, now)
    after[Role.TARGETS] = signed(
        new_list(version, now + lives.targets, listed.values(), floor), own
    )


def _renew_pointer(
    role: Role,
    of: Document,
    after: dict[Role, Document],
    keys: PublisherKeys,
    now: float,
    lives: Lifetimes,
) -> None:
    root, known = after[Role.ROOT], after.get(role)
    fine = known and describes(known, of) and is_signed(known, root)
    if known and fine and not _is_due(known, now, lives):
        return
    own = keys.for_role(role, root)
    if not own:
        raise FieldwiseError(
            Fault.NOT_VOUCHED,
            f"this server cannot sign the {role}: root {root.version} names another online key",
        )
    make = new_snapshot if role is Role.SNAPSHOT else new_timestamp
    fresh = make(next_version(known, now), now + lives.of(role), of)
    after[role] = signed(fresh, own)


def _is_due(document: Document, now: float, lives: Lifetimes) -> bool:
    left, life = document.expires_at - now, lives.of(document.role)
    return left < life * lives.share_left or (left > life * LONGER and _is_of_before(document, now))


def _is_of_before(document: Document, now: float) -> bool:
    """Tell whether a server signed something before now; versions of roots are no moments.

    Where it did so later than now the clock is behind: what it signed now had ended long ago.
    """
    return document.role is not Role.ROOT and document.version <= now
