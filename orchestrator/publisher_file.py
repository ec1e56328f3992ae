"""The file with the keys that this server signs metadata with: ``publisher.json``.

In the data folder it is made on first start, with every key there is: this server is its own
publisher then, and whoever gets hold of the folder may sign. ``publisher_file`` names another one,
as `fieldwise trust init` makes it, with the online key alone and the publisher's first metadata.
"""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.private import write_private
from fieldwise.trust import Role
from orchestrator.connection import unusable
from orchestrator.trust.documents import Document, read
from orchestrator.trust.signing_keys import SigningKey, by_id, load, pem_of
from orchestrator.trust.upkeep import PublisherKeys

PUBLISHER_FILE = "publisher.json"
FILE_BYTES_MAX = 2 * 1024 * 1024  # keys have 120 bytes, the first list at most 1 MiB


class StoredPublisher(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Keys as PEM without a passphrase, and metadata as it was signed."""

    online: tuple[str, ...]
    root: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    metadata: tuple[str, ...] = ()


def open_publisher(folder: Path, *, has_root: bool, kept_in: Path | None = None) -> PublisherKeys:
    """Read the keys of this server, or make them all in its data folder.

    Args:
        folder: The data folder.
        has_root: Whether the database holds a root already, for which none can be made.
        kept_in: File outside of the data folder that holds them; none is made then.

    Raises:
        FieldwiseError: ``STATE_DAMAGED`` for a file that is gone, damaged or cannot be used.
    """
    path = kept_in or folder / PUBLISHER_FILE
    if not path.exists():
        if kept_in:
            raise _useless(f"{path} is not there, and publisher_file names it")
        if has_root:
            raise _useless(
                f"{path} is gone, and the database holds metadata that its keys signed; "
                "replicas share one, named by publisher_file"
            )
        write_publisher(path, all_online())
    return keys_of(read_publisher(path), str(path))


def all_online() -> StoredPublisher:
    """Make every key of a server that is its own publisher."""
    root, targets, online = (pem_of(fresh_key()).decode() for _ in range(3))
    return StoredPublisher(online=(online,), root=(root,), targets=(targets,))


def fresh_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


def read_publisher(path: Path) -> StoredPublisher:
    """Read the file.

    Raises:
        FieldwiseError: ``STATE_DAMAGED``.
    """
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise unusable(path, error) from error
    return decode_publisher(content, str(path))


def decode_publisher(content: bytes, name: str) -> StoredPublisher:
    """Read a stored file's content, told of by a name.

    Raises:
        FieldwiseError: ``STATE_DAMAGED``.
    """
    if len(content) > FILE_BYTES_MAX:
        raise _useless(f"{name} has more than {FILE_BYTES_MAX:,} bytes")
    try:
        stored = msgspec.json.decode(content, type=StoredPublisher)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _useless(f"{name} is damaged: {type(error).__name__}") from error
    keys_of(stored, name)
    return stored


def encode_publisher(stored: StoredPublisher) -> bytes:
    return msgspec.json.format(msgspec.json.encode(stored), indent=1)


def write_publisher(path: Path, stored: StoredPublisher) -> None:
    """Write the file, for its owner only.

    Raises:
        FieldwiseError: ``DISK_FULL`` or ``STATE_DAMAGED``.
    """
    try:
        write_private(path, encode_publisher(stored))
    except OSError as error:
        raise unusable(path, error) from error


def keys_of(stored: StoredPublisher, name: str) -> PublisherKeys:
    """Make keys of what is stored.

    Raises:
        FieldwiseError: ``STATE_DAMAGED`` for keys or metadata that are none.
    """
    try:
        keys = PublisherKeys(
            root=by_id(_keys(stored.root, name)),
            targets=by_id(_keys(stored.targets, name)),
            online=by_id(_keys(stored.online, name)),
            founding=tuple(map(_document, stored.metadata)),
        )
    except FieldwiseError as error:
        raise _useless(f"{name} cannot be used: {error.sentence}") from error
    if not keys.online:
        raise _useless(f"{name} has no online key")
    return keys


def without_offline(folder: Path, kept_in: Path | None = None) -> PublisherKeys | None:
    """Forget the keys of root and list, as publishers have theirs elsewhere now.

    Returns:
        The keys that are left; None where the file is not in the data folder, and stays as it is.
    """
    if kept_in is not None:
        return None
    path = folder / PUBLISHER_FILE
    stored = msgspec.structs.replace(read_publisher(path), root=(), targets=(), metadata=())
    write_publisher(path, stored)
    return keys_of(stored, str(path))


def _keys(pems: Iterable[str], name: str) -> list[SigningKey]:
    return [load(each.encode(), f"in {name}") for each in pems]


def _document(text: str) -> Document:
    for role in (Role.ROOT, Role.TARGETS):
        with suppress(FieldwiseError):
            return read(role, text.encode())
    return read(Role.ROOT, text.encode())


def _useless(sentence: str) -> FieldwiseError:
    return FieldwiseError(Fault.STATE_DAMAGED, sentence)
