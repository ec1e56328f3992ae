"""The fleet's keys on their way into a backup and out of it: its authority, a token, the publisher.

Keys that are there already stay, and have to be the same: a secret store may have handed them out
before the database is restored. Only the keys of ``publisher_file`` may be others, since they can
have been rotated since the backup; the publisher then sends the newer root again.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import msgspec

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.private import write_private
from orchestrator.connection import read_record, unusable
from orchestrator.enrolment.belonging import installation_of
from orchestrator.home import (
    AUTHORITY_FILE,
    TOKEN_FILE,
    TOKEN_FILE_BYTES_MAX,
    TOKEN_PATTERN,
    StoredAuthority,
    checked_authority,
    made,
    read_authority,
)
from orchestrator.publisher_file import (
    PUBLISHER_FILE,
    decode_publisher,
    encode_publisher,
    read_publisher,
)
from orchestrator.replica_ports import Installation


@dataclass(frozen=True, slots=True)
class Places:
    """Where an installation keeps its keys.

    Args:
        folder: The data folder.
        kept_in: File of the authority where that is another one.
        token: Operator token where the settings give one.
        publisher_in: File of the keys that sign metadata where that is another one.
    """

    folder: Path
    kept_in: Path | None = None
    token: str = ""
    publisher_in: Path | None = None

    @property
    def authority(self) -> Path:
        return self.kept_in or self.folder / AUTHORITY_FILE

    @property
    def publisher(self) -> Path:
        return self.publisher_in or self.folder / PUBLISHER_FILE


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """An authority as it is stored; a token and keys for metadata, empty where there are none."""

    authority: StoredAuthority
    token: str
    installation: Installation
    publisher: bytes = b""

    @property
    def content(self) -> bytes:
        """The authority as the data folder has it."""
        return msgspec.json.encode(self.authority)


def keys_at(places: Places, now: float) -> Keys:
    """Read the keys of an installation.

    Raises:
        FieldwiseError: ``AUTHORITY_UNUSABLE`` where its authority is gone or damaged.
    """
    path = places.authority
    if not path.exists():
        raise FieldwiseError(Fault.AUTHORITY_UNUSABLE, f"the fleet's authority {path} is not there")
    owned = installation_of(read_authority(path, now))
    stored = read_record(path, StoredAuthority)
    token, signing = places.token or _token_in(places.folder), places.publisher
    publisher = encode_publisher(read_publisher(signing)) if signing.exists() else b""
    return Keys(stored, token, owned, publisher)


def keys_from(content: bytes, token: str, now: float, publisher: bytes = b"") -> Keys:
    """Read the keys of a backup.

    Raises:
        FieldwiseError: ``AUTHORITY_UNUSABLE`` where they are none, or the authority has expired;
            ``STATE_DAMAGED`` where those for metadata are none.
    """
    try:
        stored = msgspec.json.decode(content, type=StoredAuthority)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FieldwiseError(
            Fault.AUTHORITY_UNUSABLE, f"the authority in the backup is damaged: {error}"
        ) from error
    if token and not re.fullmatch(TOKEN_PATTERN, token):
        raise FieldwiseError(Fault.AUTHORITY_UNUSABLE, "the operator token in the backup is none")
    owned = installation_of(checked_authority(stored, "the authority in the backup", now))
    if publisher:
        decode_publisher(publisher, "the file publisher.json in the backup")
    return Keys(stored, token, owned, publisher)


def refuse_others(places: Places, keys: Keys) -> None:
    """Let only a place pass that has no keys yet, or these.

    Raises:
        FieldwiseError: ``NOT_EMPTY``, or ``STATE_DAMAGED`` where it cannot be told.
    """
    path = places.authority
    if path.exists() and read_record(path, StoredAuthority) != keys.authority:
        raise FieldwiseError(Fault.NOT_EMPTY, f"{path} is there already, and is another authority")
    found = _token_in(places.folder)
    if not places.token and found and keys.token and found != keys.token:
        token = places.folder / TOKEN_FILE
        raise FieldwiseError(Fault.NOT_EMPTY, f"{token} is there already, and is another token")
    _refuse_other_publisher(places, keys)


def _refuse_other_publisher(places: Places, keys: Keys) -> None:
    path = places.publisher
    if not keys.publisher or places.publisher_in or not path.exists():
        return
    if encode_publisher(read_publisher(path)) != keys.publisher:
        raise FieldwiseError(Fault.NOT_EMPTY, f"{path} is there already, and has other keys")


def put_keys(places: Places, keys: Keys) -> tuple[Path, ...]:
    """Write those keys that are not there; return their files.

    Raises:
        FieldwiseError: ``STATE_DAMAGED`` or ``DISK_FULL``; keys written before stay.
    """
    wanted = {places.authority: keys.content}
    if keys.token and not places.token:
        wanted[places.folder / TOKEN_FILE] = f"{keys.token}\n".encode()
    if keys.publisher:
        wanted[places.publisher] = keys.publisher
    written = []
    for path, content in wanted.items():
        if path.exists():
            continue
        made(path.parent, "data_folder")
        try:
            write_private(path, content)
        except OSError as error:
            raise unusable(path, error) from error
        written.append(path)
    return tuple(written)


def _token_in(folder: Path) -> str:
    path = folder / TOKEN_FILE
    try:
        with path.open("rb") as file:
            return file.read(TOKEN_FILE_BYTES_MAX).decode(errors="replace").strip()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise unusable(path, error) from error
