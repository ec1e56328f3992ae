"""The one folder that holds everything an agent keeps, and the lock that makes it one agent's."""

import fcntl
import os
import shutil
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from agent.device.files import disk_faults
from fieldwise.durable import make_folder
from fieldwise.errors import Fault, FieldwiseError


def bytes_below(path: Path) -> int:
    """Room that the files in a folder and in those below it take."""
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            with suppress(OSError):  # a file may go while it is counted
                total += (Path(folder) / name).lstat().st_size
    return total


class StateFolder:
    """The paths of a state folder, and the right to write there.

    Args:
        path: Made with mode 0700 when it is not there: nobody but its owner reads samples.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with disk_faults(path):
            make_folder(path)
        self._lock: int | None = None

    @property
    def database(self) -> Path:
        return self.path / "state.sqlite"

    @property
    def bundles(self) -> Path:
        return self.path / "bundles"

    @property
    def global_heads(self) -> Path:
        return self.path / "heads"

    @property
    def identity(self) -> Path:
        return self.path / "identity"

    @property
    def metadata(self) -> Path:
        """Where a publisher's metadata is verified; not there otherwise."""
        return self.path / "metadata"

    @property
    def ledger(self) -> Path:
        return self.path / "ledger"

    def lock(self) -> None:
        """Take the folder for this process, until it ends or ``unlock``.

        Raises:
            FieldwiseError: ``STATE_LOCKED`` while another process has it.
        """
        with disk_faults(self.path / "lock"):
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise FieldwiseError(
                Fault.STATE_LOCKED, f"another process works on {self.path}"
            ) from error
        self._lock = descriptor

    def unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        self.lock()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.unlock()

    def size_bytes(self) -> int:
        """Room that the folder takes, bytes."""
        return bytes_below(self.path)

    def size_of(self, name: str) -> int:
        """Bytes of one file in the folder; 0 where there is none."""
        try:
            return (self.path / name).lstat().st_size
        except OSError:
            return 0

    def free_bytes(self) -> int:
        """Room that is left where the folder lies, bytes."""
        return shutil.disk_usage(self.path).free

    def wipe(self) -> None:
        """Remove everything the agent knows, and the folder itself."""
        with disk_faults(self.path):
            shutil.rmtree(self.path)
