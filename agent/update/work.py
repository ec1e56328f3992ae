"""What an update takes apart from deciding: the hands that do it, and its owner's rules."""

import asyncio
from collections.abc import Callable
from typing import Protocol, TypeVar

from agent.learning.stopping import ShouldStop
from agent.update.events import HoldChanged, Pair, Wish
from agent.update.judging import Conclusion
from fieldwise.update import UpdateFailure
from fieldwise.verdict import Verdict

PreparedT = TypeVar("PreparedT")
DoneT = TypeVar("DoneT")


class Work(Protocol[PreparedT]):
    """What an update takes, apart from deciding."""

    async def fetch(self, wish: Wish, bytes_per_second: int) -> int:
        """Bring the bundle's files here, unless there is not the room to finish.

        Returns:
            Bytes of room that are missing; 0 where everything is here now.
        """
        ...

    def verify(self, wish: Wish, should_stop: ShouldStop) -> str:
        """Try the bundle out; returns the name of the variant that will run.

        May end with anything once asked to stop, as ``migrate`` and ``judge`` may.
        """
        ...

    def migrate(self, pair: Pair, should_stop: ShouldStop) -> PreparedT:
        """Make the new pair while the old one serves."""
        ...

    def check(self, wish: Wish) -> None:
        """Look again whether the publisher vouches for a bundle: what was held may be withdrawn.

        Raises:
            FieldwiseError: ``NOT_VOUCHED``, ``BELOW_FLOOR``.
        """
        ...

    def is_kept(self, pair: Pair) -> bool:
        """Whether what was made of a pair is stored, so that it need not be made again."""
        ...

    def rest(self, prepared: PreparedT) -> None:
        """Let go of what a pair that waits does not need while nothing is taught."""
        ...

    def judge(self, generation: int, new: PreparedT, should_stop: ShouldStop) -> Conclusion:
        """Compare the new pair with the one that serves."""
        ...

    def begin_watch(self, digest: str, verdict: Verdict | None) -> None:
        """Take down what the old pair was like; called right before the new one serves."""
        ...

    async def watch(
        self, digest: str, before: PreparedT | None, should_stop: ShouldStop
    ) -> UpdateFailure | None:
        """Watch the pair that serves; returns why it should not, None once it has stood it."""
        ...

    def open(self, pair: Pair) -> PreparedT:
        """The pair as it is stored."""
        ...

    def serve(self, prepared: PreparedT, persist: Callable[[], None]) -> PreparedT | None:
        """Call ``persist``, then let the pair answer; between the two nothing is taught.

        Returns:
            The pair that answered until then, if there was one.

        Raises:
            FieldwiseError: ``CONFLICT`` for a pair that was made of what was taken back since.
        """
        ...

    def discard(self) -> None:
        """Remove what no pair needs any more."""
        ...


class Holding(Protocol):
    """The owner's rules about when an update may go on."""

    async def look(self, wish: Wish) -> HoldChanged:
        """What holds the start of an update now."""
        ...

    def asks(self) -> bool:
        """Whether the owner wants to be asked before an accepted pair serves."""
        ...

    def is_enough(self) -> bool:
        """Whether to compare again what was held because too little was held out."""
        ...


class Heavy:
    """Heavy work in threads, one piece at a time.

    Work that was given up takes a while to notice: a thread cannot be ended, only asked. What
    follows waits for it, so that no two backbones are in the making side by side.
    """

    def __init__(self) -> None:
        self._thread: asyncio.Task[object] | None = None

    async def do(self, work: Callable[..., DoneT], *arguments: object) -> DoneT:
        """Do this, once what was begun before has come to its end."""
        if self._thread is not None:
            await asyncio.wait([self._thread])
        thread = self._thread = asyncio.create_task(asyncio.to_thread(work, *arguments))
        thread.add_done_callback(self._forget)
        return await asyncio.shield(thread)

    def _forget(self, thread: asyncio.Task[object]) -> None:
        """Hold nothing of what it made; what went wrong was said, if anybody still wanted it."""
        self._thread = None
        if not thread.cancelled():
            thread.exception()
