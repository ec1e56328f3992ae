"""The data folder: what an orchestrator is, apart from its database and its bundles.

``authority.json`` holds the fleet's name with the key and certificate of its authority, written
once, whole or not at all; a secret store may keep it instead. Nothing replaces it: every device
trusts this one root, so a server that finds it gone or changed where a fleet has been does not
start, rather than found another fleet over the same devices. ``operator/token`` is the operator's,
and ``operator/connection.json`` lets commands on this machine find the server. Everything is for
its owner only, and one process at a time holds the folder. ``replica`` has a name of chance by
which a process that starts again here is known to other replicas. The server's own certificate is
not kept: every start makes a fresh key.
"""

import base64
import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from fieldwise.durable import make_folder
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.identity import (
    FLEET_PATTERN,
    PublicKey,
    certificate_pem,
    check_validity,
    generate_key,
    key_pem,
    load_key,
    load_pem_certificate,
)
from fieldwise.private import write_private
from orchestrator.connection import CONNECTION_FILE, read_connection, read_record, unusable
from orchestrator.enrolment.authority import Authority, found_authority, name_of_root
from orchestrator.ports import Entropy

AUTHORITY_FILE = "authority.json"
TOKEN_FILE = "operator/token"  # noqa: S105 - the name of a file
PLACE_FILE = "replica"
PLACE_BYTES = 8
TOKEN_BYTES = 32
TOKEN_PATTERN = "[!-~]{16,256}"  # noqa: S105 - what a token looks like
TOKEN_FILE_BYTES_MAX = 4096


class StoredAuthority(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The fleet's name, and certificate and key of its authority as PEM."""

    fleet: str
    certificate: str
    key: str


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a data folder, made where it is missing; only its owner may look into it.

    Raises:
        FieldwiseError: ``STATE_LOCKED`` while another process holds it, and as ``made``.
    """
    made(folder, "data_folder")
    try:
        folder.chmod(0o700)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise unusable(folder, error) from error
    try:
        _lock(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def found_apart(path: Path, fleet: str, now: float) -> Authority:
    """Found the authority of a new fleet in a file, for a secret store to keep.

    Raises:
        FieldwiseError: ``ALREADY_EXISTS`` for a file that is there: it may be a fleet's,
            ``INVALID_ARGUMENT`` where it cannot be written.
    """
    authority = found_authority(fleet, generate_key(), now)
    store_apart(path, authority)
    return authority


def store_apart(path: Path, authority: Authority) -> None:
    """Write an authority to a file, for a secret store to keep.

    Raises:
        FieldwiseError: As ``found_apart``.
    """
    if path.exists():
        raise FieldwiseError(Fault.ALREADY_EXISTS, f"{path} is there already, and may be a fleet's")
    try:
        _store_authority(path, authority)
    except OSError as error:
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT, f"{path} cannot be written: {error.strerror}"
        ) from error


def put_authority(folder: Path, kept_in: Path | None, authority: Authority, now: float) -> None:
    """Let a successor stand where the authority stood; what a secret store keeps, it has to bring.

    Raises:
        FieldwiseError: ``ILLEGAL_COMMAND`` where the secret store still brings the old one,
            ``DISK_FULL`` or ``STATE_DAMAGED`` where it cannot be written.
    """
    if kept_in is None:
        with _private_files(folder / AUTHORITY_FILE):
            _store_authority(folder / AUTHORITY_FILE, authority)
    elif read_authority(kept_in, now).certificate != authority.certificate:
        raise FieldwiseError(
            Fault.ILLEGAL_COMMAND,
            f"{kept_in} still holds the old authority: `fieldwise authority rotate export FILE` "
            "writes the new one for the secret store",
        )


def open_authority(
    folder: Path,
    wanted: str,
    entropy: Entropy,
    now: float,
    *,
    has_fleet: bool,
    kept_in: Path | None = None,
) -> Authority:
    """Read the fleet's authority, or found it under the wanted or a made-up name.

    Args:
        folder: The data folder.
        wanted: Name of the fleet; empty takes any.
        entropy: What a name is made up from.
        now: Seconds since 1970.
        has_fleet: Whether the database holds a fleet already, for which none may be founded.
        kept_in: File outside of the data folder that holds the authority; none is founded then.

    Raises:
        FieldwiseError: ``SETTING_INVALID`` where the fleet has another name than wanted,
            ``AUTHORITY_UNUSABLE`` for a file that is gone, damaged, expired or another fleet's.
    """
    path = kept_in or folder / AUTHORITY_FILE
    if not path.exists():
        if kept_in:
            raise _useless(f"{path} is not there, and authority_file names it")
        if has_fleet:
            raise _useless(f"{path} is gone, and the database holds the fleet that it belongs to")
        with _private_files(path):
            fleet = wanted or f"fleet-{entropy.token(4).hex()}"
            _store_authority(path, found_authority(fleet, generate_key(), now))
            return read_authority(path, now)
    found = read_authority(path, now)
    _refuse_other(folder, path, found)
    if wanted and found.fleet != wanted:
        raise FieldwiseError(
            Fault.SETTING_INVALID,
            f"fleet = {wanted!r}: the fleet of {path} is {found.fleet!r}, and its name is fixed",
        )
    return found


def stored_fleet(folder: Path, kept_in: Path | None = None) -> str:
    """Return the name of the fleet of an authority, empty where none can be read."""
    try:
        return read_record(kept_in or folder / AUTHORITY_FILE, StoredAuthority).fleet
    except FieldwiseError:
        return ""


def stored_root(folder: Path, kept_in: Path | None = None) -> str:
    """Return the certificate of an authority as PEM; who has it knows the fleet's server.

    Raises:
        FieldwiseError: ``STATE_DAMAGED`` where none can be read.
    """
    return read_record(kept_in or folder / AUTHORITY_FILE, StoredAuthority).certificate


def open_token(folder: Path, given: str, entropy: Entropy) -> str:
    """Return the operator token: the given one, or the stored one, made on first start.

    Raises:
        FieldwiseError: ``STATE_DAMAGED`` for a stored one that cannot be read or is too weak.
    """
    path = folder / TOKEN_FILE
    made(path.parent, "data_folder")
    if given:
        return given
    with _private_files(path):
        if not path.exists():
            text = base64.urlsafe_b64encode(entropy.token(TOKEN_BYTES)).decode().rstrip("=")
            write_private(path, f"{text}\n".encode())
        with path.open("rb") as file:
            token = file.read(TOKEN_FILE_BYTES_MAX).decode(errors="replace").strip()
    if not re.fullmatch(TOKEN_PATTERN, token):
        raise FieldwiseError(
            Fault.STATE_DAMAGED,
            f"{path} holds no operator token: one has 16 to 256 printable characters, no blanks",
        )
    return token


def open_place(folder: Path, entropy: Entropy) -> str:
    """Return what a data folder is called among those of all replicas, made on first start.

    Raises:
        FieldwiseError: ``STATE_DAMAGED`` for a file that cannot be read or written.
    """
    path = folder / PLACE_FILE
    with _private_files(path):
        if not path.exists():
            write_private(path, entropy.token(PLACE_BYTES).hex().encode())
        with path.open("rb") as file:
            name = file.read(TOKEN_FILE_BYTES_MAX).decode(errors="replace")
    if not re.fullmatch("[0-9a-f]{16}", name):
        raise FieldwiseError(
            Fault.STATE_DAMAGED,
            f"{path} holds no name of a replica; remove it, and it is made anew",
        )
    return name


def made(folder: Path, setting: str) -> Path:
    """Return a folder for its owner only, made where it is missing.

    Raises:
        FieldwiseError: ``STATE_DAMAGED`` where something else is in its place, ``SETTING_INVALID``
            where it cannot be made or written to.
    """
    try:
        make_folder(folder)
    except (FileExistsError, NotADirectoryError) as error:
        raise unusable(folder, error) from error
    except OSError as error:
        raise _unfit(folder, setting, error.strerror) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _unfit(folder, setting, "it cannot be written to")
    return folder


def emptied(folder: Path) -> Path:
    """Return a folder for files under way, without those that a killed process left.

    Raises:
        FieldwiseError: As ``made``.
    """
    with _private_files(folder):
        if folder.is_dir():
            shutil.rmtree(folder)
    return made(folder, "data_folder")


def read_authority(path: Path, now: float) -> Authority:
    """Read an authority from its file.

    Raises:
        FieldwiseError: ``AUTHORITY_UNUSABLE`` for one that is damaged or expired.
    """
    try:
        stored = read_record(path, StoredAuthority)
    except FieldwiseError as error:
        raise _useless(_useless_as(str(path), error)) from error
    return checked_authority(stored, str(path), now)


def checked_authority(stored: StoredAuthority, name: str, now: float) -> Authority:
    """Return a stored authority, told of by a name, as one that can sign.

    Raises:
        FieldwiseError: ``AUTHORITY_UNUSABLE``.
    """
    try:
        certificate = load_pem_certificate(stored.certificate.encode())
        key = load_key(stored.key.encode())
        check_validity(certificate, datetime.fromtimestamp(now, UTC))
    except FieldwiseError as error:
        raise _useless(_useless_as(name, error)) from error
    if not re.fullmatch(FLEET_PATTERN, stored.fleet):
        raise _useless(f"{name}: {stored.fleet[:64]!a} is no name of a fleet")
    certified = certificate.public_key()
    if not isinstance(certified, PublicKey) or certified != key.public_key():
        raise _useless(f"{name}: the key is not the certificate's")
    if certificate.subject != name_of_root(stored.fleet):
        raise _useless(f"{name}: the certificate is not of the fleet {stored.fleet[:64]!r}")
    return Authority(stored.fleet, certificate, key)


def _useless_as(name: str, error: FieldwiseError) -> str:
    told = error.sentence.removeprefix(f"{name} ")
    return f"{name} cannot be used as the fleet's authority: {told}"


def _refuse_other(folder: Path, path: Path, found: Authority) -> None:
    """Compare with the authority that the last start told commands of this machine."""
    try:
        told = read_connection(folder)
    except FieldwiseError:
        return  # it is written anew at every start
    if told and certificate_pem(found.certificate).decode() not in told.authority:
        raise _useless(
            f"{path} is another authority than that of the last start; "
            f"remove {folder / CONNECTION_FILE} if this is meant"
        )


def _store_authority(path: Path, authority: Authority) -> None:
    stored = StoredAuthority(
        fleet=authority.fleet,
        certificate=certificate_pem(authority.certificate).decode(),
        key=key_pem(authority.key).decode(),
    )
    write_private(path, msgspec.json.encode(stored))


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise FieldwiseError(
            Fault.STATE_LOCKED, f"another orchestrator holds the data folder {folder}"
        ) from error


@contextmanager
def _private_files(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise unusable(path, error) from error


def _useless(sentence: str) -> FieldwiseError:
    return FieldwiseError(Fault.AUTHORITY_UNUSABLE, sentence)


def _unfit(folder: Path, setting: str, reason: str | None) -> FieldwiseError:
    return FieldwiseError(Fault.SETTING_INVALID, f"{setting}: {folder} cannot be used: {reason}")
