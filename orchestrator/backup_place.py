"""Where a backup lies, and how it is sealed.

A backup holds the fleet's keys. So it is written under another name with the rights of its owner
only, brought to the disk, and then given its name, which has to be free. ``age`` seals it for
recipients, and only they can read it: whoever makes backups need not be able to read them. It goes
through a pipe, so that nothing of it is on any disk in the clear.
"""

import errno
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeAlias, cast

import pyrage
from pyrage import x25519

from fieldwise.durable import sync_folder
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.private import FULL
from fieldwise.regular import open_regular
from fieldwise.ustar import Readable
from orchestrator.backup_format import invalid

if TYPE_CHECKING:
    from io import BufferedIOBase

Identity: TypeAlias = x25519.Identity
Recipient: TypeAlias = x25519.Recipient

STANDARD_OUTPUT = Path("-")
SEALED = b"age-encryption.org/v1\n"
IDENTITIES_BYTES_MAX = 64 * 1024
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})


def recipients_from(texts: Sequence[str]) -> tuple[Recipient, ...]:
    """Read who may open a backup: public keys of age, ``age1...``.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT``.
    """
    found = []
    for text in texts:
        try:
            found.append(Recipient.from_str(text.strip()))
        except pyrage.RecipientError as error:
            raise FieldwiseError(
                Fault.INVALID_ARGUMENT, f"{text[:80]!r} is no recipient: `age-keygen` makes one"
            ) from error
    return tuple(found)


def identities_in(path: Path | None) -> tuple[Identity, ...]:
    """Read the secret keys of a file as ``age-keygen`` writes it.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT``; no sentence repeats what is in the file.
    """
    if path is None:
        return ()
    with open_regular(path, Fault.INVALID_ARGUMENT) as file:
        lines = file.read(IDENTITIES_BYTES_MAX).decode(errors="replace").splitlines()
    keys = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    try:
        found = tuple(Identity.from_str(each) for each in keys)
    except pyrage.IdentityError as error:
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT, f"{path} holds no identities as `age-keygen` writes them"
        ) from error
    if not found:
        raise FieldwiseError(Fault.INVALID_ARGUMENT, f"{path} holds no identity")
    return found


@contextmanager
def written(path: Path, recipients: Sequence[Recipient], *, force: bool) -> Iterator[BinaryIO]:
    """Open a backup to write; it has its name when the block ends well, and is gone otherwise.

    Args:
        path: Where to; ``-`` is standard output.
        recipients: Who may open it; nobody leaves it open to all.
        force: Whether another file of that name may be replaced.

    Raises:
        FieldwiseError: ``ALREADY_EXISTS``, ``DISK_FULL``, or ``INVALID_ARGUMENT`` where it cannot
            be written.
    """
    with _told_plainly(path):
        if path == STANDARD_OUTPUT:
            with _sealing(_standard_output(), recipients) as stream:
                yield stream
            sys.stdout.buffer.flush()
            return
        if not force and path.exists():
            raise _taken(path)
        with _drafted(path, force=force) as file, _sealing(file, recipients) as stream:
            yield stream


@contextmanager
def opened(path: Path, identities: Sequence[Identity]) -> Iterator[Readable]:
    """Open a backup to read from its beginning, sealed or not.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` where it cannot be read or nobody here may open it,
            ``BACKUP_INVALID`` where its seal is broken.
    """
    with open_regular(path, Fault.INVALID_ARGUMENT) as file:
        sealed = file.read(len(SEALED)) == SEALED
        file.seek(0)
        if not sealed:
            yield file
            return
        if not identities:
            raise FieldwiseError(
                Fault.INVALID_ARGUMENT, f"{path} is encrypted: name its key with --identity"
            )
        with _unsealing(file, identities) as stream:
            yield stream


@contextmanager
def _drafted(path: Path, *, force: bool) -> Iterator[BinaryIO]:
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _named(draft, path, force=force)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(path.parent)


def _named(draft: Path, path: Path, *, force: bool) -> None:
    """Give a draft its name; of two that want the same one, only one gets it."""
    if force:
        draft.replace(path)
        return
    try:
        path.hardlink_to(draft)
    except FileExistsError as error:
        raise _taken(path) from error
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        draft.rename(path)  # a file system without links; the name was free a moment ago


def _standard_output() -> BinaryIO:
    if sys.stdout.isatty():
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT, "a backup holds the fleet's keys: it is not shown on a terminal"
        )
    return sys.stdout.buffer


@contextmanager
def _sealing(file: BinaryIO, recipients: Sequence[Recipient]) -> Iterator[BinaryIO]:
    if not recipients:
        yield file
        return
    reading, writing = os.pipe()

    def seal() -> None:
        with os.fdopen(reading, "rb") as plain:
            pyrage.encrypt_io(plain, cast("BufferedIOBase", file), list(recipients))

    beside = _Beside(seal)
    try:
        with os.fdopen(writing, "wb") as stream:
            yield stream
    except BrokenPipeError as error:
        raise (beside.failure() or error) from error
    finally:
        beside.failure()
    if (failure := beside.failure()) is not None:
        raise failure


@contextmanager
def _unsealing(file: BinaryIO, identities: Sequence[Identity]) -> Iterator[Readable]:
    reading, writing = os.pipe()

    def unseal() -> None:
        with os.fdopen(writing, "wb") as plain:
            pyrage.decrypt_io(cast("BufferedIOBase", file), plain, list(identities))

    beside = _Beside(unseal)
    try:
        with os.fdopen(reading, "rb") as stream:
            yield _Unsealed(stream, beside)
    finally:
        beside.failure()


class _Beside:
    """Work in a thread of its own, at the other end of a pipe."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()

    def failure(self) -> Exception | None:
        """Wait for its end; return what it failed of."""
        self._thread.join()
        return self._failure

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - raised where somebody waits for it
            self._failure = error


class _Unsealed:
    """What comes out of a seal; its end is an end only if the seal is whole."""

    def __init__(self, pipe: BinaryIO, beside: _Beside) -> None:
        self._pipe = pipe
        self._beside = beside

    def read(self, size: int, /) -> bytes:
        piece = self._pipe.read(size)
        if not piece and (failure := self._beside.failure()) is not None:
            raise _unsealable(failure) from failure
        return piece


def _unsealable(failure: Exception) -> FieldwiseError:
    if isinstance(failure, pyrage.DecryptError) and "matching keys" in str(failure):
        return FieldwiseError(Fault.INVALID_ARGUMENT, "none of the identities opens the backup")
    return invalid("its encryption is damaged, or it was cut off")


@contextmanager
def _told_plainly(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, pyrage.EncryptError) as error:
        known = getattr(error, "errno", None)
        if known in FULL or any(os.strerror(code) in str(error) for code in FULL):
            raise FieldwiseError(Fault.DISK_FULL, f"no room for the backup {path}") from error
        reason = getattr(error, "strerror", None) or str(error)
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT, f"the backup {path} cannot be written: {reason}"
        ) from error


def _taken(path: Path) -> FieldwiseError:
    return FieldwiseError(Fault.ALREADY_EXISTS, f"{path} is there already; --force replaces it")
