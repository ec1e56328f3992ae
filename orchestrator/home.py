"""The data folder: what an orchestrator is, apart from its database and its bundles.

``authority.json`` holds the fleet's name with the key and certificate of its authority, written
once, whole or not at all. ``operator/token`` is the operator's, and ``operator/connection.json``
lets commands on this machine find the server. Everything is for its owner only, and one process at
a time holds the folder. The server's own certificate is not kept: every start makes a fresh key.
"""

import base64
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.identity import (
    certificate_pem,
    generate_key,
    key_pem,
    load_key,
    load_pem_certificate,
    write_private,
)
from orchestrator.connection import read_record, unusable
from orchestrator.enrolment.authority import Authority, found_authority
from orchestrator.ports import Entropy

AUTHORITY_FILE = "authority.json"
TOKEN_FILE = "operator/token"  # noqa: S105 - the name of a file
TOKEN_BYTES = 32


class StoredAuthority(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The fleet's name, and certificate and key of its authority as PEM."""

    fleet: str
    certificate: str
    key: str


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a data folder, made where it is missing; only its owner may look into it.

    Raises:
        FieldwiseError: ``STATE_LOCKED`` while another process holds it, ``STATE_DAMAGED`` where it
            cannot be used.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise unusable(folder, error) from error
    try:
        _lock(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def open_authority(folder: Path, wanted: str, entropy: Entropy, now: float) -> Authority:
    """Read the fleet's authority, or found it under the wanted or a made-up name.

    Raises:
        FieldwiseError: ``SETTING_INVALID`` where the fleet has another name than wanted,
            ``STATE_DAMAGED`` for a file that is not ours.
    """
    path = folder / AUTHORITY_FILE
    if not path.exists():
        fleet = wanted or f"fleet-{entropy.token(4).hex()}"
        _store_authority(path, found_authority(fleet, generate_key(), now))
    stored = read_record(path, StoredAuthority)
    if wanted and stored.fleet != wanted:
        raise FieldwiseError(
            Fault.SETTING_INVALID,
            f"fleet = {wanted!r}: the fleet of {folder} is {stored.fleet!r}, and its name is fixed",
        )
    certificate = load_pem_certificate(stored.certificate.encode())
    return Authority(stored.fleet, certificate, load_key(stored.key.encode()))


def open_token(folder: Path, given: str, entropy: Entropy) -> str:
    """Return the operator token: the given one, or the stored one, made on first start."""
    path = folder / TOKEN_FILE
    path.parent.mkdir(mode=0o700, exist_ok=True)
    if given:
        return given
    if not path.exists():
        text = base64.urlsafe_b64encode(entropy.token(TOKEN_BYTES)).decode().rstrip("=")
        write_private(path, f"{text}\n".encode())
    return path.read_text().strip()


def emptied(folder: Path) -> Path:
    """Return a folder for files under way, without those that a killed process left."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(mode=0o700)
    return folder


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
