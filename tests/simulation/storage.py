"""What surrounds the simulated fleet: a slow store, its backups, and what operators were told."""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, fields
from typing import Any

from orchestrator.fleet.device import Standing
from orchestrator.rollout.machine import Rollout
from orchestrator.storage.memory import Contents, MemoryRollouts

Deed = Callable[[], Coroutine[Any, Any, None]]


@dataclass(slots=True)
class Promise:
    """What an operator was told on stopping a rollout: how many may still start, until when."""

    devices: int
    until: float


class InterruptedRollouts(MemoryRollouts):
    """Rollouts of a slow replica: between its reading and its saving, others are at work."""

    def __init__(self, contents: Contents, interrupt: Deed) -> None:
        super().__init__(contents)
        self._interrupt = interrupt

    async def cohort(self, rollout: Rollout) -> Sequence[Standing]:
        found = await super().cohort(rollout)
        await self._interrupt()
        return found


def copied(contents: Contents) -> Contents:
    tables = {each.name: dict(getattr(contents, each.name)) for each in fields(Contents)}
    members = {number: dict(devices) for number, devices in contents.members.items()}
    return Contents(**{**tables, "members": members})
