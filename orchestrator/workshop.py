"""A publisher's folder, on a machine of its own: keys, roots, and the list that is signed there.

    keys/          what signs root and list; each may lie on another machine instead
    N.root.json    every root
    targets.json   the newest list, perhaps a draft that lacks signatures
    publisher.json the online key for the server, with the first root and list

Nothing here talks to a server. Signatures may be collected: a draft goes from machine to machine,
and each adds its own. A draft that is changed loses the signatures that it had.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fieldwise.durable import make_folder
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.private import write_private
from fieldwise.trust import BYTES_MAX, Listed, Role, name_of
from orchestrator.connection import unusable
from orchestrator.publisher_file import (
    PUBLISHER_FILE,
    StoredPublisher,
    fresh_key,
    read_publisher,
    write_publisher,
)
from orchestrator.trust.documents import Document, is_signed, read, signatures_missing, signed_by
from orchestrator.trust.drafting import Holders, holders_of, new_list, new_root, signed
from orchestrator.trust.signing_keys import SigningKey, load, pem_of, signing_key
from orchestrator.trust.upkeep import DAY

KEYS, LIST_FILE = "keys", "targets.json"
KEY_BYTES_MAX = 16_384


@dataclass(frozen=True, slots=True)
class Terms:
    """How many keys there are, how many have to sign, and for how many days that holds."""

    root_keys: int = 1
    root_threshold: int = 1
    list_keys: int = 1
    list_threshold: int = 1
    root_days: int = 365
    list_days: int = 90


@dataclass(frozen=True, slots=True)
class Change:
    """What is to become of the list; nothing at all leaves it as it is."""

    add: tuple[Listed, ...] = ()
    drop: tuple[str, ...] = ()
    floor: int | None = None
    renew: bool = False

    @property
    def is_any(self) -> bool:
        return bool(self.add or self.drop or self.renew or self.floor is not None)


@dataclass(frozen=True, slots=True)
class Workshop:
    """A publisher's folder as it lies there; roots oldest first."""

    folder: Path
    roots: tuple[Document, ...]
    targets: Document | None

    @property
    def root(self) -> Document:
        """The newest root.

        Raises:
            FieldwiseError: ``NOT_FOUND``.
        """
        if not self.roots:
            raise FieldwiseError(
                Fault.NOT_FOUND, f"{self.folder} holds no root: `fieldwise trust init` makes one"
            )
        return self.roots[-1]

    @property
    def before(self) -> Document | None:
        return self.roots[-2] if len(self.roots) > 1 else None

    def missing(self, role: Role) -> int:
        """Count the signatures that the newest root or the list still lacks."""
        if role is Role.ROOT:
            own = signatures_missing(self.root, self.root)
            return own + (signatures_missing(self.root, self.before) if self.before else 0)
        return signatures_missing(self.targets, self.root) if self.targets else 0


def opened(folder: Path) -> Workshop:
    """Read a publisher's folder.

    Raises:
        FieldwiseError: ``METADATA_INVALID`` or ``STATE_DAMAGED`` for what is none.
    """
    names = sorted(folder.glob("*.root.json"), key=lambda each: _number(each.name))
    roots = tuple(read(Role.ROOT, _content(each)) for each in names)
    path = folder / LIST_FILE
    targets = read(Role.TARGETS, _content(path)) if path.exists() else None
    return Workshop(folder, roots, targets)


def founded(folder: Path, terms: Terms, passphrase: bytes | None, now: float) -> Workshop:
    """Make keys, a root and a list; beside exported metadata those that follow it.

    Raises:
        FieldwiseError: ``ALREADY_EXISTS`` where there are keys, ``INVALID_ARGUMENT`` for terms that
            nobody could keep, or as ``opened``.
    """
    if (folder / KEYS).exists():
        raise FieldwiseError(Fault.ALREADY_EXISTS, f"{folder / KEYS} is there already")
    known = opened(folder) if folder.exists() else Workshop(folder, (), None)
    made = [fresh_key() for _ in range(terms.root_keys)]
    lists = [fresh_key() for _ in range(terms.list_keys)]
    online = None if known.roots else fresh_key()
    holders = {
        Role.ROOT: _held_by(made, terms.root_threshold),
        Role.TARGETS: _held_by(lists, terms.list_threshold),
    }
    for role in (Role.SNAPSHOT, Role.TIMESTAMP):
        holders[role] = holders_of(known.root)[role] if known.roots else _held_by([online], 1)
    version = known.root.version + 1 if known.roots else 1
    root = signed(new_root(version, now + terms.root_days * DAY, holders), map(signing_key, made))
    before = known.targets
    targets = signed(
        new_list(
            before.version + 1 if before else 1,
            now + terms.list_days * DAY,
            before.listed.values() if before else (),
            before.floor if before else 0,
        ),
        map(signing_key, lists),
    )
    _write_keys(folder, "root", version, made, passphrase)
    _write_keys(folder, "list", version, lists, passphrase)
    if online is not None:
        founding = (root.content.decode(), targets.content.decode())
        stored = StoredPublisher((pem_of(online).decode(),), metadata=founding)
        write_publisher(folder / PUBLISHER_FILE, stored)
    return kept(replace(known, roots=(*known.roots, root), targets=targets))


def keys_in(paths: Sequence[Path], passphrase: bytes | None) -> list[SigningKey]:
    """Read keys that are to sign; a passphrase is for those that have one.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for what is no key.
    """
    found = []
    for path in paths:
        pem = _content(path, KEY_BYTES_MAX)
        found.append(load(pem, str(path), passphrase if b"ENCRYPTED" in pem else None))
    return found


def all_keys(folder: Path) -> list[Path]:
    """Return the files of all keys that lie in a publisher's folder."""
    return sorted((folder / KEYS).glob("*.key"))


def with_list(known: Workshop, change: Change, days: int, now: float) -> Workshop:
    """Return it with another list, without signatures; a draft keeps its version.

    Raises:
        FieldwiseError: ``NOT_FOUND`` for what is to be dropped and is not listed, or
            ``INVALID_ARGUMENT`` for a floor that falls.
    """
    if not change.is_any:
        return known
    before = known.targets
    listed = {each.title: each for each in before.listed.values()} if before else {}
    for title in change.drop:
        if listed.pop(title, None) is None:
            raise FieldwiseError(Fault.NOT_FOUND, f"{title} is not on the list")
    listed |= {each.title: each for each in change.add}
    lowest = before.floor if before else 0
    floor = lowest if change.floor is None else change.floor
    if floor < lowest:
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT, f"the floor only rises, and it is {lowest} already"
        )
    # What any root's keys have signed may be in force: only a draft keeps its version.
    is_draft = before is not None and not any(is_signed(before, each) for each in known.roots)
    version = before.version + (not is_draft) if before else 1
    fresh = new_list(version, now + days * DAY, listed.values(), floor)
    return replace(known, targets=fresh)


def with_root(known: Workshop, holders: dict[Role, Holders], days: int, now: float) -> Workshop:
    """Return it with a next root, without signatures.

    Raises:
        FieldwiseError: ``CONFLICT`` while the newest still lacks some.
    """
    if known.missing(Role.ROOT):
        raise FieldwiseError(
            Fault.CONFLICT, f"root {known.root.version} still lacks signatures: collect those first"
        )
    fresh = new_root(known.root.version + 1, now + days * DAY, holders)
    return replace(known, roots=(*known.roots, fresh))


def rotated(
    known: Workshop, role: Role, terms: Terms, passphrase: bytes | None, now: float
) -> Workshop:
    """Return it with fresh keys of a role, which are written, and a next root that names them."""
    count, threshold = (
        (terms.root_keys, terms.root_threshold)
        if role is Role.ROOT
        else (terms.list_keys, terms.list_threshold)
    )
    made = [fresh_key() for _ in range(count)]
    holders = {**holders_of(known.root), role: _held_by(made, threshold)}
    after = with_root(known, holders, terms.root_days, now)
    if role is Role.TARGETS:
        after = with_list(after, Change(renew=True), terms.list_days, now)
    name = "root" if role is Role.ROOT else "list"
    _write_keys(known.folder, name, after.root.version, made, passphrase)
    return after


def with_online(known: Workshop, file: Path, days: int, now: float) -> Workshop:
    """Return it with a next root that names a fresh online key, which is added to a server's file.

    Raises:
        FieldwiseError: ``STATE_DAMAGED`` where that file is none.
    """
    stored, made = read_publisher(file), fresh_key()
    online = _held_by([made], 1)
    holders = {**holders_of(known.root), Role.SNAPSHOT: online, Role.TIMESTAMP: online}
    after = with_root(known, holders, days, now)
    fresh = StoredPublisher((*stored.online, pem_of(made).decode()), stored.root, stored.targets)
    write_publisher(file, fresh)
    return after


def with_signatures(
    known: Workshop, keys: Iterable[SigningKey], *, root_too: bool = True
) -> Workshop:
    """Return it with the signatures of those keys that the newest root or the one before names.

    Args:
        known: What is to be signed.
        keys: Whose signatures it gets.
        root_too: Whether somebody means to sign the root as well, and not the list alone.
    """
    given = list(keys)
    after = _with_root_signed(known, given) if root_too else known.root
    targets = known.targets
    if targets is not None:
        lacking = set(after.key_ids(Role.TARGETS)) - signed_by(targets, after)
        own = [each for each in given if each.key_id in lacking]
        targets = signed(targets, own) if own else targets
    return replace(known, roots=(*known.roots[:-1], after), targets=targets)


def _with_root_signed(known: Workshop, given: Sequence[SigningKey]) -> Document:
    root = known.root
    may = set(root.key_ids(Role.ROOT))
    may |= set(known.before.key_ids(Role.ROOT)) if known.before else set()
    had = signed_by(root, root) | (signed_by(root, known.before) if known.before else set())
    fresh = [each for each in given if each.key_id in may - had]
    return signed(root, fresh) if fresh else root


def kept(known: Workshop) -> Workshop:
    """Write the newest root and the list.

    Raises:
        FieldwiseError: ``STATE_DAMAGED`` or ``DISK_FULL``.
    """
    for each in known.roots:
        _write(known.folder / name_of(Role.ROOT, each.version), each.content)
    if known.targets is not None:
        _write(known.folder / LIST_FILE, known.targets.content)
    return known


def _held_by(keys: Sequence[Ed25519PrivateKey | None], threshold: int) -> Holders:
    return Holders(tuple(signing_key(each).public for each in keys if each), threshold)


def _write_keys(
    folder: Path,
    name: str,
    version: int,
    keys: Iterable[Ed25519PrivateKey],
    passphrase: bytes | None,
) -> None:
    for number, each in enumerate(keys, 1):
        path = folder / KEYS / f"{name}-{version}-{number}.key"
        _write(path, pem_of(each, passphrase))


def _write(path: Path, content: bytes) -> None:
    try:
        make_folder(path.parent)
        if not path.exists() or path.read_bytes() != content:
            write_private(path, content)
    except OSError as error:
        raise unusable(path, error) from error


def _content(path: Path, limit: int = max(BYTES_MAX.values())) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT, f"{path} cannot be read: {error.strerror}"
        ) from error
    if len(content) > limit:
        raise FieldwiseError(Fault.OVER_LIMIT, f"{path} has more than {limit:,} bytes")
    return content


def _number(name: str) -> int:
    first = name.partition(".")[0]
    return int(first) if first.isdigit() else 0
