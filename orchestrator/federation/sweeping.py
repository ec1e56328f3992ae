"""Content of updates goes when it is not needed any more: the file first, then the books.

What a device has withdrawn goes with the next look, which the leader takes every few seconds. A
file that was written for an update that never was taken goes after an hour, when nobody can be at
work on it any more.
"""

from orchestrator.federation_ports import ContributionStore, UpdateFiles
from orchestrator.ports import Clock

EXPECTED_SECONDS = 3600.0  # longer than any call lasts
TOGETHER = 500


class Sweeping:
    """The use case.

    Args:
        contributions: Where it is kept what devices gave.
        files: Where its content is kept.
        clock: What time it is.
    """

    def __init__(self, contributions: ContributionStore, files: UpdateFiles, clock: Clock) -> None:
        self._contributions = contributions
        self._files = files
        self._clock = clock

    async def sweep(self) -> int:
        """Take away what is not needed, some of it at a time; return how many updates that were.

        Raises:
            FieldwiseError: As the stores; what is left goes the next time.
        """
        before = self._clock.now() - EXPECTED_SECONDS
        gone = await self._contributions.discard(before, TOGETHER)
        for digest in {each.digest for each in gone}:
            if not await self._contributions.needs(digest):
                await self._files.drop(digest)
        if gone:
            await self._contributions.forget(gone)
        return len(gone)
