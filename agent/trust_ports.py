"""What a device needs to know who vouches: kept metadata, and where new metadata comes from."""

from collections.abc import Callable
from typing import Protocol

from agent.update.vouched import Trusted

FetchMetadata = Callable[[str], bytes]  # by file name; called in a thread, and may wait


class Publisher(Protocol):
    """The publisher's metadata on the device.

    Safe from several threads. A write is in effect as a whole when the method returns, also after a
    loss of power, or not at all. Every method raises ``FieldwiseError``: ``DISK_FULL`` where there
    is no room, ``STATE_DAMAGED`` where what is kept cannot be read.
    """

    def trusted(self) -> Trusted:
        """What was verified and kept last, whether or not it has expired since."""
        ...

    def begin(self, root: bytes) -> None:
        """Forget all that was trusted, the floor as well, and begin anew from a root.

        Args:
            root: Metadata of a root; empty for none, as outside a fleet.

        Raises:
            FieldwiseError: ``METADATA_INVALID`` for what is no root; what was trusted stands.
        """
        ...

    def refresh(self, fetch: FetchMetadata) -> None:
        """Bring what is trusted up to date by TUF's client workflow; takes as long as calls do.

        What was verified before something went wrong is kept.

        Args:
            fetch: Gets metadata by its file name; raises ``NOT_FOUND`` for what there is not.

        Raises:
            FieldwiseError: ``METADATA_INVALID`` for what is not signed as it has to be, is older
                than what is trusted, or is too long; ``METADATA_EXPIRED`` by this device's clock;
                ``UNAVAILABLE`` where something is not there; and what ``fetch`` raises.
        """
        ...


class MetadataSource(Protocol):
    """Who has new metadata."""

    async def metadata(self, name: str) -> bytes:
        """Get metadata by its file name.

        Raises:
            FieldwiseError: ``NOT_FOUND`` where there is none of that name.
        """
        ...


class Roots(Protocol):
    """Where a membership brings the root to begin from."""

    def trusted(self) -> Trusted:
        """As ``Publisher.trusted``."""
        ...

    def begin(self, root: bytes) -> None:
        """As ``Publisher.begin``."""
        ...
