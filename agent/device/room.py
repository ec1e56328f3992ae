"""The bound of the state folder, asked before anything in it grows.

A bound that is looked at afterwards is passed first, so whoever writes says beforehand how much it
may come to at most, and is refused if that does not fit. What the folder takes is read from its
files each time: there are few, and a count kept beside them could be wrong.

Some files grow without asking, since what they hold must never be refused for want of room: the
ledger, up to the size at which it begins anew, and small ones that are replaced as a whole. Room is
set aside for them from the start.
"""

from agent.device.folder import StateFolder
from agent.device.ledger import FILE_BYTES_MAX
from fieldwise.errors import Fault, FieldwiseError

SMALL_FILES_BYTES = 128 * 1024  # identity, lock and their replacements while both are there
LEDGER_BYTES = 2 * (FILE_BYTES_MAX + 8 * 1024)  # in use and old, each with one line over the size
LEDGERS = ("ledger", "ledger.old")


class Room:
    """How much may still be written into a state folder.

    Args:
        folder: The state folder.
        bytes_max: Most bytes of all files in it; 0 for no bound.
        ledger_bytes: Set aside for the ledger.
        small_bytes: Set aside for small files.
    """

    def __init__(
        self,
        folder: StateFolder,
        bytes_max: int,
        ledger_bytes: int = LEDGER_BYTES,
        small_bytes: int = SMALL_FILES_BYTES,
    ) -> None:
        self._folder = folder
        self._bytes_max = bytes_max
        self._ledger_bytes = ledger_bytes
        self._small_bytes = small_bytes

    @property
    def is_bounded(self) -> bool:
        """Whether there is a bound at all."""
        return self._bytes_max > 0

    def taken(self) -> int:
        """Bytes of all files, with what is set aside."""
        ledger = sum(self._folder.size_of(name) for name in LEDGERS)
        aside = max(0, self._ledger_bytes - ledger) + self._small_bytes
        return self._folder.size_bytes() + aside

    def missing(self, more_bytes: int) -> int:
        """Bytes by which so much more would pass the bound; 0 where it fits."""
        return max(0, self.taken() + more_bytes - self._bytes_max) if self.is_bounded else 0

    def has(self, more_bytes: int) -> bool:
        """Whether so much more fits."""
        return not self.missing(more_bytes)

    def require(self, more_bytes: int) -> None:
        """Refuse what would not fit.

        Raises:
            FieldwiseError: ``DISK_FULL``.
        """
        if not self.has(more_bytes):
            raise FieldwiseError(
                Fault.DISK_FULL,
                f"{self._folder.path} may take {self._bytes_max:,} bytes (disk_bytes_max) and"
                f" takes {self.taken():,} with what is set aside; {more_bytes:,} more do not fit",
            )
