"""The device's key, certificate and trusted roots, in files that only its owner reads.

A renewal writes all of it as one file under a new name and moves it over the old one, so key and
certificate can never be of two different renewals.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from agent.device.files import disk_faults, write_file
from agent.reporting import Application, Membership
from fieldwise.durable import make_folder, sync_folder
from fieldwise.errors import Fault, FieldwiseError

RecordT = TypeVar("RecordT", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class IdentityFolder:
    """The identity port on a folder of mode 0700."""

    folder: Path

    @property
    def _path(self) -> Path:
        return self.folder / "membership.json"

    @property
    def _pending(self) -> Path:
        return self.folder / "pending-key.pem"

    @property
    def _applied(self) -> Path:
        return self.folder / "application.json"

    def read(self) -> Membership | None:
        """Return the membership; None outside a fleet.

        Raises:
            FieldwiseError: ``STATE_DAMAGED``, naming the file.
        """
        return _read(self._path, Membership)

    def application(self) -> Application | None:
        """Return what waits for a fleet's word; a membership that came since counts for more.

        Raises:
            FieldwiseError: ``STATE_DAMAGED``, naming the file.
        """
        return None if self._path.exists() else _read(self._applied, Application)

    def apply(self, application: Application | None) -> None:
        """Keep what waits, or forget it.

        Raises:
            FieldwiseError: ``DISK_FULL``; what was there stands.
        """
        if application is not None:
            self._make()
            write_file(self._applied, msgspec.json.encode(application))
            return
        self._forget(self._applied)

    def write(self, membership: Membership) -> None:
        """Keep a membership, whole or not at all.

        Raises:
            FieldwiseError: ``DISK_FULL``; the one before stands.
        """
        self._make()
        write_file(self._path, msgspec.json.encode(membership))
        with disk_faults(self._pending):
            self._pending.unlink(missing_ok=True)
            self._applied.unlink(missing_ok=True)

    def pending_key(self, make: Callable[[], bytes]) -> bytes:
        """The key (PEM) for a membership that is asked for, kept until there is one.

        Asking again with the same key gets the same identity without a second use of the ticket,
        even when the first answer was lost with the process.
        """
        if self._pending.exists():
            with disk_faults(self._pending):
                return self._pending.read_bytes()
        self._make()
        key = make()
        write_file(self._pending, key)
        return key

    def forget_key(self) -> None:
        """Let the next membership be asked for with a fresh key; what waits still does."""
        self._forget(self._pending)

    def remove(self) -> None:
        """Forget the membership, and what was asked for one with."""
        # The membership last: what is left of before it counts for nothing while that is there.
        self._forget(self._applied, self._pending, self._path)

    def _forget(self, *paths: Path) -> None:
        with disk_faults(self.folder):
            for path in paths:
                path.unlink(missing_ok=True)
            if self.folder.is_dir():
                sync_folder(self.folder)

    def _make(self) -> None:
        with disk_faults(self.folder):
            make_folder(self.folder)


def _read(path: Path, shape: type[RecordT]) -> RecordT | None:
    if not path.exists():
        return None
    with disk_faults(path):
        content = path.read_bytes()
    try:
        return msgspec.json.decode(content, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FieldwiseError(Fault.STATE_DAMAGED, f"{path} cannot be read") from error
