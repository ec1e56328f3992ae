"""The owner's rules about when an update may begin: a window, conditions, room on disk.

They are looked at with every permit, and again now and then while one of them holds; none is asked
about what the owner installs from a file. What has begun is finished, also where the window closes
meanwhile: a device is never left half way for the clock's sake.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from agent.learning.envelope import DayWindow
from agent.ports import Clock
from agent.update.events import HoldChanged, Wish
from fieldwise.update import UpdateHold


@dataclass(frozen=True, slots=True)
class OwnerRules:
    """What the owner set.

    Attributes:
        window: Local time in which an update may begin; None for always.
        hook: Says whether the conditions are met; None for always.
        confirmation: Whether to ask before an accepted pair serves.
    """

    window: DayWindow | None = None
    hook: Callable[[], Awaitable[bool]] | None = None
    confirmation: bool = False


class Holds:
    """Looks at the rules.

    Args:
        rules: What the owner set.
        clock: For the window.
        missing_bytes: Room that is missing to bring a bundle into use, as far as is known.
        is_enough: Whether to compare again what was held because too little was held out.
    """

    def __init__(
        self,
        rules: OwnerRules,
        clock: Clock,
        missing_bytes: Callable[[Wish], int],
        is_enough: Callable[[], bool],
    ) -> None:
        self._rules = rules
        self._clock = clock
        self._missing_bytes = missing_bytes
        self.is_enough = is_enough

    async def look(self, wish: Wish) -> HoldChanged:
        """What holds the start of an update now: the first that does, the cheapest looked at first.

        Raises:
            FieldwiseError: ``STATE_DAMAGED``.
        """
        hook = self._rules.hook
        if self._is_closed():
            return HoldChanged(UpdateHold.WINDOW)
        missing_bytes = await asyncio.to_thread(self._missing_bytes, wish)
        if missing_bytes:
            return HoldChanged(UpdateHold.DISK, missing_bytes)
        if hook is not None and not await hook():
            return HoldChanged(UpdateHold.CONDITIONS)
        if self._is_closed():  # it ended while the hook was asked
            return HoldChanged(UpdateHold.WINDOW)
        return HoldChanged(None)

    def _is_closed(self) -> bool:
        window = self._rules.window
        return window is not None and not window.contains(self._clock.minute_of_day())

    def asks(self) -> bool:
        """Whether the owner wants to be asked before an accepted pair serves."""
        return self._rules.confirmation
