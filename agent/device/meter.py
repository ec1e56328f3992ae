"""What the state folder takes and what was written to it: the figures of disk and flash."""

from pathlib import Path

from agent.device.database import KEPT_BACK_BYTES, Database, transaction_bytes
from agent.device.room import Room
from fieldwise.images import EXEMPLAR_BYTES_MAX

SAMPLE_BYTES = EXEMPLAR_BYTES_MAX + 8 * 1024  # an image, but for a few, with its features
SELF_IO = Path("/proc/self/io")


class DiskMeter:
    """Reads how much of its bound a state folder takes.

    Args:
        room: The bound.
        database: The file that most of it is in.
    """

    def __init__(self, room: Room, database: Database) -> None:
        self._room = room
        self._database = database

    def taken_bytes(self) -> int:
        """Bytes of all files and of what is set aside."""
        return self._room.taken()

    def reusable_bytes(self) -> int:
        """Of them, those of pages that are free, and of the log, which can be cut off."""
        return self._database.reusable_bytes()

    def reserve_bytes(self, group_samples: int) -> int:
        """Most bytes that the next group and the next snapshot take, beside what is kept back."""
        with self._database.reading() as connection:
            (snapshot,) = connection.execute(
                "SELECT coalesce(max(length(content)), 0) FROM snapshot"
            ).fetchone()
        group = transaction_bytes(group_samples * SAMPLE_BYTES, group_samples)
        return KEPT_BACK_BYTES + group + transaction_bytes(2 * snapshot, 1)


def written_bytes() -> int | None:
    """Bytes that this process has caused to be written to disks since it began.

    The kernel counts pages when they become dirty, so this is what the file system will have to
    write for it, in whole pages and without its own bookkeeping; files in memory do not count. It
    is the process's whole output: the state folder, and a log where that goes to a file.

    Returns:
        None where the kernel does not count.
    """
    try:
        lines = SELF_IO.read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        name, _, value = line.partition(":")
        if name == "write_bytes":
            return int(value)
    return None
