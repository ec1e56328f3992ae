"""What federation needs of the world beside ``agent.ports``."""

from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Protocol

from agent.federation.sharing import Departure
from agent.federation.standing import ConsentNote, Standing, Task
from agent.reporting import Membership, Piece
from fieldwise.federation import Update, UpdateReceipt

MayLeave = Callable[[], bool]
"""Says whether the owner still agrees to what is being sent."""


class FederationNotes(Protocol):
    """What must outlive a restart; each write is durable on return.

    Every method raises ``FieldwiseError``: ``DISK_FULL``, ``STATE_DAMAGED``.
    """

    def consent(self) -> ConsentNote:
        """The owner's word; off before the first."""
        ...

    def write_consent(self, note: ConsentNote) -> None:
        """Replace it."""
        ...

    def standing(self) -> Standing:
        """How the device stands; fresh before the first round."""
        ...

    def write_standing(self, standing: Standing) -> None:
        """Replace it."""
        ...

    def departures(self, bundle: str) -> dict[str, Departure]:
        """What left of each class over a bundle, by the class's mark."""
        ...

    def note_departures(self, bundle: str, departures: Mapping[str, Departure]) -> None:
        """Write down what is about to leave, or what was taken, by the class's mark."""
        ...

    def forget_deliveries(self) -> None:
        """Let no campaign count as having taken anything; what left stays written down."""
        ...

    def bare(self) -> frozenset[str]:
        """Marks of classes that were forgotten, with what a starter head had brought of them."""
        ...

    def add_bare(self, marks: frozenset[str]) -> None:
        """Add to these marks."""
        ...


class HeadFiles(Protocol):
    """Files of global heads, by SHA-256 in hexadecimal.

    Every method raises ``FieldwiseError``: ``DISK_FULL``, ``STATE_UNUSABLE``.
    """

    def write(self, digest: str, content: bytes) -> None:
        """Keep a file, whole or not at all.

        Raises:
            FieldwiseError: ``DIGEST_MISMATCH`` for other content; nothing is kept then.
        """
        ...

    def read(self, digest: str) -> bytes | None:
        """A file's content; None where it is not here, or no longer what it was."""
        ...

    def keep(self, digests: frozenset[str]) -> None:
        """Remove every file but these."""
        ...


class Rounds(Protocol):
    """The orchestrator's half of federation, as one member reaches it."""

    async def fetch_task(self, campaign: str, round_number: int) -> Task:
        """What a round asks for.

        Raises:
            FieldwiseError: ``NOT_FOUND`` where it is over, ``INVALID_ARGUMENT`` for what is none.
        """
        ...

    async def submit_update(
        self, update: Update, words: str, may_leave: MayLeave
    ) -> tuple[UpdateReceipt, int] | None:
        """Send an update; again is no error.

        Args:
            update: What is sent.
            words: What the ledger says of it.
            may_leave: Asked before the first byte, and again and again until the last.

        Returns:
            What became of it, and the bytes that left; None where it was broken off, and nothing
            that the orchestrator could use has left.
        """
        ...


class Campaigns(Rounds, Protocol):
    """The fleet as federation reaches it, whichever membership there is."""

    membership: Membership | None

    def download(self, digest: str, offset: int) -> AsyncGenerator[Piece]:
        """See ``agent.ports.Orchestrator``."""
        ...
