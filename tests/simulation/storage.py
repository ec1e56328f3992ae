"""What surrounds the simulated fleet: a slow store, its backups, and what operators were told."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from orchestrator.fleet.device import Standing
from orchestrator.rollout.rollout import Rollout
from orchestrator.storage.memory_contents import Contents
from orchestrator.storage.memory_rollouts import MemoryRollouts

Deed = Callable[[], Coroutine[Any, Any, None]]


@dataclass(slots=True)
class Promise:
    """What an operator was told on stopping a rollout: how many may still start, until when."""

    devices: int
    until: float

    def keep(self, now: float) -> None:
        """Take note of a start.

        Raises:
            AssertionError: Where it breaks the promise.
        """
        self.devices -= 1
        assert self.devices >= 0, "more devices began than the operator was told"
        assert now <= self.until, "a device began later than the operator was told"


@dataclass(frozen=True, slots=True)
class Given:
    """A permit on its way to a device, with everything as it was when the permit was given.

    A store that is put back meanwhile knows nothing of it, or may have given its generation again.
    ``promises`` are what operators were told of the store that gave it.
    """

    seconds: int
    standing: Standing
    rollout: Rollout
    promises: Mapping[int, Promise]


class InterruptedRollouts(MemoryRollouts):
    """Rollouts of a slow replica: between its reading and its saving, others are at work."""

    def __init__(self, contents: Contents, interrupt: Deed) -> None:
        super().__init__(contents)
        self._interrupt = interrupt

    async def cohort(
        self, rollout: Rollout, after: str = "", size: int | None = None
    ) -> Sequence[Standing]:
        found = await super().cohort(rollout, after, size)
        await self._interrupt()
        return found


def copied(contents: Contents) -> Contents:
    kept = {each.name: getattr(contents, each.name) for each in fields(Contents)}
    tables = {name: dict(each) if isinstance(each, dict) else each for name, each in kept.items()}
    members = {number: dict(devices) for number, devices in contents.members.items()}
    return Contents(**{**tables, "members": members})
